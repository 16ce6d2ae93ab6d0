//! GitLab's shapes, as far as they are read.

use pilotage_core::pipeline_run::{
    PipelineRun, PlatformDeployment, RunApproval, RunArtifact, RunJob, RunState, Standing,
};
use serde::Deserialize;

use crate::runs::moment;

/// GitLab's status in our words.
fn state(status: &str) -> RunState {
    match status {
        "success" => RunState::Succeeded,
        "failed" => RunState::Failed,
        "canceled" => RunState::Cancelled,
        "skipped" => RunState::Skipped,
        "running" | "canceling" => RunState::Running,
        "manual" | "waiting_for_resource" | "waiting_for_callback" | "blocked" => RunState::Waiting,
        // `created`, `preparing`, `pending`, `scheduled`.
        _ => RunState::Queued,
    }
}

#[derive(Deserialize)]
pub(super) struct Project {
    pub(super) default_branch: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Variable {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Deserialize)]
pub(super) struct Pipeline {
    id: u64,
    status: String,
    name: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    sha: Option<String>,
    web_url: Option<String>,
    created_at: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
}

impl Pipeline {
    pub(super) fn into_run(self) -> PipelineRun {
        let state = state(&self.status);
        PipelineRun {
            id: self.id.to_string(),
            pipeline: "pipeline".to_owned(),
            title: self.name.unwrap_or_default(),
            standing: Standing::new(state, self.status),
            reference: self.reference,
            commit: self.sha,
            url: self.web_url,
            attempt: 1,
            created_at: moment(self.created_at.as_deref()),
            started_at: moment(self.started_at.as_deref()),
            finished_at: moment(self.finished_at.as_deref()).filter(|_| state.is_final()),
            log: None,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Job {
    pub(super) id: u64,
    name: String,
    stage: Option<String>,
    status: String,
    failure_reason: Option<String>,
    #[serde(default)]
    allow_failure: bool,
    web_url: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    artifacts_file: Option<ArtifactsFile>,
}

#[derive(Deserialize)]
struct ArtifactsFile {
    filename: Option<String>,
    size: Option<u64>,
}

impl Job {
    pub(super) fn state(&self) -> RunState {
        state(&self.status)
    }

    pub(super) fn into_job(self) -> RunJob {
        let word = match &self.failure_reason {
            Some(reason) if !reason.is_empty() => format!("{}/{reason}", self.status),
            _ => self.status.clone(),
        };
        RunJob {
            id: self.id.to_string(),
            standing: Standing::new(self.state(), word),
            name: self.name,
            stage: self.stage,
            may_fail: self.allow_failure,
            url: self.web_url,
            started_at: moment(self.started_at.as_deref()),
            finished_at: moment(self.finished_at.as_deref()),
            log: Some(self.id.to_string()),
            steps: Vec::new(),
        }
    }

    /// GitLab keeps one archive for a job.
    pub(super) fn into_artifact(self) -> Option<RunArtifact> {
        let file = self.artifacts_file?;
        let kept = file.filename.unwrap_or_else(|| "artifacts.zip".to_owned());
        Some(RunArtifact {
            id: self.id.to_string(),
            file: format!("{}-{kept}", self.name.replace(['/', ' '], "-")),
            name: self.name,
            size_bytes: file.size,
            is_expired: false,
        })
    }

    pub(super) fn into_approval(self) -> RunApproval {
        RunApproval {
            id: self.id.to_string(),
            name: self.name,
            may_decide: None,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Deployment {
    id: u64,
    status: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    sha: Option<String>,
    created_at: Option<String>,
    environment: Option<Environment>,
}

#[derive(Deserialize)]
struct Environment {
    name: String,
}

impl From<Deployment> for PlatformDeployment {
    fn from(deployment: Deployment) -> Self {
        Self {
            id: deployment.id.to_string(),
            environment: deployment.environment.map(|one| one.name).unwrap_or_default(),
            reference: deployment.reference,
            commit: deployment.sha,
            standing: Standing::new(state(&deployment.status), deployment.status),
            created_at: moment(deployment.created_at.as_deref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_gitlab_has_one_of_ours() {
        let table = [
            (RunState::Queued, "created preparing pending scheduled"),
            (RunState::Running, "running canceling"),
            (
                RunState::Waiting,
                "manual waiting_for_resource waiting_for_callback blocked",
            ),
            (RunState::Succeeded, "success"),
            (RunState::Failed, "failed"),
            (RunState::Cancelled, "canceled"),
            (RunState::Skipped, "skipped"),
        ];
        for (expected, words) in table {
            for word in words.split(' ') {
                assert_eq!(state(word), expected, "{word}");
            }
        }
    }
}
