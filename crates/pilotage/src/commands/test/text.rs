//! Plans and verdicts for people.

use std::fmt::Write as _;

use pilotage_core::testing::{Batch, SuiteResult, TestResult, TestState, Verdict};
use pilotage_runners::testing::Ready;
use serde_json::json;

use super::{annotations, places::Places, planning::Planning, printing::Whole, reached, section};
use crate::{
    cli::Context,
    output::{Cell, Style, Table, clean, clean_lines},
};

/// Lines of a failure that are shown.
const MOST_LINES: usize = 30;

/// Prints a verdict.
///
/// # Errors
/// It cannot be printed.
pub(super) fn print(context: &Context, whole: &Whole) -> anyhow::Result<()> {
    let verdict = &whole.shard.verdict;
    let pause = section::pause();
    if let Some((begin, _)) = &pause {
        context.output.line(begin)?;
    }
    context.output.table(&table(&verdict.suites))?;
    if let Some(coverage) = &whole.coverage {
        context.output.line("")?;
        context.output.table(&reached::table(coverage))?;
    }
    let paint = |style, text: &str| context.output.paint(style, text);
    context.output.line(body(whole, &paint).trim_end())?;
    if let Some((_, end)) = pause {
        context.output.line(end)?;
        context
            .output
            .line(annotations::github(verdict, &Places::detect()))?;
    }
    Ok(())
}

/// A verdict without colours, for a file.
pub(super) fn plain(whole: &Whole) -> String {
    body(whole, &|_, text: &str| clean(text))
}

fn table(suites: &[SuiteResult]) -> Table {
    let mut table = Table::new(&[
        "SUITE",
        "RUNNER",
        "FILES",
        "TESTS",
        "PASSED",
        "FAILED",
        "SKIPPED",
        "FLAKY",
        "QUARANTINED",
    ]);
    for suite in suites {
        let totals = suite.totals();
        let numbers = [
            totals.files,
            totals.tests,
            totals.passed,
            totals.failed,
            totals.skipped,
            totals.flaky,
            totals.quarantined,
        ];
        let mut row = vec![Cell::id(&suite.name), suite.runner.as_str().into()];
        row.extend(numbers.map(|number| number.to_string().into()));
        table.row(row);
    }
    table
}

fn body(whole: &Whole, paint: &dyn Fn(Style, &str) -> String) -> String {
    let verdict = &whole.shard.verdict;
    let mut out = String::new();
    let mut say = |text: String| {
        out.push('\n');
        out.push_str(&text);
    };
    for (suite, file, test) in tests(verdict, TestState::Failed) {
        let (style, word) = if test.gates() {
            (Style::Bad, "failed")
        } else {
            (Style::Warning, "in quarantine")
        };
        say(paint(
            style,
            &format!("{word}: {}: {file}: {}{}", suite.name, test.name, times(test)),
        ));
        if let Some(entry) = &test.quarantine {
            say(paint(
                Style::Faint,
                &format!("    until {} ({}): {}", entry.until, entry.owner, entry.reason),
            ));
        } else {
            clean_lines(test.failure())
                .lines()
                .take(MOST_LINES)
                .for_each(|line| say(format!("    {line}")));
        }
    }
    for problem in problems(verdict) {
        // What a runner said has lines of its own, each of which is escaped by itself.
        let mut lines = problem.lines();
        let first = lines.next().unwrap_or_default();
        say(paint(Style::Bad, &format!("problem: {first}")));
        lines
            .take(MOST_LINES)
            .for_each(|line| say(format!("    {}", clean(line))));
    }
    for (suite, file, test) in tests(verdict, TestState::Flaky) {
        say(paint(
            Style::Warning,
            &format!("flaky: {}: {file}: {}{}", suite.name, test.name, times(test)),
        ));
    }
    for (style, line) in whole.coverage.iter().flat_map(reached::lines) {
        say(paint(style, &line));
    }
    for note in &whole.notes {
        say(paint(Style::Faint, &format!("note: {note}")));
    }
    let style = if verdict.passed { Style::Good } else { Style::Bad };
    say(paint(style, &headline(whole)));
    out
}

fn times(test: &TestResult) -> String {
    match test.attempts.len() {
        0 | 1 => String::new(),
        number => format!(" ({number} attempts)"),
    }
}

