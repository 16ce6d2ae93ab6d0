//! `pilotage gate` from outside: real reports and real commands in a folder of their own, on both sides of every criterion.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod both_sides;
mod caching;
mod formats;
mod kept;
mod needs;
mod no_evidence;
mod processes;
mod projects;
mod refused;
mod secrets;

use std::{
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::{Command, cargo::cargo_bin_cmd};
use serde_json::Value;
use tempfile::TempDir;

/// A repository to judge.
struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With this configuration behind `version: 1`.
    fn configured(config: &str) -> Self {
        let repository = Self::new();
        repository.write("pilotage.yaml", &format!("version: 1\n{config}"));
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `pilotage gate` with these arguments, in an environment with what is needed to run a compiler.
    fn command(&self, arguments: &str) -> Command {
        let mut command = cargo_bin_cmd!("pilotage");
        let given = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
        let given = given
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        command
            .env_clear()
            .envs(given)
            .envs(self.cargo_home().map(|home| ("CARGO_HOME", home)))
            .current_dir(self.path())
            .arg("gate")
            .args(arguments.split_whitespace());
        command
    }

    /// The folder of a registry of its own, where it has one.
    fn cargo_home(&self) -> Option<PathBuf> {
        Some(self.path().join(".cargo-home")).filter(|home| home.is_dir())
    }

    /// The exit code and the report of `gate run`.
    #[track_caller]
    fn judge(&self, arguments: &str) -> (i32, Value) {
        let output = self
            .command(&format!("run --format json {arguments}"))
            .output()
            .unwrap();
        let report =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (output.status.code().unwrap(), report)
    }

    /// How one criterion came out, and why.
    #[track_caller]
    fn state(&self, gate: &str, metric: &str) -> (String, String) {
        let (_, report) = self.judge(&format!("--gate {gate}"));
        let found = criterion(&report, metric).unwrap_or_else(|| panic!("no {metric}: {report:#}"));
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        (text("state"), text("reason"))
    }
}

fn criterion<'a>(report: &'a Value, metric: &str) -> Option<&'a Value> {
    let gates = report["gates"].as_array().unwrap().iter();
    gates
        .flat_map(|gate| gate["criteria"].as_array().unwrap())
        .find(|criterion| criterion["metric"] == metric)
}
