//! A server of Pilotage in the place of a platform: it starts, keeps and follows the runs, and they go by its ids.

use async_trait::async_trait;
use pilotage_core::{
    Timestamp,
    pipeline_run::{
        Check, CommitMark, LogPart, PipelineRun, PlatformDeployment, RunApproval, RunArtifact, RunJob,
        RunState, RunStep, Standing, StartRun, WrittenCheck,
    },
    ports::{CiError, CiPlatform, CiTrouble, RunHints, Sink},
};
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::client::{Answer, Client, ClientError};

/// Lines of a log that one answer has at most.
const MOST_LINES: &str = "2000";

static NO_HINTS: RunHints = RunHints {
    source: "",
    types: &[],
    ids: &[],
    names: None,
};

/// The runs of a server, or those that it has on one platform.
pub(super) struct Remote {
    pub(super) client: Client,
    pub(super) platform: Option<String>,
}

#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct PlatformName {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    platform: String,
    pipeline: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    commit: Option<String>,
    title: Option<String>,
    state: RunState,
    word: String,
    url: Option<String>,
    attempt: Option<u32>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    #[serde(default)]
    jobs: Vec<ShownJob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShownJob {
    id: String,
    name: String,
    stage: Option<String>,
    state: RunState,
    word: String,
    may_fail: bool,
    url: Option<String>,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    steps: Vec<ShownStep>,
}

#[derive(Deserialize)]
struct ShownStep {
    name: String,
    state: RunState,
    word: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShownLog {
    text: String,
    next: u64,
    is_complete: bool,
    problem: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShownDeployment {
    id: String,
    environment: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    commit: Option<String>,
    state: RunState,
    word: String,
    created_at: Option<Timestamp>,
}

impl From<ShownDeployment> for PlatformDeployment {
    fn from(one: ShownDeployment) -> Self {
        Self {
            id: one.id,
            environment: one.environment,
            reference: one.reference,
            commit: one.commit,
            standing: Standing::new(one.state, one.word),
            created_at: one.created_at,
        }
    }
}

impl From<Shown> for PipelineRun {
    fn from(run: Shown) -> Self {
        let pipeline = run.pipeline.unwrap_or_default();
        Self {
            id: run.id,
            title: run.title.unwrap_or_default(),
            pipeline: format!("{pipeline} on {}", run.platform).trim_start().to_owned(),
            standing: Standing::new(run.state, run.word),
            reference: run.reference,
            commit: run.commit,
            url: run.url,
            attempt: run.attempt.unwrap_or(1),
            created_at: Some(run.created_at),
            started_at: run.started_at,
            finished_at: run.finished_at,
            log: None,
        }
    }
}

impl From<ShownJob> for RunJob {
    fn from(job: ShownJob) -> Self {
        let steps = job.steps.into_iter().map(|step| RunStep {
            name: step.name,
            standing: Standing::new(step.state, step.word),
            log: None,
        });
        Self {
            // The server knows which logs a job has.
            log: Some(job.id.clone()),
            id: job.id,
            name: job.name,
            stage: job.stage,
            standing: Standing::new(job.state, job.word),
            may_fail: job.may_fail,
            url: job.url,
            started_at: job.started_at,
            finished_at: job.finished_at,
            steps: steps.collect(),
        }
    }
}

impl Remote {
    /// What it is called.
    pub(super) const TITLE: &'static str = "Pilotage";

    fn error(&self, trouble: CiTrouble) -> CiError {
        CiError {
            platform: self.title(),
            trouble,
        }
    }

    fn failed(&self, error: &ClientError, changes: bool) -> CiError {
        let said = error.reason();
        self.error(match error {
            ClientError::NoServer { .. } => CiTrouble::ConnectionLost {
                said,
                may_be_done: false,
            },
            ClientError::Broken { .. } => CiTrouble::ConnectionLost {
                said,
                may_be_done: changes,
            },
            ClientError::Strange { .. } => CiTrouble::NotThePlatform { said },
            ClientError::Refused(_) => match error.status().unwrap_or_default() {
                401 => CiTrouble::NotAuthorised { said },
                403 => CiTrouble::NotAllowed { needs: None, said },
                404 => CiTrouble::NotFound {
                    what: said,
                    hidden: "a server knows the runs that were started over it",
                },
                409 => CiTrouble::Conflict { said },
                400..=499 => CiTrouble::Invalid { said },
                status => CiTrouble::Broken { status, said },
            },
        })
    }

    fn read<T: DeserializeOwned>(
        &self,
        answer: Result<Answer, ClientError>,
        changes: bool,
    ) -> Result<T, CiError> {
        let answer = answer.and_then(|answer| answer.read());
        answer.map_err(|error| self.failed(&error, changes))
    }

    async fn get<T: DeserializeOwned>(&self, below: &[&str], query: &[(&str, String)]) -> Result<T, CiError> {
        let path = [&["pipelines"], below].concat();
        self.read(self.client.get(&path, query).await, false)
    }

    async fn post<T: DeserializeOwned>(&self, below: &[&str], body: &Value) -> Result<T, CiError> {
        let path = [&["pipelines"], below].concat();
        let answer = self.client.change(Method::POST, &path, Some(body)).await;
        self.read(answer, true)
    }

    /// The platform that is meant: the one that was named, or the only one.
    async fn meant(&self) -> Result<String, CiError> {
        if let Some(name) = &self.platform {
            return Ok(name.clone());
        }
        let all: Items<PlatformName> = self.get(&["platforms"], &[]).await?;
        match all.items.as_slice() {
            [only] => Ok(only.name.clone()),
            all => {
                let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
                let said = format!("choose a platform with --platform: {}", names.join(", "));
                Err(self.error(CiTrouble::Invalid { said }))
            }
        }
    }

    async fn whole(&self, id: &str) -> Result<Shown, CiError> {
        self.get(&["runs", id], &[]).await
    }
}

#[async_trait]
impl CiPlatform for Remote {
    fn title(&self) -> &'static str {
        Self::TITLE
    }

    fn promise(&self) -> &'static str {
        "a start with a key happens once"
    }

