//! How runs of pipelines are answered.

use std::collections::BTreeMap;

use pilotage_core::{
    Timestamp,
    operation::Progress,
    pipeline_run::{KeptRun, RunApproval, RunArtifact, RunJob, RunState, RunStep},
    ports::CiPlatform,
};
use pilotage_engine::pipelines::{ShownLog, ShownLogs};
use serde::Serialize;
use utoipa::ToSchema;

/// A run of a pipeline.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct PipelineRunView {
    /// Its identity, and that of the operation that shows it live.
    #[schema(format = Uuid)]
    id: String,
    /// The platform, by its name in the configuration.
    platform: String,
    /// The platform's own id; `null` while it is not known that it was started.
    run: Option<String>,
    /// The pipeline, as the platform calls it.
    pipeline: Option<String>,
    /// Branch or tag.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// The commit that it runs.
    commit: Option<String>,
    /// What people see as its title.
    title: Option<String>,
    /// Where it stands: `queued`, `running`, `waiting`, `succeeded`, `failed`, `cancelled` or `skipped`.
    #[schema(value_type = String)]
    state: RunState,
    /// The platform's own word for that.
    word: String,
    /// What happens or has happened, in one line.
    message: String,
    /// Its page on the platform.
    url: Option<String>,
    /// 1 for the first; counts up where the platform retries in place.
    attempt: Option<u32>,
    /// Jobs that are over.
    jobs_done: u32,
    /// Jobs in all, as far as they are known.
    jobs_total: u32,
    /// Who asked for it.
    actor: String,
    /// The execution of a rule that asked for it.
    #[schema(format = Uuid)]
    execution: Option<String>,
    /// The key of its start.
    key: Option<String>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When something about it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// When work on it began, as the platform tells it.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When its end was seen.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

impl From<&KeptRun> for PipelineRunView {
    fn from(kept: &KeptRun) -> Self {
        let Progress { current, total } = kept.progress();
        let seen = kept.seen.as_ref();
        Self {
            id: kept.id.to_string(),
            platform: kept.platform.clone(),
            run: kept.run().map(str::to_owned),
            pipeline: kept.pipeline().map(str::to_owned),
            reference: kept.reference().map(str::to_owned),
            commit: seen.and_then(|run| run.commit.clone()),
            title: seen.map(|run| run.title.clone()),
            state: kept.standing.state,
            word: kept.standing.word.clone(),
            message: kept.summary(),
            url: kept.url().map(str::to_owned),
            attempt: seen.map(|run| run.attempt),
            jobs_done: current,
            jobs_total: total,
            actor: kept.actor.clone(),
            execution: kept.execution.map(|id| id.to_string()),
            key: kept.start.key.clone(),
            created_at: kept.created_at,
            updated_at: kept.updated_at,
            started_at: seen.and_then(|run| run.started_at),
            finished_at: kept.finished_at,
        }
    }
}

impl From<KeptRun> for PipelineRunView {
    fn from(kept: KeptRun) -> Self {
        Self::from(&kept)
    }
}

/// A run with its jobs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct WholePipelineRunView {
    #[serde(flatten)]
    run: PipelineRunView,
    /// What was handed to it; what looks like a secret is `***`.
    inputs: BTreeMap<String, String>,
    /// Its jobs, as the platform orders them.
    jobs: Vec<JobView>,
}

impl From<KeptRun> for WholePipelineRunView {
    fn from(kept: KeptRun) -> Self {
        Self {
            run: PipelineRunView::from(&kept),
            inputs: kept.start.inputs,
            jobs: kept.jobs.into_iter().map(JobView::from).collect(),
        }
    }
}

/// A job of a run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PipelineJob)]
pub(in crate::api) struct JobView {
    /// As the platform names it.
    id: String,
    /// For people.
    name: String,
    /// The stage it belongs to.
    stage: Option<String>,
    /// Where it stands, as a run does.
    #[schema(value_type = String)]
    state: RunState,
    /// The platform's own word for that.
    word: String,
    /// Its failure does not make the run fail.
    may_fail: bool,
    /// Its page.
    url: Option<String>,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Its steps, as far as the platform tells them.
    steps: Vec<StepView>,
}

