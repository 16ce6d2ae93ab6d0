//! Scanners of dependencies: numbers on both sides, and everything that must be no evidence.

use serde_json::{Value as Json, json};

use crate::Project;

const HIGH: &str = "high_severity_vulnerabilities";
const MEDIUM: &str = "medium_severity_vulnerabilities";
const LOW: &str = "low_severity_vulnerabilities";

pub(crate) const NPM_LOCK: &str = r#"{"lockfileVersion":3,"packages":{"":{"name":"own"},"node_modules/a":{"version":"1.0.0"},"node_modules/b":{"version":"2.0.0"}}}"#;
pub(crate) const CARGO_LOCK: &str = "version = 4\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n[[package]]\nname = \"time\"\nversion = \"0.1.43\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
pub(crate) const GEM_LOCK: &str =
    "GEM\n  remote: https://rubygems.org/\n  specs:\n    rack (1.6.0)\n\nDEPENDENCIES\n  rack\n";

const MEDIUM_VECTOR: &str = "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H";

/// As npm 10 writes it: `a` is vulnerable itself, `b` through it.
pub(crate) fn npm(severity: &str, total: u64) -> String {
    json!({
        "auditReportVersion": 2,
        "vulnerabilities": {
            "a": { "name": "a", "severity": severity, "isDirect": false, "range": "<2", "nodes": ["node_modules/a"], "effects": ["b"],
                "via": [{ "source": 1_179, "name": "a", "title": "t", "url": "https://github.com/advisories/GHSA-xvch-5gv4-984h",
                    "severity": severity, "cvss": { "score": 9.8, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" } }] },
            "b": { "name": "b", "severity": severity, "isDirect": true, "range": "*", "nodes": ["node_modules/b"], "effects": [], "via": ["a"] },
        },
        "metadata": {
            "vulnerabilities": { "info": 0, "low": 0, "moderate": 0, "high": 0, "critical": 0, "total": 2 },
            "dependencies": { "prod": 3, "dev": 0, "optional": 0, "peer": 0, "peerOptional": 0, "total": total },
        },
    })
    .to_string()
}

fn npm_clean(total: u64) -> String {
    json!({
        "auditReportVersion": 2,
        "vulnerabilities": {},
        "metadata": { "vulnerabilities": { "total": 0 }, "dependencies": { "total": total } },
    })
    .to_string()
}

/// What npm 11 wrote here, where the registry answers 405.
const NPM_OFFLINE: &str = r#"{"message":"405 Method Not Allowed - POST https://registry.npmjs.org/-/npm/v1/security/advisories/bulk","method":"POST","statusCode":405,"body":"","error":{"summary":"","detail":""}}"#;
/// What pip-audit 2.10.1 wrote here, with exit code 0 and "No known vulnerabilities found".
const PIP_SKIPPED: &str = r#"{"dependencies": [{"name": "jinja2", "skip_reason": "Dependency not found on PyPI and could not be audited: jinja2 (2.10)"}, {"name": "click", "skip_reason": "Dependency not found on PyPI and could not be audited: click (8.1.7)"}], "fixes": []}"#;
pub(crate) const PIP_FOUND: &str = r#"{"dependencies": [{"name": "jinja2", "version": "2.10", "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906", "GHSA-462w-v97r-4m45"], "description": "d"}]}, {"name": "click", "version": "8.1.7", "vulns": []}], "fixes": []}"#;
const PIP_CLEAN: &str = r#"{"dependencies": [{"name": "jinja2", "version": "3.1.6", "vulns": []}, {"name": "click", "version": "8.1.7", "vulns": []}], "fixes": []}"#;
pub(crate) const REQUIREMENTS: &str = "jinja2==2.10\nclick==8.1.7\n";

/// As cargo-audit 0.22 writes it.
pub(crate) fn cargo(cvss: &Json, updated: &Json, advisories: u64, looked_at: u64) -> String {
    json!({
        "database": { "advisory-count": advisories, "last-commit": null, "last-updated": updated },
        "lockfile": { "dependency-count": looked_at },
        "settings": {},
        "vulnerabilities": { "found": true, "count": 1, "list": [{
            "advisory": { "id": "RUSTSEC-2020-0071", "package": "time", "title": "Potential segfault", "aliases": ["CVE-2020-26235"], "cvss": cvss },
            "versions": { "patched": [">=0.2.23"], "unaffected": [] },
            "package": { "name": "time", "version": "0.1.43" },
        }] },
        "warnings": {},
    })
    .to_string()
}

pub(crate) fn bundler(advisory: &Json) -> String {
    json!({
        "version": "0.9.2", "created_at": "2026-11-22 10:00:00 +0000",
        "results": [{ "type": "unpatched_gem", "gem": { "name": "rack", "version": "1.6.0" }, "advisory": advisory }],
    })
    .to_string()
}

fn osv(packages: &Json) -> String {
    json!({ "results": [{ "source": { "path": "/x/requirements.txt", "type": "lockfile" }, "packages": packages }] }).to_string()
}

async fn report(files: &[(&str, &str)], section: Json) -> [Result<f64, String>; 3] {
    let project = Project::new();
    for (name, text) in files {
        project.write(name, text);
    }
    [
        project.number(section.clone(), HIGH).await,
        project.number(section.clone(), MEDIUM).await,
        project.number(section, LOW).await,
    ]
}

/// The lock file that a scanner reads.
fn lock(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "npm-audit" => ("package-lock.json", NPM_LOCK),
        "cargo-audit" => ("Cargo.lock", CARGO_LOCK),
        "bundler-audit" => ("Gemfile.lock", GEM_LOCK),
        _ => ("requirements.txt", REQUIREMENTS),
    }
}

pub(crate) fn now() -> Json {
    json!(pilotage_core::Timestamp::now().to_string())
}

pub(crate) fn osv_report() -> String {
    let vector = json!({ "type": "CVSS_V3", "score": MEDIUM_VECTOR });
    let package = |name: &str| json!({ "name": name, "version": "1", "ecosystem": "PyPI" });
    osv(&json!([
        {
            "package": package("jinja2"),
            "vulnerabilities": [
                { "id": "GHSA-1", "severity": [vector] },
                { "id": "GHSA-2", "database_specific": { "severity": "LOW" } },
            ],
            "groups": [
                { "ids": ["GHSA-1"], "aliases": ["CVE-1"], "max_severity": "" },
                { "ids": ["GHSA-2"], "aliases": [], "max_severity": "" },
                { "ids": ["X"], "max_severity": "9.8" },
            ],
        },
        { "package": package("click") },
    ]))
}

#[tokio::test]
async fn reports_of_every_scanner_are_counted_by_severity() {
    let gem = json!({ "id": "CVE-2020-8161", "cve": "2020-8161", "cvss_v3": 8.6, "criticality": "high" });
    let gem_low = bundler(&json!({ "id": "OSVDB-1", "cvss_v2": 2.1 }));
    let cases = [
        ("npm-audit", npm("critical", 2), [2.0, 0.0, 0.0]),
        ("npm-audit", npm("moderate", 2), [0.0, 2.0, 0.0]),
        ("npm-audit", npm_clean(2), [0.0, 0.0, 0.0]),
        // pip-audit gives no severity: unknown is not harmless.
        ("pip-audit", PIP_FOUND.to_owned(), [1.0, 0.0, 0.0]),
        ("pip-audit", PIP_CLEAN.to_owned(), [0.0, 0.0, 0.0]),
        (
            "cargo-audit",
            cargo(&json!(MEDIUM_VECTOR), &now(), 700, 2),
            [0.0, 1.0, 0.0],
        ),
        ("cargo-audit", cargo(&Json::Null, &now(), 700, 2), [1.0, 0.0, 0.0]),
        ("osv-scanner", osv_report(), [1.0, 1.0, 1.0]),
        ("bundler-audit", bundler(&gem), [1.0, 0.0, 0.0]),
        ("bundler-audit", gem_low.clone(), [0.0, 0.0, 1.0]),
    ];
    for (kind, text, expected) in cases {
        let mut section = json!({ "kind": kind, "files": ["report.json"] });
        if kind == "bundler-audit" {
            section["control"] = json!("control.json");
        }
        let files = [lock(kind), ("report.json", &text), ("control.json", &gem_low)];
        let found = report(&files, section).await;
        assert_eq!(found, expected.map(Ok), "{kind}: {text}");
    }
}

fn reports_of_nothing() -> Vec<(&'static str, String, &'static str)> {
    let cargo = |updated: Json, advisories, looked_at| cargo(&Json::Null, &updated, advisories, looked_at);
    vec![
        ("npm-audit", NPM_OFFLINE.into(), "405 Method Not Allowed"),
        ("npm-audit", npm_clean(1), "looked at 1 of the 2 packages"),
        ("npm-audit", "{}".into(), "no audit report of version 2"),
        (
            "npm-audit",
            npm("high", 2)[..90].into(),
            "report.json: what it wrote is no report",
        ),
        (
            "pip-audit",
            PIP_SKIPPED.into(),
            "2 packages could not be looked at, first jinja2",
        ),
        (
            "pip-audit",
            r#"{"dependencies":[]}"#.into(),
            "looked at 0 of the 2",
        ),
        ("cargo-audit", cargo(now(), 0, 2), "holds no advisory"),
        ("cargo-audit", cargo(Json::Null, 7, 2), "nobody knows how old"),
        (
            "cargo-audit",
            cargo(json!("2025-02-24T10:00:00Z"), 7, 2),
            "too old",
        ),
        ("cargo-audit", cargo(now(), 7, 0), "looked at 0 of the 1"),
        (
            "bundler-audit",
            r#"{"version":"0","results":[]}"#.into(),
            "does not say what was looked at",
        ),
        (
            "osv-scanner",
            r#"{"results":[]}"#.into(),
            "does not say what was looked at",
        ),
    ]
}

#[tokio::test]
async fn a_report_of_nothing_is_no_evidence() {
    for (kind, text, expected) in reports_of_nothing() {
        let section = json!({ "kind": kind, "files": ["report.json"] });
        for found in report(&[lock(kind), ("report.json", &text)], section).await {
            let reason = found.unwrap_err();
            assert!(reason.contains(expected), "{kind}: {reason}");
        }
    }
}

/// A scanner that says `control` where something is planted, and `answer` elsewhere.
fn scanner(answer: &str, control: &str, code: i32) -> String {
    format!(
        "if grep -q planted package.json; then cat <<'E'\n{control}\nE\nelse cat <<'E'\n{answer}\nE\nfi\nexit {code}\n"
    )
}

#[tokio::test]
async fn a_scanner_that_is_run_must_find_what_is_planted() {
    let finds = npm("high", 1);
    let cases = [
        (npm_clean(2), finds.clone(), 0, Ok(0.0)),
        (npm("high", 2), finds.clone(), 1, Ok(2.0)),
        (
            npm_clean(2),
            npm_clean(1),
            0,
            Err("does not find what was planted"),
        ),
        (
            npm_clean(2),
            NPM_OFFLINE.to_owned(),
            0,
            Err("on what was planted for it"),
        ),
        (npm_clean(1), finds.clone(), 0, Err("looked at 1 of the 2")),
        (
            NPM_OFFLINE.to_owned(),
            finds.clone(),
            1,
            Err("405 Method Not Allowed"),
        ),
        (npm_clean(2), finds, 2, Err("ended with 2")),
    ];
    for (answer, control, code, expected) in cases {
        let project = Project::new();
        project
            .write("package.json", r#"{"name":"own"}"#)
            .write("package-lock.json", NPM_LOCK)
            .write("scanner.sh", &scanner(&answer, &control, code));
        let script = project.path().join("scanner.sh");
        let section = json!({ "kind": "npm-audit", "command": ["sh", script] });
        match (project.number(section, HIGH).await, expected) {
            (Ok(found), Ok(expected)) => assert!((found - expected).abs() < f64::EPSILON, "{found}"),
            (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{reason}"),
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_scanner_or_a_lock_file_that_is_not_there_is_no_evidence() {
    let project = Project::new();
    let section = json!({ "kind": "npm-audit", "command": ["no-such-scanner"] });
    let reason = project.number(section.clone(), HIGH).await.unwrap_err();
    assert_eq!(reason, "there is no package-lock.json or npm-shrinkwrap.json");
    project.write("package-lock.json", NPM_LOCK);
    let reason = project.number(section, HIGH).await.unwrap_err();
    assert_eq!(reason, "`no-such-scanner` cannot be started: it is not installed");
}

fn vex(status: &str, product: &str) -> String {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a", "timestamp": "2026-01-01T00:00:00Z", "version": 1,
        "statements": [{
            "vulnerability": { "name": "CVE-2019-10906" }, "products": [{ "@id": product }], "status": status,
            "justification": "component_not_present",
        }],
    })
    .to_string()
}

fn exceptions() -> Vec<(Json, String, f64, &'static str)> {
    let ignore = |id: &str, expires: &str| json!([{ "id": id, "reason": "ours", "expires": expires }]);
    let none = || vex("affected", "pkg:pypi/other");
    let (empty, later) = (json!([]), "2999-01-01");
    vec![
        (
            ignore("CVE-2019-10906", later),
            none(),
            0.0,
            "excused: severity unknown: PYSEC-2019-217",
        ),
        (
            ignore("ghsa-462w-v97r-4m45", later),
            none(),
            0.0,
            "ours (until 2999-01-01)",
        ),
        (
            ignore("CVE-2019-10906", "2020-01-01"),
            none(),
            1.0,
            "no longer excused since 2020-01-01",
        ),
        (
            ignore("CVE-0000-0000", later),
            none(),
            1.0,
            "severity unknown: PYSEC-2019-217",
        ),
        (
            empty.clone(),
            vex("not_affected", "pkg:pypi/jinja2@2.10"),
            0.0,
            "VEX: not affected",
        ),
        (
            empty.clone(),
            vex("not_affected", "pkg:pypi/jinja2@2.9"),
            1.0,
            "severity unknown",
        ),
        (
            empty.clone(),
            vex("not_affected", "pkg:npm/jinja2"),
            1.0,
            "severity unknown",
        ),
        (
            empty,
            vex("under_investigation", "pkg:pypi/jinja2"),
            1.0,
            "severity unknown",
        ),
    ]
}

#[tokio::test]
async fn what_is_excused_is_said_and_counts_again_when_its_time_is_over() {
    for (ignore, vex, expected, note) in exceptions() {
        let project = Project::new();
        project
            .write("requirements.txt", REQUIREMENTS)
            .write("report.json", PIP_FOUND)
            .write("vex.json", &vex);
        let section =
            json!({ "kind": "pip-audit", "files": ["report.json"], "ignore": ignore, "vex": ["vex.json"] });
        let found = project.measure(section, HIGH).await.unwrap();
        assert_eq!(
            found.value,
            pilotage_core::gate::Value::Number(expected),
            "{found:?}"
        );
        assert!(
            found.notes.iter().any(|text| text.contains(note)),
            "{note}: {:?}",
            found.notes
        );
    }
}

#[tokio::test]
async fn a_vex_document_that_excuses_without_a_reason_is_refused() {
    let project = Project::new();
    let vex = r#"{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"vulnerability":{"name":"CVE-1"},"products":[],"status":"not_affected"}]}"#;
    project
        .write("requirements.txt", REQUIREMENTS)
        .write("report.json", PIP_CLEAN)
        .write("vex.json", vex);
    let section = json!({ "kind": "pip-audit", "files": ["report.json"], "vex": ["vex.json"] });
    let reason = project.number(section, HIGH).await.unwrap_err();
    assert!(reason.starts_with("vex.json: a statement on CVE-1"), "{reason}");
}
