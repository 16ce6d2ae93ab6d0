//! Azure DevOps' shapes, as far as they are read.

use pilotage_core::pipeline_run::{
    PipelineRun, RunApproval, RunArtifact, RunJob, RunState, RunStep, Standing,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::runs::moment;

/// Most steps up from a record to its stage.
const MOST_DEPTH: usize = 10;

/// Status or state with the result, in our words.
fn standing(status: &str, result: Option<&str>) -> Standing {
    let result = result.filter(|_| status == "completed");
    let word = result.map_or_else(|| status.to_owned(), |result| format!("{status}/{result}"));
    let state = match (status, result) {
        // What failed and was allowed to does not make a run fail.
        ("completed", Some("succeeded" | "partiallySucceeded" | "succeededWithIssues")) => {
            RunState::Succeeded
        }
        ("completed", Some("canceled" | "abandoned")) => RunState::Cancelled,
        ("completed", Some("skipped")) => RunState::Skipped,
        ("completed", _) => RunState::Failed,
        ("inProgress" | "cancelling", _) => RunState::Running,
        // `none`, `notStarted`, `postponed`, `pending`
        _ => RunState::Queued,
    };
    Standing::new(state, word)
}

#[derive(Deserialize)]
pub(super) struct List<T> {
    #[serde(default = "Vec::new")]
    pub(super) value: Vec<T>,
}

#[derive(Deserialize)]
pub(super) struct Started {
    pub(super) id: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Build {
    id: u64,
    #[serde(rename = "buildNumber")]
    number: Option<String>,
    status: String,
    result: Option<String>,
    queue_time: Option<String>,
    start_time: Option<String>,
    finish_time: Option<String>,
    source_branch: Option<String>,
    source_version: Option<String>,
    definition: Option<Definition>,
    #[serde(rename = "_links")]
    links: Option<Links>,
    template_parameters: Option<Value>,
    parameters: Option<String>,
}

#[derive(Deserialize)]
struct Definition {
    id: u64,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Links {
    web: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: Option<String>,
}

impl Build {
    pub(super) fn into_run(self) -> PipelineRun {
        let standing = standing(&self.status, self.result.as_deref());
        let branch = self.source_branch.map(|branch| {
            let short = branch
                .strip_prefix("refs/heads/")
                .or_else(|| branch.strip_prefix("refs/tags/"));
            short.unwrap_or(&branch).to_owned()
        });
        let pipeline = self
            .definition
            .map(|one| one.name.unwrap_or_else(|| one.id.to_string()));
        PipelineRun {
            id: self.id.to_string(),
            pipeline: pipeline.unwrap_or_default(),
            title: self.number.unwrap_or_default(),
            reference: branch,
            commit: self.source_version.filter(|commit| !commit.is_empty()),
            url: self.links.and_then(|links| links.web?.href),
            attempt: 1,
            created_at: moment(self.queue_time.as_deref()),
            started_at: moment(self.start_time.as_deref()),
            finished_at: moment(self.finish_time.as_deref()),
            log: None,
            standing,
        }
    }

    /// What starts the same again: pipeline, branch, and what it was handed.
    pub(super) fn again(self) -> (u64, Option<String>, Value) {
        let mut handed = json!({});
        if let Some(parameters) = self.template_parameters.filter(Value::is_object) {
            handed["templateParameters"] = parameters;
        }
        let variables: Option<Value> = self.parameters.and_then(|text| serde_json::from_str(&text).ok());
        if let Some(Value::Object(variables)) = variables {
            let named = variables
                .into_iter()
                .map(|(name, value)| (name, json!({ "value": value })));
            handed["variables"] = Value::Object(named.collect());
        }
        (
            self.definition.map_or(0, |one| one.id),
            self.source_branch,
            handed,
        )
    }
}

#[derive(Default, Deserialize)]
pub(super) struct Timeline {
    #[serde(default)]
    records: Vec<Record>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    parent_id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    identifier: Option<String>,
    state: Option<String>,
    result: Option<String>,
    order: Option<i64>,
    start_time: Option<String>,
    finish_time: Option<String>,
    log: Option<Log>,
}

#[derive(Clone, Deserialize)]
struct Log {
    id: u64,
}

impl Record {
    fn standing(&self) -> Standing {
        standing(self.state.as_deref().unwrap_or_default(), self.result.as_deref())
    }

    fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    fn log(&self) -> Option<String> {
        Some(self.log.as_ref()?.id.to_string())
    }
}

impl Timeline {
    /// Whether somebody has to let it go on.
    pub(super) fn waits(&self) -> bool {
        self.records
            .iter()
            .any(|record| record.is("Checkpoint.Approval") && record.state.as_deref() != Some("completed"))
    }

    /// Whether what writes the log has ended.
    pub(super) fn has_ended(&self, log: u64) -> bool {
        let writer = self
            .records
            .iter()
            .find(|record| record.log.as_ref().is_some_and(|known| known.id == log));
        writer.is_none_or(|record| record.state.as_deref() == Some("completed"))
    }

    /// The names of the stages that did not succeed, as the API takes them.
    pub(super) fn failed_stages(&self) -> Vec<String> {
        let stages = self.of_kind("Stage");
        let failed = stages.into_iter().filter(|stage| {
            let state = stage.standing().state;
            matches!(state, RunState::Failed | RunState::Cancelled)
        });
        failed
            .filter_map(|stage| stage.identifier.clone().or_else(|| stage.name.clone()))
            .collect()
    }

    fn of_kind(&self, kind: &str) -> Vec<&Record> {
        let mut found: Vec<&Record> = self.records.iter().filter(|record| record.is(kind)).collect();
        found.sort_by_key(|record| record.order.unwrap_or(i64::MAX));
        found
    }

    fn stage_of<'a>(&'a self, record: &'a Record) -> Option<&'a Record> {
        let mut record = record;
        for _ in 0..MOST_DEPTH {
            if record.is("Stage") {
                return Some(record);
            }
            let parent = record.parent_id.as_ref()?;
            record = self.records.iter().find(|one| one.id == *parent)?;
        }
        None
    }

    /// Jobs by stages; a stage that has none yet, or was left out, stands for itself.
    pub(super) fn into_jobs(self) -> Vec<RunJob> {
        let mut jobs = Vec::new();
        let all = self.of_kind("Job");
        let stages = self.of_kind("Stage");
        for stage in &stages {
            let within: Vec<&Record> = all
                .iter()
                .copied()
                .filter(|job| self.stage_of(job).is_some_and(|of| of.id == stage.id))
                .collect();
            if within.is_empty() {
                jobs.push(self.job(stage, Some(stage)));
            }
            jobs.extend(within.into_iter().map(|job| self.job(job, Some(stage))));
        }
        // A pipeline may have jobs without stages.
        let alone = all.iter().filter(|job| self.stage_of(job).is_none());
        jobs.extend(alone.map(|job| self.job(job, None)));
        jobs
    }

    fn job(&self, job: &Record, stage: Option<&Record>) -> RunJob {
        let mut tasks: Vec<&Record> = self
            .records
            .iter()
            .filter(|record| record.is("Task") && record.parent_id.as_ref() == Some(&job.id))
            .collect();
        tasks.sort_by_key(|task| task.order.unwrap_or(i64::MAX));
        let steps: Vec<RunStep> = tasks
            .into_iter()
            .map(|task| RunStep {
                name: task.name.clone().unwrap_or_default(),
                standing: task.standing(),
                log: task.log(),
            })
            .collect();
        RunJob {
            id: job.id.clone(),
            name: job.name.clone().unwrap_or_default(),
            stage: stage.and_then(|stage| stage.name.clone()),
            standing: job.standing(),
            may_fail: false,
            url: None,
            started_at: moment(job.start_time.as_deref()),
            finished_at: moment(job.finish_time.as_deref()),
            // The steps' logs grow with them; that of the job is there when all is done.
            log: job.log().filter(|_| steps.iter().all(|step| step.log.is_none())),
            steps,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Artifact {
    id: u64,
    name: String,
    resource: Option<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    download_url: Option<String>,
    properties: Option<Properties>,
}

#[derive(Deserialize)]
struct Properties {
    artifactsize: Option<String>,
}

impl Artifact {
    pub(super) fn address(self) -> Option<String> {
        self.resource?.download_url.filter(|url| url.contains("://"))
    }
}

impl From<Artifact> for RunArtifact {
    fn from(artifact: Artifact) -> Self {
        let size = artifact
            .resource
            .as_ref()
            .and_then(|resource| resource.properties.as_ref());
        Self {
            id: artifact.id.to_string(),
            file: format!("{}.zip", artifact.name),
            size_bytes: size.and_then(|properties| properties.artifactsize.as_ref()?.parse().ok()),
            is_expired: false,
            name: artifact.name,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Approval {
    id: String,
    instructions: Option<String>,
    pipeline: Option<Owned>,
}

#[derive(Deserialize)]
struct Owned {
    owner: Option<Owner>,
}

#[derive(Deserialize)]
struct Owner {
    id: Option<u64>,
}

impl Approval {
    pub(super) fn is_of(&self, run: u64) -> bool {
        let owner = self
            .pipeline
            .as_ref()
            .and_then(|pipeline| pipeline.owner.as_ref());
        owner.is_some_and(|owner| owner.id == Some(run))
    }
}

impl From<Approval> for RunApproval {
    fn from(approval: Approval) -> Self {
        let told = approval.instructions.filter(|text| !text.trim().is_empty());
        Self {
            name: told.unwrap_or_else(|| "approval".to_owned()),
            id: approval.id,
            may_decide: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_azure_devops_has_one_of_ours() {
        let table = [
            ("none", None, RunState::Queued),
            ("notStarted", None, RunState::Queued),
            ("postponed", None, RunState::Queued),
            ("pending", None, RunState::Queued),
            ("inProgress", None, RunState::Running),
            ("cancelling", None, RunState::Running),
            ("completed", Some("succeeded"), RunState::Succeeded),
            ("completed", Some("partiallySucceeded"), RunState::Succeeded),
            ("completed", Some("succeededWithIssues"), RunState::Succeeded),
            ("completed", Some("failed"), RunState::Failed),
            ("completed", Some("canceled"), RunState::Cancelled),
            ("completed", Some("abandoned"), RunState::Cancelled),
            ("completed", Some("skipped"), RunState::Skipped),
            ("completed", None, RunState::Failed),
        ];
        for (status, result, expected) in table {
            assert_eq!(standing(status, result).state, expected, "{status} {result:?}");
        }
    }
}
