//! `cargo-audit`: known vulnerabilities of crates, by `cargo audit --json`.
//!
//! It says how many packages it looked at, and how many advisories its database has and of when it is: with an empty or very
//! old one it ends with 0 as well.

use serde_json::Value as Json;

use super::audit::{self, Scanner, json, text, texts};
use crate::{
    CollectorKind,
    audit::{Audited, Database, Finding, Severity},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "cargo-audit",
    build: |value| audit::build(&SCANNER, value),
    detect: |root| audit::detect(&SCANNER, root),
    schema: <audit::Section as schemars::JsonSchema>::json_schema,
};

static SCANNER: Scanner = Scanner {
    program: &["cargo", "audit"],
    arguments: |lock| vec!["--json".to_owned(), "--file".to_owned(), lock.to_owned()],
    locks: &["Cargo.lock"],
    codes: &[0, 1],
    read,
    control: &[(
        "Cargo.lock",
        "version = 3\n\n[[package]]\nname = \"planted\"\nversion = \"0.1.0\"\ndependencies = [\n \"time\",\n]\n\n[[package]]\n\
         name = \"time\"\nversion = \"0.1.43\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
         checksum = \"ca8a50ef2360fbd1eeb0ecd46795a87a19024eb4b53c5dc916ca1fd95fe62438\"\n",
    )],
};

fn read(output: &[u8]) -> Result<Audited, String> {
    let report = json(output)?;
    let list = report.pointer("/vulnerabilities/list").and_then(Json::as_array);
    let list = list.ok_or("it has no `vulnerabilities`")?;
    let number = |pointer: &str| report.pointer(pointer).and_then(Json::as_u64);
    let findings = list.iter().map(finding).collect();
    Ok(Audited {
        findings,
        looked_at: number("/lockfile/dependency-count"),
        database: Some(Database {
            advisories: number("/database/advisory-count").unwrap_or(0),
            updated_at: text(&report, "/database/last-updated").parse().ok(),
        }),
        ..Audited::default()
    })
}

fn finding(found: &Json) -> Finding {
    let names = [
        vec![text(found, "/advisory/id")],
        texts(found, "/advisory/aliases"),
    ]
    .concat();
    Finding {
        package: text(found, "/package/name"),
        version: text(found, "/package/version"),
        ecosystem: "cargo".to_owned(),
        advisories: vec![names],
        severity: Severity::of_vector(&text(found, "/advisory/cvss")),
    }
}
