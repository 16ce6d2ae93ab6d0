//! Printing what came of a run in every format.

use std::path::PathBuf;

use clap::Args;
use pilotage_core::testing::{ShardReport, coverage::CoverageJudged};
use serde::Serialize;

use super::{annotations, junit, page, places::Places, text};
use crate::{cli::Context, output::Format};

/// How long it took.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timing {
    /// Wall clock, in seconds.
    pub(super) seconds: f64,
    /// Runners at once.
    pub(super) workers: usize,
    /// As it was planned, in seconds.
    pub(super) predicted: f64,
    /// No plan could be faster than this, as far as durations were known, in seconds.
    pub(super) lower_bound: f64,
}

/// Everything that is told of a run.
#[derive(Debug, Serialize)]
pub(super) struct Whole {
    /// What came of it.
    #[serde(flatten)]
    pub(super) shard: ShardReport,
    /// How long it took; nothing for what several machines did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timing: Option<Timing>,
    /// What tests reached, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) coverage: Option<CoverageJudged>,
    /// What is worth knowing and harmless.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

/// Where a report goes.
#[derive(Args, Debug)]
pub(super) struct Printing {
    /// Write the report there in the chosen format, and print the verdict for people
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Printing {
    /// # Errors
    /// It cannot be written.
    pub(super) fn print(&self, context: &Context, whole: &Whole) -> anyhow::Result<()> {
        let output = &context.output;
        let report = match context.global.format {
            Format::Json => Some(serde_json::to_string_pretty(whole)? + "\n"),
            Format::Markdown => Some(page::markdown(whole)),
            Format::Junit => Some(junit::write(&whole.shard.verdict)),
            Format::CodeQuality => {
                let report = annotations::code_quality(&whole.shard.verdict, &Places::detect());
                Some(serde_json::to_string_pretty(&report)? + "\n")
            }
            Format::Text | Format::Sarif => None,
        };
        match (&self.output, report) {
            (None, Some(_)) if output.is_json() => output.json(whole)?,
            (None, Some(report)) => output.line(report.trim_end())?,
            (None, None) => text::print(context, whole)?,
            (Some(path), report) => {
                let report = report.unwrap_or_else(|| text::plain(whole));
                std::fs::write(path, report).map_err(|error| {
                    anyhow::Error::from(error).context(format!("cannot write {}", path.display()))
                })?;
                text::print(context, whole)?;
            }
        }
        Ok(())
    }
}
