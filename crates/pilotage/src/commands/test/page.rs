//! The verdict as a page: for a step summary of GitHub or a note of GitLab.

use std::fmt::Write as _;

use pilotage_core::testing::{TestState, Verdict};

use super::{printing::Whole, text};
use crate::commands::gate::report::escape_markdown;

/// Most entries of a list.
const MOST_ENTRIES: usize = 50;

/// The page.
pub(super) fn markdown(whole: &Whole) -> String {
    let verdict = &whole.shard.verdict;
    let mut out = format!("## {}\n\n", escape_markdown(&text::headline(whole)));
    out.push_str("| suite | files | tests | passed | failed | skipped | flaky | problems |\n|---|---|---|---|---|---|---|---|\n");
    for suite in &verdict.suites {
        let totals = suite.totals();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            escape_markdown(&suite.name),
            totals.files,
            totals.tests,
            totals.passed,
            totals.failed,
            totals.skipped,
            totals.flaky,
            totals.problems
        );
    }
    list(&mut out, "Problems", &text::problems(verdict));
    list(&mut out, "Failed", &names(verdict, TestState::Failed, false));
    list(
        &mut out,
        "Failed, in quarantine",
        &names(verdict, TestState::Failed, true),
    );
    list(&mut out, "Flaky", &names(verdict, TestState::Flaky, false));
    out.extend(whole.coverage.iter().map(super::reached::markdown));
    list(&mut out, "Slowest", &text::slowest(verdict, 5));
    out
}

fn names(verdict: &Verdict, state: TestState, in_quarantine: bool) -> Vec<String> {
    let tests = verdict.suites.iter().flat_map(|suite| {
        suite
            .files
            .values()
            .flat_map(move |file| file.tests.iter().map(move |test| (suite, file, test)))
    });
    let chosen =
        tests.filter(|(_, _, test)| test.state == state && test.quarantine.is_some() == in_quarantine);
    chosen
        .map(|(suite, file, test)| format!("{}: {}: {}", suite.name, file.file, test.name))
        .collect()
}

fn list(out: &mut String, title: &str, entries: &[String]) {
    if entries.is_empty() {
        return;
    }
    let _ = write!(out, "\n### {title}\n\n");
    for entry in entries.iter().take(MOST_ENTRIES) {
        let _ = writeln!(out, "- {}", escape_markdown(entry));
    }
    if let Some(more) = entries.len().checked_sub(MOST_ENTRIES).filter(|more| *more > 0) {
        let _ = writeln!(out, "- and {more} more");
    }
}
