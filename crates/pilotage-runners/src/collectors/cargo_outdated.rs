//! `cargo-outdated`: crates with a newer release, by `cargo update --dry-run --verbose`, which comes with cargo.
//!
//! It asks the registry and changes nothing. `available:` names a release that `Cargo.toml` does not allow; one that needs a
//! newer compiler than there is does not count.

use std::{collections::BTreeSet, path::Path};

use async_trait::async_trait;
use pilotage_core::gate::Measured;
use serde::Deserialize;
use serde_json::json;

use super::outdated::{self, Looked, Old, Section, failed};
use crate::{Collector, CollectorKind, Measures, Site};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "cargo-outdated",
    build: |value| Ok(Box::new(CargoOutdated(Section::read(value)?))),
    detect: |root: &Path| root.join("Cargo.lock").is_file().then(|| json!({})),
    schema: <Section as schemars::JsonSchema>::json_schema,
};

struct CargoOutdated(Section);

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    #[serde(default)]
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

#[async_trait]
impl Collector for CargoOutdated {
    fn measures(&self) -> Measures {
        outdated::measures()
    }

    async fn collect(&self, site: &Site) -> Measured {
        self.0.answer(self.look(&self.0.folder(site)).await)
    }
}

impl CargoOutdated {
    async fn look(&self, folder: &Path) -> Result<Looked, String> {
        let arguments = ["metadata", "--format-version", "1", "--locked"];
        let ran = self.0.run(folder, &["cargo"], &arguments).await?;
        if ran.code != Some(0) {
            return Err(failed("cargo metadata", &ran));
        }
        let metadata =
            serde_json::from_slice(&ran.out).map_err(|error| format!("cargo metadata: {error}"))?;
        let direct = direct(&metadata);
        let ran = self
            .0
            .run(folder, &["cargo"], &["update", "--dry-run", "--verbose"])
            .await?;
        if ran.code != Some(0) {
            return Err(failed("cargo update --dry-run", &ran));
        }
        let said = String::from_utf8_lossy(&ran.errors);
        // Offline cargo answers from what it knows, which may be of any age.
        let asked = said
            .lines()
            .any(|line| line.trim_start().starts_with("Updating") && line.contains("index"));
        if !asked && !direct.is_empty() {
            return Err("cargo did not ask the registry".to_owned());
        }
        Ok(Looked {
            old: said.lines().filter_map(|line| old(line, &direct)).collect(),
            direct: direct.len() as u64,
            output: ran.errors,
            tool: "cargo update --dry-run",
        })
    }
}

/// Name and version of what the packages of the workspace need and a registry has.
fn direct(metadata: &Metadata) -> BTreeSet<(String, String)> {
    let members: BTreeSet<&String> = metadata.workspace_members.iter().collect();
    let own = metadata
        .resolve
        .nodes
        .iter()
        .filter(|node| members.contains(&node.id));
    let needed: BTreeSet<&String> = own.flat_map(|node| &node.dependencies).collect();
    let packages = metadata.packages.iter();
    packages
        .filter(|package| package.source.is_some() && needed.contains(&package.id))
        .map(|package| (package.name.clone(), package.version.clone()))
        .collect()
}

/// `Updating a v1.0.0 -> v1.1.0 (available: v2.0.0)` or `Unchanged a v1.0.0 (available: v2.0.0)`.
fn old(line: &str, direct: &BTreeSet<(String, String)>) -> Option<Old> {
    let line = line.trim();
    let rest = line
        .strip_prefix("Updating ")
        .or_else(|| line.strip_prefix("Unchanged "))?;
    let mut words = rest.split_whitespace();
    let name = words.next()?.to_owned();
    let current = words.next()?.strip_prefix('v')?.to_owned();
    if !direct.contains(&(name.clone(), current.clone())) {
        return None;
    }
    let available = rest.split_once("(available: v").map(|(_, rest)| rest);
    let available = available.filter(|rest| !rest.contains("requires Rust"));
    let next = rest.split_once("-> v").map(|(_, rest)| rest);
    let latest = available.or(next)?;
    let latest = latest.split([')', ' ', ',']).next()?.to_owned();
    Some(Old {
        name,
        current,
        latest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_direct_dependencies_with_a_release_that_can_be_had_are_old() {
        let direct = [("a", "1.0.0"), ("b", "0.1.0"), ("d", "1.0.0")]
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .into();
        let said = "    Updating crates.io index\n    Updating a v1.0.0 -> v1.0.1 (available: v2.0.0)\n   Unchanged b v0.1.0 (available: v0.2.0)\n   \
             Unchanged b v0.0.9 (available: v0.2.0)\n   Unchanged c v1.0.0 (available: v2.0.0)\n   Unchanged d v1.0.0 (available: v2.0.0, requires Rust 1.99)\n      Adding e v1.0.0\n";
        let found: Vec<_> = said.lines().filter_map(|line| old(line, &direct)).collect();
        let found: Vec<_> = found
            .iter()
            .map(|old| (old.name.as_str(), old.latest.as_str()))
            .collect();
        assert_eq!(found, [("a", "2.0.0"), ("b", "0.2.0")]);
    }
}
