//! Every parser with what a real tool writes.

use pilotage_core::gate::Measured;
use serde_json::{Value as Json, json};

use crate::{Project, audits, languages, performance, policies, sbom};

/// How bytes come to a parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A file is read.
    File,
    /// A program is run, which writes them.
    Tool,
}

pub(super) struct Row {
    pub(super) kind: &'static str,
    /// The format, which for those of `src/reports` is the name of the reader.
    pub(super) reader: &'static str,
    pub(super) way: Way,
    pub(super) section: fn(&Project) -> Json,
    /// The file with the bytes.
    pub(super) file: &'static str,
    pub(super) example: String,
    pub(super) prepare: fn(&Project),
}

/// Kinds whose input comes in another way: the text of a file, and the test in it.
pub(super) const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "cargo",
        include_str!("../../../src/collectors/cargo.rs"),
        "no_message_makes_it_panic",
    ),
    (
        "prometheus",
        include_str!("others.rs"),
        "an_answer_of_any_shape_is_survived",
    ),
    (
        "policy",
        include_str!("others.rs"),
        "no_expression_makes_it_panic",
    ),
    (
        "secrets",
        include_str!("../../secrets.rs"),
        "nothing_makes_it_panic",
    ),
    // These two read what the configuration and git say, and nothing of strangers.
    (
        "window",
        include_str!("../../../src/calendar/tests.rs"),
        "the_next_slot_is_the_first",
    ),
    (
        "branch",
        include_str!("../change.rs"),
        "a_commit_may_go_from_the_branches_that_are_allowed",
    ),
];

/// What is known before a policy looks.
pub(super) fn known() -> Measured {
    Measured::new()
}

/// A report that is read from `report`.
fn file(kind: &'static str, reader: &'static str, section: fn(&Project) -> Json, example: &str) -> Row {
    Row {
        kind,
        reader,
        way: Way::File,
        section,
        file: "report",
        example: example.to_owned(),
        prepare: |_| {},
    }
}

const JUNIT: &str = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="4" time="1.25"><testcase classname="tests.test_a" name="test_ok" time="0.1" /><testcase classname="tests.test_a" name="test_bad[\x00]" time="0.1"><failure message="assert 1 == 2">def test_bad():&#10;&gt; assert 1 == 2</failure></testcase><testcase classname="tests.test_a" name="test_skip" time="0.0"><skipped type="pytest.skip" message="later">x</skipped></testcase><testcase classname="" name="tests.test_two" time="1,234.5"><system-out><![CDATA[<b>]]></system-out></testcase></testsuite></testsuites>"#;
const SIMPLECOV: &str = r#"{"RSpec": {"coverage": {"lib/a.rb": {"lines": [null, 1, 0, 2, null],
    "branches": {"[:if, 0, 3, 4, 5, 7]": {"[:then, 1, 4, 6, 4, 10]": 1, "[:else, 2, 3, 4, 5, 7]": 0}},
    "methods": {"[\"A\", :b, 2, 2, 5, 5]": 1}}}, "timestamp": 1700000000}}"#;

const GO_COVER: &str =
    "mode: atomic\nexample.com/m/a/a.go:3.20,5.2 2 7\nexample.com/m/a/a.go:7.20,9.16 1 0\n";

