//! `pilotage ci deployments`.

use clap::Args;
use serde_json::json;

use super::platform::{Target, style};
use crate::{
    cli::Context,
    exit::Done,
    output::{Cell, Table},
};

/// Which deployments to list.
#[derive(Args, Debug)]
pub(crate) struct Deployments {
    /// How many, the newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    limit: u16,
    #[command(flatten)]
    target: Target,
}

impl Deployments {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let named = self.target.choose(context)?;
        let found = named.platform.deployments(usize::from(self.limit)).await?;
        if context.output.is_json() {
            context.output.json(&json!({ "items": found }))?;
            return Ok(Done::Yes);
        }
        let mut table = Table::new(&["DEPLOYMENT", "STATE", "ENVIRONMENT", "REF", "COMMIT", "CREATED"]);
        for one in &found {
            table.row([
                Cell::id(&one.id),
                Cell::styled(style(one.standing.state), one.standing.state.as_str()),
                Cell::from(&one.environment),
                Cell::from(one.reference.as_deref().unwrap_or("-")),
                Cell::from(one.commit.as_deref().unwrap_or("-")),
                Cell::from(one.created_at.map_or("-".to_owned(), |at| context.output.age(at))),
            ]);
        }
        context.output.table(&table)?;
        Ok(Done::Yes)
    }
}
