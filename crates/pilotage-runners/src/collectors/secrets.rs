//! `secrets`: secrets that stand in the files of the repository, or in what its commits added.

use std::path::Path;

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Measured, Tool, Unit},
};
use serde_json::{Value as Json, json};

use super::section;
use crate::{
    Collector, CollectorKind, Input, Measures, Site,
    reading::{Proof, brief, count},
    secrets::{Outcome, Search},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "secrets",
    build,
    detect,
    schema: <Search as schemars::JsonSchema>::json_schema,
};

const METRIC: &str = "secrets_exposed";
/// Most findings that are named in evidence.
const MAX_NAMES: usize = 10;

struct Secrets(Search);

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let search: Search = section(value)?;
    let problems = search.problems();
    if problems.is_empty() {
        Ok(Box::new(Secrets(search)))
    } else {
        Err(problems)
    }
}

/// A repository wants no secrets in it.
fn detect(root: &Path) -> Option<Json> {
    root.join(".git").exists().then(|| json!({}))
}

#[async_trait]
impl Collector for Secrets {
    fn measures(&self) -> Measures {
        vec![(METRIC.to_owned(), Unit::Count)]
    }

    /// Permits end with a day, and commits are told by their hashes.
    fn input(&self, _: &Site) -> Option<Input> {
        let today: String = crate::collector::now().to_string().chars().take(10).collect();
        let base = self.0.since.iter().map(|since| {
            let ask = ["git", "rev-parse", "--verify", "--end-of-options"].map(str::to_owned);
            ask.into_iter().chain([since.clone()]).collect()
        });
        let head = ["git", "rev-parse", "HEAD"].map(str::to_owned).to_vec();
        Some(Input {
            settings: format!("{:?} on {today}", self.0),
            versions: base.chain([head]).collect(),
            ..Input::default()
        })
    }

    async fn collect(&self, site: &Site) -> Measured {
        let looked = self.0.look(&site.root, crate::collector::now()).await;
        let answer = looked.map(|outcome| {
            let tool = Tool {
                name: "pilotage".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            };
            let output = serde_json::to_vec(&outcome.findings).unwrap_or_default();
            Proof::of_run(tool, &output, self.0.at_least.unwrap_or(1)).evidence(
                count(outcome.findings.len() as u64),
                Unit::Count,
                (outcome.tree.files, "files"),
                &notes(&outcome),
            )
        });
        Measured::from([(METRIC.to_owned(), answer)])
    }
}

fn notes(outcome: &Outcome) -> Vec<String> {
    let named = outcome.findings.iter().take(MAX_NAMES);
    let named = named.map(|finding| {
        let text = format!(
            "{}: {} {}, fingerprint {}",
            finding.at(),
            finding.rule,
            finding.shown,
            finding.fingerprint
        );
        brief(&text)
    });
    named.chain(outcome.notes()).collect()
}
