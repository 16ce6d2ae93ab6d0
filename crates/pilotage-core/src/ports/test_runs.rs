use async_trait::async_trait;

use super::{Page, StoreError};
use crate::{
    Timestamp,
    operation::Progress,
    testing::{NewTestRun, Standouts, TestRun, TestRunEnding, TestRunId, TestRunStatus},
};

/// Which runs of tests to list; every field that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestRunFilter {
    /// Only of this name.
    pub name: Option<String>,
    /// Only of the commit whose full hash begins like this.
    pub commit: Option<String>,
    /// Only in this status.
    pub status: Option<TestRunStatus>,
    /// Only shards of this plan.
    pub plan: Option<String>,
    /// Only those of which there is a report.
    pub reported: bool,
    /// Begun at or after this moment.
    pub since: Option<Timestamp>,
    /// Begun before this moment.
    pub until: Option<Timestamp>,
}

/// What came of beginning a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BegunTestRun {
    /// It is there now.
    New,
    /// It was begun before; nothing changed.
    Known,
    /// Something else has this identity.
    Taken,
    /// As many run as may at once.
    TooMany,
}

/// Runs of tests with their reports. A beginning and an end are recorded in the same transaction, and every run is an operation
/// that people watch. The newest thousand are kept, and of their reports 256 MiB; what goes is on record by its number.
#[async_trait]
pub trait TestRuns: Send + Sync {
    /// A run begins, and what is over the bounds goes, never one that still runs.
    async fn begin_test_run(&self, new: NewTestRun) -> Result<BegunTestRun, StoreError>;

    /// How far a run has come, for those who watch; nothing is recorded. False when it has ended or is not known.
    async fn show_test_run(
        &self,
        id: TestRunId,
        now: Timestamp,
        progress: Progress,
        message: &str,
    ) -> Result<bool, StoreError>;

    /// A run ends; its report is kept. False when it had ended or is not known: nothing changes then.
    async fn finish_test_run(&self, id: TestRunId, ending: TestRunEnding) -> Result<bool, StoreError>;

    /// Ends runs of which nothing was heard since `before`; answers how many.
    async fn break_off_test_runs(&self, now: Timestamp, before: Timestamp) -> Result<usize, StoreError>;

    /// A page of runs, newest first; `after` is the `next` of the page before. `limit` is at most 500.
    async fn test_runs(
        &self,
        filter: &TestRunFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<TestRun>, StoreError>;

    /// One run.
    async fn test_run(&self, id: TestRunId) -> Result<Option<TestRun>, StoreError>;

    /// The report of a run, as JSON; `None` where there is none.
    async fn test_report(&self, id: TestRunId) -> Result<Option<Vec<u8>>, StoreError>;

    /// The tests that stand out of the newest runs with a report that pass the filter, newest first; `limit` is at most 500.
    async fn test_standouts(
        &self,
        filter: &TestRunFilter,
        limit: usize,
    ) -> Result<Vec<Standouts>, StoreError>;
}
