//! Nothing passes because nothing was checked.

use std::{
    process::Command,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::{Repository, criterion};

#[test]
fn an_empty_repository_is_not_ready_and_every_criterion_says_why() {
    let (code, report) = Repository::new().judge("--env production");
    assert_eq!(code, 1);
    assert_eq!(
        (&report["verdict"], &report["score"]),
        (&"notReady".into(), &0.into())
    );
    let gates = report["gates"].as_array().unwrap();
    let criteria: Vec<&Value> = gates
        .iter()
        .flat_map(|gate| gate["criteria"].as_array().unwrap())
        .collect();
    assert_eq!((gates.len(), criteria.len()), (5, 20));
    for criterion in criteria {
        assert_eq!(criterion["state"], "noEvidence", "{criterion:#}");
        assert!(
            criterion["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty()),
            "{criterion:#}"
        );
    }
}

/// The gate, its criterion, the evidence, the file `report`, and a part of the reason.
type Case = (&'static str, &'static str, &'static str, String, &'static str);

const RATE: &str = "test_success_rate";

fn broken_tests() -> Vec<Case> {
    let case = |metric, evidence, report: &str, reason| {
        ("test-validation", metric, evidence, report.to_owned(), reason)
    };
    let junit = "kind: junit, files: [report]";
    let coverage = "kind: coverage, files: [report]";
    let nothing_ran = "<testsuite name='rspec' tests='0' failures='0' errors='0' time='0'/>";
    let one = "<testsuite><testcase name='a'/></testsuite>";
    vec![
        case(RATE, junit, nothing_ran, "no test ran"),
        case("test_execution_time", junit, nothing_ran, "no test ran"),
        case(
            RATE,
            junit,
            "<testsuite name='s' tests='2'><testcase name='a'/></testsuite>",
            "promises 2 tests",
        ),
        case(
            RATE,
            junit,
            "<testsuite><testcase name='a'><skipped/></testcase></testsuite>",
            "no test ran",
        ),
        case(
            RATE,
            junit,
            "<testsuite><testcase name='a'>",
            "report: it ends within",
        ),
        case(
            RATE,
            "kind: junit, files: [report], atLeast: 2",
            one,
            "at least 2 are needed",
        ),
        case(RATE, "kind: junit, files: [other]", "", "there is no file other"),
        case(
            "code_coverage_branches",
            coverage,
            "SF:a\nDA:1,1\nend_of_record\n",
            "says nothing of branches",
        ),
        case("code_coverage_lines", coverage, "", "it is empty"),
    ]
}

fn blind_scanners() -> Vec<Case> {
    let sarif = |rest: &str| {
        format!(r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"s"}}}},"results":[]{rest}}}]}}"#)
    };
    let case =
        |evidence, report, reason| ("security-validation", "secrets_exposed", evidence, report, reason);
    let secrets = "kind: sarif, about: secrets, files: [report]";
    let controlled = "kind: sarif, about: secrets, files: [report], control: PLANTED";
    vec![
        case(
            secrets,
            r#"{"version":"2.1.0","runs":[]}"#.to_owned(),
            "nothing was scanned",
        ),
        case(secrets, sarif(""), "does not say what was looked at"),
        case(
            controlled,
            sarif(r#","artifacts":[{}]"#),
            "did not find what was planted",
        ),
    ]
}

