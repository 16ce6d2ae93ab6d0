//! `npm-audit`: known vulnerabilities of npm packages, by `npm audit --json` (report version 2, npm 7 and later).
//!
//! Where the registry has no such service, npm writes an error in place of a report. It counts packages, as npm does.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::audit::{self, Scanner, json, text};
use crate::{
    CollectorKind,
    audit::{Audited, Finding, Severity},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "npm-audit",
    build: |value| audit::build(&SCANNER, value),
    detect: |root| audit::detect(&SCANNER, root),
    schema: <audit::Section as schemars::JsonSchema>::json_schema,
};

static SCANNER: Scanner = Scanner {
    program: &["npm", "audit"],
    arguments: |_| vec!["--json".to_owned(), "--package-lock-only".to_owned()],
    locks: &["package-lock.json", "npm-shrinkwrap.json"],
    codes: &[0, 1],
    read,
    control: &[
        (
            "package-lock.json",
            r#"{"name":"planted","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{"":{"name":"planted","version":"1.0.0","dependencies":{"minimist":"0.0.8"}},"node_modules/minimist":{"version":"0.0.8","resolved":"https://registry.npmjs.org/minimist/-/minimist-0.0.8.tgz","integrity":"sha512-miQKw5Hv4NS1Psg2517mV4e4dYNaO3++hjAvLOAzKqZ61rH8NS1SK+vbfBWZ5PY/Me/bEWhUwqMghEW5Fb9T7Q=="}}}"#,
        ),
        (
            "package.json",
            r#"{"name":"planted","version":"1.0.0","private":true,"dependencies":{"minimist":"0.0.8"}}"#,
        ),
    ],
};

fn read(output: &[u8]) -> Result<Audited, String> {
    let report = json(output)?;
    if report.get("error").is_some() {
        let message = [text(&report, "/message"), text(&report, "/error/summary")].join(" ");
        return Err(format!("it could not ask: {}", message.trim()));
    }
    if report.get("auditReportVersion").and_then(Json::as_u64) != Some(2) {
        return Err("it is no audit report of version 2".to_owned());
    }
    let packages = report.get("vulnerabilities").and_then(Json::as_object);
    let packages = packages.ok_or("it has no `vulnerabilities`")?;
    let findings: Vec<Finding> = packages
        .iter()
        .map(|(name, package)| finding(name, package, packages))
        .collect();
    let counted = report
        .pointer("/metadata/vulnerabilities/total")
        .and_then(Json::as_u64);
    if counted != Some(findings.len() as u64) {
        return Err("it lists another number of packages than it counts".to_owned());
    }
    Ok(Audited {
        findings,
        looked_at: report
            .pointer("/metadata/dependencies/total")
            .and_then(Json::as_u64),
        ..Audited::default()
    })
}

fn finding(name: &str, package: &Json, packages: &Map<String, Json>) -> Finding {
    let mut seen = BTreeSet::new();
    let mut advisories = Vec::new();
    collect(name, packages, &mut seen, &mut advisories);
    Finding {
        package: name.to_owned(),
        version: String::new(),
        ecosystem: "npm".to_owned(),
        advisories,
        severity: Severity::of_word(&text(package, "/severity")),
    }
}

/// The advisories of a package and of those through which it is vulnerable; packages may name each other in circles.
fn collect(
    name: &str,
    packages: &Map<String, Json>,
    seen: &mut BTreeSet<String>,
    advisories: &mut Vec<Vec<String>>,
) {
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        let via = packages.get(&name).and_then(|package| package.get("via"));
        if !seen.insert(name) {
            continue;
        }
        for cause in via.and_then(Json::as_array).into_iter().flatten() {
            match cause {
                Json::String(other) => open.push(other.clone()),
                cause => advisories.push(names(cause)),
            }
        }
    }
}

/// The advisory's name is the end of its address; npm's own number is another.
fn names(cause: &Json) -> Vec<String> {
    let url = text(cause, "/url");
    let id = url.rsplit('/').next().unwrap_or_default().to_owned();
    let number = cause.get("source").map(ToString::to_string);
    [id].into_iter()
        .chain(number)
        .filter(|name| !name.is_empty())
        .collect()
}
