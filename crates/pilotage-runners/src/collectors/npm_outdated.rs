//! `npm-outdated`: npm packages with a newer release, by `npm outdated --json`.
//!
//! In a scratch folder with a release that is known to be old it must find that one: an answer of nothing proves nothing.

use std::path::Path;

use async_trait::async_trait;
use pilotage_core::gate::Measured;
use serde_json::{Value as Json, json};

use super::{
    audit::text,
    outdated::{self, Looked, Old, Section, failed},
};
use crate::{Collector, CollectorKind, Measures, Site};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "npm-outdated",
    build: |value| Ok(Box::new(NpmOutdated(Section::read(value)?))),
    detect: |root: &Path| root.join("package-lock.json").is_file().then(|| json!({})),
    schema: <Section as schemars::JsonSchema>::json_schema,
};

const CONTROL: [(&str, &str); 2] = [
    (
        "package.json",
        r#"{"name":"planted","version":"1.0.0","private":true,"dependencies":{"minimist":"0.0.8"}}"#,
    ),
    (
        "package-lock.json",
        r#"{"name":"planted","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"planted","version":"1.0.0","dependencies":{"minimist":"0.0.8"}},"node_modules/minimist":{"version":"0.0.8"}}}"#,
    ),
];

struct NpmOutdated(Section);

#[async_trait]
impl Collector for NpmOutdated {
    fn measures(&self) -> Measures {
        outdated::measures()
    }

    async fn collect(&self, site: &Site) -> Measured {
        self.0.answer(self.look(&self.0.folder(site)).await)
    }
}

impl NpmOutdated {
    async fn look(&self, folder: &Path) -> Result<Looked, String> {
        let (old, output) = self.ask(folder).await?;
        let scratch = tempfile::tempdir().map_err(|error| format!("no scratch folder: {error}"))?;
        for (name, text) in CONTROL {
            std::fs::write(scratch.path().join(name), text)
                .map_err(|error| format!("no scratch folder: {error}"))?;
        }
        let (planted, _) = self.ask(scratch.path()).await?;
        if planted.is_empty() {
            return Err(
                "npm does not find what was planted for it, so that it finds nothing proves nothing"
                    .to_owned(),
            );
        }
        let direct = read(folder, "package.json").map(|package| direct(&package))?;
        Ok(Looked {
            old,
            direct,
            output,
            tool: "npm outdated",
        })
    }

    async fn ask(&self, folder: &Path) -> Result<(Vec<Old>, Vec<u8>), String> {
        let ran = self.0.run(folder, &["npm"], &["outdated", "--json"]).await?;
        let lock = read(folder, "package-lock.json").unwrap_or_default();
        let answer: Json = serde_json::from_slice(&ran.out).map_err(|_| failed("npm outdated", &ran))?;
        if !matches!(ran.code, Some(0 | 1)) {
            return Err(failed("npm outdated", &ran));
        }
        Ok((found(&answer, &lock)?, ran.out))
    }
}

/// A small file of the project itself.
fn read(folder: &Path, name: &str) -> Result<Json, String> {
    let text = std::fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    serde_json::from_slice(&text).map_err(|error| format!("{name}: {error}"))
}

fn direct(package: &Json) -> u64 {
    let keys = ["dependencies", "devDependencies", "optionalDependencies"];
    let objects = keys
        .iter()
        .filter_map(|key| package.get(key).and_then(Json::as_object));
    objects.map(|names| names.len() as u64).sum()
}

/// Without `node_modules` npm does not say which version there is; the lock file does.
fn found(answer: &Json, lock: &Json) -> Result<Vec<Old>, String> {
    if answer.get("error").is_some() {
        return Err(format!("npm could not ask: {}", text(answer, "/error/summary")));
    }
    let packages = answer.as_object().ok_or("npm wrote no list")?;
    let mut old = Vec::new();
    for (name, package) in packages {
        // One that several workspaces need comes as a list.
        let package = package.as_array().and_then(|all| all.first()).unwrap_or(package);
        let latest = text(package, "/latest");
        let installed = text(package, "/current");
        let current = match installed.as_str() {
            "" => lock
                .get("packages")
                .and_then(|all| all.get(format!("node_modules/{name}")))
                .map(|package| text(package, "/version"))
                .ok_or_else(|| format!("nothing says which version of {name} there is"))?,
            _ => installed,
        };
        // Packages from elsewhere have a word in place of a version.
        let is_version = latest.starts_with(|letter: char| letter.is_ascii_digit());
        if is_version && current != latest {
            old.push(Old {
                name: name.clone(),
                current,
                latest,
            });
        }
    }
    Ok(old)
}
