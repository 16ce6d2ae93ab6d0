//! `pilotage gate secrets`.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use pilotage_core::Timestamp;
use pilotage_runners::secrets::{Finding, Outcome};
use serde_json::{Value, json};

use super::Config;
use crate::{
    cli::Context,
    exit::Done,
    output::{Cell, Format, Table, remark},
};

const EXAMPLES: &str = "\
Examples:
  pilotage gate secrets                        look at the files of this folder
  pilotage gate secrets --since origin/main    and at what the commits after it added
  pilotage gate secrets --format sarif > secrets.sarif

No finding shows the secret. A line that holds `pilotage:no-secret` and a reason is let through,
and so is what the configuration ignores (evidence of the kind `secrets`).

Exit codes: 0 none found, 1 found, 2 usage or configuration, 3 could not look.";

/// What is searched.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Secrets {
    /// The folder to search
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Also search what the commits after this one added
    #[arg(long, value_name = "BASE")]
    since: Option<String>,
    #[command(flatten)]
    config: Config,
}

impl Secrets {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let mut search = self.config.secrets()?;
        if self.since.is_some() {
            search.since = self.since;
        }
        if !self.path.is_dir() {
            return Err(crate::exit::usage(format!(
                "{} is no folder.",
                self.path.display()
            )));
        }
        let looked = search.look(&self.path, Timestamp::now()).await;
        let outcome = looked.map_err(anyhow::Error::msg)?;
        match context.global.format {
            Format::Json => context.output.json(&shown(&outcome))?,
            Format::Sarif => context
                .output
                .line(serde_json::to_string_pretty(&sarif(&outcome))?.as_str())?,
            _ => print(context, &outcome)?,
        }
        if outcome.tree.files == 0 {
            anyhow::bail!("There is no text to look at in {}.", self.path.display());
        }
        Ok(Done::when(outcome.findings.is_empty()))
    }
}

fn print(context: &Context, outcome: &Outcome) -> anyhow::Result<()> {
    if outcome.findings.is_empty() {
        context.output.line("No secrets found.")?;
    } else {
        let mut table = Table::new(&["WHERE", "KIND", "SHOWN", "FINGERPRINT"]);
        for finding in &outcome.findings {
            table.row([
                Cell::id(&finding.at()),
                finding.rule.as_str().into(),
                finding.shown.as_str().into(),
                Cell::id(&finding.fingerprint),
            ]);
        }
        context.output.table(&table)?;
    }
    remark(outcome.notes().join("; "));
    Ok(())
}

fn shown(outcome: &Outcome) -> Value {
    let history = outcome
        .history
        .as_ref()
        .map(|history| json!({ "commits": history.commits, "bytes": history.bytes }));
    json!({
        "items": outcome.findings, "next": null,
        "examined": { "files": outcome.tree.files, "bytes": outcome.tree.bytes, "binaryFiles": outcome.tree.binary, "history": history },
        "plantedAndFound": outcome.controls, "ignored": outcome.permitted, "notes": outcome.notes(),
    })
}

/// SARIF 2.1.0; what was looked at stands in a property, since the list of files would be longer than the findings.
fn sarif(outcome: &Outcome) -> Value {
    let results: Vec<_> = outcome.findings.iter().map(result).collect();
    json!({
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [{
            "tool": { "driver": { "name": "pilotage gate secrets", "version": env!("CARGO_PKG_VERSION") } },
            "results": results,
            "properties": { "filesExamined": outcome.tree.files, "plantedAndFound": outcome.controls },
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let text = format!("{} {} at {}", finding.rule, finding.shown, finding.at());
    json!({
        "ruleId": finding.rule, "level": "error", "message": { "text": text },
        "partialFingerprints": { "secret/v1": finding.fingerprint },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": address(&finding.place.path) },
            "region": { "startLine": finding.line, "startColumn": finding.column },
        } }],
    })
}

/// A path as the relative address that SARIF asks for.
fn address(path: &str) -> String {
    path.bytes().fold(String::new(), |mut address, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            address.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
        address
    })
}
