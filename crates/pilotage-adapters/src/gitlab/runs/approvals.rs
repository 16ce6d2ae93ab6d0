//! What waits in a pipeline: manual jobs, and deployments to protected environments that need an approval (GitLab's
//! "Deployments API", `POST /projects/:id/deployments/:deployment_id/approval`).

use http::Method;
use pilotage_core::{
    pipeline_run::{RunApproval, RunState},
    ports::{CiError, CiTrouble},
};
use serde::Deserialize;
use serde_json::json;

use super::{GitLab, read::Job};
use crate::runs::api::Ask;

/// Tells the id of a deployment from that of a job.
const DEPLOYMENT: &str = "deployment:";
/// Blocked deployments that are looked through.
const MOST_BLOCKED: usize = 100;

#[derive(Deserialize)]
struct Blocked {
    id: u64,
    environment: Option<Named>,
    deployable: Option<Deployable>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Deployable {
    id: u64,
    pipeline: Option<OfPipeline>,
}

#[derive(Deserialize)]
struct OfPipeline {
    id: u64,
}

impl Blocked {
    fn job_in(&self, pipeline: &str) -> Option<u64> {
        let deployable = self.deployable.as_ref()?;
        let of = deployable.pipeline.as_ref()?;
        (of.id.to_string() == pipeline).then_some(deployable.id)
    }
}

impl GitLab {
    pub(super) async fn waiting(&self, id: &str) -> Result<Vec<RunApproval>, CiError> {
        let jobs = self.all_jobs(id).await?;
        let mut jobs: Vec<Job> = jobs
            .into_iter()
            .filter(|job| job.state() == RunState::Waiting)
            .collect();
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let mut waiting = Vec::new();
        for blocked in self.blocked().await? {
            let Some(job) = blocked.job_in(id) else { continue };
            // It can be played once its deployment is approved.
            jobs.retain(|one| one.id != job);
            waiting.push(RunApproval {
                id: format!("{DEPLOYMENT}{}", blocked.id),
                name: blocked.environment.map(|one| one.name).unwrap_or_default(),
                may_decide: None,
            });
        }
        waiting.extend(jobs.into_iter().map(Job::into_approval));
        Ok(waiting)
    }

    /// Deployments that wait for an approval; none where the token may not see them or the edition has no such.
    async fn blocked(&self) -> Result<Vec<Blocked>, CiError> {
        let path = format!("/deployments?status=blocked&order_by=id&sort=desc&per_page={MOST_BLOCKED}");
        match self.get(&path, "deployments").await {
            Err(CiError {
                trouble: CiTrouble::NotFound { .. } | CiTrouble::NotAllowed { .. } | CiTrouble::Invalid { .. },
                ..
            }) => Ok(Vec::new()),
            found => found,
        }
    }

    pub(super) async fn decided(
        &self,
        approval: &RunApproval,
        approve: bool,
        comment: &str,
    ) -> Result<(), CiError> {
        if let Some(id) = approval.id.strip_prefix(DEPLOYMENT) {
            let path = self.below(&format!(
                "/deployments/{}/approval",
                self.number(id, "deployment")?
            ));
            let status = if approve { "approved" } else { "rejected" };
            let body = json!({ "status": status, "comment": comment });
            let what = format!("deployment to `{}`", approval.name);
            let ask = Ask::new(Method::POST, path, what).json(&body);
            return self.change(ask).await.map(drop);
        }
        let number = self.number(&approval.id, "job")?;
        let verb = if approve { "play" } else { "cancel" };
        let path = self.below(&format!("/jobs/{number}/{verb}"));
        self.change(Ask::post(path, format!("job `{}`", approval.name)))
            .await
            .map(drop)
    }
}
