//! Runs of Azure Pipelines, over Azure DevOps' REST API 7.1 (learn.microsoft.com/rest/api/azure/devops, "Pipelines", "Build",
//! "Approvals and checks"). A run of a pipeline and the build with its number are one.
//!
//! A start's key becomes a tag of the run right behind the start: Azure DevOps takes none along with it. A start whose
//! answer was lost has no tag, and is not found again by itself.

mod access;
mod deployments;
mod read;

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use pilotage_core::{
    Digest,
    config::{self, Problem, SecretRef},
    pipeline_run::{
        CommitMark, CommitState, LogPart, PipelineRun, PlatformDeployment, RunApproval, RunArtifact, RunJob,
        RunState, Standing, StartRun,
    },
    ports::{CiError, CiPlatform, CiTrouble, RunHints, Sink},
};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use self::{
    access::{Access, EntraConfig},
    read::{Approval, Artifact, Build, List, Started, Timeline},
};
use crate::runs::{
    Built, PlatformScope,
    api::{Answered, Api, Ask, Manners, download},
    base_url, hints, http_client,
    log::read_rest,
    segment,
};

/// Microsoft's own address.
const USUAL_URL: &str = "https://dev.azure.com";
const VERSION: &str = "api-version=7.1";
/// Builds that are looked through at most.
const MOST_BUILDS: usize = 100;

static MANNERS: Manners = Manners {
    title: "Azure DevOps",
    hidden: "projects of another organization, and what the token may not see, are hidden",
    needs: |_| None,
    is_limit: |_| false,
    // A token that is not valid is answered with 203 or sent to the page where people sign in.
    is_login: |status, headers| {
        let told = headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok());
        let to_login = told.is_some_and(|place| place.contains("_signin") || place.contains("login."));
        status == StatusCode::NON_AUTHORITATIVE_INFORMATION || (status.is_redirection() && to_login)
    },
    untold_wait: Duration::from_secs(30),
};

/// How inputs are handed to a pipeline.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum SendAs {
    /// As the parameters that the pipeline's YAML declares.
    #[default]
    Parameters,
    /// As variables; each must be settable when a run is queued.
    Variables,
}

/// Pipelines of one project.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AzureDevOpsConfig {
    /// The organization, or the collection of a server of one's own.
    organization: String,
    /// The project.
    project: String,
    /// A personal access token with the scope Build (read & execute).
    token: Option<SecretRef>,
    /// A token of Microsoft Entra instead, as it is.
    entra_token: Option<SecretRef>,
    /// A service principal of Microsoft Entra instead, for which tokens are fetched.
    entra: Option<EntraConfig>,
    /// Where Azure DevOps answers.
    url: Option<String>,
    /// The id of the pipeline that is meant where nobody names one.
    pipeline: Option<u64>,
    /// The branch that is meant where nobody names one; else the pipeline's default branch.
    branch: Option<String>,
    /// The repository that marks on commits go to; the project's name where nothing is said.
    repository: Option<String>,
    /// What inputs become.
    #[serde(default)]
    send_as: SendAs,
}

/// Makes one.
pub(crate) fn build(value: &Value, scope: &PlatformScope<'_>) -> Built {
    let config: AzureDevOpsConfig = config::read(value).map_err(|problem| vec![problem])?;
    let azure = AzureDevOps::new(config, scope).map_err(|problem| vec![problem])?;
    Ok(std::sync::Arc::new(azure))
}

/// One project.
struct AzureDevOps {
    api: Api,
    access: Access,
    /// `/ORGANIZATION/PROJECT/_apis`, encoded.
    project: String,
    repository: String,
    pipeline: Option<u64>,
    branch: Option<String>,
    send_as: SendAs,
}

