//! Every criterion of the built-in gates can pass and can fail, by what a file says or a command does.

mod scenes;

use std::collections::BTreeSet;

use pilotage_core::gate::built_in;

use crate::Repository;
use scenes::scenes;

#[derive(Clone)]
struct Case {
    gate: &'static str,
    metric: &'static str,
    evidence: &'static str,
    file: &'static str,
    passes: String,
    fails: String,
}

fn case(
    gate: &'static str,
    metric: &'static str,
    evidence: &'static str,
    file: &'static str,
    passes: String,
    fails: String,
) -> Case {
    Case {
        gate,
        metric,
        evidence,
        file,
        passes,
        fails,
    }
}

fn junit(failure: &str, seconds: u32) -> String {
    format!(
        "<testsuite name='s' tests='2' time='{seconds}'><testcase name='a'/><testcase name='b'>{failure}</testcase></testsuite>"
    )
}

fn lcov(reached: u32) -> String {
    let lines: Vec<String> = (1..=100)
        .map(|line| {
            format!(
                "DA:{line},{}
",
                u32::from(line <= reached)
            )
        })
        .collect();
    let lines = lines.concat();
    format!("SF:a.c\n{lines}end_of_record\n")
}

fn cobertura(taken: u32) -> String {
    format!(
        "<coverage><class name='a' filename='a.py'><lines><line number='1' hits='1' branch='true' condition-coverage='x ({taken}/100)'/></lines></class></coverage>"
    )
}

fn istanbul(entered: u32) -> String {
    let part = |covered| format!(r#"{{"total":100,"covered":{covered}}}"#);
    let entry = format!(
        r#"{{"lines":{},"branches":{},"functions":{}}}"#,
        part(100),
        part(100),
        part(entered)
    );
    format!(r#"{{"total":{entry},"a.ts":{entry}}}"#)
}

fn sarif(severity: &str, findings: usize) -> String {
    let finding = format!(r#"{{"ruleId":"R","properties":{{"security-severity":"{severity}"}}}}"#);
    let results = vec![finding; findings].join(",");
    format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"scan"}}}},"artifacts":[{{}}],"results":[{results}]}}]}}"#
    )
}

fn of_tests() -> Vec<Case> {
    let tests = |metric, passes, fails| {
        case(
            "test-validation",
            metric,
            "kind: junit, files: [report]",
            "report",
            passes,
            fails,
        )
    };
    let coverage = |metric, passes, fails| {
        case(
            "test-validation",
            metric,
            "kind: coverage, files: [report]",
            "report",
            passes,
            fails,
        )
    };
    vec![
        tests("test_success_rate", junit("", 1), junit("<failure/>", 1)),
        tests("test_execution_time", junit("", 599), junit("", 600)),
        coverage("code_coverage_lines", lcov(85), lcov(84)),
        coverage("code_coverage_branches", cobertura(80), cobertura(79)),
        coverage("code_coverage_functions", istanbul(90), istanbul(89)),
    ]
}

fn of_scanners() -> Vec<Case> {
    let security = |metric, evidence, passes, fails| {
        case("security-validation", metric, evidence, "report", passes, fails)
    };
    let vulnerabilities = "kind: sarif, about: vulnerabilities, files: [report]";
    let secrets = "kind: sarif, about: secrets, files: [report]";
    let policies = "kind: sarif, about: policies, files: [report]";
    let (harmless, broken) = (sarif("1.0", 0), sarif("1.0", 1));
    vec![
        security(
            "high_severity_vulnerabilities",
            vulnerabilities,
            sarif("6.9", 1),
            sarif("7.0", 1),
        ),
        security(
            "medium_severity_vulnerabilities",
            vulnerabilities,
            sarif("5.0", 5),
            sarif("5.0", 6),
        ),
        security("secrets_exposed", secrets, sarif("9.0", 0), sarif("9.0", 1)),
        case(
            "compliance-validation",
            "policy_violations",
            policies,
            "report",
            harmless,
            broken,
        ),
    ]
}

