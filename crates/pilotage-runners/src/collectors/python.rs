//! `python`: type errors by mypy, lint by ruff.

use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::language::{self, Check, Found, Language, Packages};
use crate::{CollectorKind, process::Ran};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "python",
    build: |value| language::build(&PYTHON, value),
    detect: |root: &Path| {
        let names = ["pyproject.toml", "setup.py", "setup.cfg"];
        names
            .iter()
            .any(|name| root.join(name).is_file())
            .then(|| json!({}))
    },
    schema: <language::Section as schemars::JsonSchema>::json_schema,
};

static PYTHON: Language = Language {
    version: "--version",
    ignored: &[
        "*.py",
        "*.pyi",
        "*.toml",
        "*.cfg",
        "*.ini",
        ":(exclude,glob)**/.venv/**",
    ],
    packages: Packages::Command(&[
        "python",
        "-m",
        "pip",
        "list",
        "--format",
        "freeze",
        "--disable-pip-version-check",
    ]),
    tools: ".venv/bin",
    check: Some(Check {
        program: "mypy",
        arguments: &["."],
        always: &["--no-color-output", "--no-pretty"],
        codes: &[0, 1, 2],
        read: mypy,
        files: None,
    }),
    lint: Check {
        program: "ruff",
        arguments: &["check", "."],
        always: &["--output-format", "json"],
        codes: &[0, 1],
        read: ruff,
        files: Some(&["--show-files"]),
    },
};

/// The last line says how many files were looked at: `Success: no issues found in 5 source files`, or
/// `Found 2 errors in 1 file (checked 5 source files)`; with a file that cannot be parsed nothing else was looked at.
fn mypy(ran: &Ran) -> Result<Found, String> {
    let text = String::from_utf8_lossy(&ran.out);
    let errors: Vec<_> = text
        .lines()
        .filter(|line| line.contains(": error: "))
        .map(ToOwned::to_owned)
        .collect();
    let summary = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let files = if let Some(rest) = summary.strip_prefix("Success: no issues found in ") {
        number(rest)
    } else if let Some((_, rest)) = summary.split_once("(checked ") {
        number(rest)
    } else if summary.ends_with("(errors prevented further checking)") && !errors.is_empty() {
        Some(1)
    } else {
        None
    };
    let files = files.ok_or("it does not say how many files it looked at")?;
    if (ran.code == Some(0)) != errors.is_empty() {
        return Err("its exit code and its findings contradict each other".to_owned());
    }
    Ok(Found {
        errors,
        files,
        ..Found::default()
    })
}

fn number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[derive(Deserialize)]
struct Finding {
    #[serde(default)]
    code: Option<String>,
    filename: String,
    message: String,
    location: Location,
}

#[derive(Deserialize)]
struct Location {
    row: u64,
}

/// Every finding of ruff is an error to it. The files are asked for on their own.
fn ruff(ran: &Ran) -> Result<Found, String> {
    let findings: Vec<Finding> =
        serde_json::from_slice(&ran.out).map_err(|error| format!("no report: {error}"))?;
    let errors = findings.iter().map(|finding| {
        let code = finding.code.as_deref().unwrap_or("syntax");
        format!(
            "{}:{}: {} ({code})",
            finding.filename, finding.location.row, finding.message
        )
    });
    Ok(Found {
        errors: errors.collect(),
        ..Found::default()
    })
}
