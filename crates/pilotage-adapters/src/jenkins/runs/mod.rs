//! Builds of Jenkins, over its remote API (`/api/json`) and the REST API of the plugin Pipeline: Stage View (`wfapi`), without
//! which stages are not told and everything else is.
//!
//! A start is an item of Jenkins' queue first (`queue:17`) and a build later (`folder/job/42`); the item says which. Where the
//! job has a parameter for a key (`keyParameter`), a start is found again by it.

mod access;
mod job;
mod read;
mod stages;

use std::time::Duration;

use async_trait::async_trait;
use http::header;
use pilotage_core::{
    config::{self, Problem, SecretRef},
    pipeline_run::{
        CommitMark, LogPart, PipelineRun, PlatformDeployment, RunApproval, RunArtifact, RunJob, RunState,
        Standing, StartRun,
    },
    ports::{CiError, CiPlatform, CiTrouble, RunHints, Sink},
};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use self::{
    access::Access,
    job::job_path,
    read::{Artifacts, Build, Builds, Input, Queue, QueueItem},
};
pub(crate) use job::shown_job;

use crate::runs::{
    Built, PlatformScope,
    api::{Answered, Api, Ask, Manners, download},
    base_url, hints, http_client,
    log::read_progress,
    refusal::Refusal,
    segment,
};

/// What is asked of a build.
const BUILD: &str = "number,url,result,building,timestamp,duration,displayName,\
    actions[parameters[name,value],lastBuiltRevision[SHA1,branch[name]]]";
/// Builds that are looked through for a key.
const MOST_LOOKED_AT: usize = 50;
/// The log of a whole build.
const CONSOLE: &str = "console";

static MANNERS: Manners = Manners {
    title: "Jenkins",
    hidden: "jobs that the user may not see are hidden, and what waited in the queue is forgotten after some minutes",
    needs: |refusal: &Refusal| {
        let needed = refusal.header("x-required-permission")?;
        Some(format!("the permission `{needed}`"))
    },
    is_limit: |_| false,
    is_login: |status, headers| {
        let told = headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok());
        status.is_redirection() && told.is_some_and(|place| place.contains("/login"))
    },
    untold_wait: Duration::from_secs(5),
};

/// Jobs of one Jenkins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct JenkinsConfig {
    /// Where Jenkins answers.
    url: String,
    /// As whom it is asked.
    user: String,
    /// An API token of the user.
    token: Option<SecretRef>,
    /// The user's password instead; a crumb is fetched for it.
    password: Option<SecretRef>,
    /// The job that is meant where nobody names one, with its folders: `acme/shop`.
    job: Option<String>,
    /// The job has a job for every branch.
    #[serde(default)]
    multibranch: bool,
    /// The parameter that takes the branch, where it is not a job for every branch.
    branch_parameter: Option<String>,
    /// A parameter of the job that takes a start's key, so that a start whose answer was lost can be found again.
    key_parameter: Option<String>,
}

/// Makes one.
pub(crate) fn build(value: &Value, scope: &PlatformScope<'_>) -> Built {
    let config: JenkinsConfig = config::read(value).map_err(|problem| vec![problem])?;
    let jenkins = Jenkins::new(config, scope).map_err(|problem| vec![problem])?;
    Ok(std::sync::Arc::new(jenkins))
}

/// One Jenkins.
struct Jenkins {
    api: Api,
    access: Access,
    base: String,
    job: Option<String>,
    multibranch: bool,
    branch_parameter: Option<String>,
    key_parameter: Option<String>,
}

/// What a run's id names.
enum Place {
    Queue(u64),
    /// The job's path, and the number of its build.
    Build(String, u64),
}

impl Jenkins {
    fn new(config: JenkinsConfig, scope: &PlatformScope<'_>) -> Result<Self, Problem> {
        let base = base_url(&config.url, "/url")?;
        Ok(Self {
            access: Access::new(
                &config.user,
                config.token.as_ref(),
                config.password.as_ref(),
                scope,
            )?,
            api: Api::new(&MANNERS, &base, http_client()?),
            base,
            job: config.job,
            multibranch: config.multibranch,
            branch_parameter: config.branch_parameter,
            key_parameter: config.key_parameter,
        })
    }

