//! Runs of GitHub Actions, over GitHub's REST API (docs.github.com/en/rest; npm `@octokit/openapi`).
//!
//! What is known of starting: `return_run_details` makes GitHub answer with the run's id (since 2026-02); an older
//! enterprise server does not know it, and then the run is looked for. GitHub keeps no key for a start; where the workflow
//! has an input for one (`keyInput`) and shows it in its `run-name`, a start can be found again by it.

mod access;
mod checks;
mod read;
mod slice;
mod start;

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method, header};
use pilotage_core::{
    config::{self, Problem, SecretRef},
    pipeline_run::{
        Check, CommitMark, CommitState, LogPart, PipelineRun, PlatformDeployment, RunApproval, RunArtifact,
        RunJob, StartRun, WrittenCheck,
    },
    ports::{CiError, CiPlatform, CiTrouble, RunHints, Sink},
};
use reqwest::Response;
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use self::{
    access::{Access, AppConfig},
    read::{Artifacts, Deployment, DeploymentStatus, Jobs, PendingDeployment, Run, Runs},
};
use crate::runs::{
    Built, PlatformScope,
    api::{Answered, Api, Ask, Manners, download},
    base_url, hints, http_client,
    log::{from_there, read_rest},
    refusal::Refusal,
    segment,
};

/// GitHub's own API; an enterprise server has `https://HOST/api/v3`.
const USUAL_URL: &str = "https://api.github.com";
/// The version whose shapes are read here.
const API_VERSION: &str = "2022-11-28";
/// Pages of jobs and of artifacts that are read at most, of 100 each.
const MOST_PAGES: u32 = 10;

static MANNERS: Manners = Manners {
    title: "GitHub",
    hidden: "private repositories and what the token may not see are hidden",
    needs,
    is_limit,
    is_login: |_, _| false,
    // "wait for at least one minute" (docs.github.com, "Best practices for using the REST API").
    untold_wait: Duration::from_mins(1),
};

/// GitHub names what would have been enough.
fn needs(refusal: &Refusal) -> Option<String> {
    let permissions = refusal.header("x-accepted-github-permissions");
    let scopes = refusal.header("x-accepted-oauth-scopes");
    permissions
        .map(|permissions| format!("the permission `{permissions}`"))
        .or_else(|| scopes.map(|scopes| format!("one of the scopes `{scopes}`")))
}

/// Both limits of GitHub may answer 403 (docs.github.com, "Rate limits for the REST API").
fn is_limit(refusal: &Refusal) -> bool {
    refusal.header("x-ratelimit-remaining") == Some("0")
        || refusal.header("retry-after").is_some()
        || refusal.said.contains("secondary rate limit")
}

/// GitHub Actions of one repository.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GitHubConfig {
    /// `OWNER/NAME`.
    repository: String,
    /// A personal or installation token, or the `GITHUB_TOKEN` of a workflow; it needs `actions: write`.
    token: Option<SecretRef>,
    /// A GitHub App instead of a token.
    app: Option<AppConfig>,
    /// GitHub's API; an enterprise server's is `https://HOST/api/v3`.
    url: Option<String>,
    /// The workflow that is meant where nobody names one: its file, such as `ci.yml`, or its id.
    workflow: Option<String>,
    /// The branch that is meant where nobody names one; else the repository's default branch.
    branch: Option<String>,
    /// An input of the workflow that takes a start's key. The workflow must show it in its `run-name`, so that a start
    /// whose answer was lost can be found again.
    key_input: Option<String>,
}

/// Makes one.
pub(crate) fn build(value: &Value, scope: &PlatformScope<'_>) -> Built {
    let config: GitHubConfig = config::read(value).map_err(|problem| vec![problem])?;
    let github = GitHub::new(config, scope).map_err(|problem| vec![problem])?;
    Ok(std::sync::Arc::new(github))
}

/// One repository.
struct GitHub {
    api: Api,
    access: Access,
    /// `/repos/OWNER/NAME`, encoded.
    repository: String,
    workflow: Option<String>,
    branch: Option<String>,
    key_input: Option<String>,
}

impl GitHub {
    fn new(config: GitHubConfig, scope: &PlatformScope<'_>) -> Result<Self, Problem> {
        let parts = config.repository.split_once('/');
        let parts =
            parts.filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'));
        let (owner, name) =
            parts.ok_or_else(|| Problem::at("/repository", "a repository is `OWNER/NAME`"))?;
        let base = base_url(config.url.as_deref().unwrap_or(USUAL_URL), "/url")?;
        Ok(Self {
            access: Access::new(config.token.as_ref(), config.app.as_ref(), scope)?,
            api: Api::new(&MANNERS, &base, http_client()?),
            repository: format!("/repos/{}/{}", segment(owner), segment(name)),
            workflow: config.workflow,
            branch: config.branch,
            key_input: config.key_input,
        })
    }

