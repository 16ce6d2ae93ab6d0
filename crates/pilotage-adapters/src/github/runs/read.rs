//! GitHub's shapes, as far as they are read.

use pilotage_core::{
    Timestamp,
    pipeline_run::{
        PipelineRun, PlatformDeployment, RunApproval, RunArtifact, RunJob, RunState, RunStep, Standing,
    },
};
use serde::Deserialize;

use super::slice;
use crate::runs::moment;

/// GitHub's status and conclusion in our words.
pub(super) fn standing(status: Option<&str>, conclusion: Option<&str>) -> Standing {
    let status = status.unwrap_or_default();
    let word = match conclusion {
        Some(conclusion) => format!("{status}/{conclusion}"),
        None => status.to_owned(),
    };
    let state = match (status, conclusion) {
        ("completed", Some("success" | "neutral")) => RunState::Succeeded,
        ("completed", Some("cancelled" | "stale")) => RunState::Cancelled,
        ("completed", Some("skipped")) => RunState::Skipped,
        // A run from a fork that somebody has to let go on.
        ("completed", Some("action_required")) | ("waiting", _) => RunState::Waiting,
        // `failure`, `timed_out`, `startup_failure`, and whatever else ends without being good.
        ("completed", _) => RunState::Failed,
        ("in_progress", _) => RunState::Running,
        _ => RunState::Queued,
    };
    Standing::new(state, word)
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) default_branch: String,
}

#[derive(Deserialize)]
pub(super) struct Dispatched {
    pub(super) workflow_run_id: u64,
}

#[derive(Deserialize)]
pub(super) struct Runs {
    pub(super) workflow_runs: Vec<Run>,
}

#[derive(Deserialize)]
pub(super) struct Run {
    id: u64,
    name: Option<String>,
    #[serde(default)]
    display_title: String,
    path: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    head_branch: Option<String>,
    head_sha: Option<String>,
    html_url: Option<String>,
    #[serde(rename = "run_attempt")]
    attempt: Option<u32>,
    created_at: Option<String>,
    #[serde(rename = "run_started_at")]
    started_at: Option<String>,
    updated_at: Option<String>,
}

impl Run {
    /// Whether its title or name shows this text.
    pub(super) fn shows(&self, text: &str) -> bool {
        self.display_title.contains(text) || self.name.as_deref().is_some_and(|name| name.contains(text))
    }

    pub(super) fn created_at(&self) -> Option<Timestamp> {
        moment(self.created_at.as_deref())
    }

    pub(super) fn into_run(self) -> PipelineRun {
        let standing = standing(self.status.as_deref(), self.conclusion.as_deref());
        let path = self.path.as_deref().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        let file = file.split('@').next().unwrap_or_default();
        PipelineRun {
            id: self.id.to_string(),
            pipeline: if file.is_empty() {
                self.name.unwrap_or_default()
            } else {
                file.to_owned()
            },
            title: self.display_title,
            reference: self.head_branch,
            commit: self.head_sha,
            url: self.html_url,
            attempt: self.attempt.unwrap_or(1),
            created_at: moment(self.created_at.as_deref()),
            started_at: moment(self.started_at.as_deref()),
            // GitHub has no field for it: what ended changes no more.
            finished_at: moment(self.updated_at.as_deref()).filter(|_| standing.state.is_final()),
            log: None,
            standing,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Jobs {
    pub(super) jobs: Vec<Job>,
}

#[derive(Deserialize)]
pub(super) struct Job {
    id: u64,
    name: String,
    status: Option<String>,
    conclusion: Option<String>,
    html_url: Option<String>,
    started_at: Option<String>,
    completed_at: Option<String>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    name: String,
    status: Option<String>,
    conclusion: Option<String>,
    started_at: Option<String>,
    completed_at: Option<String>,
}

impl Job {
    pub(super) fn into_job(self) -> RunJob {
        let id = self.id;
        RunJob {
            id: id.to_string(),
            name: self.name,
            stage: None,
            standing: standing(self.status.as_deref(), self.conclusion.as_deref()),
            may_fail: false,
            url: self.html_url,
            started_at: moment(self.started_at.as_deref()),
            finished_at: moment(self.completed_at.as_deref()),
            log: Some(id.to_string()),
            steps: self.steps.into_iter().map(|step| step.into_step(id)).collect(),
        }
    }
}

impl Step {
    fn into_step(self, job: u64) -> RunStep {
        let times = moment(self.started_at.as_deref()).zip(moment(self.completed_at.as_deref()));
        RunStep {
            name: self.name,
            standing: standing(self.status.as_deref(), self.conclusion.as_deref()),
            log: times.map(|(begin, end)| slice::name(job, begin, end)),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Artifacts {
    pub(super) artifacts: Vec<Artifact>,
}

#[derive(Deserialize)]
pub(super) struct Artifact {
    id: u64,
    name: String,
    size_in_bytes: Option<u64>,
    #[serde(default)]
    expired: bool,
}

impl From<Artifact> for RunArtifact {
    fn from(artifact: Artifact) -> Self {
        Self {
            id: artifact.id.to_string(),
            file: format!("{}.zip", artifact.name),
            name: artifact.name,
            size_bytes: artifact.size_in_bytes,
            is_expired: artifact.expired,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct PendingDeployment {
    environment: Environment,
    current_user_can_approve: Option<bool>,
}

#[derive(Deserialize)]
struct Environment {
    id: Option<u64>,
    name: Option<String>,
}

impl From<PendingDeployment> for RunApproval {
    fn from(pending: PendingDeployment) -> Self {
        Self {
            id: pending
                .environment
                .id
                .map(|id| id.to_string())
                .unwrap_or_default(),
            name: pending.environment.name.unwrap_or_default(),
            may_decide: pending.current_user_can_approve,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
    environment: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    sha: Option<String>,
    created_at: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct DeploymentStatus {
    state: String,
}

impl Deployment {
    pub(super) fn standing(self, status: Option<&DeploymentStatus>) -> PlatformDeployment {
        let word = status.map_or("pending", |status| status.state.as_str());
        let state = match word {
            "success" | "inactive" => RunState::Succeeded,
            "failure" | "error" => RunState::Failed,
            "in_progress" => RunState::Running,
            "waiting" => RunState::Waiting,
            _ => RunState::Queued,
        };
        PlatformDeployment {
            id: self.id.to_string(),
            environment: self.environment,
            reference: self.reference,
            commit: self.sha,
            standing: Standing::new(state, word),
            created_at: moment(self.created_at.as_deref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_github_has_one_of_ours() {
        let table = [
            ("queued", None, RunState::Queued),
            ("requested", None, RunState::Queued),
            ("pending", None, RunState::Queued),
            ("in_progress", None, RunState::Running),
            ("waiting", None, RunState::Waiting),
            ("completed", Some("success"), RunState::Succeeded),
            ("completed", Some("neutral"), RunState::Succeeded),
            ("completed", Some("failure"), RunState::Failed),
            ("completed", Some("timed_out"), RunState::Failed),
            ("completed", Some("startup_failure"), RunState::Failed),
            ("completed", None, RunState::Failed),
            ("completed", Some("cancelled"), RunState::Cancelled),
            ("completed", Some("stale"), RunState::Cancelled),
            ("completed", Some("skipped"), RunState::Skipped),
            ("completed", Some("action_required"), RunState::Waiting),
        ];
        for (status, conclusion, expected) in table {
            let found = standing(Some(status), conclusion);
            assert_eq!(found.state, expected, "{status} {conclusion:?}");
            assert!(found.word.starts_with(status));
        }
    }
}
