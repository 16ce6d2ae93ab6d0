//! A pipeline as people write it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{StepFile, Text};

/// A pipeline: what starts it, and the jobs that it is made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PipelineFile {
    /// A file beside this one that holds the pipeline; then nothing else is said here.
    pub file: Option<String>,
    /// For people; its key where it is not given.
    pub name: Option<String>,
    /// What starts it.
    pub on: TriggersFile,
    /// Environment variables of every job. Templates such as `${git.sha}` are filled in.
    pub variables: BTreeMap<String, Text>,
    /// What every job may do at the platform, beside what its steps need by themselves.
    pub permissions: BTreeMap<Scope, Access>,
    /// What becomes of runs that overlap.
    pub concurrency: Option<ConcurrencyFile>,
    /// What holds for jobs that do not say otherwise.
    pub defaults: DefaultsFile,
    /// Names of stages, in their order. Jobs of a stage run side by side as far as their needs allow.
    pub stages: Vec<String>,
    /// The jobs, by a name of your own.
    pub jobs: BTreeMap<String, JobFile>,
}

/// What starts a pipeline.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TriggersFile {
    /// Commits that are pushed.
    pub push: Option<PushFile>,
    /// Pull requests (merge requests) that are opened or changed.
    pub pull_request: Option<PullRequestFile>,
    /// Times, in UTC.
    pub schedules: Vec<ScheduleFile>,
    /// People, with what they are asked.
    pub manual: Option<ManualFile>,
}

/// Which pushes start a pipeline; without any list every push to a branch.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PushFile {
    /// Names of branches, or beginnings of names followed by `*`.
    pub branches: Vec<String>,
    /// Names of tags, or beginnings of names followed by `*`.
    pub tags: Vec<String>,
}

/// Which pull requests start a pipeline; without a list all of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PullRequestFile {
    /// Branches that the request would change.
    pub branches: Vec<String>,
}

/// A time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleFile {
    /// Minute, hour, day of the month, month, day of the week: `0 3 * * 1`.
    pub cron: String,
    /// The branch that is built; `main` where it is not given.
    pub branch: Option<String>,
}

/// What a person is asked when he starts a pipeline by hand.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ManualFile {
    /// By name; `${input.NAME}` is the answer.
    pub inputs: BTreeMap<String, InputFile>,
}

/// One question.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputFile {
    /// What kind of answer.
    #[serde(rename = "type", default)]
    pub kind: InputKind,
    /// For people.
    pub description: Option<String>,
    /// The answer when nobody was asked; needed, since other events ask nobody.
    pub default: Text,
    /// What may be chosen.
    #[serde(default)]
    pub options: Vec<Text>,
}

/// What kind of answer an input takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum InputKind {
    /// Any text.
    #[default]
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of `options`.
    Choice,
}

/// What becomes of runs of a pipeline that overlap.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConcurrencyFile {
    /// Which runs are not to overlap.
    #[serde(default)]
    pub per: ConcurrencyScope,
    /// Whether a newer run stops one that is under way; otherwise it waits.
    #[serde(default)]
    pub cancel_running: bool,
}

/// Which runs are not to overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ConcurrencyScope {
    /// Those of one branch, tag or pull request.
    #[default]
    Branch,
    /// All of the pipeline.
    Pipeline,
}

/// What holds for jobs that do not say otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DefaultsFile {
    /// Where jobs run.
    pub runner: Option<RunnerFile>,
    /// The container image that they run in.
    pub image: Option<String>,
    /// Their longest time, such as `30m` or `2h`.
    pub timeout: Option<String>,
    /// How often one that failed is tried again.
    pub retries: Option<u32>,
}

/// Where a job runs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RunnerFile {
    /// The operating system.
    pub os: Os,
    /// Labels of machines of your own; without any the platform's machines are used.
    pub labels: Vec<String>,
}

/// An operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Os {
    /// Linux.
    #[default]
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    Macos,
}