impl From<RunJob> for JobView {
    fn from(job: RunJob) -> Self {
        Self {
            id: job.id,
            name: job.name,
            stage: job.stage,
            state: job.standing.state,
            word: job.standing.word,
            may_fail: job.may_fail,
            url: job.url,
            started_at: job.started_at,
            finished_at: job.finished_at,
            steps: job.steps.into_iter().map(StepView::from).collect(),
        }
    }
}

/// A step of a job.
#[derive(Serialize, ToSchema)]
#[schema(as = PipelineStep)]
pub(in crate::api) struct StepView {
    /// For people.
    name: String,
    /// Where it stands, as a run does.
    #[schema(value_type = String)]
    state: RunState,
    /// The platform's own word for that.
    word: String,
}

impl From<RunStep> for StepView {
    fn from(step: RunStep) -> Self {
        Self {
            name: step.name,
            state: step.standing.state,
            word: step.standing.word,
        }
    }
}

/// A list that is answered whole.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Items<T> {
    /// What is in it.
    pub(super) items: Vec<T>,
}

impl<T> Items<T> {
    pub(in crate::api) fn of<S>(all: Vec<S>) -> Self
    where
        T: From<S>,
    {
        Self {
            items: all.into_iter().map(T::from).collect(),
        }
    }
}

/// A platform that runs pipelines.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct PlatformView {
    /// Its name in the configuration.
    name: String,
    /// What it is.
    title: &'static str,
    /// What of a start's key it can be asked about.
    promise: &'static str,
}

impl PlatformView {
    pub(super) fn new(name: String, platform: &dyn CiPlatform) -> Self {
        Self {
            name,
            title: platform.title(),
            promise: platform.promise(),
        }
    }
}

/// Something that a run waits for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct ApprovalView {
    /// As the platform names it.
    id: String,
    /// What would go on.
    name: String,
    /// Whether the account that asks may decide; `null` where the platform does not say.
    may_decide: Option<bool>,
}

impl From<RunApproval> for ApprovalView {
    fn from(approval: RunApproval) -> Self {
        Self {
            id: approval.id,
            name: approval.name,
            may_decide: approval.may_decide,
        }
    }
}

/// A file that a run left behind.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct ArtifactView {
    /// As the platform names it.
    id: String,
    /// For people.
    name: String,
    /// The file's name when it is downloaded.
    file: String,
    /// Its size as the platform tells it.
    size_bytes: Option<u64>,
    /// Gone, or about to be refused.
    is_expired: bool,
}

impl From<RunArtifact> for ArtifactView {
    fn from(artifact: RunArtifact) -> Self {
        Self {
            id: artifact.id,
            name: artifact.name,
            file: artifact.file,
            size_bytes: artifact.size_bytes,
            is_expired: artifact.is_expired,
        }
    }
}

/// Logs of a run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PipelineLogs)]
pub(in crate::api) struct LogView {
    /// The logs.
    items: Vec<LogItem>,
    /// The names of the run's jobs, for `job`.
    jobs: Vec<String>,
    /// They are those of what failed that were kept here at that time, as the platform does not show them.
    #[schema(value_type = Option<String>, format = DateTime)]
    kept_at: Option<Timestamp>,
    /// Why the platform does not show them.
    away: Option<String>,
}

/// A log, as much of it as was asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PipelineLog)]
struct LogItem {
    /// Of what it is: a job, a step of it, or the whole run.
    name: String,
    /// Its lines.
    text: String,
    /// What to pass as `after` to read on.
    next: u64,
    /// There will be no more of it.
    is_complete: bool,
    /// Lines were left out: ask for a longer `tail`, or for fewer by `search`.
    is_cut: bool,
    /// Why it cannot be had.
    problem: Option<String>,
}

impl From<ShownLogs> for LogView {
    fn from(shown: ShownLogs) -> Self {
        let item = |log: ShownLog| LogItem {
            name: log.name,
            text: log.text,
            next: log.next,
            is_complete: log.is_complete,
            is_cut: log.is_cut,
            problem: log.problem,
        };
        Self {
            items: shown.logs.into_iter().map(item).collect(),
            jobs: shown.jobs,
            kept_at: shown.kept_at,
            away: shown.away,
        }
    }
}
