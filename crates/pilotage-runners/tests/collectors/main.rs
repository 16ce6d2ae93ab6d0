//! The collectors, on projects and reports in a folder of their own.
//!
//! Scanners are models of the real ones here: small programs that answer what the real ones were seen to answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod audits;
mod change;
mod hostile;
mod languages;
mod mutations;
mod performance;
mod policies;
mod sbom;

use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

use pilotage_core::gate::{Evidence, Measured, Value};
use pilotage_runners::{Site, Source, collector};
use serde_json::json;
use tempfile::TempDir;

/// A repository to look at.
struct Project(TempDir);

impl Project {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Runs git as a person of its own.
    fn git(&self, arguments: &[&str]) {
        let done = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// A repository with one commit of this message; its hash.
    fn commit(&self, message: &str) -> String {
        self.git(&["init", "-q", "-b", "main"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        let head = fs::read_to_string(self.path().join(".git/refs/heads/main")).unwrap();
        head.trim().to_owned()
    }

    /// What a source of this section measures of `metric`.
    async fn measure(&self, section: serde_json::Value, metric: &str) -> Result<Evidence, String> {
        self.conclude(section, metric, &Measured::new()).await
    }

    /// The same, knowing what was measured before.
    async fn conclude(
        &self,
        section: serde_json::Value,
        metric: &str,
        known: &Measured,
    ) -> Result<Evidence, String> {
        let source = source(section);
        let site = Site {
            root: self.path().to_owned(),
        };
        let mut found = source.conclude(&site, Duration::from_mins(2), known).await;
        found
            .remove(metric)
            .unwrap_or_else(|| panic!("nothing on {metric}"))
    }

    /// The number, or the reason for there being none.
    async fn number(&self, section: serde_json::Value, metric: &str) -> Result<f64, String> {
        match self.measure(section, metric).await?.value {
            Value::Number(number) => Ok(number),
            other => panic!("{other:?} is no number"),
        }
    }
}

#[track_caller]
fn source(section: serde_json::Value) -> Source {
    let sections = BTreeMap::from([("it".to_owned(), section)]);
    let mut sources = collector::configured(&sections).unwrap_or_else(|problems| panic!("{problems:?}"));
    sources.remove(0)
}

/// What is wrong with a section.
#[track_caller]
fn problems(section: serde_json::Value) -> Vec<String> {
    let sections = BTreeMap::from([("it".to_owned(), section)]);
    let found = collector::configured(&sections).err().unwrap_or_default();
    found
        .iter()
        .map(|problem| format!("{}: {}", problem.pointer, problem.message))
        .collect()
}

#[test]
fn what_a_section_says_wrongly_is_told_at_its_place() {
    let cases = [
        (
            json!({ "kind": "npm-audit", "folder": "../x" }),
            "/evidence/it/folder: a path",
        ),
        (
            json!({ "kind": "npm-audit", "vex": ["/etc/x"] }),
            "/evidence/it/vex/0: a path",
        ),
        (
            json!({ "kind": "pip-audit", "maxDatabaseAge": "soon" }),
            "/evidence/it/maxDatabaseAge: expected a time",
        ),
        (
            json!({ "kind": "cargo-audit", "ignore": [{ "id": "X", "reason": " ", "expires": "2026-12-31" }] }),
            "/evidence/it/ignore/0/reason: say why",
        ),
        (
            json!({ "kind": "cargo-audit", "ignore": [{ "id": "X", "reason": "r", "expires": "never" }] }),
            "/evidence/it/ignore/0/expires: a day",
        ),
        (
            json!({ "kind": "npm-outdated", "folder": "/" }),
            "/evidence/it/folder: a path",
        ),
    ];
    for (section, expected) in cases {
        let found = problems(section.clone());
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{section}: {found:?}"
        );
    }
}
