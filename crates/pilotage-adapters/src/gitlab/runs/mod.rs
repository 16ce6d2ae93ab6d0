//! Pipelines of one GitLab project, over GitLab's REST API (docs.gitlab.com/api, "Pipelines", "Jobs", "Commits").
//!
//! A start carries its key as the variable `PILOTAGE_KEY`, and is found again by it among the newest pipelines that were
//! started over the API, if the token may read the variables of pipelines.

mod approvals;
mod config;
mod read;

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method, header};
use pilotage_core::{
    config::{Problem, read},
    pipeline_run::{
        CommitMark, CommitState, LogPart, PipelineRun, PlatformDeployment, RunApproval, RunArtifact, RunJob,
        StartRun,
    },
    ports::{CiError, CiPlatform, CiTrouble, RunHints, Sink},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) use self::config::GitLabConfig;
use self::config::SendAs;
use self::read::{Deployment, Job, Pipeline, Project, Variable};
use crate::runs::{
    Built, PlatformScope,
    api::{Answered, Api, Ask, Manners, download},
    base_url, hints, http_client,
    log::{from_there, read_rest},
    refusal::Refusal,
    secret_header, segment,
};

/// GitLab's own address.
const USUAL_URL: &str = "https://gitlab.com";
/// The variable that carries a start's key.
const KEY: &str = "PILOTAGE_KEY";
/// Pipelines that are looked through for a key, each with a request.
const MOST_LOOKED_AT: usize = 20;
/// Pages of jobs that are read at most, of 100 each.
const MOST_PAGES: u32 = 10;

static MANNERS: Manners = Manners {
    title: "GitLab",
    hidden: "projects and what the token may not see are hidden",
    needs,
    is_limit: |_| false,
    is_login: |status, headers| {
        let told = headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok());
        status.is_redirection() && told.is_some_and(|place| place.contains("/users/sign_in"))
    },
    untold_wait: Duration::from_secs(5),
};

/// `{"error": "insufficient_scope", "scope": "api"}` (RFC 6750, section 3).
fn needs(refusal: &Refusal) -> Option<String> {
    let scope = refusal.body["scope"].as_str()?;
    Some(format!("the scope `{scope}`"))
}

/// Makes one.
pub(crate) fn build(value: &Value, scope: &PlatformScope<'_>) -> Built {
    let config: GitLabConfig = read(value).map_err(|problem| vec![problem])?;
    let gitlab = GitLab::new(config, scope).map_err(|problem| vec![problem])?;
    Ok(std::sync::Arc::new(gitlab))
}

/// One project.
struct GitLab {
    api: Api,
    auth: HeaderMap,
    trigger: Option<SecretString>,
    /// `/projects/ID`, encoded.
    project: String,
    branch: Option<String>,
    send_as: SendAs,
}

impl GitLab {
    fn new(config: GitLabConfig, scope: &PlatformScope<'_>) -> Result<Self, Problem> {
        if config.project.trim_matches('/').is_empty() {
            return Err(Problem::at("/project", "a project is its path or its id"));
        }
        let base = base_url(config.url.as_deref().unwrap_or(USUAL_URL), "/url")?;
        let mut auth = HeaderMap::new();
        let tokens = [
            ("private-token", "/token", &config.token),
            ("job-token", "/jobToken", &config.job_token),
        ];
        for (name, pointer, token) in tokens {
            if let Some(token) = token {
                auth.insert(name, secret_header(&scope.secret(token, pointer)?, pointer)?);
            }
        }
        let trigger = config.trigger_token.as_ref();
        let trigger = trigger
            .map(|token| scope.secret(token, "/triggerToken"))
            .transpose()?;
        if auth.is_empty() && trigger.is_none() {
            let problem = Problem::at(
                "",
                "GitLab is asked with a `token`, a `jobToken` or a `triggerToken`",
            );
            return Err(problem.help("for example `token: ${env:GITLAB_TOKEN}`"));
        }
        Ok(Self {
            api: Api::new(&MANNERS, &format!("{base}/api/v4"), http_client()?),
            auth,
            trigger,
            project: format!("/projects/{}", segment(config.project.trim_matches('/'))),
            branch: config.branch,
            send_as: config.send_as,
        })
    }

