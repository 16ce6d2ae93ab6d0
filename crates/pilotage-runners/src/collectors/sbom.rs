//! `sbom`: what the software is made of, from its lock files, as a `CycloneDX` document (<https://cyclonedx.org>, version 1.5).
//!
//! The document holds neither time nor number of its own, so that the same lock files give the same bytes and digest.

use std::{collections::BTreeMap, fs::File, path::Path};

use async_trait::async_trait;
use pilotage_core::{
    Digest,
    config::Problem,
    gate::{Evidence, EvidenceFile, Measured, Tool, Unit},
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::section;
use crate::{
    Collector, CollectorKind, Measures, Site,
    locks::{self, Locked},
    reading::{Bounded, Files, Proof, count, is_within},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "sbom",
    build,
    detect: |_| None,
    schema: <Section as schemars::JsonSchema>::json_schema,
};

const METRIC: &str = "sbom_components";

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// Lock files, from the folder of the repository; each by its usual name.
    #[schemars(length(min = 1, max = 64))]
    locks: Vec<String>,
    /// Where the document is written, from the folder of the repository; its folder must be there.
    output: String,
}

struct Sbom(Section);

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    let mut problems = Vec::new();
    if !(1..=64).contains(&section.locks.len()) {
        problems.push(Problem::at("/locks", "between 1 and 64 lock files"));
    }
    let named = section.locks.iter().enumerate();
    let places = named.map(|(place, path)| (format!("/locks/{place}"), path));
    for (pointer, path) in places.chain([("/output".to_owned(), &section.output)]) {
        if !is_within(path) || path.contains(['*', '?', '[']) {
            problems.push(Problem::at(
                pointer,
                "a path from the folder of the repository, without `..`",
            ));
        }
    }
    if problems.is_empty() {
        Ok(Box::new(Sbom(section)))
    } else {
        Err(problems)
    }
}

#[async_trait]
impl Collector for Sbom {
    fn measures(&self) -> Measures {
        vec![(METRIC.to_owned(), Unit::Count)]
    }

    async fn collect(&self, site: &Site) -> Measured {
        Measured::from([(METRIC.to_owned(), self.make(site).await)])
    }
}

impl Sbom {
    async fn make(&self, site: &Site) -> Result<Evidence, String> {
        let mut components = BTreeMap::new();
        let mut from: Option<Proof> = None;
        for path in &self.0.locks {
            let files = Files {
                files: vec![path.clone()],
                max_age: None,
                at_least: None,
            };
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            let ((_, found), proof) = files.read(&site.root, (name, Vec::new()), read).await?;
            components.extend(found.iter().map(|package| (package.purl(), component(package))));
            from = Some(match from {
                Some(before) => before.beside(&proof),
                None => proof,
            });
        }
        let number = components.len() as u64;
        let text = document(&components.into_values().collect::<Vec<_>>());
        write(&site.root, &self.0.output, &text)?;
        let tool = Tool {
            name: "pilotage".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        };
        let proof = Proof::of_run(tool, text.as_bytes(), 1);
        let proof = from.map_or(proof.clone(), |from| proof.beside(&from));
        let note = format!("written to {}", self.0.output);
        let mut evidence = proof.evidence(count(number), Unit::Count, (number, "packages"), &[note]);
        evidence.files.push(EvidenceFile {
            path: self.0.output.clone(),
            digest: Digest::of(text.as_bytes()),
        });
        evidence.file_count += 1;
        Ok(evidence)
    }
}

fn read(found: &mut (String, Vec<Locked>), input: &mut Bounded<File>) -> Result<(), String> {
    let text = input.whole(4).map_err(|error| error.to_string())?;
    found.1 = locks::read(&found.0, &text)?;
    Ok(())
}

fn component(package: &Locked) -> Json {
    let purl = package.purl();
    let mut component = json!({
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
    });
    if let Some((algorithm, digest)) = &package.hash {
        component["hashes"] = json!([{ "alg": algorithm, "content": digest }]);
    }
    component
}

fn document(components: &[Json]) -> String {
    let tool = json!({ "type": "application", "name": "pilotage", "version": env!("CARGO_PKG_VERSION") });
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "tools": { "components": [tool] } },
        "components": components,
    });
    format!("{document:#}\n")
}

/// Into a folder that is really within the repository, and never through a link.
fn write(root: &Path, output: &str, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{output}: {error}");
    let path = root.join(output);
    let folder = path.parent().unwrap_or(root).canonicalize().map_err(failed)?;
    if !folder.starts_with(root.canonicalize().map_err(failed)?) {
        return Err(format!("{output}: it leads out of the repository"));
    }
    if path.symlink_metadata().is_ok_and(|about| about.is_symlink()) {
        return Err(format!("{output}: it is a link"));
    }
    std::fs::write(path, text).map_err(failed)
}
