//! What platforms of CI show beside the lines of a change: GitHub's commands in the log, GitLab's report of code quality.

use pilotage_core::{
    Digest,
    testing::{SuiteResult, TestResult, TestState, Verdict},
};
use serde_json::{Value, json};

use super::{
    places::{Places, Spot},
    text::{problems, tests},
};
use crate::output::{clean, clean_lines};

/// Lines of a failure that are shown.
const MOST_LINES: usize = 30;
/// Annotations of a kind that GitHub shows for one step
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>).
const MOST_ANNOTATIONS: usize = 10;
/// Findings of a report.
const MOST_FINDINGS: usize = 1_000;
/// Letters of a finding, which the widget shows in a line.
const MOST_LETTERS: usize = 500;

/// Commands by which GitHub shows failures beside the lines that changed: errors for what stands in the way, warnings for
/// what was flaky. Values are escaped as its toolkit does it
/// (<https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>).
pub(super) fn github(verdict: &Verdict, places: &Places) -> String {
    let red = told(verdict, TestState::Failed).map(|told| command("error", told, places));
    let problems = problems(verdict)
        .into_iter()
        .map(|problem| format!("::error title=tests::{}", data(&problem)));
    let flaky = told(verdict, TestState::Flaky).map(|told| command("warning", told, places));
    let errors = problems.chain(red).take(MOST_ANNOTATIONS);
    let all: Vec<_> = errors.chain(flaky.take(MOST_ANNOTATIONS)).collect();
    all.join("\n")
}

type Told<'a> = (&'a SuiteResult, &'a str, &'a TestResult);

/// Tests that stand in the way, or were flaky.
fn told(verdict: &Verdict, state: TestState) -> impl Iterator<Item = Told<'_>> {
    tests(verdict, state).filter(|(_, _, test)| test.gates() || test.state == TestState::Flaky)
}

fn command(kind: &str, (suite, file, test): Told<'_>, places: &Places) -> String {
    let title = property(&test.name);
    let place = match places.of(suite, file, test.failure()) {
        Some(Spot { path, line }) => {
            let line = line.map_or_else(String::new, |line| format!("line={line},"));
            format!("file={},{line}", property(&path))
        }
        None => String::new(),
    };
    format!("::{kind} {place}title={title}::{}", data(test.failure()))
}

fn data(text: &str) -> String {
    let text = clean_lines(text);
    let lines: Vec<_> = text.lines().take(MOST_LINES).collect();
    escape(&lines.join("\n"))
}

fn property(text: &str) -> String {
    escape(&clean(text)).replace(':', "%3A").replace(',', "%2C")
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// GitLab's report of code quality (<https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>): a finding for each
/// test that stands in the way or was flaky, and for each problem. One that was there before has the same fingerprint, so
/// that a merge request shows what is new.
pub(super) fn code_quality(verdict: &Verdict, places: &Places) -> Value {
    let test = |severity: &str, check: &str, (suite, file, test): Told<'_>| {
        let spot = places.of(suite, file, test.failure()).unwrap_or_else(|| Spot {
            path: suite.folder.clone(),
            line: None,
        });
        let said = test
            .failure()
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        let text = format!("{}: {}: {said}", suite.name, test.name);
        finding((severity, check), &spot, &text, &[&suite.name, file, &test.id])
    };
    let problems = problems(verdict).into_iter().map(|problem| {
        let nowhere = Spot {
            path: String::new(),
            line: None,
        };
        finding(("critical", "tests"), &nowhere, &problem, &[&problem])
    });
    let failed = told(verdict, TestState::Failed).map(|told| test("major", "test-failed", told));
    let flaky = told(verdict, TestState::Flaky).map(|told| test("minor", "test-flaky", told));
    problems.chain(failed).chain(flaky).take(MOST_FINDINGS).collect()
}

fn finding((severity, check): (&str, &str), spot: &Spot, text: &str, identity: &[&str]) -> Value {
    let path = if spot.path.is_empty() { "." } else { &spot.path };
    let text: String = clean(text).chars().take(MOST_LETTERS).collect();
    let fingerprint = Digest::of([&[check], identity].concat().join("\0").as_bytes());
    json!({
        "description": text, "check_name": check, "fingerprint": fingerprint, "severity": severity,
        "location": { "path": path, "lines": { "begin": spot.line.unwrap_or(1) } },
    })
}

#[cfg(test)]
mod unit {
    use pilotage_core::testing::{Attempt, FileResult, Outcome, Problem, ProblemKind};

    use super::*;

    fn verdict() -> Verdict {
        let mut file = FileResult::new("Cargo.toml");
        let bad = "50%: a,b\n::set-env name=x::y\u{1b}[31m";
        for (name, outcomes) in [
            (bad, &[Outcome::Failed][..]),
            ("wobbles", &[Outcome::Failed, Outcome::Passed]),
            ("fine", &[Outcome::Passed]),
        ] {
            let mut test = TestResult::new(name, name, TestState::Passed);
            for outcome in outcomes {
                let message = format!("Cargo.toml:7: {bad}");
                test.add(Attempt {
                    outcome: *outcome,
                    seconds: 0.0,
                    message,
                });
            }
            file.tests.push(test);
        }
        let mut suite = SuiteResult::new("unit", "pytest", Vec::new());
        suite.add(file);
        Verdict::of(
            vec![suite],
            vec![Problem::new(ProblemKind::Killed, "it was killed")],
        )
    }

    #[test]
    fn what_github_reads_is_one_line_each_and_escaped() {
        let text = github(&verdict(), &Places::detect());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0], "::error title=tests::it was killed");
        assert!(lines[1].starts_with("::error file="), "{text}");
        assert!(
            lines[1].contains("Cargo.toml,line=7,title=50%25%3A a%2Cb"),
            "{text}"
        );
        assert!(
            lines[1].contains("%0A::set-env"),
            "a command within a message is text: {text}"
        );
        assert!(
            lines[2].starts_with("::warning file=") && lines[2].contains("title=wobbles"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn what_gitlab_reads_has_every_field_and_stays_the_same() {
        let report = code_quality(&verdict(), &Places::detect());
        let findings = report.as_array().unwrap();
        let severities: Vec<_> = findings
            .iter()
            .map(|one| one["severity"].as_str().unwrap())
            .collect();
        assert_eq!(severities, ["critical", "major", "minor"]);
        assert_eq!(findings[1]["location"]["lines"]["begin"], 7);
        assert_eq!(findings[0]["location"]["path"], ".");
        let fingerprints: std::collections::BTreeSet<_> = findings
            .iter()
            .map(|one| one["fingerprint"].as_str().unwrap())
            .collect();
        assert_eq!(fingerprints.len(), 3);
        assert_eq!(code_quality(&verdict(), &Places::detect()), report);
    }
}