    fn below(&self, path: &str) -> String {
        format!("{}{path}", self.project)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<T, CiError> {
        let ask = Ask::get(self.below(path), what).needs("the scope `read_api`");
        self.api.json(&ask, &self.auth).await
    }

    async fn change(&self, ask: Ask) -> Result<Answered, CiError> {
        let ask = ask.needs("the scope `api` and the role Developer");
        self.api.send(&ask, &self.auth).await
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

    fn pipeline(&self, id: &str, rest: &str) -> Result<String, CiError> {
        Ok(format!("/pipelines/{}{rest}", self.number(id, "pipeline")?))
    }

    async fn reference(&self, start: &StartRun) -> Result<String, CiError> {
        if let Some(reference) = start.reference.as_ref().or(self.branch.as_ref()) {
            return Ok(reference.clone());
        }
        let project: Project = self.get("", "project").await?;
        project.default_branch.ok_or_else(|| {
            self.api.error(CiTrouble::Invalid {
                said: "the project has no default branch: name one".to_owned(),
            })
        })
    }

    /// What a start hands to the pipeline: variables, and inputs if they are sent as such.
    fn handed(&self, start: &StartRun) -> (Vec<(String, String)>, Value) {
        let mut variables: Vec<(String, String)> = Vec::new();
        let mut inputs = json!({});
        match self.send_as {
            SendAs::Variables => variables.extend(start.inputs.clone()),
            SendAs::Inputs => inputs = json!(start.inputs),
        }
        variables.extend(start.key.clone().map(|key| (KEY.to_owned(), key)));
        (variables, inputs)
    }

    async fn create(
        &self,
        reference: &str,
        variables: &[(String, String)],
        inputs: &Value,
    ) -> Result<PipelineRun, CiError> {
        let variables: Vec<Value> = variables
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        let mut body = json!({"ref": reference, "variables": variables});
        if inputs.as_object().is_some_and(|inputs| !inputs.is_empty()) {
            body["inputs"] = inputs.clone();
        }
        let ask = Ask::post(self.below("/pipeline"), "project").json(&body);
        let answered = self.change(ask).await?;
        Ok(self.api.read::<Pipeline>(&answered)?.into_run())
    }

    /// The same with a trigger token, which stands in the body.
    async fn trigger(
        &self,
        token: &SecretString,
        reference: &str,
        variables: &[(String, String)],
        inputs: &Value,
    ) -> Result<PipelineRun, CiError> {
        let mut fields = vec![
            ("token".to_owned(), token.expose_secret().trim().to_owned()),
            ("ref".to_owned(), reference.to_owned()),
        ];
        let named = |kind: &str, name: &str| format!("{kind}[{name}]");
        fields.extend(
            variables
                .iter()
                .map(|(name, value)| (named("variables", name), value.clone())),
        );
        let inputs = inputs.as_object().into_iter().flatten();
        fields.extend(inputs.map(|(name, value)| {
            (
                named("inputs", name),
                value.as_str().unwrap_or_default().to_owned(),
            )
        }));
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let ask = Ask::post(self.below("/trigger/pipeline"), "project or trigger").form(fields);
        let answered = self.api.send(&ask, &HeaderMap::new()).await?;
        Ok(self.api.read::<Pipeline>(&answered)?.into_run())
    }

    async fn variables(&self, id: &str) -> Result<Vec<(String, String)>, CiError> {
        let path = self.pipeline(id, "/variables")?;
        let read: Vec<Variable> = self.get(&path, &format!("pipeline {id}")).await?;
        Ok(read.into_iter().map(|one| (one.key, one.value)).collect())
    }

    /// Every page of a list that belongs to a pipeline.
    async fn pages<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<Vec<T>, CiError> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let path = format!("{path}?per_page=100&page={page}");
            let ask = Ask::get(self.below(&path), what).needs("the scope `read_api`");
            let answered = self.api.send(&ask, &self.auth).await?;
            all.extend(self.api.read::<Vec<T>>(&answered)?);
            if answered.header("x-next-page").is_none_or(str::is_empty) {
                break;
            }
        }
        Ok(all)
    }

    async fn all_jobs(&self, id: &str) -> Result<Vec<Job>, CiError> {
        let path = self.pipeline(id, "/jobs")?;
        let mut jobs: Vec<Job> = self.pages(&path, &format!("pipeline {id}")).await?;
        // GitLab gives the newest first.
        jobs.sort_by_key(|job| job.id);
        Ok(jobs)
    }
}