const LCOV: &str = "TN:\nSF:src/a.py\nDA:1,1\nDA:2,0\nDA:3,5\nBRDA:5,0,jump to line 6,1\nBRDA:5,0,jump, to exit,-\nFN:1,2,f\nFNDA:1,f\nFN:4,g\nFNDA:0,g\nLF:3\nLH:2\nend_of_record\n";
const COBERTURA: &str = r#"<?xml version="1.0" ?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd"><coverage lines-valid="2" lines-covered="2"><packages><package name="p"><classes><class name="m" filename="src/m.ts"><methods><method name="add" hits="1" signature="()V"><lines><line number="1" hits="1"/></lines></method></methods><lines><line number="1" hits="1" branch="true" condition-coverage="50% (1/2)"/><line number="2" hits="4"/></lines></class></classes></package></packages></coverage>"#;
const ISTANBUL: &str = r#"{"total":{"lines":{"total":4,"covered":3,"skipped":0,"pct":75},"functions":{"total":2,"covered":2,"skipped":0,"pct":100},"branches":{"total":2,"covered":1,"skipped":0,"pct":"Unknown"}},"/r/src/a.ts":{"lines":{"total":4,"covered":3},"functions":{"total":2,"covered":2},"branches":{"total":2,"covered":1}}}"#;
const SARIF: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scan","semanticVersion":"1.2.3","rules":[{"id":"A","properties":{"security-severity":"9.8"}},{"id":"B","defaultConfiguration":{"level":"note"}}]}},"artifacts":[{},{}],"invocations":[{"executionSuccessful":true}],"results":[{"ruleId":"A"},{"ruleIndex":1},{"ruleId":"B","level":"error"},{"rule":{"id":"A"},"properties":{"security-severity":5.0}},{"ruleId":"A","kind":"pass"},{"ruleId":"A","suppressions":[{"kind":"external"}]}]}]}"#;
const VEX: &str = r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":"2026-01-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-2019-10906","aliases":["GHSA-462w-v97r-4m45"]},"products":[{"@id":"pkg:pypi/jinja2@2.10"}],"status":"not_affected","justification":"component_not_present"}]}"#;

fn reports() -> Vec<Row> {
    let coverage: fn(&Project) -> Json = |_| json!({ "kind": "coverage", "files": ["report"] });
    let load: fn(&Project) -> Json = |_| json!({ "kind": "load", "files": ["report"] });
    vec![
        file(
            "junit",
            "junit",
            |_| json!({ "kind": "junit", "files": ["report"] }),
            JUNIT,
        ),
        file(
            "cargo-test",
            "libtest",
            |_| json!({ "kind": "cargo-test", "files": ["report"] }),
            languages::LIBTEST,
        ),
        file("coverage", "lcov", coverage, LCOV),
        file("coverage", "cobertura", coverage, COBERTURA),
        file("coverage", "istanbul", coverage, ISTANBUL),
        file("coverage", "coverage_py", coverage, languages::COVERAGE_PY),
        file("coverage", "llvm_cov", coverage, languages::LLVM_COV),
        file("coverage", "simplecov", coverage, SIMPLECOV),
        file("coverage", "go_cover", coverage, GO_COVER),
        file(
            "sarif",
            "sarif",
            |_| json!({ "kind": "sarif", "about": "vulnerabilities", "files": ["report"] }),
            SARIF,
        ),
        file("load", "load", load, performance::K6),
        file("load", "k6's own summary", load, performance::K6_SUMMARY),
        file("load", "oha", load, performance::OHA),
        file("load", "pilotage", load, performance::OWN),
        file("load", "wrk", load, performance::WRK),
    ]
}