    /// What every request carries.
    async fn auth(&self) -> Result<HeaderMap, CiError> {
        let mut headers = self.access.headers(&self.api).await?;
        headers.insert(
            header::ACCEPT,
            http::HeaderValue::from_static("application/vnd.github+json"),
        );
        headers.insert(
            "x-github-api-version",
            http::HeaderValue::from_static(API_VERSION),
        );
        Ok(headers)
    }

    fn below(&self, path: &str) -> String {
        format!("{}{path}", self.repository)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<T, CiError> {
        let ask = Ask::get(self.below(path), what).needs("the permission `actions: read`");
        self.api.json(&ask, &self.auth().await?).await
    }

    async fn change(&self, ask: Ask) -> Result<Answered, CiError> {
        let ask = ask.needs("the permission `actions: write` (or the scope `repo`)");
        self.api.send(&ask, &self.auth().await?).await
    }

    async fn open(&self, path: &str, what: &str, from: u64) -> Result<Response, CiError> {
        let mut ask = Ask::get(self.below(path), what).needs("the permission `actions: read`");
        from_there(&mut ask, from);
        self.api.open(&ask, &self.auth().await?).await
    }

    /// Numbers alone are put into a path, so that an id leads nowhere else.
    fn number(&self, id: &str, what: &str) -> Result<u64, CiError> {
        let number = id.parse().ok();
        number.ok_or_else(|| {
            self.api.error(CiTrouble::Invalid {
                said: format!("`{}` is no id of a {what}: it is a number", id.escape_default()),
            })
        })
    }

    fn run_path(&self, id: &str, rest: &str) -> Result<String, CiError> {
        Ok(format!("/actions/runs/{}{rest}", self.number(id, "run")?))
    }

    /// A log is there once its job has ended; the API has none of a job that runs (actions/runner#886).
    async fn job_log(&self, job: u64, from: u64) -> Result<LogPart, CiError> {
        let path = format!("/actions/jobs/{job}/logs");
        let opened = self.open(&path, &format!("log of the job {job}"), from).await;
        read_rest(&self.api, opened, from, true).await
    }

    /// A commit status.
    async fn write_mark(&self, mark: &CommitMark) -> Result<(), CiError> {
        let state = match mark.state {
            CommitState::Pending => "pending",
            CommitState::Success => "success",
            CommitState::Failure => "failure",
            CommitState::Error => "error",
        };
        let mut body = json!({
            "state": state, "context": mark.context,
            // GitHub takes 140 characters.
            "description": mark.description.chars().take(140).collect::<String>(),
        });
        if let Some(url) = &mark.url {
            body["target_url"] = json!(url);
        }
        let path = self.below(&format!("/statuses/{}", segment(&mark.commit)));
        let ask = Ask::new(Method::POST, path, format!("commit {}", mark.commit)).json(&body);
        let ask = ask.needs("the permission `statuses: write`");
        self.api.send(&ask, &self.auth().await?).await.map(drop)
    }
}

#[async_trait]
impl CiPlatform for GitHub {
    fn title(&self) -> &'static str {
        MANNERS.title
    }

