//! `rule apply`: create or replace a rule from a file.

use std::path::{Path, PathBuf};

use clap::Args;
use pilotage_core::{
    config::{self, Document},
    rule::Rule,
};
use reqwest::Method;

use crate::{
    cli::Context,
    client::{ClientError, Problem},
    exit::{Done, usage},
    findings::Findings,
    output::clean,
};

/// What to apply.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// YAML or JSON file with one rule, as it stands under `rules:` in the configuration.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Apply {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let client = context.client()?;
        let (document, rule) = read(&self.file)?;
        let applied = client
            .change(Method::PUT, &["rules", &rule.id], Some(&rule))
            .await;
        let answer = applied.map_err(|error| explain(error, &self.file, &document))?;
        if context.output.is_json() {
            context.output.json_text(&answer.text)?;
        } else {
            let id = clean(&rule.id);
            context.output.line(format_args!(
                "rule {id} is in force; see it with `pilotage rule show {id}`"
            ))?;
        }
        Ok(Done::Yes)
    }
}

fn read(file: &Path) -> anyhow::Result<(Document, Rule)> {
    let name = file.display().to_string();
    let text =
        std::fs::read_to_string(file).map_err(|error| usage(format!("cannot read {name}: {error}")))?;
    let document = Document::parse(text).map_err(|unread| Findings::of_text(&name, &unread))?;
    let rule = document
        .read("")
        .map_err(|problems| Findings::of_document(&name, &document, &problems))?;
    Ok((document, rule))
}

/// What the server has against the rule, with the lines of the file.
fn explain(error: ClientError, file: &Path, document: &Document) -> anyhow::Error {
    match &error {
        ClientError::Refused(problem) if !problem.errors.is_empty() => {
            let Problem { errors, .. } = &**problem;
            let problems: Vec<config::Problem> = errors.iter().map(config::Problem::from).collect();
            Findings::of_document(&file.display().to_string(), document, &problems).into()
        }
        _ => error.into(),
    }
}