fn audited() -> Vec<Row> {
    let npm: fn(&Project) = |project| {
        project.write("package-lock.json", audits::NPM_LOCK);
    };
    let pip: fn(&Project) = |project| {
        project.write("requirements.txt", audits::REQUIREMENTS);
    };
    let gems: fn(&Project) = |project| {
        project
            .write("Gemfile.lock", audits::GEM_LOCK)
            .write("control", &gem_report());
    };
    let with = |row: Row, prepare| Row { prepare, ..row };
    let section = |kind: &'static str| -> fn(&Project) -> Json {
        match kind {
            "npm-audit" => |_| json!({ "kind": "npm-audit", "files": ["report"] }),
            "cargo-audit" => |_| json!({ "kind": "cargo-audit", "files": ["report"] }),
            "bundler-audit" => {
                |_| json!({ "kind": "bundler-audit", "files": ["report"], "control": "control" })
            }
            "osv-scanner" => |_| json!({ "kind": "osv-scanner", "files": ["report"] }),
            _ => |_| json!({ "kind": "pip-audit", "files": ["report"] }),
        }
    };
    let crates = audits::cargo(
        &json!("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H"),
        &audits::now(),
        700,
        2,
    );
    let vex = Row {
        file: "vex.json",
        section: |_| json!({ "kind": "pip-audit", "files": ["report"], "vex": ["vex.json"] }),
        prepare: |project| {
            project
                .write("requirements.txt", audits::REQUIREMENTS)
                .write("report", audits::PIP_FOUND);
        },
        ..file("pip-audit", "OpenVEX", section("pip-audit"), VEX)
    };
    let of = |kind: &'static str, text: &str| file(kind, kind, section(kind), text);
    vec![
        with(of("npm-audit", &audits::npm("critical", 2)), npm),
        with(of("pip-audit", audits::PIP_FOUND), pip),
        of("cargo-audit", &crates),
        with(of("bundler-audit", &gem_report()), gems),
        of("osv-scanner", &audits::osv_report()),
        vex,
    ]
}

fn gem_report() -> String {
    audits::bundler(
        &json!({ "id": "CVE-2020-8161", "cve": "2020-8161", "cvss_v3": 8.6, "criticality": "high" }),
    )
}

fn documents() -> Vec<Row> {
    let bill = |file_name: &'static str, section: fn(&Project) -> Json, text: &str| Row {
        file: file_name,
        ..file("sbom", file_name, section, text)
    };
    vec![
        bill(
            "Cargo.lock",
            |_| json!({ "kind": "sbom", "locks": ["Cargo.lock"], "output": "s.json" }),
            sbom::CARGO,
        ),
        bill(
            "package-lock.json",
            |_| json!({ "kind": "sbom", "locks": ["package-lock.json"], "output": "s.json" }),
            sbom::NPM,
        ),
        bill(
            "requirements.txt",
            |_| json!({ "kind": "sbom", "locks": ["requirements.txt"], "output": "s.json" }),
            audits::REQUIREMENTS,
        ),
        bill(
            "Gemfile.lock",
            |_| json!({ "kind": "sbom", "locks": ["Gemfile.lock"], "output": "s.json" }),
            audits::GEM_LOCK,
        ),
        Row {
            file: "p.rego",
            ..file(
                "rego",
                "Rego",
                |_| json!({ "kind": "rego", "files": ["p.rego"], "needs": { "code_coverage_lines": "percent", "high_severity_vulnerabilities": "count" } }),
                policies::REGO,
            )
        },
        Row {
            prepare: |project| {
                project.commit("Do it");
            },
            ..file(
                "approvals",
                "approvals",
                |_| json!({ "kind": "approvals", "files": ["report"] }),
                r#"{"commit":"0000000000000000000000000000000000000000","approvals":[{"by":"Grace <grace@example.com>"},{"by":"edsger@example.com","at":"2026-11-22T10:00:00Z"}]}"#,
            )
        },
    ]
}

/// The section of a kind whose tool is a program that writes `said`, on its output or its errors.
fn played(project: &Project, kind: &str, key: &str) -> Json {
    json!({ "kind": kind, key: ["sh", project.path().join("tool.sh")] })
}

/// It answers what is asked beside with the other files that there are.
const TOOL: &str = "cd \"$(dirname \"$0\")\"\ncase \"$*\" in *metadata*) cat meta.json;; *--dry-run*) cat said >&2;; *versions*) exit 0;; *) cat said;; esac\ntest ! -f code || exit \"$(cat code)\"\n";

fn tool(kind: &'static str, reader: &'static str, section: fn(&Project) -> Json, example: &str) -> Row {
    Row {
        way: Way::Tool,
        file: "said",
        prepare: |project| {
            project.write("tool.sh", TOOL);
        },
        ..file(kind, reader, section, example)
    }
}

