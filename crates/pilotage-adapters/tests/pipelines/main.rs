//! Pipelines: what a reader sees of each platform, whether the platforms' own rules take it, and what our own checks find.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod clean;
mod generate;
mod golden;
mod importing;
mod mutants;
mod validators;

use std::path::{Path, PathBuf};

use pilotage_core::{
    config::Document,
    pipeline::{Pipeline, PipelineFile, resolve},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The pipeline of an example.
fn example(name: &str) -> Pipeline {
    let path = root().join(format!("examples/pipelines/{name}.yaml"));
    let document = Document::parse(std::fs::read_to_string(path).unwrap()).unwrap();
    let pipelines = document.value()["pipelines"].as_object().unwrap();
    let id = pipelines.keys().next().unwrap();
    let file: PipelineFile = document.read(&format!("/pipelines/{id}")).unwrap();
    resolve(id, &file).unwrap()
}

/// How many definitions are made.
const DEFINITIONS: u64 = 200;

/// Both examples, and definitions that differ in all that a definition can say.
fn pipelines() -> Vec<Pipeline> {
    let made = (0..DEFINITIONS).map(generate::pipeline);
    ["node", "rust"].into_iter().map(example).chain(made).collect()
}
