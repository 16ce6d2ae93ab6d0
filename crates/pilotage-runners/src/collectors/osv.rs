//! `osv-scanner`: known vulnerabilities of any ecosystem, by the JSON of OSV-Scanner (version 1.9 and later).
//!
//! Only with `--all-packages` does it name packages that are in order, and so say what it looked at.

use serde_json::Value as Json;

use super::audit::{self, Scanner, json, text, texts};
use crate::{
    CollectorKind,
    audit::{Audited, Finding, Severity},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "osv-scanner",
    build: |value| audit::build(&SCANNER, value),
    // Others know their ecosystem better; two would count the same twice.
    detect: |_| None,
    schema: <audit::Section as schemars::JsonSchema>::json_schema,
};

static SCANNER: Scanner = Scanner {
    program: &["osv-scanner", "scan", "source"],
    arguments: |lock| {
        let words = ["--format", "json", "--all-packages", "--lockfile", lock];
        words.map(ToOwned::to_owned).to_vec()
    },
    locks: &[
        "package-lock.json",
        "Cargo.lock",
        "poetry.lock",
        "uv.lock",
        "requirements.txt",
        "Gemfile.lock",
    ],
    codes: &[0, 1],
    read,
    control: &[("requirements.txt", "jinja2==2.10\n")],
};

fn read(output: &[u8]) -> Result<Audited, String> {
    let report = json(output)?;
    let results = report.get("results").and_then(Json::as_array);
    let results = results.ok_or("it has no `results`")?;
    let packages: Vec<&Json> = results
        .iter()
        .filter_map(|result| result.get("packages").and_then(Json::as_array))
        .flatten()
        .collect();
    let is_clean = |package: &&&Json| {
        let groups = package.get("groups").and_then(Json::as_array);
        groups.is_none_or(Vec::is_empty)
    };
    // With every package in the report those in order are among them.
    let names_all = packages.iter().any(|package| is_clean(&package));
    Ok(Audited {
        findings: packages.iter().flat_map(|package| findings(package)).collect(),
        looked_at: names_all.then_some(packages.len() as u64),
        ..Audited::default()
    })
}

/// One for each group: its advisories are names of one vulnerability.
fn findings(package: &Json) -> Vec<Finding> {
    let groups = package.get("groups").and_then(Json::as_array);
    let finding = |group: &Json| {
        let mut names = [texts(group, "/ids"), texts(group, "/aliases")].concat();
        names.dedup();
        let score = text(group, "/max_severity").parse().ok();
        let known = score.map_or(Severity::Unknown, Severity::of_score);
        Finding {
            package: text(package, "/package/name"),
            version: text(package, "/package/version"),
            ecosystem: ecosystem(&text(package, "/package/ecosystem")).to_owned(),
            severity: known.or(by_advisories(package, &names)),
            advisories: vec![names],
        }
    };
    groups.into_iter().flatten().map(finding).collect()
}

/// The worst that an advisory of the group says, by its vector or else its word.
fn by_advisories(package: &Json, names: &[String]) -> Severity {
    let all = package.get("vulnerabilities").and_then(Json::as_array);
    let own = all
        .into_iter()
        .flatten()
        .filter(|found| names.contains(&text(found, "/id")));
    own.map(|found| {
        let vectors = found.get("severity").and_then(Json::as_array);
        let vectors = vectors.into_iter().flatten();
        let worst = vectors.fold(Severity::Unknown, |worst, vector| {
            worst.or(Severity::of_vector(&text(vector, "/score")))
        });
        worst.or(Severity::of_word(&text(found, "/database_specific/severity")))
    })
    .fold(Severity::Unknown, Severity::or)
}

fn ecosystem(name: &str) -> &str {
    match name {
        "PyPI" => "pypi",
        "crates.io" => "cargo",
        "RubyGems" => "gem",
        "npm" => "npm",
        _ => "",
    }
}
