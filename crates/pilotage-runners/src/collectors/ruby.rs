//! `ruby`: what does not parse, and lint, by `RuboCop`. What it calls conventions, refactorings and warnings are warnings here.

use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::language::{self, Check, Found, Language, Packages};
use crate::{CollectorKind, process::Ran};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "ruby",
    build: |value| language::build(&RUBY, value),
    detect: |root: &Path| root.join("Gemfile").is_file().then(|| json!({})),
    schema: <language::Section as schemars::JsonSchema>::json_schema,
};

static RUBY: Language = Language {
    version: "-V",
    ignored: &["*.rb", "*.rake", "*.gemspec", ":(exclude,glob)**/vendor/**"],
    packages: Packages::DoNotMatter,
    tools: "bin",
    check: None,
    lint: Check {
        program: "rubocop",
        arguments: &[],
        always: &["--format", "json"],
        codes: &[0, 1],
        read: rubocop,
        files: None,
    },
};

#[derive(Deserialize)]
struct Report {
    files: Vec<File>,
    summary: Summary,
}

#[derive(Deserialize)]
struct File {
    path: String,
    offenses: Vec<Offense>,
}

#[derive(Deserialize)]
struct Offense {
    severity: String,
    message: String,
    cop_name: String,
    location: Location,
}

#[derive(Deserialize)]
struct Location {
    line: u64,
}

#[derive(Deserialize)]
struct Summary {
    target_file_count: u64,
    inspected_file_count: u64,
}

fn rubocop(ran: &Ran) -> Result<Found, String> {
    let report: Report = serde_json::from_slice(&ran.out).map_err(|error| format!("no report: {error}"))?;
    let Summary {
        target_file_count: all,
        inspected_file_count: files,
    } = report.summary;
    if files < all {
        return Err(format!("it looked at {files} of {all} files"));
    }
    let mut found = Found {
        files,
        ..Found::default()
    };
    for file in &report.files {
        for offense in &file.offenses {
            let text = format!(
                "{}:{}: {} ({})",
                file.path, offense.location.line, offense.message, offense.cop_name
            );
            match (offense.severity.as_str(), offense.cop_name.as_str()) {
                (_, "Lint/Syntax") => {
                    found.broken.push(text.clone());
                    found.errors.push(text);
                }
                ("error" | "fatal", _) => found.errors.push(text),
                _ => found.warnings.push(text),
            }
        }
    }
    Ok(found)
}
