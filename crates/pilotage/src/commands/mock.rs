//! `mock`: services to develop and test against.

mod ci;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use pilotage_core::Timestamp;
use pilotage_mock::{MockMake, Options, Seed};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::Context,
    exit::{Done, usage},
    output::{Output, Style},
};

const EXAMPLES: &str = "\
Examples:
  pilotage mock make                                      in memory, over HTTP, on a free port
  pilotage mock make --listen 127.0.0.1:8443 --tls --certificate mock.pem
  NODE_EXTRA_CA_CERTS=mock.pem MAKE_ZONE=127.0.0.1:8443 MAKE_API_KEY=... make-cli scenarios list --team-id 5
  curl http://127.0.0.1:PORT/__mock/calls                 what was asked so far
  pilotage mock ci github                                 a platform that runs pipelines

What they hold at first, and what /__mock/ can do, is in docs/guides/mock-make.md and docs/guides/platforms.md.";

/// Services to develop and test against.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum MockCommand {
    /// Answer as the API of Make.com does, until told to stop.
    Make(Make),
    /// Answer as the API of a platform that runs pipelines does, until told to stop.
    Ci(ci::Ci),
}

impl MockCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::Make(make) => make.run(context.output).await,
            Self::Ci(ci) => ci.run(context.output).await,
        }
    }
}

/// Where it listens and what it holds.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Make {
    /// Where to answer; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Speak HTTPS, with a certificate made at the start.
    #[arg(long)]
    tls: bool,
    /// With --tls: write the certificate there, for those who are to trust it.
    #[arg(long, value_name = "FILE", requires = "tls")]
    certificate: Option<PathBuf>,
    /// Keep the state in this file, and begin with it if it is there.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Begin with what this file says, instead of the built-in organization.
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Let deliveries go to other machines than this one.
    #[arg(long)]
    allow_outgoing: bool,
}

impl Make {
    async fn run(self, output: Output) -> anyhow::Result<Done> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        let mock = MockMake::start(self.options()?).await?;
        if let (Some(file), Some(certificate)) = (&self.certificate, mock.certificate()) {
            std::fs::write(file, certificate)
                .with_context(|| format!("cannot write the certificate to {}", file.display()))?;
        }
        self.announce(output, &mock)?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        mock.stop().await;
        Ok(Done::Yes)
    }

    fn options(&self) -> anyhow::Result<Options> {
        Ok(Options {
            listen: self.listen,
            tls: self.tls,
            seed: self.seed()?,
            state: self.state.clone(),
            clock: Arc::new(Timestamp::now),
            allow_outgoing: self.allow_outgoing,
        })
    }

    fn seed(&self) -> anyhow::Result<Seed> {
        let Some(file) = &self.seed else {
            return Ok(Seed::built_in()?);
        };
        let named = |error: &dyn std::fmt::Display| usage(format!("{}: {error}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
        Seed::parse(&text).map_err(|error| named(&error))
    }

    /// Where it answers, and the token that opens it: it is made up and opens nothing else.
    fn announce(&self, output: Output, mock: &MockMake) -> anyhow::Result<()> {
        if output.is_json() {
            let said = json!({
                "url": mock.url(),
                "zone": mock.zone(),
                "token": mock.token(),
                "certificate": self.certificate,
            });
            return Ok(output.line(said)?);
        }
        let name = output.paint(Style::Strong, "A mock of Make's API answers.");
        output.line(name)?;
        let mut fields = vec![
            ("API", format!("{}/api/v2", mock.url())),
            ("zone", mock.zone().to_owned()),
            ("token", mock.token().to_owned()),
            ("control", format!("{}/__mock/", mock.url())),
        ];
        let file = self.certificate.as_ref();
        fields.extend(file.map(|file| ("certificate", file.display().to_string())));
        Ok(output.fields(&fields)?)
    }
}