/// A job.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JobFile {
    /// For people; its key where it is not given.
    pub name: Option<String>,
    /// One of `stages`; may be left out where there is one stage or none.
    pub stage: Option<String>,
    /// Jobs that have to succeed before. One whose needs were skipped is skipped.
    pub needs: Vec<String>,
    /// Where it runs.
    pub runner: Option<RunnerFile>,
    /// The container image that it runs in.
    pub image: Option<String>,
    /// Runs the job once for every combination.
    pub matrix: Option<MatrixFile>,
    /// When it runs.
    pub when: WhenFile,
    /// Where it deploys to.
    pub environment: Option<EnvironmentFile>,
    /// A person has to agree first.
    pub approval: Option<ApprovalFile>,
    /// Environment variables of its steps.
    pub variables: BTreeMap<String, Text>,
    /// Containers beside it, by the name under which they are reached: `${service.NAME.host}`.
    pub services: BTreeMap<String, ServiceFile>,
    /// What it may do at the platform beside what its steps need.
    pub permissions: BTreeMap<Scope, Access>,
    /// Jobs with the same word here, of any run, run one at a time.
    pub concurrency: Option<String>,
    /// Its longest time, such as `30m` or `2h`; 60 minutes where nothing is said.
    pub timeout: Option<String>,
    /// How often it is tried again after it failed: 0 to 2.
    pub retries: Option<u32>,
    /// Whether the pipeline goes on when it fails.
    pub allow_failure: bool,
    /// What its result depends on, for the cache of local runs.
    pub inputs: Option<InputsFile>,
    /// Files that it makes, for the cache of local runs.
    pub outputs: Vec<String>,
    /// What it does, in order.
    pub steps: Vec<StepFile>,
}

/// What the result of a job depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct InputsFile {
    /// Patterns of files in the repository.
    pub files: Vec<String>,
    /// Names of environment variables.
    pub variables: Vec<String>,
    /// Commands whose output tells the version of a tool: `node --version`.
    pub tools: Vec<String>,
}

/// The combinations that a job runs for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MatrixFile {
    /// The values of each axis; `${matrix.AXIS}` is the value of a combination.
    pub axes: BTreeMap<String, Vec<Text>>,
    /// Combinations beside those of the axes; each says every axis.
    pub include: Vec<BTreeMap<String, Text>>,
    /// Combinations that are left out; each says one axis or more.
    pub exclude: Vec<BTreeMap<String, Text>>,
    /// Most combinations that run at once.
    pub max_parallel: Option<u32>,
    /// Whether the first that fails stops the others.
    pub fail_fast: bool,
}

/// When a job runs. Of each list one has to fit; branches and tags are one list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WhenFile {
    /// Branches that are built, or beginnings followed by `*`. A pull request builds no branch.
    pub branches: Vec<String>,
    /// Tags that are built, or beginnings followed by `*`.
    pub tags: Vec<String>,
    /// What started the pipeline.
    pub events: Vec<Trigger>,
    /// How what it needs has to have ended.
    pub status: Status,
}

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// A push.
    Push,
    /// A pull request.
    PullRequest,
    /// A time.
    Schedule,
    /// A person.
    Manual,
}

/// How what came before has to have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// All of it succeeded, and nothing of it was skipped.
    #[default]
    Success,
    /// Something failed.
    Failure,
    /// Nothing failed; some of it may have been skipped.
    UnlessFailed,
    /// However it ended.
    Always,
}

/// Where a job deploys to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentFile {
    /// Its name.
    pub name: String,
    /// Where it is seen.
    pub url: Option<String>,
}

/// A person has to agree.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApprovalFile {
    /// What he is asked.
    pub message: Option<String>,
    /// Who may agree: names of people or groups at the platform.
    pub approvers: Vec<String>,
}

/// A container beside a job.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceFile {
    /// Its image.
    pub image: String,
    /// Ports that it listens on.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Its environment.
    #[serde(default)]
    pub variables: BTreeMap<String, Text>,
    /// Commands for bash that start it on this machine, for local runs; they go on until they are stopped. Where there are
    /// none, a local run uses what listens on `ports` already.
    pub local: Option<String>,
}

/// Something at the platform that a job may be let do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Runs of pipelines.
    Actions,
    /// Results of checks.
    Checks,
    /// The code.
    Contents,
    /// Deployments.
    Deployments,
    /// A token that proves to others who runs.
    IdToken,
    /// Issues.
    Issues,
    /// Packages and container images.
    Packages,
    /// Pull requests.
    PullRequests,
    /// Findings of scans.
    SecurityEvents,
    /// Statuses of commits.
    Statuses,
}

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Access {
    /// Look.
    Read,
    /// Change.
    Write,
}