/// The verdict in a line.
pub(super) fn headline(whole: &Whole) -> String {
    let Verdict { passed, totals, .. } = &whole.shard.verdict;
    let mut line = if *passed {
        "Passed".to_owned()
    } else {
        "Failed".to_owned()
    };
    // Writing to a string cannot fail.
    let _ = write!(line, ": {} tests in {} files", totals.tests, totals.files);
    for (number, what) in [
        (totals.failed, "failed"),
        (totals.skipped, "skipped"),
        (totals.flaky, "flaky"),
        (totals.quarantined, "in quarantine"),
        (totals.problems, "problems besides"),
    ] {
        if number > 0 {
            let _ = write!(line, ", {number} {what}");
        }
    }
    if whole.shard.shards > 1 {
        let _ = write!(line, "; shard {} of {}", whole.shard.shard, whole.shard.shards);
    }
    if let Some(timing) = whole.timing {
        let _ = write!(
            line,
            "; {:.1} s with {} at once (planned {:.1} s, at least {:.1} s)",
            timing.seconds, timing.workers, timing.predicted, timing.lower_bound
        );
    }
    line
}

/// Every problem with what it is about.
pub(super) fn problems(verdict: &Verdict) -> Vec<String> {
    let own = verdict.problems.iter().map(|problem| problem.text.clone());
    let suites = verdict.suites.iter().flat_map(|suite| {
        suite.all_problems().map(|(file, problem)| match file {
            Some(file) => format!("{}: {file}: {}", suite.name, problem.text),
            None => format!("{}: {}", suite.name, problem.text),
        })
    });
    own.chain(suites).collect()
}

/// The files that took longest.
pub(super) fn slowest(verdict: &Verdict, most: usize) -> Vec<String> {
    let files = verdict
        .suites
        .iter()
        .flat_map(|suite| suite.files.values().map(|file| (suite.name.as_str(), file)));
    let mut files: Vec<_> = files
        .filter_map(|(suite, file)| Some((file.seconds?, suite, file.file.as_str())))
        .collect();
    files.sort_by(|a, b| b.0.total_cmp(&a.0));
    files
        .into_iter()
        .take(most)
        .map(|(seconds, suite, file)| format!("{suite}: {file}: {seconds:.1} s"))
        .collect()
}

/// Every test that stands like this, with its suite and file.
pub(super) fn tests(
    verdict: &Verdict,
    state: TestState,
) -> impl Iterator<Item = (&SuiteResult, &str, &TestResult)> {
    verdict.suites.iter().flat_map(move |suite| {
        suite.files.values().flat_map(move |file| {
            let tests = file.tests.iter().filter(move |test| test.state == state);
            tests.map(move |test| (suite, file.file.as_str(), test))
        })
    })
}

/// Prints a plan.
///
/// # Errors
/// It cannot be printed.
pub(super) fn plan(context: &Context, suites: &[Ready], planning: &Planning) -> anyhow::Result<()> {
    let plan = &planning.plan;
    let name = |place: usize| suites.get(place).map_or("", |ready| ready.suite.name.as_str());
    if context.output.is_json() {
        let shown = |batch: &Batch| json!({ "suite": name(batch.suite), "items": batch.items, "seconds": batch.seconds() });
        let lanes = plan
            .lanes
            .iter()
            .map(|lane| lane.iter().map(shown).collect::<Vec<_>>());
        return context.output.json(&json!({
            "lanes": lanes.collect::<Vec<_>>(), "tail": plan.tail.iter().map(shown).collect::<Vec<_>>(),
            "makespanSeconds": plan.makespan, "lowerBoundSeconds": plan.lower_bound,
            "unknownFiles": planning.unknown, "plan": planning.digest,
            "services": planning.services.iter().map(|wait| json!({
                "suite": wait.suite, "services": wait.services, "seconds": wait.seconds,
            })).collect::<Vec<_>>(),
        }));
    }
    let mut table = Table::new(&["WORKER", "SUITE", "FILES", "SECONDS", "FIRST"]);
    let lanes = plan
        .lanes
        .iter()
        .enumerate()
        .map(|(place, lane)| ((place + 1).to_string(), lane));
    for (worker, lane) in lanes.chain(std::iter::once(("any".to_owned(), &plan.tail))) {
        for batch in lane {
            let first = batch.items.first().map_or("", |item| item.file.as_str());
            table.row([
                worker.as_str().into(),
                name(batch.suite).into(),
                batch.items.len().to_string().into(),
                format!("{:.1}", batch.seconds()).into(),
                first.into(),
            ]);
        }
    }
    context.output.table(&table)?;
    context.output.line(format!(
        "Planned {:.1} s; at least {:.1} s; {} files of unknown duration.",
        plan.makespan, plan.lower_bound, planning.unknown
    ))?;
    for wait in &planning.services {
        context.output.line(format!(
            "{} waits for {}, {:.1} s as far as that is known.",
            clean(&wait.suite),
            wait.services.join(", "),
            wait.seconds
        ))?;
    }
    for ready in suites {
        if let Some(problem) = &ready.problem {
            context.output.line(
                context
                    .output
                    .paint(Style::Bad, &format!("{}: {problem}", ready.suite.name)),
            )?;
        }
    }
    Ok(())
}
