//! How runs of tests are shown.

use pilotage_core::{
    Timestamp,
    testing::{TestRun, Totals},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A run of tests.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TestRunView)]
pub(in crate::api) struct RunView {
    /// Its identity, and that of the operation that shows it live.
    #[schema(format = Uuid)]
    id: String,
    /// What people call it, such as the branch.
    name: String,
    /// The full hash of the commit; `null` where it is not known.
    commit: Option<String>,
    /// Its `shard`, of how many `shards` of which `plan`; `null` where it is the whole.
    #[schema(value_type = Option<Object>)]
    shard: Value,
    /// Where it stands: `running`, `passed`, `failed` or `brokenOff`.
    status: &'static str,
    /// Files that are planned.
    files: u32,
    /// Files that are through, as far as was told.
    done: u32,
    /// How many `files`, `tests`, `passed`, `failed`, `skipped`, `flaky`, `quarantined` and `problems`; zeros while it runs.
    #[schema(value_type = Object)]
    totals: Value,
    /// Who began it.
    actor: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// What happens or has happened, in one sentence.
    message: String,
}

impl From<TestRun> for RunView {
    fn from(run: TestRun) -> Self {
        Self {
            id: run.id.to_string(),
            name: run.name,
            commit: run.commit,
            shard: serde_json::to_value(run.shard).unwrap_or_default(),
            status: run.status.as_str(),
            files: run.files,
            done: run.done,
            totals: serde_json::to_value(run.totals).unwrap_or_default(),
            actor: run.actor,
            started_at: run.started_at,
            finished_at: run.finished_at,
            message: run.message,
        }
    }
}

/// A run with its report.
#[derive(Serialize, ToSchema)]
#[schema(as = WholeTestRunView)]
pub(in crate::api) struct WholeRunView {
    #[serde(flatten)]
    pub(super) run: RunView,
    /// What came of it, as it was sent; `null` while there is none.
    #[schema(value_type = Option<Object>)]
    pub(super) report: Value,
}

/// What came of a run, in one line.
pub(super) fn headline(totals: &Totals) -> String {
    let plural = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    let (tests, files) = (plural(totals.tests, "test"), plural(totals.files, "file"));
    let mut line = format!("{tests} in {files}");
    let problems = if totals.problems == 1 {
        "problem"
    } else {
        "problems"
    };
    for (number, what) in [
        (totals.failed, "failed"),
        (totals.flaky, "flaky"),
        (totals.quarantined, "in quarantine"),
        (totals.skipped, "skipped"),
        (totals.problems, problems),
    ] {
        if number > 0 {
            line = format!("{line}, {number} {what}");
        }
    }
    line
}