    fn invalid(&self, said: impl Into<String>) -> CiError {
        let said = said.into();
        self.api.error(CiTrouble::Invalid { said })
    }

    fn place(&self, id: &str) -> Result<Place, CiError> {
        let queued = id.strip_prefix("queue:").and_then(|number| number.parse().ok());
        let built = || {
            let (job, number) = id.rsplit_once('/')?;
            Some(Place::Build(job_path(job)?, number.parse().ok()?))
        };
        queued.map(Place::Queue).or_else(built).ok_or_else(|| {
            let id = id.escape_default();
            self.invalid(format!("`{id}` is no run: that is `queue:17` or `folder/job/42`"))
        })
    }

    /// The same, and what was in the queue is the build that it became.
    async fn now(&self, id: &str) -> Result<Place, CiError> {
        let place = self.place(id)?;
        let Place::Queue(number) = place else {
            return Ok(place);
        };
        let built = self.item(number).await?.build(&self.base);
        Ok(built.map_or(place, |(job, number)| Place::Build(job, number)))
    }

    async fn item(&self, number: u64) -> Result<QueueItem, CiError> {
        let path = format!("/queue/item/{number}/api/json");
        self.get(&path, &format!("item {number} of the queue")).await
    }

    /// The address of a build, if the run has one yet.
    async fn built(&self, id: &str, rest: &str) -> Result<String, CiError> {
        match self.now(id).await? {
            Place::Build(job, number) => Ok(format!("{job}/{number}{rest}")),
            Place::Queue(_) => Err(self.api.error(CiTrouble::Conflict {
                said: "the run is still in the queue".to_owned(),
            })),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<T, CiError> {
        let ask = Ask::get(path, what).needs("the permission `Job/Read`");
        self.api.json(&ask, &self.access.headers()).await
    }

    async fn change(&self, ask: Ask) -> Result<Answered, CiError> {
        let ask = ask.needs("the permissions `Job/Build` and `Job/Cancel`");
        self.access.change(&self.api, &ask).await
    }

    fn job<'a>(&'a self, start: &'a StartRun) -> Result<String, CiError> {
        let named = start.pipeline.as_deref().or(self.job.as_deref());
        let named =
            named.ok_or_else(|| self.invalid("no job is named: say which one, such as `folder/job`"))?;
        let mut path =
            job_path(named).ok_or_else(|| self.invalid("a job is its name behind its folders'"))?;
        if self.multibranch {
            let branch = start.reference.as_deref().unwrap_or("main");
            // Jenkins encodes a branch's name once for the job and once more for the address.
            path = format!("{path}/job/{}", segment(&segment(branch)));
        } else if start.reference.is_some() && self.branch_parameter.is_none() {
            return Err(self.invalid(
                "a job is started, not a branch: set `multibranch` or `branchParameter`, or name no branch",
            ));
        }
        Ok(path)
    }

    fn parameters(&self, start: &StartRun) -> Vec<(String, String)> {
        let mut parameters: Vec<(String, String)> = start.inputs.clone().into_iter().collect();
        let branch = self.branch_parameter.clone().zip(start.reference.clone());
        parameters.extend(branch.filter(|_| !self.multibranch));
        parameters.extend(self.key_parameter.clone().zip(start.key.clone()));
        parameters
    }

    async fn enqueue(&self, job: &str, parameters: &[(String, String)]) -> Result<PipelineRun, CiError> {
        let what = format!("job `{}`", shown_job(job));
        let plain = Ask::post(format!("{job}/build"), &what);
        let fields = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let with = Ask::post(format!("{job}/buildWithParameters"), &what).form(fields);
        let answered = if parameters.is_empty() {
            match self.change(plain).await {
                // A job that takes parameters is not built without them; nothing was started.
                Err(CiError {
                    trouble: CiTrouble::Invalid { .. },
                    ..
                }) => self.change(with).await?,
                answered => answered?,
            }
        } else {
            self.change(with).await?
        };
        let told = answered.header("location").unwrap_or_default();
        let number = told
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .and_then(|text| text.parse::<u64>().ok());
        let number = number.ok_or_else(|| {
            self.api.error(CiTrouble::NotThePlatform {
                said: "it does not say where the run waits".to_owned(),
            })
        })?;
        self.run(&format!("queue:{number}")).await
    }

    async fn build_of(&self, job: &str, number: u64) -> Result<PipelineRun, CiError> {
        let path = format!("{job}/{number}/api/json?tree={BUILD}");
        let build: Build = self
            .get(&path, &format!("build {number} of `{}`", shown_job(job)))
            .await?;
        let mut run = build.into_run(&shown_job(job));
        if run.standing.state == RunState::Running
            && let Some(described) = self.described(&format!("{job}/{number}")).await?
            && described.status == "PAUSED_PENDING_INPUT"
        {
            run.standing = Standing::new(RunState::Waiting, described.status);
        }
        Ok(run)
    }
}

#[async_trait]
impl CiPlatform for Jenkins {
    fn title(&self) -> &'static str {
        MANNERS.title
    }

