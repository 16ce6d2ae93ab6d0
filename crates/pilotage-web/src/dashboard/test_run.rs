//! One run of tests: its suites, what failed, what was flaky, what is missing, and what the tests reached.

mod reached;

use std::{collections::BTreeSet, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    ports::TestRunFilter,
    testing::{
        Attempt, Outcome, ProblemKind, ProblemReport, SuiteReport, TestReport, TestReported, TestRun,
        TestRunId, TestState, coverage::ranges,
    },
};

use super::{
    shell::{Shell, Visitor, page},
    test_history::test_word,
    tests::{Line, Row, part, run_word, seconds, took},
    words::{Moment, State as Word, cut},
};
use crate::{
    api::{Id, find_test_run, test_report_of},
    door::Door,
    problem::Problem,
};
use reached::Reached;

/// Tests that are shown with their attempts.
const MOST_TOLD: usize = 200;
/// Problems, notes, suites and shards.
const MOST_LINES: usize = 100;
/// Shards of a plan.
const MOST_SHARDS: usize = 500;
/// Letters of a message.
const MOST_LETTERS: usize = 4_000;
/// Tests of a list.
const MOST_SLOWEST: usize = 15;

/// A suite.
struct Suite {
    name: String,
    runner: String,
    numbers: [usize; 8],
}

/// Something that went wrong besides failing tests.
struct Trouble {
    kind: Word,
    about: String,
    text: String,
}

/// A test that did not simply pass.
struct Told {
    line: Line,
    state: Word,
    quarantine: Option<String>,
    /// How each attempt ended, how long it took, and what it said.
    attempts: Vec<(Word, String, String)>,
}

/// Tests with the same state.
struct Group {
    id: &'static str,
    title: &'static str,
    tests: Vec<Told>,
    more: usize,
}

#[derive(Template)]
#[template(path = "test_run.html")]
struct RunPage {
    shell: Shell,
    id: String,
    name: String,
    part: String,
    commit: String,
    state: Word,
    message: String,
    going: Option<(u32, u32)>,
    began: Moment,
    ended: Option<(Moment, String)>,
    by: String,
    has_report: bool,
    is_cut: bool,
    shards: Vec<Row>,
    /// Shards of the plan of which nothing was heard.
    unheard: String,
    suites: Vec<Suite>,
    troubles: Vec<Trouble>,
    more_troubles: usize,
    groups: Vec<Group>,
    slowest: Vec<Line>,
    reached: Option<Reached>,
    notes: Vec<String>,
}

pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let run = find_test_run(&door, TestRunId(id)).await?;
    let report = test_report_of(&door, &run).await?;
    let shards = shards(&door, &run).await?;
    let report = report.map(|(report, _)| report);
    page(&whole(&visitor, &run, report, &shards))
}

/// The runs that carry out the parts of the same plan for the same commit, this one among them.
async fn shards(door: &Door, run: &TestRun) -> Result<Vec<TestRun>, Problem> {
    let Some(part) = &run.shard else {
        return Ok(Vec::new());
    };
    let filter = TestRunFilter {
        plan: Some(part.plan.clone()),
        commit: run.commit.clone(),
        ..TestRunFilter::default()
    };
    let runs = &door.ports.test_runs;
    let mut found = runs.test_runs(&filter, None, MOST_SHARDS).await?.items;
    found.retain(|other| number_of(other).is_some_and(|(_, shards)| shards == part.shards));
    found.sort_by_key(|other| (number_of(other), other.started_at));
    Ok(found)
}

/// Which shard it is, and of how many.
fn number_of(run: &TestRun) -> Option<(u32, u32)> {
    run.shard.as_ref().map(|part| (part.shard, part.shards))
}

/// The numbers of shards of which nothing was heard, as far as there is one at all.
fn unheard(found: &[TestRun]) -> String {
    let heard: BTreeSet<_> = found
        .iter()
        .filter_map(number_of)
        .map(|(shard, _)| shard)
        .collect();
    let all = found.first().and_then(number_of).map_or(0, |(_, shards)| shards);
    let missing: Vec<_> = (1..=all).filter(|shard| !heard.contains(shard)).collect();
    ranges(&missing, MOST_LINES)
}

