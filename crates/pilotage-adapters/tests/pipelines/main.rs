//! Pipelines: what a reader sees of each platform, whether the platforms' own rules take it, and what our own checks find.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod golden;

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
