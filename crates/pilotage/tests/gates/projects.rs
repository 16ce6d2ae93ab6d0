//! Three projects that nobody here wrote: what the gates say of them is what the tools say themselves.
//!
//! `.ci/gates/projects.sh FOLDER` brings them; `PILOTAGE_GATE_PROJECTS` names the folder.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use crate::criterion;

/// What the tools say, by metric.
type Numbers = Vec<(&'static str, f64)>;

fn project(name: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("PILOTAGE_GATE_PROJECTS") {
        return Some(Path::new(&folder).join(name));
    }
    let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "PILOTAGE_GATE_PROJECTS is not set");
    let _ = writeln!(
        std::io::stderr(),
        "skipped: PILOTAGE_GATE_PROJECTS is not set; `.ci/gates/projects.sh FOLDER` brings the projects"
    );
    None
}

/// Runs one tool of a project, with its own tools before others, and without what the test runner sets for its own build.
fn tool(folder: &Path, line: &str) -> Output {
    let own = [folder.join("node_modules/.bin"), folder.join(".venv/bin")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).unwrap();
    let given = ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    let given = given
        .iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env_clear()
        .envs(given)
        .env("PATH", path)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

/// The number before a word, such as 242 in `242 passed`.
#[track_caller]
fn before(text: &str, word: &str) -> f64 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let found = words
        .windows(2)
        .rev()
        .find(|pair| pair[1].trim_end_matches([';', ',']) == word);
    found.map_or(0.0, |pair| pair[0].parse().unwrap())
}

fn share(part: &Value, all: &Value) -> f64 {
    100.0 * part.as_f64().unwrap() / all.as_f64().unwrap()
}

/// Runs the gates and holds their numbers against these.
#[track_caller]
fn compare(folder: &Path, expected: &Numbers) {
    let gates = format!(
        "{} gate run --fresh --no-keep --format json --gate build-validation --gate test-validation",
        cargo_bin!("pilotage").display()
    );
    let output = tool(folder, &gates);
    let report = json(&output);
    for (metric, expected) in expected {
        let found = criterion(&report, metric).unwrap_or_else(|| panic!("no {metric}"));
        let value = found["evidence"]["value"].as_f64();
        let value = value.unwrap_or_else(|| panic!("{found:#}"));
        assert!(
            (value - expected).abs() < 1e-6,
            "{metric}: {value}, by hand {expected}"
        );
        let expects_pass = match *metric {
            "compile_errors" | "lint_errors" => *expected == 0.0,
            "code_coverage_lines" => *expected >= 85.0,
            "code_coverage_branches" => *expected >= 80.0,
            "code_coverage_functions" => *expected >= 90.0,
            _ => *expected >= 100.0,
        };
        assert_eq!(found["state"] == "passed", expects_pass, "{found:#}");
    }
    let ready = report["deploymentReady"] == true;
    assert_eq!(output.status.code(), Some(i32::from(!ready)));
}

/// How many diagnostics with a place and of the level `error` cargo writes, each once.
fn diagnostics(output: &Output) -> f64 {
    let mut found: Vec<(String, String)> = text(output)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["reason"] == "compiler-message" && line["message"]["level"] == "error")
        .map(|line| line["message"].clone())
        .filter(|message| message["spans"].as_array().is_some_and(|spans| !spans.is_empty()))
        .map(|message| {
            let main = message["spans"].as_array().unwrap().iter();
            let main = main.clone().find(|span| span["is_primary"] == true).unwrap();
            let place = format!(
                "{}:{}:{}",
                main["file_name"], main["line_start"], main["column_start"]
            );
            (place, message["message"].to_string())
        })
        .collect();
    found.sort();
    found.dedup();
    count(found.len())
}

#[test]
fn a_crate() {
    let Some(folder) = project("rust") else { return };
    let tests = tool(&folder, "cargo test --offline >test.log 2>&1; cat test.log");
    let said = text(&tests);
    let summaries: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("test result:"))
        .collect();
    let passed: f64 = summaries.iter().map(|line| before(line, "passed")).sum();
    let failed: f64 = summaries.iter().map(|line| before(line, "failed")).sum();
    assert!(passed > 10.0, "{said}");
    let built = tool(&folder, "cargo build --offline --workspace --message-format=json");
    let lint =
        "touch src/lib.rs; cargo clippy --offline --message-format=json --all-targets -- -D clippy::pedantic";
    let numbers = vec![
        ("compile_errors", diagnostics(&built)),
        ("lint_errors", diagnostics(&tool(&folder, lint))),
        ("test_success_rate", 100.0 * passed / (passed + failed)),
    ];
    compare(&folder, &numbers);
}

#[test]
fn a_typescript_package() {
    let Some(folder) = project("typescript") else {
        return;
    };
    let said = text(&tool(&folder, "vitest run --no-color"));
    let summary = said
        .lines()
        .find(|line| line.trim_start().starts_with("Tests "))
        .unwrap_or(&said);
    let (passed, failed) = (before(summary, "passed"), before(summary, "failed"));
    assert!(passed > 100.0, "{said}");
    let types = text(&tool(&folder, "tsc --noEmit --pretty false"));
    let types = types.lines().filter(|line| line.contains("): error TS")).count();
    let lint = json(&tool(&folder, "eslint . --format json"));
    let lint: f64 = lint
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["errorCount"].as_f64().unwrap())
        .sum();
    // The gates read LCOV; these are the sums that the tool wrote itself.
    let summary = json(&tool(&folder, "cat coverage/coverage-summary.json"));
    let covered = |part: &str| {
        share(
            &summary["total"][part]["covered"],
            &summary["total"][part]["total"],
        )
    };
    let numbers = vec![
        ("compile_errors", count(types)),
        ("lint_errors", lint),
        ("test_success_rate", 100.0 * passed / (passed + failed)),
        ("code_coverage_lines", covered("lines")),
        ("code_coverage_branches", covered("branches")),
        ("code_coverage_functions", covered("functions")),
    ];
    compare(&folder, &numbers);
}

#[test]
fn a_python_package() {
    let Some(folder) = project("python") else { return };
    let tests = "PYTHONPATH=src python -m pytest --color=no --junitxml junit.xml --cov=src --cov-branch --cov-report json";
    let said = text(&tool(&folder, tests));
    let summary = said.lines().last().unwrap_or_default();
    let (passed, failed) = (before(summary, "passed"), before(summary, "failed"));
    assert!(passed > 100.0, "{said}");
    let types = text(&tool(&folder, "mypy --no-pretty src"));
    let types = types.lines().filter(|line| line.contains(": error: ")).count();
    let lint = json(&tool(
        &folder,
        "ruff check --select E,F,D,ANN --output-format json .",
    ));
    let totals = json(&tool(&folder, "cat coverage.json"))["totals"].clone();
    let numbers = vec![
        ("compile_errors", count(types)),
        ("lint_errors", count(lint.as_array().unwrap().len())),
        ("test_success_rate", 100.0 * passed / (passed + failed)),
        (
            "code_coverage_lines",
            share(&totals["covered_lines"], &totals["num_statements"]),
        ),
        (
            "code_coverage_branches",
            share(&totals["covered_branches"], &totals["num_branches"]),
        ),
    ];
    compare(&folder, &numbers);
}
