//! `bundler-outdated`: gems with a newer release, by `bundle outdated --only-explicit --parseable`.

use std::path::Path;

use async_trait::async_trait;
use pilotage_core::gate::Measured;
use serde_json::json;

use super::outdated::{self, Looked, Old, Section, failed};
use crate::{Collector, CollectorKind, Measures, Site};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "bundler-outdated",
    build: |value| Ok(Box::new(BundlerOutdated(Section::read(value)?))),
    detect: |root: &Path| root.join("Gemfile.lock").is_file().then(|| json!({})),
    schema: <Section as schemars::JsonSchema>::json_schema,
};

struct BundlerOutdated(Section);

#[async_trait]
impl Collector for BundlerOutdated {
    fn measures(&self) -> Measures {
        outdated::measures()
    }

    async fn collect(&self, site: &Site) -> Measured {
        self.0.answer(self.look(&self.0.folder(site)).await)
    }
}

impl BundlerOutdated {
    async fn look(&self, folder: &Path) -> Result<Looked, String> {
        let lock = std::fs::read_to_string(folder.join("Gemfile.lock"))
            .map_err(|error| format!("Gemfile.lock: {error}"))?;
        let arguments = ["outdated", "--only-explicit", "--parseable"];
        let ran = self.0.run(folder, &["bundle"], &arguments).await?;
        let said = String::from_utf8_lossy(&ran.out);
        let old: Vec<_> = said.lines().filter_map(old).collect();
        // 1 says that there are some; anything else is a failure, as is 1 without any.
        match ran.code {
            Some(0) => {}
            Some(1) if !old.is_empty() => {}
            _ => return Err(failed("bundle outdated", &ran)),
        }
        Ok(Looked {
            old,
            direct: direct(&lock),
            output: ran.out,
            tool: "bundle outdated",
        })
    }
}

/// The names below `DEPENDENCIES`.
fn direct(lock: &str) -> u64 {
    let below = lock.lines().skip_while(|line| *line != "DEPENDENCIES").skip(1);
    below.take_while(|line| line.starts_with("  ")).count() as u64
}

/// `rack (newest 3.1.0, installed 2.2.0, requested ~> 2.2)`.
fn old(line: &str) -> Option<Old> {
    let (name, rest) = line.trim().split_once(" (newest ")?;
    let (latest, rest) = rest.split_once(", installed ")?;
    let current = rest.split([',', ')', ' ']).next()?;
    Some(Old {
        name: name.to_owned(),
        current: current.to_owned(),
        latest: latest.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_bundler_are_read() {
        let found = old("rack (newest 3.1.0, installed 2.2.0, requested ~> 2.2)").unwrap();
        let expected = ["rack", "2.2.0", "3.1.0"].map(ToOwned::to_owned);
        assert_eq!([found.name, found.current, found.latest], expected);
        assert_eq!(old("Bundle up to date!"), None);
        let lock = "GEM\n  specs:\n    rack (2.2.0)\n\nDEPENDENCIES\n  rack (~> 2.2)\n  rake\n\nBUNDLED WITH\n   2.4.0\n";
        assert_eq!(direct(lock), 2);
    }
}
