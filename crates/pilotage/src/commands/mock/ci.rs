//! `mock ci`: models of the platforms that run pipelines.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use clap::Args;
use pilotage_mock::{CiOptions, CiVendor, MockCi};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    exit::{Done, usage},
    output::{Output, Style},
};

/// Whose model, and where it listens.
#[derive(Debug, Args)]
pub(crate) struct Ci {
    /// A platform: github, gitlab, jenkins or azure-devops
    #[arg(value_name = "PLATFORM")]
    platform: String,
    /// Where to answer; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How long it takes a job to write a line
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    tick_ms: u64,
}

impl Ci {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<Done> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        let vendor = CiVendor::ALL
            .into_iter()
            .find(|vendor| vendor.name() == self.platform)
            .ok_or_else(|| {
                let known = CiVendor::ALL.map(CiVendor::name).join(", ");
                usage(format!(
                    "There is no model of `{}`; there are: {known}.",
                    self.platform
                ))
            })?;
        let mut options = CiOptions::new(vendor);
        options.listen = self.listen;
        options.tick = Some(Duration::from_millis(self.tick_ms));
        let listen = self.listen;
        let mock = MockCi::start(options).await;
        let mock = mock.with_context(|| format!("cannot listen on {listen}"))?;
        announce(output, &mock)?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        mock.stop().await;
        Ok(Done::Yes)
    }
}

/// Where it answers, and the token that opens it: it is made up and opens nothing else.
fn announce(output: Output, mock: &MockCi) -> anyhow::Result<()> {
    if output.is_json() {
        return Ok(output.line(json!({"url": mock.url(), "token": mock.token()}))?);
    }
    output.line(output.paint(Style::Strong, "A model of the platform answers."))?;
    let fields = [
        ("url", mock.url().to_owned()),
        ("token", mock.token().to_owned()),
        ("control", format!("{}/__mock/", mock.url())),
    ];
    Ok(output.fields(&fields)?)
}
