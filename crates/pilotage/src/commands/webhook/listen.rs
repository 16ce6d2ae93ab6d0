//! `webhook listen`: endpoints to send to, while somebody watches what arrives.

mod endpoint;
mod shown;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use pilotage_mock::{Answers, ListenerOptions, WebhookListener};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::Context,
    exit::{Done, usage},
    output::{Output, Style, remark},
};
use endpoint::Named;
use shown::{Record, Shown, Tally};

const EXAMPLES: &str = "\
Examples:
  pilotage webhook listen                              take anything, on a free port
  pilotage webhook listen --endpoint hooks:github --listen 127.0.0.1:9000
  pilotage webhook listen --endpoint ci:standard-webhooks --secret-env CI_SECRET
  pilotage webhook listen --status 503 --delay 2000 --record arrivals.jsonl
  pilotage webhook listen --fail-times 3               down at first, then well

SOURCE is one that Pilotage knows, such as `github`, or how a sender signs:
`standard-webhooks` (as Pilotage does), `hmac-sha256` or `bearer`. Without a SOURCE
nothing is verified. Without --secret-env and --secret-file the secret comes from
GITHUB_WEBHOOK_SECRET, GITLAB_WEBHOOK_SECRET or MAKE_WEBHOOK_SECRET.";

/// Where it listens and how it answers.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Listen {
    /// Where to answer; port 0 takes a free one.
    #[arg(long = "listen", value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    address: SocketAddr,
    /// Take only what is sent to /NAME, and judge it as SOURCE does; may be given several times.
    #[arg(long = "endpoint", value_name = "NAME[:SOURCE]", value_parser = endpoint::parse)]
    endpoints: Vec<Named>,
    /// Environment variable with the secret of all endpoints.
    #[arg(long, value_name = "VAR", conflicts_with = "secret_file")]
    secret_env: Option<String>,
    /// File with the secret of all endpoints; a line break at its end does not count.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Answer this to what is not refused.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    status: u16,
    /// Answer after so many milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=600_000))]
    delay: u64,
    /// Answer 503 to the first N requests, whatever they hold.
    #[arg(long, value_name = "N", default_value_t = 0)]
    fail_times: u64,
    /// Add every arrival to this file, one JSON object on a line, with its body.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl Listen {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let output = context.output;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        let record = self.record.as_deref().map(Record::open).transpose()?;
        let listener = WebhookListener::start(self.options()?)
            .await
            .with_context(|| format!("cannot listen on {}", self.address))?;
        self.announce(output, &listener)?;
        let mut following = Following {
            output,
            record,
            tally: Tally::default(),
        };
        let ended = tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
            ended = following.follow(&listener) => ended,
        };
        // Whatever was shown was shown whole, and what arrived since is shown too.
        let rest = following.take(&listener);
        listener.stop().await;
        ended.and(rest)?;
        following.tally.print(output)?;
        Ok(Done::Yes)
    }

    fn options(&self) -> anyhow::Result<ListenerOptions> {
        Ok(ListenerOptions {
            listen: self.address,
            endpoints: endpoint::build(&self.endpoints, &self.secret()?, self.address.ip().is_loopback())?,
            answers: Answers {
                status: self.status,
                delay: Duration::from_millis(self.delay),
                fail_times: self.fail_times,
            },
            ..ListenerOptions::default()
        })
    }

    /// Where the secret is, as configuration says it.
    fn secret(&self) -> anyhow::Result<endpoint::Secret> {
        if let Some(variable) = &self.secret_env {
            let set = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
            return if set {
                Ok(endpoint::Secret::Variable(variable.clone()))
            } else {
                Err(usage(format!("the environment variable {variable} is not set")))
            };
        }
        let file = self.secret_file.as_deref().map(super::read_secret).transpose()?;
        Ok(file.map_or(endpoint::Secret::Usual, endpoint::Secret::Given))
    }

    fn announce(&self, output: Output, listener: &WebhookListener) -> anyhow::Result<()> {
        let url = listener.url();
        let at = |named: &Named| format!("{url}/{}", named.name);
        if output.is_json() {
            let endpoints = self.endpoints.iter();
            let endpoints: Vec<_> = endpoints
                .map(|named| json!({"name": named.name, "source": named.source, "url": at(named)}))
                .collect();
            return Ok(output.line(json!({"listening": url, "endpoints": endpoints}))?);
        }
        output.line(output.paint(Style::Strong, &format!("Listening on {url}")))?;
        let judged = |named: &Named| match &named.source {
            Some(source) => format!("{}  judged as {source}", at(named)),
            None => format!("{}  not verified", at(named)),
        };
        let fields: Vec<_> = self
            .endpoints
            .iter()
            .map(|named| (named.name.as_str(), judged(named)))
            .collect();
        Ok(output.fields(&fields)?)
    }
}

/// What was seen so far.
struct Following {
    output: Output,
    record: Option<Record>,
    tally: Tally,
}

impl Following {
    /// Shows what arrives, for ever.
    async fn follow(&mut self, listener: &WebhookListener) -> anyhow::Result<()> {
        loop {
            listener.arrived_after(self.tally.latest()).await;
            self.take(listener)?;
        }
    }

    /// Shows what arrived since.
    fn take(&mut self, listener: &WebhookListener) -> anyhow::Result<()> {
        for arrival in listener.arrivals_after(self.tally.latest()) {
            let missed = self.tally.count(&arrival);
            if missed > 0 {
                remark(format_args!("{missed} arrived faster than they could be shown."));
            }
            if let Some(record) = &mut self.record {
                record.add(&arrival)?;
            }
            self.output.line(Shown(&arrival).line(self.output))?;
        }
        Ok(())
    }
}