fn whole(visitor: &Visitor, run: &TestRun, report: Option<TestReport>, shards: &[TestRun]) -> RunPage {
    let name = cut(&run.name, 80);
    let row = Row::new(visitor, run);
    let has_report = report.is_some();
    let report = report.unwrap_or_default();
    RunPage {
        shell: visitor.shell(format!("Tests of {name}"), "/tests"),
        id: row.id,
        name,
        part: part(run),
        commit: row.commit,
        state: run_word(run.status),
        message: cut(&run.message, 500),
        going: row.going,
        began: row.began,
        ended: run.finished_at.map(|at| (visitor.moment(at), took(run))),
        by: row.by,
        has_report,
        is_cut: report.is_cut,
        unheard: unheard(shards),
        shards: shards.iter().map(|other| Row::new(visitor, other)).collect(),
        suites: report.suites.iter().take(MOST_LINES).map(suite).collect(),
        troubles: report.problems.iter().take(MOST_LINES).map(trouble).collect(),
        more_troubles: report.problems.len().saturating_sub(MOST_LINES),
        groups: groups(&report),
        slowest: slowest(&report),
        reached: report.coverage.as_ref().map(Reached::new),
        notes: report
            .notes
            .iter()
            .take(MOST_LINES)
            .map(|text| cut(text, 500))
            .collect(),
    }
}

fn suite(suite: &SuiteReport) -> Suite {
    let totals = &suite.totals;
    Suite {
        name: cut(&suite.name, 120),
        runner: cut(&suite.runner, 40),
        numbers: [
            totals.files,
            totals.tests,
            totals.passed,
            totals.failed,
            totals.skipped,
            totals.flaky,
            totals.quarantined,
            totals.problems,
        ],
    }
}

fn trouble(problem: &ProblemReport) -> Trouble {
    let word = match problem.kind {
        ProblemKind::NotListed => "not listed",
        ProblemKind::NotStarted => "not started",
        ProblemKind::NotLoaded => "not loaded",
        ProblemKind::Killed => "killed",
        ProblemKind::TimedOut => "timed out",
        ProblemKind::EndedEarly => "ended early",
        ProblemKind::Missing => "missing",
        ProblemKind::Unbelievable => "not believed",
        ProblemKind::UnexplainedEnd => "unexplained",
        ProblemKind::NothingRan => "nothing ran",
        ProblemKind::ShardMissing => "shard missing",
        ProblemKind::Coverage => "coverage",
    };
    let about: Vec<_> = problem
        .suite
        .iter()
        .chain(&problem.file)
        .map(String::as_str)
        .collect();
    Trouble {
        kind: Word { word, class: "bad" },
        about: cut(&about.join(": "), 300),
        text: cut(&problem.text, MOST_LETTERS),
    }
}

/// Tests that did not simply pass, by what that means.
fn groups(report: &TestReport) -> Vec<Group> {
    type Is = fn(&TestReported) -> bool;
    let wanted: [(&str, &str, Is); 3] = [
        ("failed", "Failed", |test| {
            test.state == TestState::Failed && test.quarantine.is_none()
        }),
        ("flaky", "Flaky: failed, and passed when run again", |test| {
            test.state == TestState::Flaky
        }),
        (
            "quarantine",
            "Failed in quarantine, which stands in nobody's way",
            |test| test.state == TestState::Failed && test.quarantine.is_some(),
        ),
    ];
    let group = |(id, title, is): (&'static str, &'static str, Is)| {
        let tests: Vec<_> = report.tests().filter(|(.., test)| is(test)).collect();
        Group {
            id,
            title,
            more: tests.len().saturating_sub(MOST_TOLD),
            tests: tests.into_iter().take(MOST_TOLD).map(tell).collect(),
        }
    };
    let groups = wanted.into_iter().map(group);
    groups.filter(|group| !group.tests.is_empty()).collect()
}

fn tell((suite, file, test): (&str, &str, &TestReported)) -> Told {
    Told {
        line: Line::new((suite, file, &test.name), String::new()),
        state: test_word(test.state),
        quarantine: test.quarantine.as_ref().map(|entry| {
            let why = format!("until {}, {}: {}", entry.until, entry.owner, entry.reason);
            cut(&why, 300)
        }),
        attempts: test.attempts.iter().map(attempt).collect(),
    }
}

fn attempt(attempt: &Attempt) -> (Word, String, String) {
    let (word, class) = match attempt.outcome {
        Outcome::Passed => ("passed", "ok"),
        Outcome::Failed => ("failed", "bad"),
        Outcome::Skipped => ("skipped", "off"),
    };
    (
        Word { word, class },
        seconds(attempt.seconds),
        cut(&attempt.message, MOST_LETTERS),
    )
}

fn slowest(report: &TestReport) -> Vec<Line> {
    let standouts = report.standouts().slowest;
    let lines = standouts.iter().take(MOST_SLOWEST);
    lines
        .map(|test| Line::new((&test.suite, &test.file, &test.name), seconds(test.seconds)))
        .collect()
}
