//! The verdict as people and programs read it.

use crate::Repository;

fn repository() -> Repository {
    let config = r"
evidence:
  tests: { kind: junit, files: [report.xml] }
gates:
- id: test-validation
  criteria:
  - { metric: code_coverage_lines, enabled: false }
  - { metric: code_coverage_branches, onNoEvidence: skip }
  - { metric: code_coverage_functions, enabled: false }
";
    let repository = Repository::configured(config);
    repository.write(
        "report.xml",
        "<testsuite name='s' tests='3' time='2.5'><testcase name='works'/><testcase name='too'/>\
         <testcase name='a|b &lt;script&gt; &#x1b;[31m'><failure/></testcase></testsuite>",
    );
    repository
}

/// Dates become `DATE`: they are those of this run.
fn undated(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_date = rest.get(..10).is_some_and(|date| {
            date.bytes().enumerate().all(|(place, byte)| {
                if matches!(place, 4 | 7) {
                    byte == b'-'
                } else {
                    byte.is_ascii_digit()
                }
            })
        });
        if is_date {
            out.push_str("DATE");
            let time = |letter: char| letter.is_ascii_digit() || "-:TZ.".contains(letter);
            let date = &rest[10..];
            let after = date.strip_prefix(' ').unwrap_or(date);
            rest = after.trim_start_matches(time);
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

#[track_caller]
fn said(arguments: &str) -> String {
    let output = repository()
        .command(&format!(
            "run --no-keep --env staging --gate test-validation {arguments}"
        ))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    undated(&String::from_utf8(output.stdout).unwrap())
}

#[test]
fn for_people() {
    insta::assert_snapshot!("text", said(""));
}

#[test]
fn for_pages() {
    insta::assert_snapshot!("markdown", said("--format markdown"));
}

#[test]
fn for_programs() {
    insta::assert_snapshot!("json", said("--format json"));
}

#[test]
fn for_test_reports_and_scanners() {
    insta::assert_snapshot!("junit", said("--format junit"));
    insta::assert_snapshot!("sarif", said("--format sarif"));
}

#[test]
fn a_report_goes_to_a_file_and_the_verdict_to_the_terminal() {
    let repository = repository();
    let output = repository
        .command("run --env staging --format sarif --output out.sarif")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("Not ready for staging"));
    let written = std::fs::read_to_string(repository.path().join("out.sarif")).unwrap();
    assert!(written.contains("\"2.1.0\""), "{written}");
    let nowhere = repository
        .command("run --format json --output no/such/folder/out")
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(3), "{nowhere:?}");
}

#[test]
fn the_first_failed_gate_can_end_the_run() {
    let repository = Repository::new();
    let (code, report) = repository.judge("--stop-on-failure --sequential");
    let states: Vec<_> = report["gates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| gate["state"].clone())
        .collect();
    assert_eq!(
        (code, states),
        (
            1,
            ["failed", "notRun", "notRun", "notRun", "notRun"]
                .map(Into::into)
                .to_vec()
        )
    );
}
