//! Nothing that is registered is forgotten: every source, notifier and action kind is documented, in the schema and backed
//! by a fixture, the pages in `docs/reference` say what the program says, and every example holds.
//!
//! `UPDATE=1 cargo test -p pilotage --test registered` writes the pages of `docs/reference` anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod examples;
mod kinds;
mod operators;
mod pages;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use assert_cmd::cargo::cargo_bin_cmd;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The program in an empty environment, in a folder of its own.
fn pilotage(place: &Path, arguments: &[&str], environment: &BTreeSet<String>) -> Output {
    let mut command = cargo_bin_cmd!("pilotage");
    let variables = environment.iter().map(|name| (name, value_of(name)));
    command
        .env_clear()
        .envs(variables)
        .current_dir(place)
        .args(arguments)
        .output()
        .unwrap()
}

/// Something that is right for what the name of the variable says; the key of Standard Webhooks does for any secret.
fn value_of(variable: &str) -> &'static str {
    if variable.ends_with("_URL") {
        "https://hooks.example.com/t0k3n"
    } else {
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    }
}

#[track_caller]
fn said(arguments: &[&str]) -> String {
    let place = tempfile::tempdir().unwrap();
    let output = pilotage(place.path(), arguments, &BTreeSet::new());
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn place_with(config: &str) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("pilotage.yaml"), config).unwrap();
    place
}