    fn finds_lost_starts(&self) -> bool {
        true
    }

    fn hints(&self) -> &'static RunHints {
        &NO_HINTS
    }

    async fn start(&self, start: &StartRun) -> Result<PipelineRun, CiError> {
        let body = json!({
            "platform": self.meant().await?, "pipeline": start.pipeline, "ref": start.reference,
            "inputs": start.inputs, "key": start.key,
        });
        Ok(self.post::<Shown>(&["runs"], &body).await?.into())
    }

    /// The server looks for the key itself.
    async fn find(&self, _start: &StartRun) -> Result<Option<PipelineRun>, CiError> {
        Ok(None)
    }

    async fn runs(&self, pipeline: Option<&str>, limit: usize) -> Result<Vec<PipelineRun>, CiError> {
        let mut query = vec![("limit", limit.clamp(1, 500).to_string())];
        query.extend(pipeline.map(|pipeline| ("pipeline", pipeline.to_owned())));
        query.extend(self.platform.clone().map(|platform| ("platform", platform)));
        let page: Items<Shown> = self.get(&["runs"], &query).await?;
        Ok(page.items.into_iter().map(PipelineRun::from).collect())
    }

    async fn run(&self, id: &str) -> Result<PipelineRun, CiError> {
        Ok(self.whole(id).await?.into())
    }

    async fn jobs(&self, id: &str) -> Result<Vec<RunJob>, CiError> {
        let run = self.whole(id).await?;
        Ok(run.jobs.into_iter().map(RunJob::from).collect())
    }

    async fn log(&self, id: &str, log: &str, from: u64) -> Result<LogPart, CiError> {
        let mut query = vec![("job", log.to_owned()), ("tail", MOST_LINES.to_owned())];
        if from > 0 {
            query.push(("after", from.to_string()));
        }
        let logs: Items<ShownLog> = self.get(&["runs", id, "logs"], &query).await?;
        if let Some(said) = logs.items.iter().find_map(|log| log.problem.clone()) {
            return Err(self.error(CiTrouble::Broken { status: 502, said }));
        }
        let text: Vec<&str> = logs.items.iter().map(|log| log.text.as_str()).collect();
        Ok(match logs.items.as_slice() {
            [only] => LogPart {
                text: only.text.clone(),
                next: only.next,
                is_complete: only.is_complete,
            },
            // Logs of several steps cannot be gone on with as one.
            _ => LogPart {
                text: text.concat(),
                next: from,
                is_complete: true,
            },
        })
    }

    async fn cancel(&self, id: &str) -> Result<(), CiError> {
        self.post::<Value>(&["runs", id, "cancel"], &json!({}))
            .await
            .map(drop)
    }

    async fn retry(&self, id: &str, failed_only: bool) -> Result<String, CiError> {
        let body = json!({ "all": !failed_only });
        Ok(self.post::<Shown>(&["runs", id, "retry"], &body).await?.id)
    }

    async fn artifacts(&self, id: &str) -> Result<Vec<RunArtifact>, CiError> {
        let all: Items<RunArtifact> = self.get(&["runs", id, "artifacts"], &[]).await?;
        Ok(all.items)
    }

    async fn download(&self, id: &str, artifact: &RunArtifact, sink: Sink<'_>) -> Result<(), CiError> {
        let path = ["pipelines", "runs", id, "artifacts", artifact.id.as_str()];
        let opened = self.client.open(&path).await;
        let mut opened = opened.map_err(|error| self.failed(&error, false))?;
        while let Some(piece) = opened.next().await.map_err(|error| self.failed(&error, false))? {
            let taken = sink.take(piece).await;
            taken.map_err(|error| {
                let said = format!("what it sent cannot be kept: {error}");
                self.error(CiTrouble::Unsupported { said })
            })?;
        }
        Ok(())
    }

    async fn approvals(&self, id: &str) -> Result<Vec<RunApproval>, CiError> {
        let all: Items<RunApproval> = self.get(&["runs", id, "approvals"], &[]).await?;
        Ok(all.items)
    }

    async fn decide(
        &self,
        id: &str,
        approval: &RunApproval,
        approve: bool,
        comment: &str,
    ) -> Result<(), CiError> {
        let body = json!({ "name": approval.name, "reject": !approve, "comment": comment });
        self.post::<Value>(&["runs", id, "approve"], &body)
            .await
            .map(drop)
    }

    async fn mark(&self, mark: &CommitMark) -> Result<(), CiError> {
        let body = json!({
            "commit": mark.commit, "context": mark.context, "state": mark.state, "description": mark.description,
            "url": mark.url,
        });
        let platform = self.meant().await?;
        self.post::<Value>(&["platforms", &platform, "marks"], &body)
            .await
            .map(drop)
    }

    async fn check(&self, check: &Check) -> Result<WrittenCheck, CiError> {
        let body = json!({
            "commit": check.commit, "name": check.name, "state": check.state, "title": check.title,
            "summary": check.summary, "annotations": check.annotations, "url": check.url, "strict": !check.or_mark,
        });
        let platform = self.meant().await?;
        self.post(&["platforms", &platform, "checks"], &body).await
    }

    async fn deployments(&self, limit: usize) -> Result<Vec<PlatformDeployment>, CiError> {
        let platform = self.meant().await?;
        let query = [("limit", limit.clamp(1, 100).to_string())];
        let all: Items<ShownDeployment> = self.get(&["platforms", &platform, "deployments"], &query).await?;
        Ok(all.items.into_iter().map(PlatformDeployment::from).collect())
    }
}
