//! `pip-outdated`: Python packages with a newer release, by `pip list --outdated` in the environment of the project.
//!
//! Offline pip writes an empty list and ends with 0, so it is also asked for the releases of one package that is there.

use std::path::Path;

use async_trait::async_trait;
use pilotage_core::gate::Measured;
use serde_json::{Value as Json, json};

use super::{
    audit::text,
    outdated::{self, Looked, Old, Section, failed},
};
use crate::{Collector, CollectorKind, Measures, Site};

const ENVIRONMENT: &str = ".venv/bin/python";

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "pip-outdated",
    build: |value| Ok(Box::new(PipOutdated(Section::read(value)?))),
    detect: |root: &Path| root.join(ENVIRONMENT).is_file().then(|| json!({})),
    schema: <Section as schemars::JsonSchema>::json_schema,
};

struct PipOutdated(Section);

#[async_trait]
impl Collector for PipOutdated {
    fn measures(&self) -> Measures {
        outdated::measures()
    }

    async fn collect(&self, site: &Site) -> Measured {
        self.0.answer(self.look(&self.0.folder(site)).await)
    }
}

impl PipOutdated {
    async fn look(&self, folder: &Path) -> Result<Looked, String> {
        let (all, _) = self.list(folder, &[]).await?;
        let first = all.first().ok_or("the environment holds no package")?;
        let name = text(first, "/name");
        let asked = self.pip(folder, &["index", "versions", &name]).await?;
        if asked.code != Some(0) {
            return Err(failed("asking the package index", &asked));
        }
        let (old, output) = self.list(folder, &["--outdated"]).await?;
        let old = old.iter().map(|package| Old {
            name: text(package, "/name"),
            current: text(package, "/version"),
            latest: text(package, "/latest_version"),
        });
        Ok(Looked {
            old: old.collect(),
            direct: all.len() as u64,
            output,
            tool: "pip list --outdated",
        })
    }

    /// Packages that no other one needs.
    async fn list(&self, folder: &Path, more: &[&str]) -> Result<(Vec<Json>, Vec<u8>), String> {
        let arguments = [&["list", "--not-required", "--format", "json"], more].concat();
        let ran = self.pip(folder, &arguments).await?;
        if ran.code != Some(0) {
            return Err(failed("pip list", &ran));
        }
        let list = serde_json::from_slice(&ran.out).map_err(|error| format!("pip list: {error}"))?;
        Ok((list, ran.out))
    }

    async fn pip(&self, folder: &Path, arguments: &[&str]) -> Result<crate::process::Ran, String> {
        let usual = if folder.join(ENVIRONMENT).is_file() {
            ENVIRONMENT
        } else {
            "python3"
        };
        let pip = ["-m", "pip", "--disable-pip-version-check"];
        self.0.run(folder, &[usual], &[&pip, arguments].concat()).await
    }
}