impl AzureDevOps {
    fn new(config: AzureDevOpsConfig, scope: &PlatformScope<'_>) -> Result<Self, Problem> {
        let base = base_url(config.url.as_deref().unwrap_or(USUAL_URL), "/url")?;
        for (pointer, name) in [
            ("/organization", &config.organization),
            ("/project", &config.project),
        ] {
            if name.is_empty() || name.contains('/') || name == ".." {
                return Err(Problem::at(pointer, "a name without slashes"));
            }
        }
        let http = http_client()?;
        Ok(Self {
            access: Access::new(
                config.token.as_ref(),
                config.entra_token.as_ref(),
                config.entra.as_ref(),
                &http,
                scope,
            )?,
            api: Api::new(&MANNERS, &base, http),
            project: format!(
                "/{}/{}/_apis",
                segment(&config.organization),
                segment(&config.project)
            ),
            repository: config.repository.unwrap_or(config.project),
            pipeline: config.pipeline,
            branch: config.branch,
            send_as: config.send_as,
        })
    }

    fn invalid(&self, said: impl Into<String>) -> CiError {
        let said = said.into();
        self.api.error(CiTrouble::Invalid { said })
    }

    /// An address below the project; `path` may hold a query.
    fn below(&self, path: &str) -> String {
        let and = if path.contains('?') { '&' } else { '?' };
        format!("{}{path}{and}{VERSION}", self.project)
    }

    async fn auth(&self) -> Result<HeaderMap, CiError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.access.header().await?);
        Ok(headers)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<T, CiError> {
        let mut ask = Ask::get(self.below(path), what).needs("the scope Build (read)");
        ask.headers
            .insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        self.api.json(&ask, &self.auth().await?).await
    }

    async fn change(
        &self,
        method: Method,
        path: &str,
        what: &str,
        body: &Value,
    ) -> Result<Answered, CiError> {
        let ask = Ask::new(method, self.below(path), what).json(body);
        let ask = ask.needs("the scope Build (read & execute) and the permission `Queue builds`");
        self.api.send(&ask, &self.auth().await?).await
    }

    /// Numbers alone are put into a path, so that an id leads nowhere else.
    fn number(&self, id: &str, what: &str) -> Result<u64, CiError> {
        let number = id.parse().ok();
        number.ok_or_else(|| {
            self.invalid(format!(
                "`{}` is no id of a {what}: it is a number",
                id.escape_default()
            ))
        })
    }

    fn build_path(&self, id: &str, rest: &str) -> Result<String, CiError> {
        Ok(format!("/build/builds/{}{rest}", self.number(id, "run")?))
    }

    fn pipeline(&self, named: Option<&str>) -> Result<u64, CiError> {
        match named {
            Some(named) => self.number(named, "pipeline"),
            None => self
                .pipeline
                .ok_or_else(|| self.invalid("no pipeline is named: say its id, which its address shows")),
        }
    }

    async fn timeline(&self, id: &str) -> Result<Timeline, CiError> {
        let path = self.build_path(id, "/timeline")?;
        // Before a run begins there is none, which is answered with 204 and no body.
        let ask = Ask::get(self.below(&path), format!("run {id}")).needs("the scope Build (read)");
        let answered = self.api.send(&ask, &self.auth().await?).await?;
        if answered.body.is_empty() {
            return Ok(Timeline::default());
        }
        self.api.read(&answered)
    }

    async fn begin(&self, pipeline: u64, branch: Option<&str>, handed: Value) -> Result<u64, CiError> {
        let mut body = handed;
        if let Some(branch) = branch {
            let name = if branch.starts_with("refs/") {
                branch.to_owned()
            } else {
                format!("refs/heads/{branch}")
            };
            body["resources"] = json!({"repositories": {"self": {"refName": name}}});
        }
        let path = format!("/pipelines/{pipeline}/runs");
        let answered = self
            .change(Method::POST, &path, &format!("pipeline {pipeline}"), &body)
            .await?;
        Ok(self.api.read::<Started>(&answered)?.id)
    }

    fn handed(&self, start: &StartRun) -> Value {
        match self.send_as {
            SendAs::Parameters => json!({"templateParameters": start.inputs}),
            SendAs::Variables => {
                let variables = start.inputs.iter();
                let variables: Map<String, Value> = variables
                    .map(|(name, value)| (name.clone(), json!({"value": value})))
                    .collect();
                json!({"variables": variables})
            }
        }
    }
}