#[async_trait]
impl CiPlatform for GitLab {
    fn title(&self) -> &'static str {
        MANNERS.title
    }

    fn promise(&self) -> &'static str {
        "a start is found again by its key among the 20 newest pipelines, if the token may read their variables"
    }

    fn finds_lost_starts(&self) -> bool {
        !self.auth.is_empty()
    }

    fn hints(&self) -> &'static RunHints {
        &hints::GITLAB
    }

    async fn start(&self, start: &StartRun) -> Result<PipelineRun, CiError> {
        let (variables, inputs) = self.handed(start);
        let Some(token) = &self.trigger else {
            let reference = self.reference(start).await?;
            return self.create(&reference, &variables, &inputs).await;
        };
        let is_named = start.reference.is_some() || self.branch.is_some();
        if self.auth.is_empty() && !is_named {
            let said = "a trigger token reads nothing, so the branch must be named".to_owned();
            return Err(self.api.error(CiTrouble::Invalid { said }));
        }
        let reference = self.reference(start).await?;
        self.trigger(token, &reference, &variables, &inputs).await
    }

    async fn find(&self, start: &StartRun) -> Result<Option<PipelineRun>, CiError> {
        let Some(key) = &start.key else {
            return Ok(None);
        };
        for run in self.runs(None, MOST_LOOKED_AT).await? {
            let variables = self.variables(&run.id).await?;
            if variables.iter().any(|(name, value)| name == KEY && value == key) {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    async fn runs(&self, _pipeline: Option<&str>, limit: usize) -> Result<Vec<PipelineRun>, CiError> {
        let path = format!(
            "/pipelines?order_by=id&sort=desc&per_page={}",
            limit.clamp(1, 100)
        );
        let read: Vec<Pipeline> = self.get(&path, "pipelines").await?;
        Ok(read.into_iter().map(Pipeline::into_run).collect())
    }

    async fn run(&self, id: &str) -> Result<PipelineRun, CiError> {
        let read: Pipeline = self
            .get(&self.pipeline(id, "")?, &format!("pipeline {id}"))
            .await?;
        Ok(read.into_run())
    }

    async fn jobs(&self, id: &str) -> Result<Vec<RunJob>, CiError> {
        let mut jobs: Vec<RunJob> = self.all_jobs(id).await?.into_iter().map(Job::into_job).collect();
        // What starts a pipeline elsewhere is a job without a log of its own.
        let path = self.pipeline(id, "/bridges")?;
        let bridges: Vec<Job> = self.pages(&path, &format!("pipeline {id}")).await?;
        jobs.extend(bridges.into_iter().map(|bridge| RunJob {
            log: None,
            ..bridge.into_job()
        }));
        Ok(jobs)
    }

    async fn log(&self, _id: &str, log: &str, from: u64) -> Result<LogPart, CiError> {
        let number = self.number(log, "job")?;
        let what = format!("log of the job {number}");
        // Asked for first: what is written between the two requests comes with the next part.
        let job: Job = self.get(&format!("/jobs/{number}"), &what).await?;
        let mut ask =
            Ask::get(self.below(&format!("/jobs/{number}/trace")), what).needs("the scope `read_api`");
        from_there(&mut ask, from);
        let opened = self.api.open(&ask, &self.auth).await;
        read_rest(&self.api, opened, from, job.state().is_final()).await
    }

    async fn cancel(&self, id: &str) -> Result<(), CiError> {
        let ask = Ask::post(
            self.below(&self.pipeline(id, "/cancel")?),
            format!("pipeline {id}"),
        );
        self.change(ask).await.map(drop)
    }

    async fn retry(&self, id: &str, failed_only: bool) -> Result<String, CiError> {
        if failed_only {
            let ask = Ask::post(
                self.below(&self.pipeline(id, "/retry")?),
                format!("pipeline {id}"),
            );
            self.change(ask).await?;
            return Ok(id.to_owned());
        }
        // GitLab has no word for all of it: that is a new pipeline with what the old one was given.
        let old = self.run(id).await?;
        let mut variables = self.variables(id).await?;
        variables.retain(|(name, _)| name != KEY);
        let reference = old.reference.unwrap_or_default();
        Ok(self.create(&reference, &variables, &json!({})).await?.id)
    }

    async fn artifacts(&self, id: &str) -> Result<Vec<RunArtifact>, CiError> {
        let jobs = self.all_jobs(id).await?;
        Ok(jobs.into_iter().filter_map(Job::into_artifact).collect())
    }

    async fn download(&self, _id: &str, artifact: &RunArtifact, sink: Sink<'_>) -> Result<(), CiError> {
        let number = self.number(&artifact.id, "job")?;
        let path = self.below(&format!("/jobs/{number}/artifacts"));
        let ask = Ask::get(path, format!("artifact of `{}`", artifact.name)).needs("the scope `read_api`");
        download(&self.api, self.api.open(&ask, &self.auth).await?, sink).await
    }

    async fn approvals(&self, id: &str) -> Result<Vec<RunApproval>, CiError> {
        self.waiting(id).await
    }

    async fn decide(
        &self,
        _id: &str,
        approval: &RunApproval,
        approve: bool,
        comment: &str,
    ) -> Result<(), CiError> {
        self.decided(approval, approve, comment).await
    }

    async fn mark(&self, mark: &CommitMark) -> Result<(), CiError> {
        let state = match mark.state {
            CommitState::Pending => "pending",
            CommitState::Success => "success",
            CommitState::Failure | CommitState::Error => "failed",
        };
        // GitLab takes 255 characters.
        let description: String = mark.description.chars().take(255).collect();
        let mut body = json!({"state": state, "name": mark.context, "description": description});
        if let Some(url) = &mark.url {
            body["target_url"] = json!(url);
        }
        let path = self.below(&format!("/statuses/{}", segment(&mark.commit)));
        let ask = Ask::new(Method::POST, path, format!("commit {}", mark.commit)).json(&body);
        match self.change(ask).await {
            // It says so already.
            Err(CiError {
                trouble: CiTrouble::Invalid { said },
                ..
            }) if said.contains("Cannot transition status") => Ok(()),
            marked => marked.map(drop),
        }
    }

    async fn deployments(&self, limit: usize) -> Result<Vec<PlatformDeployment>, CiError> {
        let path = format!(
            "/deployments?order_by=id&sort=desc&per_page={}",
            limit.clamp(1, 100)
        );
        let read: Vec<Deployment> = self.get(&path, "deployments").await?;
        Ok(read.into_iter().map(Into::into).collect())
    }
}
