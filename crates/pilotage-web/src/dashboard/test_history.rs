//! One test over the newest runs.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    ports::TestRunFilter,
    testing::{TestReported, TestRun, TestState},
};

use super::{
    chart::{Chart, Stack, WIDE},
    gates::short_commit,
    shell::{Shell, Visitor, page},
    tests::seconds,
    words::{Moment, State as Word, cut, duration, plural},
};
use crate::{api::test_report_of, door::Door, problem::Problem};

/// Runs that are looked through, and bytes of their reports.
const MOST_RUNS: usize = 50;
const MOST_BYTES: usize = 32 << 20;

/// The word for how a test stands.
pub(super) const fn test_word(state: TestState) -> Word {
    let (word, class) = match state {
        TestState::Passed => ("passed", "ok"),
        TestState::Failed => ("failed", "bad"),
        TestState::Skipped => ("skipped", "off"),
        TestState::Flaky => ("flaky", "warn"),
    };
    Word { word, class }
}

/// One run in the history of a test.
struct Past {
    href: String,
    name: String,
    began: Moment,
    commit: String,
    state: Word,
    took: String,
}

#[derive(Template)]
#[template(path = "test_history.html")]
struct HistoryPage {
    shell: Shell,
    name: String,
    place: String,
    chart: Chart,
    runs: Vec<Past>,
    among: String,
}

/// Which test.
struct Wanted {
    suite: String,
    file: String,
    name: String,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let query = &visitor.query;
    let wanted = Wanted {
        suite: query.field("suite"),
        file: query.field("file"),
        name: query.field("test"),
    };
    let (found, looked) = look(&door, &wanted).await?;
    let among = plural(i64::try_from(looked).unwrap_or(i64::MAX), "run");
    page(&HistoryPage {
        name: cut(&wanted.name, 300),
        place: cut(&format!("{}: {}", wanted.suite, wanted.file), 300),
        chart: chart(&found),
        runs: found
            .iter()
            .map(|(run, test)| past(&visitor, run, test))
            .collect(),
        among,
        shell: visitor.shell("History of a test", "/tests"),
    })
}

/// The newest runs that have this test, newest first, and how many runs were looked through.
async fn look(door: &Door, wanted: &Wanted) -> Result<(Vec<(TestRun, TestReported)>, usize), Problem> {
    let filter = TestRunFilter {
        reported: true,
        ..TestRunFilter::default()
    };
    let runs = door.ports.test_runs.test_runs(&filter, None, MOST_RUNS).await?;
    let (mut found, mut looked, mut bytes) = (Vec::new(), 0, 0);
    for run in runs.items {
        if bytes > MOST_BYTES {
            break;
        }
        let Some((report, length)) = test_report_of(door, &run).await? else {
            continue;
        };
        (looked, bytes) = (looked + 1, bytes + length);
        let is_it = |(suite, file, test): &(&str, &str, &TestReported)| {
            *suite == wanted.suite && *file == wanted.file && test.name.trim() == wanted.name
        };
        let test = report.tests().find(is_it).map(|(.., test)| test.clone());
        found.extend(test.map(|test| (run, test)));
    }
    Ok((found, looked))
}

fn past(visitor: &Visitor, run: &TestRun, test: &TestReported) -> Past {
    Past {
        href: format!("/tests/runs/{}", run.id),
        name: cut(&run.name, 80),
        began: visitor.moment(run.started_at),
        commit: short_commit(run.commit.as_deref()),
        state: test_word(test.state),
        took: seconds(test.seconds),
    }
}

/// How long it took in each run, the oldest first.
fn chart(found: &[(TestRun, TestReported)]) -> Chart {
    let stacks = found.iter().rev().map(|(run, test)| {
        #[expect(clippy::cast_possible_truncation, reason = "it is within bounds by then")]
        let micros = ((test.seconds.clamp(0.0, 1e6) * 1e6) as i64).max(1);
        let at = run.started_at.to_string().replace('T', " ");
        let commit = short_commit(run.commit.as_deref());
        Stack {
            label: at.get(5..16).unwrap_or_default().to_owned(),
            name: format!("{} {commit}", at.get(..19).unwrap_or_default()),
            values: match test.state {
                TestState::Passed => vec![micros, 0, 0],
                TestState::Failed => vec![0, micros, 0],
                TestState::Flaky | TestState::Skipped => vec![0, 0, micros],
            },
        }
    });
    Chart::new(
        "How long it took in each run, the oldest first",
        &[
            "where it passed",
            "where it failed",
            "where it was flaky or skipped",
        ],
        WIDE,
        stacks.collect(),
        None,
        duration,
    )
}