/// A tag that stands for a key, of characters that tags may have.
fn tag(key: &str) -> String {
    let digest = Digest::of(key.as_bytes()).to_string();
    let digits: String = digest.chars().filter(char::is_ascii_hexdigit).take(32).collect();
    format!("pilotage-{digits}")
}

#[async_trait]
impl CiPlatform for AzureDevOps {
    fn title(&self) -> &'static str {
        MANNERS.title
    }

    fn promise(&self) -> &'static str {
        "a start is found again by the tag that it is given once its answer came; one whose answer was lost is not"
    }

    fn finds_lost_starts(&self) -> bool {
        false
    }

    fn hints(&self) -> &'static RunHints {
        &hints::AZURE_DEVOPS
    }

    async fn start(&self, start: &StartRun) -> Result<PipelineRun, CiError> {
        let pipeline = self.pipeline(start.pipeline.as_deref())?;
        let branch = start.reference.as_ref().or(self.branch.as_ref());
        let id = self
            .begin(pipeline, branch.map(String::as_str), self.handed(start))
            .await?;
        if let Some(key) = &start.key {
            let path = format!("/build/builds/{id}/tags/{}", tag(key));
            // The run goes on also without its tag.
            if let Err(error) = self.change(Method::PUT, &path, "run", &json!({})).await {
                tracing::warn!(%error, run = id, "the run could not be given the tag of its key");
            }
        }
        self.run(&id.to_string()).await
    }

    async fn find(&self, start: &StartRun) -> Result<Option<PipelineRun>, CiError> {
        let Some(key) = &start.key else {
            return Ok(None);
        };
        let path = format!("/build/builds?tagFilters={}&$top=1", tag(key));
        let found: List<Build> = self.get(&path, "runs").await?;
        Ok(found.value.into_iter().next().map(Build::into_run))
    }

    async fn runs(&self, pipeline: Option<&str>, limit: usize) -> Result<Vec<PipelineRun>, CiError> {
        let of = match pipeline {
            Some(pipeline) => format!("&definitions={}", self.number(pipeline, "pipeline")?),
            None => String::new(),
        };
        let limit = limit.clamp(1, MOST_BUILDS);
        let path = format!("/build/builds?queryOrder=queueTimeDescending&$top={limit}{of}");
        let found: List<Build> = self.get(&path, "runs").await?;
        Ok(found.value.into_iter().map(Build::into_run).collect())
    }

    async fn run(&self, id: &str) -> Result<PipelineRun, CiError> {
        let build: Build = self.get(&self.build_path(id, "")?, &format!("run {id}")).await?;
        let mut run = build.into_run();
        if run.standing.state == RunState::Running && self.timeline(id).await?.waits() {
            run.standing = Standing::new(RunState::Waiting, run.standing.word);
        }
        Ok(run)
    }

    async fn jobs(&self, id: &str) -> Result<Vec<RunJob>, CiError> {
        Ok(self.timeline(id).await?.into_jobs())
    }

    /// The whole log is asked for each time and what is known of it left out: on which number `startLine` begins to count is
    /// not said anywhere.
    async fn log(&self, id: &str, log: &str, from: u64) -> Result<LogPart, CiError> {
        let number = self.number(log, "log")?;
        let what = format!("log {number} of run {id}");
        // Asked for first: what is written between the two requests comes with the next part.
        let has_ended = self.timeline(id).await?.has_ended(number);
        let path = self.build_path(id, &format!("/logs/{number}"))?;
        let mut ask = Ask::get(self.below(&path), what).needs("the scope Build (read)");
        ask.headers
            .insert(header::ACCEPT, HeaderValue::from_static("text/plain"));
        let opened = self.api.open(&ask, &self.auth().await?).await;
        read_rest(&self.api, opened, from, has_ended).await
    }

    async fn cancel(&self, id: &str) -> Result<(), CiError> {
        let body = json!({"status": "cancelling"});
        self.change(
            Method::PATCH,
            &self.build_path(id, "")?,
            &format!("run {id}"),
            &body,
        )
        .await
        .map(drop)
    }

    async fn retry(&self, id: &str, failed_only: bool) -> Result<String, CiError> {
        let what = format!("run {id}");
        if !failed_only {
            let build: Build = self.get(&self.build_path(id, "")?, &what).await?;
            let (pipeline, branch, handed) = build.again();
            let begun = self.begin(pipeline, branch.as_deref(), handed).await?;
            return Ok(begun.to_string());
        }
        let stages = self.timeline(id).await?.failed_stages();
        if stages.is_empty() {
            let said = "no stage of the run has failed".to_owned();
            return Err(self.api.error(CiTrouble::Conflict { said }));
        }
        for stage in stages {
            let path = self.build_path(id, &format!("/stages/{}", segment(&stage)))?;
            let body = json!({"state": "retry", "forceRetryAllJobs": false});
            self.change(Method::PATCH, &path, &what, &body).await?;
        }
        Ok(id.to_owned())
    }

    async fn artifacts(&self, id: &str) -> Result<Vec<RunArtifact>, CiError> {
        let path = self.build_path(id, "/artifacts")?;
        let found: List<Artifact> = self.get(&path, &format!("run {id}")).await?;
        Ok(found.value.into_iter().map(Into::into).collect())
    }

    async fn download(&self, id: &str, artifact: &RunArtifact, sink: Sink<'_>) -> Result<(), CiError> {
        let path = self.build_path(
            id,
            &format!("/artifacts?artifactName={}", segment(&artifact.name)),
        )?;
        let what = format!("artifact `{}`", artifact.name);
        let found: Artifact = self.get(&path, &what).await?;
        let address = found
            .address()
            .ok_or_else(|| self.api.error(CiTrouble::Gone { what: what.clone() }))?;
        let ask = Ask::get(address, what).needs("the scope Build (read)");
        let response = self.api.open(&ask, &self.auth().await?).await?;
        download(&self.api, response, sink).await
    }

    async fn approvals(&self, id: &str) -> Result<Vec<RunApproval>, CiError> {
        let number = self.number(id, "run")?;
        let found: List<Approval> = self
            .get("/pipelines/approvals?state=pending&$expand=steps", "approvals")
            .await?;
        let ours = found.value.into_iter().filter(|approval| approval.is_of(number));
        Ok(ours.map(Into::into).collect())
    }

    async fn decide(
        &self,
        _id: &str,
        approval: &RunApproval,
        approve: bool,
        comment: &str,
    ) -> Result<(), CiError> {
        let status = if approve { "approved" } else { "rejected" };
        let body = json!([{"approvalId": approval.id, "status": status, "comment": comment}]);
        let what = format!("approval `{}`", approval.name);
        self.change(Method::PATCH, "/pipelines/approvals", &what, &body)
            .await
            .map(drop)
    }

    async fn mark(&self, mark: &CommitMark) -> Result<(), CiError> {
        let state = match mark.state {
            CommitState::Pending => "pending",
            CommitState::Success => "succeeded",
            CommitState::Failure => "failed",
            CommitState::Error => "error",
        };
        let (genre, name) = mark
            .context
            .split_once('/')
            .unwrap_or(("pilotage", &mark.context));
        let body = json!({
            "state": state, "description": mark.description, "targetUrl": mark.url,
            "context": {"genre": genre, "name": name},
        });
        let (repository, commit) = (segment(&self.repository), segment(&mark.commit));
        let path = format!("/git/repositories/{repository}/commits/{commit}/statuses");
        let ask = Ask::post(self.below(&path), format!("commit {}", mark.commit)).json(&body);
        let ask = ask.needs("the scope Code (status)");
        self.api.send(&ask, &self.auth().await?).await.map(drop)
    }

    async fn deployments(&self, limit: usize) -> Result<Vec<PlatformDeployment>, CiError> {
        self.records(limit).await
    }
}