fn of_cargo() -> Vec<Case> {
    let cargo = |metric, fails: &str| {
        case(
            "build-validation",
            metric,
            "kind: cargo",
            "src/lib.rs",
            "pub fn f() {}".into(),
            fails.into(),
        )
    };
    vec![
        cargo("build_success", "pub fn f() -> u8 { }"),
        cargo("compile_errors", "pub fn f() -> u8 { }"),
        cargo("lint_errors", "pub fn f(x: u8) -> bool { x == x }"),
    ]
}

#[test]
fn every_served_criterion_passes_and_fails() {
    for Case {
        gate,
        metric,
        evidence,
        file,
        passes,
        fails,
    } in [of_tests(), of_scanners(), of_cargo()].concat()
    {
        for (text, expected) in [(passes, "passed"), (fails, "failed")] {
            let repository = Repository::configured(&format!("evidence:\n  it: {{ {evidence} }}\n"));
            repository.write(
                "Cargo.toml",
                "[package]\nname = \"judged\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
            );
            repository.write(file, &text);
            if file != "src/lib.rs" {
                repository.write("src/lib.rs", "");
            }
            let (state, reason) = repository.state(gate, metric);
            assert_eq!(state, expected, "{metric}: {reason}\n{text}");
        }
    }
}

#[test]
fn every_criterion_that_takes_more_than_a_file_passes_and_fails() {
    for scene in scenes() {
        for (good, expected) in [(true, "passed"), (false, "failed")] {
            let repository = Repository::configured(&(scene.config)(good));
            (scene.prepare)(&repository, good);
            let (state, reason) = repository.state(scene.gate, scene.metric);
            assert_eq!(state, expected, "{}: {reason}", scene.metric);
        }
    }
}

/// A criterion that is added without a row here fails, and so does a row of a criterion that is gone.
#[test]
fn every_criterion_of_every_built_in_gate_has_a_row() {
    let asked: BTreeSet<_> = built_in()
        .into_iter()
        .flat_map(|gate| {
            let criteria = gate.criteria.into_iter();
            criteria.map(move |criterion| (gate.id.clone(), criterion.metric))
        })
        .collect();
    let row = |gate: &str, metric: &str| (gate.to_owned(), metric.to_owned());
    let cases = [of_tests(), of_scanners(), of_cargo()].concat();
    let cases = cases.iter().map(|case| row(case.gate, case.metric));
    let scenes = scenes();
    let scenes = scenes.iter().map(|scene| row(scene.gate, scene.metric));
    assert_eq!(cases.chain(scenes).collect::<BTreeSet<_>>(), asked);
}

#[test]
fn a_command_answers_by_code_number_and_json() {
    let config = r"
evidence:
  it:
    kind: command
    command: [cat, said.json]
    metrics:
      is_signed: { unit: bool, from: /signed }
      image_size: { unit: bytes, from: /size }
      licence: { unit: text, from: /licence }
    examined: /files
  clean: { kind: command, command: [test, -f, clean], metrics: { is_clean: { unit: bool, from: exitCode } } }
  size: { kind: command, command: [cat, number], metrics: { wait_time: { unit: seconds, from: output } } }
gates:
- id: own
  criteria:
  - { metric: is_signed, operator: eq, threshold: true }
  - { metric: image_size, operator: lte, threshold: 10MiB }
  - { metric: licence, operator: in, threshold: [MIT, ISC] }
  - { metric: is_clean, operator: eq, threshold: true }
  - { metric: wait_time, operator: lt, threshold: 2m }
";
    let repository = Repository::configured(config);
    repository.write(
        "said.json",
        r#"{"signed":true,"size":10485760,"licence":"ISC","files":["a"]}"#,
    );
    repository.write("number", "90\n");
    repository.write("clean", "");
    let (code, report) = repository.judge("--gate own");
    assert_eq!(
        (code, &report["deploymentReady"]),
        (0, &true.into()),
        "{report:#}"
    );
    repository.write(
        "said.json",
        r#"{"signed":false,"size":10485761,"licence":"GPL","files":["a"]}"#,
    );
    repository.write("number", "3m");
    std::fs::remove_file(repository.path().join("clean")).unwrap();
    let (code, report) = repository.judge("--gate own");
    let states: Vec<_> = report["gates"][0]["criteria"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["state"].clone())
        .collect();
    assert_eq!((code, states), (1, vec!["failed".into(); 5]), "{report:#}");
}
