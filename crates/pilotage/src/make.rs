//! Connects Make.com with the tools of agents: an account, or a mock within this process.

use std::sync::Arc;

use anyhow::Context as _;
use pilotage_adapters::make::client::{Endpoint, MakeClient};
use pilotage_mcp::make::Make;
use pilotage_mock::{MockMake, Options};
use secrecy::SecretString;

use crate::settings;

/// The team of the mock's built-in organization that stands for one's own.
const TEAM_OF_MOCK: u64 = 5;

/// A mock if `mocked`, and else the account that is configured, if one is.
///
/// # Errors
/// The settings do not hold, or no port can be listened on.
pub(crate) async fn connect(settings: &settings::Make, mocked: bool) -> anyhow::Result<Option<Make>> {
    if mocked {
        return mock(settings).await.map(Some);
    }
    account(settings)
}

/// Make.com as configured; `None` where no token is.
///
/// # Errors
/// The settings do not hold, or the client cannot be set up.
fn account(settings: &settings::Make) -> anyhow::Result<Option<Make>> {
    let Some((endpoint, token)) = settings.access(&|name| std::env::var(name).ok())? else {
        return Ok(None);
    };
    let client = MakeClient::new(endpoint, &token).context("cannot set up the client of Make's API")?;
    Ok(Some(Make::new(client, settings.team, false)))
}

/// A mock of Make on a free port of this machine, which lives as long as what it is handed to. Nothing of it is kept.
///
/// # Errors
/// No port can be listened on.
async fn mock(settings: &settings::Make) -> anyhow::Result<Make> {
    let mock = MockMake::start(Options::new()?).await?;
    let endpoint = Endpoint::parse(mock.url())?;
    let client = MakeClient::new(endpoint, &SecretString::from(mock.token()))?;
    let team = settings.team.unwrap_or(TEAM_OF_MOCK);
    Ok(Make::new(client, Some(team), true).keeping(Arc::new(mock)))
}