fn checked() -> Vec<Row> {
    let failing = |row: Row| Row {
        prepare: |project| {
            project.write("tool.sh", TOOL).write("code", "1");
        },
        ..row
    };
    vec![
        failing(tool(
            "typescript",
            "tsc",
            |project| played(project, "typescript", "check"),
            languages::TSC_FOUND,
        )),
        failing(tool(
            "typescript",
            "eslint",
            |project| played(project, "typescript", "lint"),
            languages::ESLINT_FOUND,
        )),
        failing(tool(
            "python",
            "mypy",
            |project| played(project, "python", "check"),
            languages::MYPY_FOUND,
        )),
        failing(tool(
            "python",
            "ruff",
            |project| played(project, "python", "lint"),
            languages::RUFF_FOUND,
        )),
        failing(tool(
            "ruby",
            "rubocop",
            |project| played(project, "ruby", "lint"),
            languages::RUBOCOP_FOUND,
        )),
        tool(
            "command",
            "command",
            |project| {
                let mut section = played(project, "command", "command");
                section["metrics"] = json!({ "image_size": { "unit": "bytes", "from": "/size" }, "licence": { "unit": "text", "from": "/licence" } });
                section["examined"] = json!("/files");
                section
            },
            r#"{"size":10485760,"licence":"ISC","files":["a","b"]}"#,
        ),
    ]
}

const METADATA: &str = r#"{"packages":[{"id":"own","name":"own","version":"0.1.0"},{"id":"r#a@1.0.0","name":"a","version":"1.0.0","source":"r"}],"workspace_members":["own"],"resolve":{"nodes":[{"id":"own","dependencies":["r#a@1.0.0"]},{"id":"r#a@1.0.0","dependencies":[]}]}}"#;
const UPDATE: &str = "    Updating crates.io index\n    Updating a v1.0.0 -> v1.0.1 (available: v2.0.0)\n   Unchanged b v0.1.0 (available: v0.2.0, requires Rust 1.99)\n";

fn outdated() -> Vec<Row> {
    let crates: fn(&Project) -> Json = |project| played(project, "cargo-outdated", "command");
    let with_metadata = |row: Row| Row {
        prepare: |project| {
            project
                .write("tool.sh", TOOL)
                .write("meta.json", METADATA)
                .write("said", UPDATE);
        },
        ..row
    };
    vec![
        with_metadata(tool("cargo-outdated", "cargo update", crates, UPDATE)),
        with_metadata(Row {
            file: "meta.json",
            ..tool("cargo-outdated", "cargo metadata", crates, METADATA)
        }),
        Row {
            prepare: |project| {
                project
                    .write("tool.sh", TOOL)
                    .write("package.json", r#"{"dependencies":{"a":"1"}}"#)
                    .write("package-lock.json", audits::NPM_LOCK);
            },
            ..tool(
                "npm-outdated",
                "npm outdated",
                |project| played(project, "npm-outdated", "command"),
                r#"{"a":{"current":"1.0.0","wanted":"1.0.1","latest":"2.0.0","dependent":"own","location":"/p/node_modules/a"}}"#,
            )
        },
        tool(
            "pip-outdated",
            "pip list",
            |project| played(project, "pip-outdated", "command"),
            r#"[{"name": "click", "version": "8.1.7", "latest_version": "8.2.1", "latest_filetype": "wheel"}]"#,
        ),
        Row {
            prepare: |project| {
                project
                    .write("tool.sh", TOOL)
                    .write("Gemfile.lock", audits::GEM_LOCK)
                    .write("code", "1");
            },
            ..tool(
                "bundler-outdated",
                "bundle outdated",
                |project| played(project, "bundler-outdated", "command"),
                "rack (newest 3.1.8, installed 1.6.0, requested ~> 1.6)\n",
            )
        },
    ]
}

pub(super) fn rows() -> Vec<Row> {
    [reports(), audited(), documents(), checked(), outdated()]
        .into_iter()
        .flatten()
        .collect()
}
