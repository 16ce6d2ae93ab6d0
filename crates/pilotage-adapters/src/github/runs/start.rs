//! Starting a workflow, and finding the run that came of it.

use std::time::Duration;

use pilotage_core::{
    Timestamp,
    pipeline_run::{PipelineRun, StartRun},
    ports::{CiError, CiTrouble},
};
use serde_json::json;

use super::{
    GitHub,
    read::{Dispatched, Repository, Run, Runs},
};
use crate::runs::{api::Ask, segment};

/// How often a new run is looked for before it is given up; between two looks there is a second more each time.
const MOST_LOOKS: u32 = 6;
/// GitHub counts in whole seconds, and its machines differ a little.
const SKEW: Duration = Duration::from_secs(2);

impl GitHub {
    pub(super) async fn dispatch(&self, start: &StartRun) -> Result<PipelineRun, CiError> {
        let workflow = self.workflow(start)?;
        let reference = self.reference(start).await?;
        let mut inputs = json!(start.inputs);
        if let (Some(input), Some(key)) = (&self.key_input, &start.key) {
            inputs[input] = json!(key);
        }
        let body = json!({"ref": reference, "inputs": inputs, "return_run_details": true});
        let path = self.below(&format!("/actions/workflows/{}/dispatches", segment(workflow)));
        let what = format!("workflow `{workflow}`");
        let ask = Ask::post(path, what);
        let answered = match self.change(ask.clone().json(&body)).await {
            Err(CiError {
                trouble: CiTrouble::Invalid { said },
                ..
            }) if said.contains("return_run_details") => {
                // An enterprise server that does not know it yet has started nothing.
                let body = json!({"ref": reference, "inputs": inputs});
                self.change(ask.json(&body)).await?
            }
            answered => answered?,
        };
        if let Ok(dispatched) = self.api.read::<Dispatched>(&answered) {
            return self.appeared(dispatched.workflow_run_id).await;
        }
        let date = answered
            .header("date")
            .and_then(|date| httpdate::parse_http_date(date).ok());
        let since = date
            .and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok())
            .and_then(|since| i64::try_from(since.as_secs()).ok())
            .map_or_else(Timestamp::now, Timestamp::from_secs);
        self.look_for(workflow, &reference, start, since - SKEW).await
    }

    fn workflow<'a>(&'a self, start: &'a StartRun) -> Result<&'a str, CiError> {
        let named = start.pipeline.as_deref().or(self.workflow.as_deref());
        named.ok_or_else(|| {
            self.api.error(CiTrouble::Invalid {
                said: "no workflow is named: say which one, such as `ci.yml`".to_owned(),
            })
        })
    }

    async fn reference(&self, start: &StartRun) -> Result<String, CiError> {
        if let Some(reference) = start.reference.as_ref().or(self.branch.as_ref()) {
            return Ok(reference.clone());
        }
        let repository: Repository = self.get("", "repository").await?;
        Ok(repository.default_branch)
    }

    /// The run that GitHub named; it may be there only a moment later.
    async fn appeared(&self, id: u64) -> Result<PipelineRun, CiError> {
        let path = format!("/actions/runs/{id}");
        for look in 1..=MOST_LOOKS {
            match self.get::<Run>(&path, &format!("run {id}")).await {
                Err(CiError {
                    trouble: CiTrouble::NotFound { .. },
                    ..
                }) if look < MOST_LOOKS => tokio::time::sleep(Duration::from_secs(u64::from(look))).await,
                run => return run.map(Run::into_run),
            }
        }
        Err(self.vanished())
    }

    /// The run that a dispatch without an answer has made.
    async fn look_for(
        &self,
        workflow: &str,
        reference: &str,
        start: &StartRun,
        since: Timestamp,
    ) -> Result<PipelineRun, CiError> {
        let key = start.key.as_ref().filter(|_| self.key_input.is_some());
        for look in 1..=MOST_LOOKS {
            let mut found = self.dispatched(workflow, Some(reference)).await?;
            found.retain(|run| match key {
                Some(key) => run.shows(key),
                None => run.created_at().is_some_and(|created| created >= since),
            });
            match (found.pop(), found.is_empty()) {
                (Some(run), true) => return Ok(run.into_run()),
                (Some(_), false) => {
                    return Err(self.api.error(CiTrouble::Conflict {
                        said: "several runs began at this moment, and nothing tells which one is ours; set `keyInput`"
                            .to_owned(),
                    }));
                }
                (None, _) => tokio::time::sleep(Duration::from_secs(u64::from(look))).await,
            }
        }
        Err(self.vanished())
    }

    fn vanished(&self) -> CiError {
        self.api.error(CiTrouble::ConnectionLost {
            said: "the start was accepted, and no run of it is to be found".to_owned(),
            may_be_done: true,
        })
    }

    pub(super) async fn find_by_key(&self, start: &StartRun) -> Result<Option<PipelineRun>, CiError> {
        let (Some(_), Some(key)) = (&self.key_input, &start.key) else {
            return Ok(None);
        };
        let workflow = self.workflow(start)?;
        let runs = self.dispatched(workflow, start.reference.as_deref()).await?;
        Ok(runs.into_iter().find(|run| run.shows(key)).map(Run::into_run))
    }

    /// The newest runs that were started by hand, newest first.
    async fn dispatched(&self, workflow: &str, reference: Option<&str>) -> Result<Vec<Run>, CiError> {
        let branch =
            reference.map_or_else(String::new, |reference| format!("&branch={}", segment(reference)));
        let path = format!(
            "/actions/workflows/{}/runs?event=workflow_dispatch&per_page=50{branch}",
            segment(workflow)
        );
        let runs: Runs = self.get(&path, &format!("workflow `{workflow}`")).await?;
        Ok(runs.workflow_runs)
    }
}
