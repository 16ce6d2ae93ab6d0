//! `branch`: whether this commit is on a branch from which it may go.
//!
//! The branches that hold the commit are asked for, not the one that is checked out: CI checks out a commit without a branch.

use async_trait::async_trait;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use pilotage_core::{
    config::Problem,
    gate::{Measured, Tool, Unit, Value},
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::section;
use crate::{
    Collector, CollectorKind, Measures, Site, process,
    reading::{Proof, brief},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "branch",
    build,
    detect: |_| None,
    schema: <Section as schemars::JsonSchema>::json_schema,
};

const METRIC: &str = "branch_compliance";

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// Branches, of which one must hold the commit: names, or patterns such as `release/*`.
    #[schemars(length(min = 1, max = 64))]
    allowed: Vec<String>,
    /// Only branches of remotes count, which nobody changes by working here.
    #[serde(default)]
    remote_only: bool,
}

struct Branch {
    allowed: GlobSet,
    section: Section,
}

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    if !(1..=64).contains(&section.allowed.len()) {
        return Err(vec![Problem::at("/allowed", "between 1 and 64 branches")]);
    }
    let mut set = GlobSetBuilder::new();
    for (place, pattern) in section.allowed.iter().enumerate() {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| vec![Problem::at(format!("/allowed/{place}"), error.to_string())])?);
    }
    let allowed = set
        .build()
        .map_err(|error| vec![Problem::at("/allowed", error.to_string())])?;
    Ok(Box::new(Branch { allowed, section }))
}

#[async_trait]
impl Collector for Branch {
    fn measures(&self) -> Measures {
        vec![(METRIC.to_owned(), Unit::Bool)]
    }

    async fn collect(&self, site: &Site) -> Measured {
        let answer = self.look(site).await;
        Measured::from([(METRIC.to_owned(), answer)])
    }
}

impl Branch {
    async fn look(&self, site: &Site) -> Result<pilotage_core::gate::Evidence, String> {
        let places: &[&str] = if self.section.remote_only {
            &["refs/remotes"]
        } else {
            &["refs/heads", "refs/remotes"]
        };
        let ask = [
            &["for-each-ref", "--contains", "HEAD", "--format=%(refname)"],
            places,
        ]
        .concat();
        let told = process::git(&site.root, &ask).await?;
        let names: Vec<&str> = told.lines().filter_map(name).collect();
        let fitting: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| self.allowed.is_match(name))
            .collect();
        let note = match (fitting.first(), names.is_empty()) {
            (Some(name), _) => format!("the commit is on {name}"),
            (None, true) => "the commit is on no branch that is known here".to_owned(),
            (None, false) => format!(
                "the commit is on {}, and none of them is {}",
                names.join(", "),
                self.section.allowed.join(" or ")
            ),
        };
        let tool = Tool {
            name: "git".to_owned(),
            version: None,
        };
        let proof = Proof::of_run(tool, told.as_bytes(), 1);
        let value = Value::Bool(!fitting.is_empty());
        Ok(proof.evidence(value, Unit::Bool, (1, "commit"), &[brief(&note)]))
    }
}

/// `refs/heads/main` and `refs/remotes/origin/main` are `main`; `HEAD` of a remote is no branch.
fn name(reference: &str) -> Option<&str> {
    if let Some(name) = reference.strip_prefix("refs/heads/") {
        return Some(name);
    }
    let (_, name) = reference.strip_prefix("refs/remotes/")?.split_once('/')?;
    (name != "HEAD").then_some(name)
}
