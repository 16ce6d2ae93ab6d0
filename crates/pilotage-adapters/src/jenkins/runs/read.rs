//! Jenkins' shapes, as far as they are read.

use std::time::Duration;

use pilotage_core::{
    Timestamp,
    pipeline_run::{PipelineRun, RunApproval, RunArtifact, RunState, Standing},
};
use serde::Deserialize;
use serde_json::Value;

use super::CONSOLE;
use crate::runs::refusal::bounded;

/// Jenkins tells milliseconds since 1970.
pub(super) fn millis(at: u64) -> Option<Timestamp> {
    let micros = i64::try_from(at).ok()?.checked_mul(1_000)?;
    (micros > 0).then(|| Timestamp::from_micros(micros))
}

/// The result of a build in our words; `UNSTABLE` is a build whose tests did not all pass.
fn state(result: &str) -> RunState {
    match result {
        "SUCCESS" => RunState::Succeeded,
        "ABORTED" => RunState::Cancelled,
        "NOT_BUILT" => RunState::Skipped,
        _ => RunState::Failed,
    }
}

#[derive(Deserialize)]
pub(super) struct Builds {
    #[serde(default)]
    pub(super) builds: Vec<Build>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Build {
    number: u64,
    url: Option<String>,
    result: Option<String>,
    #[serde(default)]
    building: bool,
    #[serde(default)]
    timestamp: u64,
    #[serde(default)]
    duration: u64,
    display_name: Option<String>,
    #[serde(default)]
    actions: Vec<Action>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Action {
    parameters: Vec<Parameter>,
    last_built_revision: Option<Revision>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
struct Revision {
    #[serde(rename = "SHA1")]
    commit: Option<String>,
    #[serde(default)]
    branch: Vec<Branch>,
}

#[derive(Deserialize)]
struct Branch {
    name: Option<String>,
}

fn pairs(actions: &[Action]) -> impl Iterator<Item = (String, String)> + '_ {
    let parameters = actions.iter().flat_map(|action| &action.parameters);
    parameters.map(|one| {
        let value = one
            .value
            .as_str()
            .map_or_else(|| one.value.to_string(), str::to_owned);
        (one.name.clone(), value)
    })
}

fn holds(actions: &[Action], name: &str, value: &str) -> bool {
    pairs(actions).any(|(known, held)| known == name && held == value)
}

impl Build {
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        holds(&self.actions, name, value)
    }

    pub(super) fn parameters(&self) -> Vec<(String, String)> {
        pairs(&self.actions).collect()
    }

    pub(super) fn into_run(self, job: &str) -> PipelineRun {
        let standing = match &self.result {
            Some(result) if !self.building => Standing::new(state(result), result.clone()),
            _ => Standing::new(RunState::Running, "building"),
        };
        let revision = self
            .actions
            .into_iter()
            .find_map(|action| action.last_built_revision);
        let (commit, branch) = revision.map_or((None, None), |revision| {
            let branch = revision.branch.into_iter().find_map(|branch| branch.name);
            (revision.commit, branch)
        });
        let began = millis(self.timestamp);
        PipelineRun {
            id: format!("{job}/{}", self.number),
            pipeline: job.to_owned(),
            title: self.display_name.unwrap_or_default(),
            reference: branch,
            commit,
            url: self.url,
            attempt: 1,
            created_at: began,
            started_at: began,
            finished_at: began
                .map(|began| began + Duration::from_millis(self.duration))
                .filter(|_| standing.state.is_final()),
            log: Some(CONSOLE.to_owned()),
            standing,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Queue {
    #[serde(default)]
    items: Vec<Queued>,
}

#[derive(Deserialize)]
struct Queued {
    id: u64,
    #[serde(default)]
    actions: Vec<Action>,
}

impl Queue {
    pub(super) fn find(&self, name: &str, value: &str) -> Option<u64> {
        let item = self.items.iter().find(|item| holds(&item.actions, name, value));
        item.map(|item| item.id)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueueItem {
    why: Option<String>,
    #[serde(default)]
    cancelled: bool,
    in_queue_since: Option<u64>,
    executable: Option<Executable>,
    task: Option<Task>,
}

#[derive(Deserialize)]
struct Executable {
    number: u64,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Task {
    name: Option<String>,
    url: Option<String>,
}

impl QueueItem {
    /// The job's path and the build's number, once it is one. Only the part behind Jenkins' own address is taken.
    pub(super) fn build(&self, base: &str) -> Option<(String, u64)> {
        let built = self.executable.as_ref()?;
        let task = self.task.as_ref().and_then(|task| task.url.as_deref());
        let path = |url: &str| {
            let url = url::Url::parse(url).ok()?;
            let own = url::Url::parse(base).ok()?;
            let below = url.path().strip_prefix(own.path().trim_end_matches('/'))?;
            Some(below.trim_end_matches('/').to_owned())
        };
        let own = built.url.as_deref().and_then(path);
        let own = own.and_then(|path| path.rsplit_once('/').map(|(job, _)| job.to_owned()));
        let job = own.or_else(|| task.and_then(path))?;
        job.starts_with("/job/").then_some((job, built.number))
    }

    pub(super) fn into_run(self, number: u64) -> PipelineRun {
        let standing = if self.cancelled {
            Standing::new(RunState::Cancelled, "cancelled")
        } else {
            let why = self.why.unwrap_or_else(|| "in the queue".to_owned());
            Standing::new(RunState::Queued, bounded(&why))
        };
        PipelineRun {
            id: format!("queue:{number}"),
            pipeline: self.task.and_then(|task| task.name).unwrap_or_default(),
            title: String::new(),
            reference: None,
            commit: None,
            url: None,
            attempt: 1,
            created_at: self.in_queue_since.and_then(millis),
            started_at: None,
            finished_at: None,
            log: None,
            standing,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Artifacts {
    #[serde(default)]
    pub(super) artifacts: Vec<Artifact>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Artifact {
    file_name: String,
    relative_path: String,
}

impl From<Artifact> for RunArtifact {
    fn from(artifact: Artifact) -> Self {
        Self {
            id: artifact.relative_path.clone(),
            name: artifact.relative_path,
            file: artifact.file_name,
            size_bytes: None,
            is_expired: false,
        }
    }
}

/// A question that a build asks (`input`).
#[derive(Deserialize)]
pub(super) struct Input {
    id: String,
    message: Option<String>,
}

impl From<Input> for RunApproval {
    fn from(input: Input) -> Self {
        Self {
            name: input.message.unwrap_or_else(|| input.id.clone()),
            id: input.id,
            may_decide: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_of_jenkins_has_a_word_of_ours() {
        let table = [
            ("SUCCESS", RunState::Succeeded),
            ("UNSTABLE", RunState::Failed),
            ("FAILURE", RunState::Failed),
            ("NOT_BUILT", RunState::Skipped),
            ("ABORTED", RunState::Cancelled),
        ];
        for (result, expected) in table {
            assert_eq!(state(result), expected, "{result}");
        }
    }

    #[test]
    fn a_build_lies_below_jenkins_own_address() {
        let item = |url: &str| QueueItem {
            why: None,
            cancelled: false,
            in_queue_since: None,
            executable: Some(Executable {
                number: 42,
                url: Some(url.to_owned()),
            }),
            task: None,
        };
        let base = "https://ci.example.com/jenkins";
        let table = [
            (
                "https://ci.example.com/jenkins/job/acme/job/shop/42/",
                Some("/job/acme/job/shop"),
            ),
            ("https://other.example.com/elsewhere/job/x/42/", None),
            ("nonsense", None),
        ];
        for (url, expected) in table {
            let found = item(url).build(base).map(|(job, _)| job);
            assert_eq!(found.as_deref(), expected, "{url}");
        }
    }
}
