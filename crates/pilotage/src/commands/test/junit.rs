//! The verdict as JUnit XML: a suite for each suite, a case for each test, and for whatever went wrong besides.
//!
//! Attempts are written as Maven's Surefire does (<https://maven.apache.org/surefire/maven-surefire-plugin/xsd/>): a test that
//! passed at last holds a `flakyFailure` for each attempt that failed, one that never passed a `rerunFailure` for each further one.

use std::fmt::Write as _;

use pilotage_core::testing::{FileResult, Outcome, Problem, SuiteResult, TestResult, TestState, Verdict};

use crate::commands::gate::report::escape_xml;

/// The whole document.
pub(super) fn write(verdict: &Verdict) -> String {
    let totals = verdict.totals;
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<testsuites name=\"pilotage\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
        totals.tests + totals.problems,
        totals.failed,
        totals.problems,
        totals.skipped + totals.quarantined,
    );
    for suite in &verdict.suites {
        write_suite(&mut out, suite);
    }
    if !verdict.problems.is_empty() {
        let number = verdict.problems.len();
        let _ = writeln!(
            out,
            "  <testsuite name=\"pilotage\" tests=\"{number}\" failures=\"0\" errors=\"{number}\" skipped=\"0\">"
        );
        verdict
            .problems
            .iter()
            .for_each(|problem| write_problem(&mut out, "pilotage", "", problem));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn write_suite(out: &mut String, suite: &SuiteResult) {
    let totals = suite.totals();
    let name = escape_xml(&suite.name);
    let seconds: f64 = suite.files.values().filter_map(|file| file.seconds).sum();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\">",
        totals.tests + totals.problems,
        totals.failed,
        totals.problems,
        totals.skipped + totals.quarantined,
    );
    suite
        .problems
        .iter()
        .for_each(|problem| write_problem(out, &suite.name, "", problem));
    for file in suite.files.values() {
        let path = path_of(suite, file);
        file.problems
            .iter()
            .for_each(|problem| write_problem(out, &file.file, &path, problem));
        file.tests
            .iter()
            .for_each(|test| write_test(out, &file.file, &path, test));
    }
    out.push_str("  </testsuite>\n");
}

/// The file from where the tests were run, as far as its runner speaks of files.
fn path_of(suite: &SuiteResult, file: &FileResult) -> String {
    let path = if suite.folder.is_empty() {
        file.file.clone()
    } else {
        format!("{}/{}", suite.folder, file.file)
    };
    let is_file = std::path::Path::new(&path).is_file();
    if is_file {
        format!(" file=\"{}\"", escape_xml(&path))
    } else {
        String::new()
    }
}

fn write_problem(out: &mut String, class: &str, path: &str, problem: &Problem) {
    let (class, text) = (escape_xml(class), escape_xml(&problem.text));
    let _ = writeln!(
        out,
        "    <testcase classname=\"{class}\" name=\"{class}\"{path}><error type=\"{:?}\" message=\"{text}\"/></testcase>",
        problem.kind
    );
}

fn write_test(out: &mut String, class: &str, path: &str, test: &TestResult) {
    let seconds: f64 = test.attempts.iter().map(|attempt| attempt.seconds).sum();
    let _ = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{seconds:.3}\"{path}",
        escape_xml(class),
        escape_xml(&test.name)
    );
    let inside = inside(test);
    if inside.is_empty() {
        out.push_str("/>\n");
    } else {
        let _ = writeln!(out, ">{inside}</testcase>");
    }
}

fn inside(test: &TestResult) -> String {
    let mut failed = test
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome == Outcome::Failed);
    let element = |name: &str, message: &str| {
        let first = escape_xml(message.lines().next().unwrap_or_default());
        format!(
            "<{name} type=\"failed\" message=\"{first}\">{}</{name}>",
            escape_xml(message)
        )
    };
    match test.state {
        TestState::Passed => String::new(),
        TestState::Skipped => {
            let message = test
                .attempts
                .first()
                .map_or("", |attempt| attempt.message.as_str());
            format!("<skipped message=\"{}\"/>", escape_xml(message))
        }
        TestState::Flaky => failed
            .map(|attempt| element("flakyFailure", &attempt.message))
            .collect(),
        TestState::Failed => {
            if let Some(entry) = &test.quarantine {
                let why = format!(
                    "in quarantine until {} ({}): {}",
                    entry.until, entry.owner, entry.reason
                );
                return format!("<skipped message=\"{}\"/>", escape_xml(&why));
            }
            let first = failed.next().map(|attempt| element("failure", &attempt.message));
            first
                .into_iter()
                .chain(failed.map(|attempt| element("rerunFailure", &attempt.message)))
                .collect()
        }
    }
}
