//! `bundler-audit`: known vulnerabilities of gems, by `bundle-audit check --format json`.
//!
//! It does not say what it looked at: the lock file tells how many gems there are, and what is planted that it looks.

use serde_json::Value as Json;

use super::audit::{self, Scanner, json, text};
use crate::{
    CollectorKind,
    audit::{Audited, Finding, Severity},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "bundler-audit",
    build: |value| audit::build(&SCANNER, value),
    detect: |root| audit::detect(&SCANNER, root),
    schema: <audit::Section as schemars::JsonSchema>::json_schema,
};

static SCANNER: Scanner = Scanner {
    program: &["bundle-audit", "check"],
    arguments: |lock| {
        let words = ["--format", "json", "--gemfile-lock", lock];
        words.map(ToOwned::to_owned).to_vec()
    },
    locks: &["Gemfile.lock"],
    codes: &[0, 1],
    read,
    control: &[(
        "Gemfile.lock",
        "GEM\n  remote: https://rubygems.org/\n  specs:\n    rack (1.6.0)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  rack (= 1.6.0)\n\nBUNDLED WITH\n   2.4.0\n",
    )],
};

fn read(output: &[u8]) -> Result<Audited, String> {
    let report = json(output)?;
    let results = report.get("results").and_then(Json::as_array);
    let results = results.ok_or("it has no `results`")?;
    // An insecure source is no advisory on a gem, and still nothing to pass over.
    let findings = results.iter().map(|found| match text(found, "/type").as_str() {
        "insecure_source" => Finding {
            package: text(found, "/source"),
            version: String::new(),
            ecosystem: "gem".to_owned(),
            advisories: vec![vec!["insecure_source".to_owned()]],
            severity: Severity::Unknown,
        },
        _ => finding(found),
    });
    Ok(Audited {
        findings: findings.collect(),
        version: Some(text(&report, "/version")),
        ..Audited::default()
    })
}

fn finding(found: &Json) -> Finding {
    let number = |pointer: &str| found.pointer(pointer).and_then(Json::as_f64);
    let score = number("/advisory/cvss_v3").or_else(|| number("/advisory/cvss_v2"));
    let word = Severity::of_word(&text(found, "/advisory/criticality"));
    let names = ["/advisory/id", "/advisory/cve", "/advisory/ghsa"].map(|pointer| text(found, pointer));
    // The two short numbers come without their prefixes.
    let [id, cve, ghsa] = names;
    let prefixed = |prefix: &str, name: String| {
        if name.is_empty() || name.starts_with(prefix) {
            name
        } else {
            format!("{prefix}{name}")
        }
    };
    let names = [id, prefixed("CVE-", cve), prefixed("GHSA-", ghsa)];
    Finding {
        package: text(found, "/gem/name"),
        version: text(found, "/gem/version"),
        ecosystem: "gem".to_owned(),
        advisories: vec![names.into_iter().filter(|name| !name.is_empty()).collect()],
        severity: score.map_or(Severity::Unknown, Severity::of_score).or(word),
    }
}
