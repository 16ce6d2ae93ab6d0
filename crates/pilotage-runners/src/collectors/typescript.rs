//! `typescript`: type errors by `tsc`, lint by `ESLint`.

use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::language::{self, Check, Found, Language, Packages};
use crate::{CollectorKind, process::Ran};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "typescript",
    build: |value| language::build(&TYPESCRIPT, value),
    detect: |root: &Path| root.join("tsconfig.json").is_file().then(|| json!({})),
    schema: <language::Section as schemars::JsonSchema>::json_schema,
};

static TYPESCRIPT: Language = Language {
    version: "--version",
    ignored: &[
        "*.ts",
        "*.tsx",
        "*.mts",
        "*.cts",
        "*.js",
        "*.jsx",
        "*.mjs",
        "*.cjs",
        "*.json",
        ":(exclude,glob)**/node_modules/**",
    ],
    packages: Packages::File("node_modules/.package-lock.json"),
    tools: "node_modules/.bin",
    check: Some(Check {
        program: "tsc",
        arguments: &[],
        always: &["--noEmit", "--pretty", "false", "--listFiles"],
        codes: &[0, 1, 2],
        read: tsc,
        files: None,
    }),
    lint: Check {
        program: "eslint",
        arguments: &["."],
        always: &["--format", "json"],
        codes: &[0, 1],
        read: eslint,
        files: None,
    },
};

/// Findings are lines such as `src/a.ts(1,7): error TS2322: …`, or without a place; the other lines are the files.
fn tsc(ran: &Ran) -> Result<Found, String> {
    let text = String::from_utf8_lossy(&ran.out);
    let mut found = Found::default();
    for line in text.lines() {
        if line.contains("): error TS") || line.starts_with("error TS") {
            found.errors.push(line.to_owned());
        } else if line.starts_with('/') && !line.contains("/node_modules/") {
            found.files += 1;
        }
    }
    match (ran.code, found.errors.is_empty()) {
        (Some(0), true) | (Some(1 | 2), false) => Ok(found),
        _ => Err("its exit code and its findings contradict each other".to_owned()),
    }
}

#[derive(Deserialize)]
struct File {
    messages: Vec<Finding>,
    #[serde(rename = "filePath")]
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    severity: u8,
    message: String,
    #[serde(default)]
    rule_id: Option<String>,
    #[serde(default)]
    line: Option<u64>,
}

fn eslint(ran: &Ran) -> Result<Found, String> {
    let files: Vec<File> = serde_json::from_slice(&ran.out).map_err(|error| format!("no report: {error}"))?;
    let mut found = Found {
        files: files.len() as u64,
        ..Found::default()
    };
    for file in &files {
        for message in &file.messages {
            let rule = message.rule_id.as_deref().unwrap_or("no rule");
            let line = message.line.unwrap_or_default();
            let text = format!("{}:{line}: {} ({rule})", file.path, message.message);
            match message.severity {
                2 => found.errors.push(text),
                _ => found.warnings.push(text),
            }
        }
    }
    Ok(found)
}