    fn promise(&self) -> &'static str {
        if self.key_parameter.is_some() {
            "a start is found again by its key in the queue and among the 50 newest builds"
        } else {
            "a start whose answer was lost is not found again by itself; set `keyParameter` for that"
        }
    }

    fn finds_lost_starts(&self) -> bool {
        self.key_parameter.is_some()
    }

    fn hints(&self) -> &'static RunHints {
        &hints::JENKINS
    }

    async fn start(&self, start: &StartRun) -> Result<PipelineRun, CiError> {
        let job = self.job(start)?;
        self.enqueue(&job, &self.parameters(start)).await
    }

    async fn find(&self, start: &StartRun) -> Result<Option<PipelineRun>, CiError> {
        let (Some(name), Some(key)) = (&self.key_parameter, &start.key) else {
            return Ok(None);
        };
        let queue: Queue = self
            .get(
                "/queue/api/json?tree=items[id,actions[parameters[name,value]]]",
                "queue",
            )
            .await?;
        if let Some(id) = queue.find(name, key) {
            return self.run(&format!("queue:{id}")).await.map(Some);
        }
        let job = self.job(start)?;
        let path = format!("{job}/api/json?tree=builds[{BUILD}]{{0,{MOST_LOOKED_AT}}}");
        let builds: Builds = self.get(&path, &format!("job `{}`", shown_job(&job))).await?;
        let found = builds.builds.into_iter().find(|build| build.has(name, key));
        Ok(found.map(|build| build.into_run(&shown_job(&job))))
    }

    async fn runs(&self, pipeline: Option<&str>, limit: usize) -> Result<Vec<PipelineRun>, CiError> {
        let start = StartRun {
            pipeline: pipeline.map(str::to_owned),
            ..StartRun::default()
        };
        let job = self.job(&start)?;
        let path = format!("{job}/api/json?tree=builds[{BUILD}]{{0,{}}}", limit.clamp(1, 100));
        let builds: Builds = self.get(&path, &format!("job `{}`", shown_job(&job))).await?;
        let shown = shown_job(&job);
        Ok(builds
            .builds
            .into_iter()
            .map(|build| build.into_run(&shown))
            .collect())
    }

    async fn run(&self, id: &str) -> Result<PipelineRun, CiError> {
        let number = match self.place(id)? {
            Place::Build(job, number) => return self.build_of(&job, number).await,
            Place::Queue(number) => number,
        };
        let path = format!("/queue/item/{number}/api/json");
        let item: QueueItem = self.get(&path, &format!("item {number} of the queue")).await?;
        match item.build(&self.base) {
            Some((job, build)) => self.build_of(&job, build).await,
            None => Ok(item.into_run(number)),
        }
    }

    async fn jobs(&self, id: &str) -> Result<Vec<RunJob>, CiError> {
        match self.now(id).await? {
            Place::Queue(_) => Ok(Vec::new()),
            Place::Build(job, number) => self.stages(&format!("{job}/{number}")).await,
        }
    }

    async fn log(&self, id: &str, log: &str, from: u64) -> Result<LogPart, CiError> {
        let Place::Build(job, number) = self.now(id).await? else {
            return Ok(LogPart::default());
        };
        if log != CONSOLE {
            return self.node_log(&format!("{job}/{number}"), log, from).await;
        }
        let path = format!("{job}/{number}/logText/progressiveText?start={from}");
        let ask = Ask::get(path, format!("log of build {number}")).needs("the permission `Job/Read`");
        let response = self.api.open(&ask, &self.access.headers()).await?;
        read_progress(&self.api, response, from).await
    }

    async fn cancel(&self, id: &str) -> Result<(), CiError> {
        let path = match self.now(id).await? {
            Place::Queue(number) => format!("/queue/cancelItem?id={number}"),
            Place::Build(job, number) => format!("{job}/{number}/stop"),
        };
        self.change(Ask::post(path, format!("run {id}"))).await.map(drop)
    }

    /// Jenkins has no way to run only what failed that every server has: all of it runs, with the same parameters.
    async fn retry(&self, id: &str, _failed_only: bool) -> Result<String, CiError> {
        let path = self.built(id, &format!("/api/json?tree={BUILD}")).await?;
        let build: Build = self.get(&path, &format!("run {id}")).await?;
        let mut parameters = build.parameters();
        parameters.retain(|(name, _)| Some(name) != self.key_parameter.as_ref());
        let Place::Build(job, _) = self.now(id).await? else {
            return Ok(id.to_owned());
        };
        Ok(self.enqueue(&job, &parameters).await?.id)
    }

    async fn artifacts(&self, id: &str) -> Result<Vec<RunArtifact>, CiError> {
        let path = self
            .built(id, "/api/json?tree=artifacts[fileName,relativePath]")
            .await?;
        let read: Artifacts = self.get(&path, &format!("run {id}")).await?;
        Ok(read.artifacts.into_iter().map(Into::into).collect())
    }

    async fn download(&self, id: &str, artifact: &RunArtifact, sink: Sink<'_>) -> Result<(), CiError> {
        let parts: Vec<String> = artifact.id.split('/').map(segment).collect();
        let path = self.built(id, &format!("/artifact/{}", parts.join("/"))).await?;
        let ask =
            Ask::get(path, format!("artifact `{}`", artifact.name)).needs("the permission `Run/Artifacts`");
        let response = self.api.open(&ask, &self.access.headers()).await?;
        download(&self.api, response, sink).await
    }

    async fn approvals(&self, id: &str) -> Result<Vec<RunApproval>, CiError> {
        let path = self.built(id, "/wfapi/pendingInputActions").await?;
        let inputs: Vec<Input> = self.get(&path, &format!("inputs of run {id}")).await?;
        Ok(inputs.into_iter().map(Into::into).collect())
    }

    async fn decide(
        &self,
        id: &str,
        approval: &RunApproval,
        approve: bool,
        _comment: &str,
    ) -> Result<(), CiError> {
        let verb = if approve { "proceedEmpty" } else { "abort" };
        let path = self
            .built(id, &format!("/input/{}/{verb}", segment(&approval.id)))
            .await?;
        self.change(Ask::post(path, format!("input `{}`", approval.name)))
            .await
            .map(drop)
    }

    async fn mark(&self, _mark: &CommitMark) -> Result<(), CiError> {
        let said = "it keeps no marks on commits; the platform that holds the repository does".to_owned();
        Err(self.api.error(CiTrouble::Unsupported { said }))
    }

    async fn deployments(&self, _limit: usize) -> Result<Vec<PlatformDeployment>, CiError> {
        let said = "it keeps no deployments".to_owned();
        Err(self.api.error(CiTrouble::Unsupported { said }))
    }
}
