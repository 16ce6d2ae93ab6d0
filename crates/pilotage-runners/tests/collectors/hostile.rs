//! Whatever stands in a report: no reader panics, and what is refused names the file.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::{Project, source};

/// Every kind that reads files of others, with the name of the file.
fn readers() -> Vec<(Json, &'static str)> {
    let of = |kind: &str, file: &'static str| (json!({ "kind": kind, "files": [file] }), file);
    vec![
        of("npm-audit", "report.json"),
        of("pip-audit", "report.json"),
        of("cargo-audit", "report.json"),
        of("bundler-audit", "report.json"),
        of("osv-scanner", "report.json"),
        of("coverage", "report"),
        of("cargo-test", "test.log"),
        of("junit", "report.xml"),
        of("load", "load.out"),
        (
            json!({ "kind": "pip-audit", "files": ["fine.json"], "vex": ["vex.json"] }),
            "vex.json",
        ),
        (
            json!({ "kind": "rego", "files": ["p.rego"], "needs": { "tests_total": "count" } }),
            "p.rego",
        ),
        (
            json!({ "kind": "sbom", "locks": ["Cargo.lock"], "output": "s.json" }),
            "Cargo.lock",
        ),
        (
            json!({ "kind": "sbom", "locks": ["package-lock.json"], "output": "s.json" }),
            "package-lock.json",
        ),
        (
            json!({ "kind": "sbom", "locks": ["requirements.txt"], "output": "s.json" }),
            "requirements.txt",
        ),
        (
            json!({ "kind": "sbom", "locks": ["Gemfile.lock"], "output": "s.json" }),
            "Gemfile.lock",
        ),
    ]
}

/// Reads `bytes` as every format; what came of each.
async fn read(bytes: &[u8]) -> Vec<(Json, &'static str, Result<(), String>)> {
    let project = Project::new();
    project.write("fine.json", r#"{"dependencies":[]}"#);
    let mut outcomes = Vec::new();
    for (section, file) in readers() {
        std::fs::write(project.path().join(file), bytes).unwrap();
        let measures = source(section.clone()).measures();
        for (metric, _) in measures {
            let found = project.measure(section.clone(), &metric).await;
            outcomes.push((section.clone(), file, found.map(drop)));
        }
    }
    outcomes
}

#[tokio::test]
async fn what_is_no_report_is_refused_by_name() {
    let deep = "[".repeat(200_000);
    let deep_object = r#"{"a":"#.repeat(200_000);
    let wide = [
        &[0xff, 0xfe][..],
        &"{\"metrics\":{}}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>(),
    ]
    .concat();
    let cases: [&[u8]; 6] = [
        b"",
        b"\0\0\0\0",
        deep.as_bytes(),
        deep_object.as_bytes(),
        &wide,
        b"{\"x\": 1e999}",
    ];
    for bytes in cases {
        for (section, file, outcome) in read(bytes).await {
            let kind = &section["kind"];
            // A policy says what is wrong as a violation; an empty list of requirements is one.
            let is_judged =
                kind == "rego" || (kind == "sbom" && file == "requirements.txt" || file == "Cargo.lock");
            match outcome {
                Err(reason) => assert!(reason.contains(file), "{section}: {reason}"),
                Ok(()) => assert!(
                    is_judged,
                    "{section} takes {:?}",
                    bytes.get(..20).unwrap_or(bytes)
                ),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_reader_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), beginning in prop::sample::select(&BEGINNINGS[..])) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let text = [beginning.as_bytes(), &bytes].concat();
        let outcomes = runtime.block_on(read(&text));
        prop_assert!(!outcomes.is_empty());
    }
}

/// So that a reader gets further than to the first byte.
const BEGINNINGS: [&str; 9] = [
    "",
    r#"{"dependencies":[{"name":"#,
    r#"{"auditReportVersion":2,"vulnerabilities":{"#,
    r#"{"results":[{"#,
    r#"{"meta":{},"files":{"#,
    "running 3 tests\ntest ",
    "Running 10s test\n  Latency Distribution\n     99%  ",
    "package pilotage\n",
    "[[package]]\nname = ",
];
