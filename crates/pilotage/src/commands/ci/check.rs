//! `pilotage ci check`.

use std::path::{Path, PathBuf};

use clap::{Args, builder::PossibleValuesParser};
use pilotage_core::pipeline_run::{self, Annotation, CheckState, MOST_ANNOTATIONS, WrittenKind};
use serde_json::json;

use super::{platform::Target, status::full_hash};
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::{clean, remark},
};

const EXAMPLES: &str = "\
Examples:
  pilotage ci check \"$(git rev-parse HEAD)\" --state running --name pilotage/gates
  pilotage ci check \"$(git rev-parse HEAD)\" --state failure --name lint --title '2 findings' --summary-file report.md --annotations findings.json

Annotations are a list in JSON: [{\"path\": \"src/a.rs\", \"line\": 3, \"level\": \"warning\", \"message\": \"...\"}]; level is notice, warning or failure.
GitHub takes checks from an App or a workflow's GITHUB_TOKEN alone. With other tokens, and on other platforms, a mark is written and that is said.";

/// Longest file that is read, in bytes.
const MOST_FILE_BYTES: u64 = 4 << 20;

/// What was found on which commit.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// The full hash of the commit
    #[arg(value_name = "COMMIT")]
    commit: String,
    /// Where the check stands
    #[arg(long, value_parser = PossibleValuesParser::new(CheckState::ALL.map(|(_, word)| word)))]
    state: String,
    /// Tells checks of one commit apart
    #[arg(long, value_name = "NAME", default_value = "pilotage")]
    name: String,
    /// What it says, in one line
    #[arg(long, value_name = "TEXT", default_value = "")]
    title: String,
    /// What it says at length, in Markdown
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        conflicts_with = "summary_file"
    )]
    summary: String,
    /// A file that says it at length, in Markdown
    #[arg(long, value_name = "FILE")]
    summary_file: Option<PathBuf>,
    /// A file with what was found where, as JSON
    #[arg(long, value_name = "FILE")]
    annotations: Option<PathBuf>,
    /// Where to read more
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// No mark in its place: where there are no checks, that is an error
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    target: Target,
}

impl Check {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        full_hash(&self.commit)?;
        let check = pipeline_run::Check {
            // The words are those of the states.
            state: CheckState::parse(&self.state).unwrap_or(CheckState::Neutral),
            summary: match &self.summary_file {
                Some(file) => read(file)?,
                None => self.summary,
            },
            annotations: self.annotations.as_deref().map_or(Ok(Vec::new()), annotations)?,
            commit: self.commit,
            name: self.name,
            title: self.title,
            url: self.url,
            or_mark: !self.strict,
        };
        let named = self.target.choose(context)?;
        let written = named.platform.check(&check).await?;
        if let Some(why) = &written.remark {
            remark(format_args!("Note: {}.", clean(why)));
        }
        if context.output.is_json() {
            let said = json!({
                "commit": check.commit, "name": check.name, "state": self.state, "written": written,
            });
            context.output.json(&said)?;
            return Ok(Done::Yes);
        }
        let kind = match written.kind {
            WrittenKind::Check => "the check",
            WrittenKind::Mark => "the mark",
        };
        let (title, name) = (named.platform.title(), clean(&check.name));
        context.output.line(format_args!(
            "{title} shows {kind} {name}: {} on {}.",
            self.state, check.commit
        ))?;
        if let Some(url) = &written.url {
            context.output.line(clean(url))?;
        }
        Ok(Done::Yes)
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let shown = file.display();
    let size = std::fs::metadata(file).map(|found| found.len());
    let size = size.map_err(|error| usage(format!("Cannot read {shown}: {error}.")))?;
    if size > MOST_FILE_BYTES {
        return Err(usage(format!(
            "{shown} has {size} bytes; at most {MOST_FILE_BYTES} are read."
        )));
    }
    std::fs::read_to_string(file).map_err(|error| usage(format!("Cannot read {shown}: {error}.")))
}

fn annotations(file: &Path) -> anyhow::Result<Vec<Annotation>> {
    let shown = file.display();
    let found: Vec<Annotation> = serde_json::from_str(&read(file)?)
        .map_err(|error| usage(format!("{shown} is no list of annotations: {error}.")))?;
    if found.len() > MOST_ANNOTATIONS {
        let count = found.len();
        return Err(usage(format!(
            "{shown} has {count} annotations; a check takes {MOST_ANNOTATIONS}."
        )));
    }
    Ok(found)
}
