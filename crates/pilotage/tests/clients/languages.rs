//! The clients for Python and Ruby, by their own tests: against servers that misbehave, and against this one.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::named_by;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../clients")
        .join(name)
}

/// The folder that pip installed into.
fn python() -> Option<PathBuf> {
    named_by(
        "PILOTAGE_PYTHON_TOOLS",
        "run `pip install --target FOLDER -r .ci/python/requirements.txt` and name that folder",
    )
}

/// A module of Python that must be content with the client.
fn python_module(tools: &Path, arguments: &[&str]) {
    let mut command = Command::new("python3");
    command
        .arg("-m")
        .args(arguments)
        .current_dir(folder("python"))
        .env("PYTHONPATH", tools)
        // Nothing is left behind among the sources.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("RUFF_NO_CACHE", "true");
    succeeds(command);
}

fn succeeds(mut command: Command) {
    command.env("PILOTAGE_BIN", env!("CARGO_BIN_EXE_pilotage"));
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

#[test]
fn python_passes_its_tests() {
    let Some(tools) = python() else { return };
    python_module(&tools, &["pytest", "-q"]);
}

#[test]
fn python_is_typed_and_tidy() {
    let Some(tools) = python() else { return };
    python_module(
        &tools,
        &["mypy", "--cache-dir=/dev/null", "src", "tests", "examples"],
    );
    python_module(&tools, &["ruff", "check", "."]);
    python_module(&tools, &["ruff", "format", "--check", "."]);
}

#[test]
fn ruby_passes_its_tests() {
    let how = "install Debian's packages ruby, ruby-rspec and ruby-websocket-driver, and name `rspec`";
    let Some(rspec) = named_by("PILOTAGE_RSPEC", how) else {
        return;
    };
    let mut command = Command::new(rspec);
    command.current_dir(folder("ruby"));
    succeeds(command);
}