    fn promise(&self) -> &'static str {
        if self.key_input.is_some() {
            "a start is found again by its key, which the workflow shows in its run's name"
        } else {
            "a start whose answer was lost is not found again by itself; set `keyInput` for that"
        }
    }

    fn finds_lost_starts(&self) -> bool {
        self.key_input.is_some()
    }

    fn hints(&self) -> &'static RunHints {
        &hints::GITHUB
    }

    async fn start(&self, start: &StartRun) -> Result<PipelineRun, CiError> {
        self.dispatch(start).await
    }

    async fn find(&self, start: &StartRun) -> Result<Option<PipelineRun>, CiError> {
        self.find_by_key(start).await
    }

    async fn runs(&self, pipeline: Option<&str>, limit: usize) -> Result<Vec<PipelineRun>, CiError> {
        let of = pipeline.map_or_else(String::new, |pipeline| {
            format!("/workflows/{}", segment(pipeline))
        });
        let path = format!("/actions{of}/runs?per_page={}", limit.clamp(1, 100));
        let runs: Runs = self.get(&path, "runs").await?;
        Ok(runs.workflow_runs.into_iter().map(Run::into_run).collect())
    }

    async fn run(&self, id: &str) -> Result<PipelineRun, CiError> {
        let run: Run = self.get(&self.run_path(id, "")?, &format!("run {id}")).await?;
        Ok(run.into_run())
    }

    async fn jobs(&self, id: &str) -> Result<Vec<RunJob>, CiError> {
        let mut jobs = Vec::new();
        for page in 1..=MOST_PAGES {
            let path = self.run_path(id, &format!("/jobs?filter=latest&per_page=100&page={page}"))?;
            let read: Jobs = self.get(&path, &format!("run {id}")).await?;
            let is_last = read.jobs.len() < 100;
            jobs.extend(read.jobs.into_iter().map(read::Job::into_job));
            if is_last {
                break;
            }
        }
        Ok(jobs)
    }

    async fn log(&self, _id: &str, log: &str, from: u64) -> Result<LogPart, CiError> {
        let Some(slice) = slice::Slice::parse(log) else {
            return self.job_log(self.number(log, "job")?, from).await;
        };
        let mut text = String::new();
        let mut part = LogPart::default();
        while !part.is_complete && text.len() < slice::MOST_BYTES {
            part = self.job_log(slice.job, part.next).await?;
            if part.text.is_empty() {
                break;
            }
            text.push_str(&part.text);
        }
        Ok(slice.cut(&text, from))
    }

    async fn cancel(&self, id: &str) -> Result<(), CiError> {
        let ask = Ask::post(self.below(&self.run_path(id, "/cancel")?), format!("run {id}"));
        self.change(ask).await.map(drop)
    }

    async fn retry(&self, id: &str, failed_only: bool) -> Result<String, CiError> {
        let what = if failed_only {
            "/rerun-failed-jobs"
        } else {
            "/rerun"
        };
        let ask = Ask::post(self.below(&self.run_path(id, what)?), format!("run {id}"));
        self.change(ask).await?;
        Ok(id.to_owned())
    }

    async fn artifacts(&self, id: &str) -> Result<Vec<RunArtifact>, CiError> {
        let path = self.run_path(id, "/artifacts?per_page=100")?;
        let read: Artifacts = self.get(&path, &format!("run {id}")).await?;
        Ok(read.artifacts.into_iter().map(Into::into).collect())
    }

    async fn download(&self, _id: &str, artifact: &RunArtifact, sink: Sink<'_>) -> Result<(), CiError> {
        let number = self.number(&artifact.id, "artifact")?;
        let path = format!("/actions/artifacts/{number}/zip");
        let what = format!("artifact `{}`", artifact.name);
        let response = self.open(&path, &what, 0).await?;
        download(&self.api, response, sink).await
    }

    async fn approvals(&self, id: &str) -> Result<Vec<RunApproval>, CiError> {
        let path = self.run_path(id, "/pending_deployments")?;
        let pending: Vec<PendingDeployment> = self.get(&path, &format!("run {id}")).await?;
        Ok(pending.into_iter().map(Into::into).collect())
    }

    async fn decide(
        &self,
        id: &str,
        approval: &RunApproval,
        approve: bool,
        comment: &str,
    ) -> Result<(), CiError> {
        let environment = self.number(&approval.id, "environment")?;
        let body = json!({
            "environment_ids": [environment],
            "state": if approve { "approved" } else { "rejected" },
            "comment": comment,
        });
        let path = self.below(&self.run_path(id, "/pending_deployments")?);
        let ask = Ask::post(path, format!("run {id}")).json(&body);
        self.change(ask).await.map(drop)
    }

    async fn mark(&self, mark: &CommitMark) -> Result<(), CiError> {
        self.write_mark(mark).await
    }

    async fn check(&self, check: &Check) -> Result<WrittenCheck, CiError> {
        self.write_check(check).await
    }

    async fn deployments(&self, limit: usize) -> Result<Vec<PlatformDeployment>, CiError> {
        let path = format!("/deployments?per_page={}", limit.clamp(1, 30));
        let read: Vec<Deployment> = self.get(&path, "deployments").await?;
        let mut deployments = Vec::new();
        for deployment in read {
            let path = format!("/deployments/{}/statuses?per_page=1", deployment.id);
            let statuses: Vec<DeploymentStatus> = self.get(&path, "deployment").await?;
            deployments.push(deployment.standing(statuses.first()));
        }
        Ok(deployments)
    }
}
