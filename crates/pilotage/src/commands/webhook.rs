//! `webhook`: send a delivery as the real source would, and take what others send.

mod listen;
mod outcome;

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Instant,
};

use bytes::Bytes;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pilotage_adapters::sources;
use pilotage_core::{Timestamp, config::nearest, time::micros};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use uuid::Uuid;

use crate::{
    cli::Context,
    client::{self, Client},
    exit::{Done, usage},
    output::{Output, remark},
};
use listen::Listen;
use outcome::{Delivered, Tally};

const EXAMPLES: &str = "\
Examples:
  pilotage webhook send github --event push --file push.json --secret-file secret.txt
  pilotage webhook send make --file run.json
  pilotage webhook send custom/billing --scheme hmac-sha256 --event invoice.paid --file - < paid.json
  pilotage webhook send github --event push --file push.json --times 1000

Without --secret and --secret-file the secret comes from the environment: GITHUB_WEBHOOK_SECRET,
GITLAB_WEBHOOK_SECRET or MAKE_WEBHOOK_SECRET. Other users of the machine can read command lines:
prefer a file.";

/// Longest body that is read.
const MAX_BODY_BYTES: u64 = 256 << 20;

/// Sources whose deliveries name the event in a header, so that the body alone is not enough.
pub(super) const NAMED_BY_HEADER: [&str; 2] = ["github", "gitlab"];

/// Sources that accept nothing without a secret.
const ALWAYS_SIGNED: [&str; 2] = ["github", "gitlab"];

/// Environment variables with a source's secret, the same that the server reads.
const SECRET_VARIABLES: [(&str, &str); 3] = [
    ("github", "GITHUB_WEBHOOK_SECRET"),
    ("gitlab", "GITLAB_WEBHOOK_SECRET"),
    ("make", "MAKE_WEBHOOK_SECRET"),
];

/// Send deliveries, and take what others send.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum WebhookCommand {
    /// Sign a body and send it as the real source would; exit code 1 when it is refused.
    Send(Box<Send>),
    /// Take webhooks, show each as it arrives, verify it and answer as told.
    Listen(Box<Listen>),
}

impl WebhookCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::Send(send) => send.run(context).await,
            Self::Listen(listen) => listen.run(context).await,
        }
    }
}

/// What to send, and as whom.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Send {
    /// Who sends: a known source such as `github`, or `custom/NAME`.
    #[arg(value_parser = parse_sender)]
    source: Sender,
    /// What happened, in the source's own word; where the body says it, it may be left out.
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,
    /// File with the body; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// What to sign with.
    #[arg(long, value_name = "SECRET", value_parser = secret_text, conflicts_with = "secret_file")]
    secret: Option<SecretString>,
    /// File with what to sign with; a line break at its end does not count.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// How a custom source's sender signs; `none` also leaves the signature of a known one away.
    #[arg(long, value_enum, default_value_t = Scheme::StandardWebhooks)]
    scheme: Scheme,
    /// The delivery's identity; a fresh one for every delivery where it is left out.
    #[arg(long, value_name = "ID")]
    delivery_id: Option<String>,
    /// Send it this many times, one after the other.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    times: u64,
    /// The Pilotage to send to, instead of --server.
    #[arg(long, value_name = "URL", value_parser = client::parse_server)]
    to: Option<Url>,
    /// A further header, or another value for one; may be given several times.
    #[arg(long = "header", value_name = "NAME:VALUE", value_parser = parse_header)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Who sends.
#[derive(Clone, Debug)]
enum Sender {
    Known(&'static str),
    Custom(String),
}

impl Sender {
    /// Below `/webhooks`.
    fn path(&self) -> Vec<&str> {
        match self {
            Self::Known(name) => vec![name],
            Self::Custom(name) => vec!["custom", name],
        }
    }
}

/// How a custom source's sender signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scheme {
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    StandardWebhooks,
    /// `X-Hub-Signature-256: sha256=<hex>`.
    HmacSha256,
    /// `Authorization: Bearer <secret>`.
    Bearer,
    /// Not at all.
    None,
}

fn parse_sender(text: &str) -> Result<Sender, String> {
    if let Some(name) = text.strip_prefix("custom/").filter(|name| !name.is_empty()) {
        return Ok(Sender::Custom(name.to_owned()));
    }
    let names = || sources::kinds().iter().map(|kind| kind.name);
    names()
        .find(|name| *name == text)
        .map(Sender::Known)
        .ok_or_else(|| {
            let known = names().collect::<Vec<_>>().join(", ");
            let meant = nearest(text, names())
                .map(|name| format!("; did you mean `{name}`?"))
                .unwrap_or_default();
            format!("the known sources are {known}; others are custom/NAME{meant}")
        })
}

fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write it like X-Name: value")?;
    let name = name.trim().parse().map_err(|_| "that is no name of a header")?;
    let value = value.trim().parse().map_err(|_| "that is no value of a header")?;
    Ok((name, value))
}

#[expect(clippy::unnecessary_wraps, reason = "the form that the parser asks for")]
fn secret_text(text: &str) -> Result<SecretString, String> {
    Ok(text.into())
}

impl Send {
    async fn run(self, context: &Context) -> anyhow::Result<Done> {
        if let Sender::Known(name) = self.source
            && self.event.is_none()
            && NAMED_BY_HEADER.contains(&name)
        {
            return Err(usage(format!(
                "{name} names the event in a header: pass --event, for example --event push"
            )));
        }
        let server = self.to.clone().unwrap_or_else(|| context.server());
        let client = Client::new(server, None)?;
        let secret = self.find_secret()?;
        let body = read_body(&self.file)?;
        if self.times == 1 {
            let delivered = self.deliver(&client, &body, secret.as_ref()).await?;
            delivered.print(&context.output)?;
            if let (404, Sender::Custom(name)) = (delivered.status(), &self.source) {
                remark(format_args!(
                    "The server has no custom source `{name}`: declare it under `sources:` in its configuration."
                ));
            }
            return Ok(Done::when(delivered.is_accepted()));
        }
        let tally = self
            .repeat(&client, &body, secret.as_ref(), &context.output)
            .await?;
        tally.print(&context.output)?;
        Ok(Done::when(tally.refused == 0))
    }

