use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    ports::TestRunFilter,
    testing::{Standout, Standouts, TestRun, TestRunStatus, Totals},
};

use super::{
    chart::{Chart, Stack, WIDE, plain},
    gates::short_commit,
    query::{Pager, Query},
    shell::{Shell, Visitor, page},
    words::{Moment, State as Word, cut, duration, plural, short_id},
};
use crate::{
    door::Door,
    problem::{Kind, Problem},
};

/// Runs on a page.
const LINES: usize = 50;
/// Runs over which slow and flaky tests are looked for.
const LOOKED_THROUGH: usize = 100;
/// Tests of a list.
const MOST_TESTS: usize = 15;

/// The word for where a run stands.
pub(super) const fn run_word(status: TestRunStatus) -> Word {
    let (word, class) = match status {
        TestRunStatus::Running => ("running", "run"),
        TestRunStatus::Passed => ("passed", "ok"),
        TestRunStatus::Failed => ("failed", "bad"),
        TestRunStatus::BrokenOff => ("broken off", "off"),
    };
    Word { word, class }
}

/// A run in a list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) short: String,
    pub(super) href: String,
    pub(super) name: String,
    pub(super) part: String,
    pub(super) commit: String,
    pub(super) state: Word,
    pub(super) tests: usize,
    pub(super) failed: usize,
    pub(super) flaky: usize,
    pub(super) message: String,
    /// Files that are through and files in all, while it runs.
    pub(super) going: Option<(u32, u32)>,
    pub(super) began: Moment,
    pub(super) took: String,
    pub(super) by: String,
}

impl Row {
    pub(super) fn new(visitor: &Visitor, run: &TestRun) -> Self {
        let totals = run.totals;
        Self {
            id: run.id.to_string(),
            short: short_id(&run.id),
            href: format!("/tests/runs/{}", run.id),
            name: cut(&run.name, 80),
            part: part(run),
            commit: short_commit(run.commit.as_deref()),
            state: run_word(run.status),
            tests: totals.tests,
            failed: totals.failed.saturating_add(totals.problems),
            flaky: totals.flaky,
            message: cut(&run.message, 200),
            going: (run.status == TestRunStatus::Running && run.files > 0).then_some((run.done, run.files)),
            began: visitor.moment(run.started_at),
            took: took(run),
            by: cut(&run.actor, 60),
        }
    }
}

/// Which part of a plan it is, where it is only one.
pub(super) fn part(run: &TestRun) -> String {
    let part = run.shard.as_ref();
    part.map_or_else(String::new, |part| {
        format!("shard {} of {}", part.shard, part.shards)
    })
}

/// From its beginning to its end; nothing while it goes on.
pub(super) fn took(run: &TestRun) -> String {
    run.finished_at.map_or_else(String::new, |ended| {
        duration(ended.as_micros().saturating_sub(run.started_at.as_micros()))
    })
}

/// A test of a list, with a link to its history.
pub(super) struct Line {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) place: String,
    pub(super) says: String,
}

impl Line {
    pub(super) fn new((suite, file, name): (&str, &str, &str), says: String) -> Self {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("suite", suite)
            .append_pair("file", file)
            .append_pair("test", name)
            .finish();
        Self {
            href: format!("/tests/history?{query}"),
            name: cut(name, 160),
            place: cut(&format!("{suite}: {file}"), 200),
            says,
        }
    }
}

/// A time as people read it.
#[expect(clippy::cast_possible_truncation, reason = "it is within bounds by then")]
pub(super) fn seconds(seconds: f64) -> String {
    duration((seconds.clamp(0.0, 1e9) * 1e6).round() as i64)
}

/// The filters as they stand in the form.
struct Fields {
    name: String,
    commit: String,
    status: String,
    any: bool,
}

