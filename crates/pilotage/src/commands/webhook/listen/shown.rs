//! Arrivals as people and programs read them. Credentials in headers and addresses are hidden; bodies are not.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pilotage_mock::{Arrival, Verdict};
use serde_json::{Value, json};

use crate::{
    exit::usage,
    output::{Output, Style, clean, escape_json, remark},
};

/// The longest record, in bytes.
const MOST_RECORD_BYTES: u64 = 1 << 30;
/// What stands for a credential.
const HIDDEN: &str = "***";
/// Digits of the digest that tell bodies apart on a terminal.
const SHORT_DIGEST: usize = 12;

/// One arrival.
pub(super) struct Shown<'a>(pub(super) &'a Arrival);

impl Shown<'_> {
    /// On one line, clean.
    pub(super) fn line(&self, output: Output) -> String {
        if output.is_json() {
            return escape_json(&self.json().to_string());
        }
        let arrival = self.0;
        let (style, words) = self.words();
        let digest = arrival.digest.to_string();
        let short = digest.get(..SHORT_DIGEST).unwrap_or(&digest);
        format!(
            "{}  {} {}  {}  {}  {} B {}",
            arrival.at,
            clean(&arrival.method),
            clean(&self.target()),
            arrival.status,
            output.paint(style, &words),
            arrival.body.len(),
            output.paint(Style::Faint, short),
        )
    }

    fn words(&self) -> (Style, String) {
        match &self.0.verdict {
            Verdict::Unchecked => (Style::Plain, "not checked".to_owned()),
            Verdict::NoEndpoint => (Style::Warning, "no such endpoint".to_owned()),
            Verdict::Refused { reason, .. } => (Style::Bad, format!("✗ {reason}")),
            Verdict::Accepted(of) if of.verified => {
                (Style::Good, format!("✓ {} {}", of.event_type, of.delivery_id))
            }
            Verdict::Accepted(of) => (
                Style::Plain,
                format!("{} {}, not verified", of.event_type, of.delivery_id),
            ),
        }
    }

    /// Without its query, in which a token may stand.
    fn target(&self) -> String {
        match self.0.target.split_once('?') {
            Some((path, _)) => format!("{path}?{HIDDEN}"),
            None => self.0.target.clone(),
        }
    }

    /// As a program reads it, without the body.
    fn json(&self) -> Value {
        let arrival = self.0;
        let (verdict, reason, of) = match &arrival.verdict {
            Verdict::Unchecked => ("unchecked", None, None),
            Verdict::NoEndpoint => ("no-endpoint", None, None),
            Verdict::Refused { reason, .. } => ("refused", Some(reason), None),
            Verdict::Accepted(of) => ("accepted", None, Some(of)),
        };
        let headers = arrival.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| [name.as_str(), if is_credential(name) { HIDDEN } else { value }])
            .collect();
        json!({
            "number": arrival.number,
            "at": arrival.at,
            "endpoint": arrival.endpoint,
            "method": arrival.method,
            "target": self.target(),
            "headers": headers,
            "bodyBytes": arrival.body.len(),
            "bodySha256": arrival.digest,
            "verdict": verdict,
            "verified": of.is_some_and(|of| of.verified),
            "eventType": of.map(|of| &of.event_type),
            "deliveryId": of.map(|of| &of.delivery_id),
            "reason": reason,
            "status": arrival.status,
        })
    }

    /// The same with the body: as text where it is some, else in base64.
    fn whole(&self) -> Value {
        let mut whole = self.json();
        let (key, body) = match str::from_utf8(&self.0.body) {
            Ok(text) => ("body", text.to_owned()),
            Err(_) => ("bodyBase64", STANDARD.encode(&self.0.body)),
        };
        whole[key] = body.into();
        whole
    }
}

/// Headers that hold a secret itself; a signature is none.
fn is_credential(name: &str) -> bool {
    let secret = |word: &str| name.split('-').any(|part| part == word);
    [
        "authorization",
        "cookie",
        "token",
        "secret",
        "key",
        "apikey",
        "password",
    ]
    .into_iter()
    .any(secret)
        && name != "idempotency-key"
        && name != "x-event-key"
}

/// The file that arrivals are added to.
pub(super) struct Record {
    path: PathBuf,
    file: File,
    bytes: u64,
    is_full: bool,
}

impl Record {
    /// Only the person who runs this can read it, as bodies may hold anything.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        let opened = options.create(true).append(true).mode(0o600).open(path);
        let failed = |error| usage(format!("cannot write to {}: {error}", path.display()));
        let file = opened.map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            bytes: file.metadata().map_err(failed)?.len(),
            file,
            is_full: false,
        })
    }

    pub(super) fn add(&mut self, arrival: &Arrival) -> anyhow::Result<()> {
        let line = format!("{}\n", Shown(arrival).whole());
        let bytes = self.bytes.saturating_add(line.len() as u64);
        if bytes > MOST_RECORD_BYTES {
            if !self.is_full {
                remark(format_args!(
                    "{} is full: no more is recorded.",
                    self.path.display()
                ));
            }
            self.is_full = true;
            return Ok(());
        }
        self.bytes = bytes;
        let written = self.file.write_all(line.as_bytes());
        written.with_context(|| format!("cannot write to {}", self.path.display()))
    }
}

/// How many of which.
#[derive(Default)]
pub(super) struct Tally {
    latest: u64,
    verified: u64,
    refused: u64,
}

impl Tally {
    /// The number of the latest arrival that was counted.
    pub(super) const fn latest(&self) -> u64 {
        self.latest
    }

    /// Answers how many were passed over before this one.
    pub(super) fn count(&mut self, arrival: &Arrival) -> u64 {
        let missed = arrival.number.saturating_sub(self.latest + 1);
        self.latest = arrival.number;
        match &arrival.verdict {
            Verdict::Accepted(of) if of.verified => self.verified += 1,
            Verdict::Refused { .. } | Verdict::NoEndpoint => self.refused += 1,
            Verdict::Accepted(_) | Verdict::Unchecked => {}
        }
        missed
    }

    pub(super) fn print(&self, output: Output) -> anyhow::Result<()> {
        let Self {
            latest,
            verified,
            refused,
        } = self;
        let text = if output.is_json() {
            json!({"arrived": latest, "verified": verified, "refused": refused}).to_string()
        } else {
            format!("{latest} arrived: {verified} verified, {refused} refused")
        };
        Ok(output.line(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_told_from_signatures() {
        for name in [
            "authorization",
            "x-gitlab-token",
            "x-make-secret",
            "x-api-key",
            "cookie",
        ] {
            assert!(is_credential(name), "{name}");
        }
        for name in [
            "x-hub-signature-256",
            "webhook-signature",
            "idempotency-key",
            "webhook-id",
            "x-event-key",
        ] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