    async fn repeat(
        &self,
        client: &Client,
        body: &Bytes,
        secret: Option<&SecretString>,
        output: &Output,
    ) -> anyhow::Result<Tally> {
        let bar = progress(self.times, output);
        let mut tally = Tally::default();
        let started = Instant::now();
        for _ in 0..self.times {
            let delivered = self.deliver(client, body, secret).await?;
            tally.count(delivered);
            bar.inc(1);
        }
        bar.finish_and_clear();
        tally.duration_us = micros(started.elapsed());
        Ok(tally)
    }

    async fn deliver(
        &self,
        client: &Client,
        body: &Bytes,
        secret: Option<&SecretString>,
    ) -> anyhow::Result<Delivered> {
        let delivery_id = self
            .delivery_id
            .clone()
            .unwrap_or_else(|| Uuid::new_v4().to_string());
        let headers = self.sign(body, secret, &delivery_id)?;
        let started = Instant::now();
        let (status, text) = client
            .deliver(&self.source.path(), &headers, body.clone())
            .await?;
        Ok(Delivered::new(status, delivery_id, started.elapsed(), &text))
    }

    /// The headers of the real sender, with what the person wants otherwise.
    fn sign(
        &self,
        body: &[u8],
        secret: Option<&SecretString>,
        delivery_id: &str,
    ) -> anyhow::Result<HeaderMap> {
        let (kind, signing, bearer) = match (&self.source, self.scheme) {
            (Sender::Known(name), Scheme::None) => (*name, None, None),
            (Sender::Known(name), _) => (*name, secret, None),
            (Sender::Custom(_), Scheme::StandardWebhooks) => ("standard-webhooks", secret, None),
            (Sender::Custom(_), Scheme::HmacSha256) => ("hmac-sha256", secret, None),
            (Sender::Custom(_), Scheme::Bearer) => ("standard-webhooks", None, secret),
            (Sender::Custom(_), Scheme::None) => ("standard-webhooks", None, None),
        };
        let event = self.event.as_deref().unwrap_or_default();
        let signed = sources::sign(kind, event, body, signing, delivery_id, Timestamp::now())
            .map_err(|error| usage(format!("cannot sign: {error}")))?;
        let bearer = bearer.map(|token| {
            (
                "authorization".to_owned(),
                format!("Bearer {}", token.expose_secret()),
            )
        });
        let mut headers = HeaderMap::new();
        for (name, value) in signed.into_iter().chain(bearer) {
            // The value may be the secret: only the name is told.
            let invalid = || {
                usage(format!(
                    "`{name}` cannot be sent: event, delivery id and secret must fit into a header"
                ))
            };
            let key: HeaderName = name.parse().map_err(|_| invalid())?;
            headers.insert(key, value.parse().map_err(|_| invalid())?);
        }
        headers.extend(self.headers.iter().cloned());
        Ok(headers)
    }

    fn find_secret(&self) -> anyhow::Result<Option<SecretString>> {
        let found = match (&self.secret, &self.secret_file) {
            (Some(secret), _) => Some(secret.clone()),
            (None, Some(path)) => Some(read_secret(path)?),
            (None, None) => self.secret_from_environment(),
        };
        if found.is_some() || self.scheme == Scheme::None {
            return Ok(found);
        }
        match &self.source {
            Sender::Known(name) if ALWAYS_SIGNED.contains(name) => Err(usage(format!(
                "{name} is never accepted without a secret: pass --secret-file FILE (`pilotage init` makes \
                 .pilotage/github-webhook-secret), set {}, or send it unsigned with --scheme none",
                secret_variable(name).unwrap_or("no variable")
            ))),
            Sender::Known(_) => Ok(None),
            Sender::Custom(_) => Err(usage(
                "pass --secret-file, or --scheme none for a source that is configured without verification",
            )),
        }
    }

    fn secret_from_environment(&self) -> Option<SecretString> {
        let Sender::Known(source) = self.source else {
            return None;
        };
        std::env::var(secret_variable(source)?)
            .ok()
            .filter(|secret| !secret.is_empty())
            .map(SecretString::from)
    }
}

/// The environment variable with a source's secret, if it has one.
fn secret_variable(source: &str) -> Option<&'static str> {
    let known = SECRET_VARIABLES.iter().find(|(name, _)| *name == source);
    known.map(|(_, variable)| *variable)
}

fn read_secret(path: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| usage(format!("cannot read the secret file {}: {error}", path.display())))?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

fn read_body(path: &Path) -> anyhow::Result<Bytes> {
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MAX_BODY_BYTES + 1).read_to_end(&mut body)
    } else {
        File::open(path).and_then(|file| file.take(MAX_BODY_BYTES + 1).read_to_end(&mut body))
    };
    read.map_err(|error| usage(format!("cannot read {}: {error}", path.display())))?;
    if body.len() as u64 > MAX_BODY_BYTES {
        return Err(usage(format!("{} is longer than 256 MiB", path.display())));
    }
    Ok(body.into())
}

/// Drawn on the error output, and only where that is a terminal.
fn progress(times: u64, output: &Output) -> ProgressBar {
    let target = if output.is_json() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {per_sec}  {eta} left");
    ProgressBar::with_draw_target(Some(times), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests;