fn idle_commands() -> Vec<Case> {
    let case = |evidence, report: &str, reason| {
        (
            "security-validation",
            "secrets_exposed",
            evidence,
            report.to_owned(),
            reason,
        )
    };
    let build = |evidence, reason| {
        (
            "build-validation",
            "build_success",
            evidence,
            String::new(),
            reason,
        )
    };
    let json = "kind: command, command: [cat, report], metrics: { secrets_exposed: { from: /found } }, examined: /files";
    let missing =
        "kind: command, command: [no-such-program-here], metrics: { secrets_exposed: { from: output } }";
    let failed =
        "kind: command, command: [sh, -c, 'echo 0; exit 3'], metrics: { secrets_exposed: { from: output } }";
    let not_found = "kind: command, command: [sh, -c, no-such-program-here], metrics: { build_success: { from: exitCode } }";
    vec![
        case(json, r#"{"found":0,"files":[]}"#, "looked at 0 things"),
        case(json, r#"{"found":0}"#, "does not say"),
        case(json, "{", "no JSON"),
        case(missing, "", "cannot be started"),
        case(failed, "", "ended with 3"),
        build(not_found, "could not be run"),
        build("kind: cargo", "there is no Cargo.toml"),
    ]
}

/// Each of these reports or commands looks fine and shows nothing.
#[test]
fn evidence_of_nothing_is_no_evidence() {
    let cases = [broken_tests(), blind_scanners(), idle_commands()].concat();
    for (gate, metric, evidence, report, expected) in cases {
        let repository = Repository::configured(&format!("evidence:\n  it: {{ {evidence} }}\n"));
        repository.write("report", &report);
        let (state, reason) = repository.state(gate, metric);
        assert_eq!(state, "noEvidence", "{evidence}\n{report}");
        assert!(reason.contains(expected), "{evidence}: {reason}");
    }
}

/// A report that shows nothing is not made good by another one beside it.
#[test]
fn one_empty_report_among_others_is_no_evidence() {
    let scan = |rest: &str| {
        format!(r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"s"}}}},"results":[]{rest}}}]}}"#)
    };
    let cases = [
        (
            "test-validation",
            RATE,
            "junit",
            PASSED.to_owned(),
            "<testsuite name='rspec' tests='0'/>".to_owned(),
        ),
        (
            "test-validation",
            "code_coverage_lines",
            "coverage",
            "SF:a\nDA:1,1\nend_of_record\n".to_owned(),
            "<coverage/>".to_owned(),
        ),
        (
            "security-validation",
            "secrets_exposed",
            "sarif, about: secrets",
            scan(r#","artifacts":[{}]"#),
            scan(""),
        ),
    ];
    for (gate, metric, kind, good, empty) in cases {
        let repository = Repository::configured(&format!(
            "evidence:\n  it: {{ kind: {kind}, files: [reports/*] }}\n"
        ));
        repository.write("reports/a", &good);
        assert_eq!(repository.state(gate, metric).0, "passed", "{metric}");
        repository.write("reports/b", &empty);
        assert_eq!(repository.state(gate, metric).0, "noEvidence", "{metric}");
    }
}

const PASSED: &str = "<testsuite><testcase name='a' time='1'/></testsuite>";

fn git(repository: &Repository, arguments: &[&str]) {
    let mut command = Command::new("git");
    command
        .current_dir(repository.path())
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
        .args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn date(repository: &Repository, file: &str, at: SystemTime) {
    let file = std::fs::File::options()
        .write(true)
        .open(repository.path().join(file))
        .unwrap();
    file.set_modified(at).unwrap();
}

#[test]
fn a_report_from_before_the_commit_is_no_evidence() {
    let repository = Repository::configured("evidence:\n  it: { kind: junit, files: [report.xml] }\n");
    git(&repository, &["init", "-q"]);
    git(&repository, &["add", "-A"]);
    git(&repository, &["commit", "-qm", "first"]);
    repository.write("report.xml", PASSED);
    date(
        &repository,
        "report.xml",
        SystemTime::now() - Duration::from_mins(10),
    );
    let (state, reason) = repository.state("test-validation", "test_success_rate");
    assert_eq!(state, "noEvidence");
    assert!(reason.contains("older than the commit"), "{reason}");
    date(
        &repository,
        "report.xml",
        SystemTime::now() + Duration::from_secs(2),
    );
    assert_eq!(
        repository.state("test-validation", "test_success_rate").0,
        "passed"
    );
}

#[test]
fn a_report_that_is_too_old_or_from_elsewhere_is_no_evidence() {
    let config = "evidence:\n  it: { kind: junit, files: [report.xml], maxAge: 1h }\n";
    let repository = Repository::configured(config);
    repository.write("report.xml", PASSED);
    assert_eq!(
        repository.state("test-validation", "test_success_rate").0,
        "passed"
    );
    date(
        &repository,
        "report.xml",
        SystemTime::now() - Duration::from_hours(2),
    );
    assert_eq!(
        repository.state("test-validation", "test_success_rate").0,
        "noEvidence"
    );
    let elsewhere = Repository::new();
    elsewhere.write("report.xml", PASSED);
    std::fs::remove_file(repository.path().join("report.xml")).unwrap();
    std::os::unix::fs::symlink(
        elsewhere.path().join("report.xml"),
        repository.path().join("report.xml"),
    )
    .unwrap();
    let (state, reason) = repository.state("test-validation", "test_success_rate");
    assert_eq!(state, "noEvidence");
    assert!(reason.contains("leads out of the repository"), "{reason}");
}

#[test]
fn what_is_skipped_is_shown_and_alone_makes_nothing_ready() {
    let config = "gates:\n- id: security-validation\n  onNoEvidence: skip\n";
    let repository = Repository::configured(config);
    let output = repository
        .command("run --gate security-validation")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let (code, report) = repository.judge("--gate security-validation");
    assert_eq!(
        (code, &report["verdict"], &report["deploymentReady"]),
        (3, &"notJudged".into(), &false.into())
    );
    assert_eq!(criterion(&report, "secrets_exposed").unwrap()["state"], "skipped");
}
