//! A repository with tests in it, and what `pilotage test` makes of it.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use assert_cmd::{Command, cargo::cargo_bin_cmd};
use serde_json::Value;
use tempfile::TempDir;

/// What a variable names, or a line that says what is lacking.
pub(crate) fn lent(variable: &str, how: &str) -> Option<PathBuf> {
    let Some(path) = std::env::var_os(variable) else {
        let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "{variable} is not set: {how}");
        // Not by a print macro: what those write in a test that passes is captured, and nobody would see it.
        let _ = writeln!(std::io::stderr(), "skipped: {variable} is not set: {how}");
        return None;
    };
    Some(PathBuf::from(path))
}

/// The folder with the package pytest.
pub(crate) fn pytest() -> Option<PathBuf> {
    lent(
        "PILOTAGE_PYTEST",
        "`pip install --target FOLDER pytest`, and name the folder",
    )
}

/// The folder whose `node_modules` hold vitest and jest.
pub(crate) fn js_runners() -> Option<PathBuf> {
    lent(
        "PILOTAGE_JS_RUNNERS",
        "`npm ci` in a copy of .ci/js-runners, and name the folder",
    )
}

/// RSpec.
pub(crate) fn rspec() -> Option<PathBuf> {
    lent(
        "PILOTAGE_RSPEC",
        "`apt-get install ruby-rspec`, and name the program rspec",
    )
}

/// Go.
pub(crate) fn go() -> Option<PathBuf> {
    lent(
        "PILOTAGE_GO",
        "`apt-get install golang-go`, and name the program go",
    )
}

/// A repository.
pub(crate) struct Repository {
    folder: TempDir,
    set: Vec<(String, PathBuf)>,
}

impl Repository {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            set: Vec::new(),
        }
    }

    /// With pytest; `None` where there is none.
    pub(crate) fn with_pytest() -> Option<Self> {
        let mut repository = Self::new();
        repository.set("PYTHONPATH", pytest()?);
        Some(repository)
    }

    /// With vitest and jest; `None` where there are none.
    pub(crate) fn with_js() -> Option<Self> {
        let repository = Self::new();
        let modules = js_runners()?.join("node_modules");
        std::os::unix::fs::symlink(modules, repository.path().join("node_modules")).unwrap();
        Some(repository)
    }

    pub(crate) fn set(&mut self, name: &str, value: PathBuf) {
        self.set.push((name.to_owned(), value));
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A program that is written here.
    pub(crate) fn program(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        self.write(name, text);
        fs::set_permissions(self.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// `pilotage test` with these arguments, in an environment with what is needed to find runners.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = cargo_bin_cmd!("pilotage");
        let given = [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "GOCACHE",
        ];
        let given = given
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        command
            .env_clear()
            .envs(given)
            .envs(self.set.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .arg("test")
            .args(arguments.split_whitespace());
        command
    }

    /// The exit code and the report of `test run`.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &str) -> (i32, Value) {
        let output = self
            .command(&format!("run --format json {arguments}"))
            .output()
            .unwrap();
        let report =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"));
        (output.status.code().unwrap(), report)
    }
}

/// Every problem that a report tells of, with its file.
pub(crate) fn problems(report: &Value) -> Vec<String> {
    let of = |about: &str, problems: &Value| -> Vec<String> {
        let texts = problems
            .as_array()
            .unwrap()
            .iter()
            .map(|problem| problem["text"].as_str().unwrap());
        texts.map(|text| format!("{about}: {text}")).collect()
    };
    let mut all = of("", &report["verdict"]["problems"]);
    for suite in report["verdict"]["suites"].as_array().unwrap() {
        all.extend(of("", &suite["problems"]));
        for (file, result) in suite["files"].as_object().unwrap() {
            all.extend(of(file, &result["problems"]));
        }
    }
    all
}

/// Every test of a report: suite, name and how it stands, sorted.
pub(crate) fn tests(report: &Value) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for suite in report["verdict"]["suites"].as_array().unwrap() {
        for file in suite["files"].as_object().unwrap().values() {
            for test in file["tests"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                all.push((text(&suite["name"]), text(&test["name"]), text(&test["state"])));
            }
        }
    }
    all.sort();
    all
}

/// A run that is red, with exactly one problem, which holds all of these words.
#[track_caller]
pub(crate) fn assert_red(found: &(i32, Value), words: &[&str]) {
    let (code, report) = found;
    let problems = problems(report);
    assert_eq!(*code, 1, "{report:#}");
    assert_eq!(report["verdict"]["passed"], false);
    let is_named = problems
        .iter()
        .any(|problem| words.iter().all(|word| problem.contains(word)));
    assert!(is_named, "{words:?}: {problems:#?}");
}
