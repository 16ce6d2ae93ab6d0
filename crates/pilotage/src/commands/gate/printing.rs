//! Printing a report in every format.

use std::path::PathBuf;

use clap::Args;
use pilotage_core::gate::Report;

use super::{report, text};
use crate::{cli::Context, output::Format};

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
    pub(super) fn print(&self, context: &Context, report: &Report) -> anyhow::Result<()> {
        let output = &context.output;
        let format = context.global.format;
        let for_people = || text::render(report, &|style, text| output.paint(style, text));
        let whole = match format {
            Format::Text | Format::CodeQuality => None,
            Format::Json => Some(serde_json::to_string_pretty(report)? + "\n"),
            Format::Markdown => Some(report::markdown(report)),
            Format::Junit => Some(report::junit(report)),
            Format::Sarif => Some(serde_json::to_string_pretty(&report::sarif(report))? + "\n"),
        };
        match (&self.output, whole) {
            (None, None) => output.line(for_people().trim_end())?,
            (None, Some(_)) if format == Format::Json => output.json(report)?,
            (None, Some(whole)) => output.line(whole.trim_end())?,
            (Some(path), whole) => {
                let whole =
                    whole.unwrap_or_else(|| text::render(report, &|_, text| crate::output::clean(text)));
                std::fs::write(path, whole).map_err(|error| {
                    anyhow::Error::from(error).context(format!("cannot write {}", path.display()))
                })?;
                output.line(for_people().trim_end())?;
            }
        }
        Ok(())
    }
}
