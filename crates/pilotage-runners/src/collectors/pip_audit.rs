//! `pip-audit`: known vulnerabilities of Python packages, by `pip-audit --format json`.
//!
//! It skips what its service does not know and still ends with 0 ("No known vulnerabilities found"), so that what was skipped
//! is no evidence. It gives no severities.

use serde_json::Value as Json;

use super::audit::{self, Scanner, json, text, texts};
use crate::{
    CollectorKind,
    audit::{Audited, Finding, Severity},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "pip-audit",
    build: |value| audit::build(&SCANNER, value),
    detect: |root| audit::detect(&SCANNER, root),
    schema: <audit::Section as schemars::JsonSchema>::json_schema,
};

static SCANNER: Scanner = Scanner {
    program: &["pip-audit"],
    arguments,
    locks: &["requirements.txt"],
    codes: &[0, 1],
    read,
    control: &[("requirements.txt", "jinja2==2.10\n")],
};

fn arguments(lock: &str) -> Vec<String> {
    let words = [
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--no-deps",
        "--disable-pip",
        "--requirement",
    ];
    words
        .iter()
        .copied()
        .chain([lock])
        .map(ToOwned::to_owned)
        .collect()
}

fn read(output: &[u8]) -> Result<Audited, String> {
    let report = json(output)?;
    let packages = report.get("dependencies").and_then(Json::as_array);
    let packages = packages.ok_or("it has no `dependencies`")?;
    let mut audited = Audited {
        looked_at: Some(0),
        ..Audited::default()
    };
    for package in packages {
        let name = text(package, "/name");
        let Some(found) = package.get("vulns").and_then(Json::as_array) else {
            audited
                .skipped
                .push(format!("{name}: {}", text(package, "/skip_reason")));
            continue;
        };
        audited.looked_at = audited.looked_at.map(|looked_at| looked_at + 1);
        audited.findings.extend(found.iter().map(|found| Finding {
            package: name.clone(),
            version: text(package, "/version"),
            ecosystem: "pypi".to_owned(),
            advisories: vec![[vec![text(found, "/id")], texts(found, "/aliases")].concat()],
            severity: Severity::Unknown,
        }));
    }
    Ok(audited)
}