#[derive(Template)]
#[template(path = "tests.html")]
struct TestsPage {
    shell: Shell,
    fields: Fields,
    /// Address, word, and whether it is chosen.
    choices: Vec<(String, &'static str, bool)>,
    chart: Chart,
    runs: Vec<Row>,
    slowest: Vec<Line>,
    flakiest: Vec<Line>,
    looked_through: usize,
    among: String,
    pager: Pager,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let query = &visitor.query;
    let status = query.text("status").map(status_named).transpose()?;
    let filter = TestRunFilter {
        name: query.text("name").map(str::to_owned),
        commit: query.text("commit").map(str::to_ascii_lowercase),
        status,
        ..TestRunFilter::default()
    };
    let runs = &door.ports.test_runs;
    let found = runs.test_runs(&filter, query.number("after")?, LINES).await?;
    let standouts = runs.test_standouts(&filter, LOOKED_THROUGH).await?;
    page(&TestsPage {
        fields: Fields {
            name: query.field("name"),
            commit: query.field("commit"),
            status: query.field("status"),
            any: ["name", "commit"].iter().any(|name| query.text(name).is_some()),
        },
        choices: choices(query, status),
        chart: chart(&found.items),
        runs: found.items.iter().map(|run| Row::new(&visitor, run)).collect(),
        slowest: slowest(&standouts),
        flakiest: flakiest(&standouts),
        looked_through: standouts.len(),
        among: plural(i64::try_from(standouts.len()).unwrap_or(i64::MAX), "run"),
        pager: Pager::new(query, found.next),
        shell: visitor.shell("Tests", "/tests"),
    })
}

fn choices(query: &Query, chosen: Option<TestRunStatus>) -> Vec<(String, &'static str, bool)> {
    let all = (query.with("status", None), "all", chosen.is_none());
    let each = TestRunStatus::ALL.into_iter().map(|status| {
        let href = query.with("status", Some(status.as_str()));
        (href, run_word(status).word, chosen == Some(status))
    });
    std::iter::once(all).chain(each).collect()
}

fn status_named(word: &str) -> Result<TestRunStatus, Problem> {
    TestRunStatus::parse(word).ok_or_else(|| {
        let words = TestRunStatus::ALL.map(TestRunStatus::as_str).join(", ");
        Problem::new(Kind::BadRequest, format!("`status` is one of {words}"))
    })
}

/// Tests of each run of the page that has ended, the oldest first, by how they came out.
fn chart(runs: &[TestRun]) -> Chart {
    let number = |counts: &[usize]| i64::try_from(counts.iter().sum::<usize>()).unwrap_or(0);
    let values = |totals: &Totals| {
        vec![
            number(&[totals.passed]),
            number(&[totals.failed, totals.problems]),
            number(&[totals.flaky, totals.skipped, totals.quarantined]),
        ]
    };
    let ended = runs.iter().rev().filter(|run| run.report.is_some());
    let stacks = ended.map(|run| {
        let at = run.started_at.to_string().replace('T', " ");
        Stack {
            label: at.get(5..16).unwrap_or_default().to_owned(),
            name: format!("{} {}", at.get(..19).unwrap_or_default(), cut(&run.name, 40)),
            values: values(&run.totals),
        }
    });
    Chart::new(
        "Tests of the runs on this page, the oldest first",
        &["passed", "failed and problems", "flaky, skipped or in quarantine"],
        WIDE,
        stacks.collect(),
        None,
        plain,
    )
}

/// What is known of a test over several runs.
#[derive(Clone, Copy, Default)]
struct Seen {
    runs: u32,
    total: f64,
    most: f64,
}

impl Seen {
    fn mean(self) -> f64 {
        self.total / f64::from(self.runs.max(1))
    }
}

type Counted<'a> = Vec<((&'a str, &'a str, &'a str), Seen)>;

fn add_up(standouts: &[Standouts], which: fn(&Standouts) -> &[Standout]) -> Counted<'_> {
    let mut all: BTreeMap<(&str, &str, &str), Seen> = BTreeMap::new();
    for test in standouts.iter().flat_map(which) {
        let seen = all.entry((&test.suite, &test.file, &test.name)).or_default();
        seen.runs += 1;
        seen.total += test.seconds;
        seen.most = seen.most.max(test.seconds);
    }
    all.into_iter().collect()
}

/// The tests that take longest, over some runs.
fn slowest(standouts: &[Standouts]) -> Vec<Line> {
    let mut tests = add_up(standouts, |run| &run.slowest);
    tests.sort_by(|a, b| b.1.mean().total_cmp(&a.1.mean()));
    let says = |seen: Seen| {
        let (mean, most) = (seconds(seen.mean()), seconds(seen.most));
        if mean == most {
            return most;
        }
        format!("{mean}, at most {most}")
    };
    let tests = tests.into_iter().take(MOST_TESTS);
    tests.map(|(test, seen)| Line::new(test, says(seen))).collect()
}

/// The tests that failed and passed in the same run most often, over some runs.
fn flakiest(standouts: &[Standouts]) -> Vec<Line> {
    let mut tests = add_up(standouts, |run| &run.flaky);
    tests.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.runs));
    let all = standouts.len();
    let tests = tests.into_iter().take(MOST_TESTS);
    tests
        .map(|(test, seen)| Line::new(test, format!("{} of {all}", seen.runs)))
        .collect()
}
