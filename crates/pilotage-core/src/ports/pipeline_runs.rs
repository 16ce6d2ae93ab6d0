use async_trait::async_trait;

use super::{Page, StoreError};
use crate::{
    ExecutionId, Timestamp,
    pipeline_run::{KeptLogs, KeptRun, NewPipelineRun, PipelineRunId, RunLook, RunState},
};

/// Which runs to list; every field that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineRunFilter {
    /// Only on this platform.
    pub platform: Option<String>,
    /// Only of this pipeline, as the platform calls it or as it was asked for.
    pub pipeline: Option<String>,
    /// Only of this branch or tag.
    pub reference: Option<String>,
    /// Only in this state.
    pub state: Option<RunState>,
    /// Only those that this execution started.
    pub execution: Option<ExecutionId>,
    /// Asked for at or after this moment.
    pub since: Option<Timestamp>,
    /// Asked for before this moment.
    pub until: Option<Timestamp>,
}

/// What became of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BegunRun {
    /// It is kept from now on; the platform may be asked.
    New(KeptRun),
    /// There is one with its platform and key; nothing was changed.
    Known(KeptRun),
}

/// Runs of pipelines. Every change is recorded and shown as an operation in the same transaction, and the end of a run
/// lets the execution go on that waits for it (`Next::Await`).
#[async_trait]
pub trait PipelineRuns: Send + Sync {
    /// Keeps a start before the platform is asked for it.
    async fn begin_pipeline_run(&self, new: NewPipelineRun) -> Result<BegunRun, StoreError>;

    /// Writes what was found out, unless nothing changed; answers the run as it stands then, or `None` where there is none.
    async fn see_pipeline_run(&self, id: PipelineRunId, look: RunLook)
    -> Result<Option<KeptRun>, StoreError>;

    /// A page of runs, newest first; `after` is the `next` of the page before. `limit` is at most 500.
    async fn pipeline_runs(
        &self,
        filter: &PipelineRunFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<KeptRun>, StoreError>;

    /// One run.
    async fn pipeline_run(&self, id: PipelineRunId) -> Result<Option<KeptRun>, StoreError>;

    /// The newest run that this platform calls so.
    async fn pipeline_run_called(&self, platform: &str, run: &str) -> Result<Option<KeptRun>, StoreError>;

    /// Those that are not over, oldest first, at most `limit`.
    async fn open_pipeline_runs(&self, limit: usize) -> Result<Vec<KeptRun>, StoreError>;

    /// Keeps the logs of what failed in a run in place of those before; false where there is no such run.
    async fn keep_pipeline_logs(&self, id: PipelineRunId, logs: KeptLogs) -> Result<bool, StoreError>;

    /// The logs that are kept of a run.
    async fn pipeline_logs(&self, id: PipelineRunId) -> Result<Option<KeptLogs>, StoreError>;

    /// Of the newest runs that failed on their platform since a moment, those whose logs were not kept after their end, newest
    /// first, at most `limit`.
    async fn pipeline_runs_without_logs(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<PipelineRunId>, StoreError>;

    /// Removes logs that were kept before a moment, at most `limit`; answers how many.
    async fn prune_pipeline_logs(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
