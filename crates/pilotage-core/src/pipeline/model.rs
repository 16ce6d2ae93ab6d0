//! A pipeline that holds: every name is known, nothing runs in a circle, every template can be filled in.

use std::collections::BTreeMap;

use super::{
    Access, CacheFile, CheckoutFile, ConcurrencyScope, CoverageFile, DownloadFile, InputKind, InputsFile,
    LoginFile, Matrix, NotifyFile, Os, SarifFile, Scope, Status, Template, TestsFile, Tool, Trigger,
};

/// Environment variables, by name.
pub type Variables = BTreeMap<String, Template>;
/// What may be done at the platform.
pub type Permissions = BTreeMap<Scope, Access>;

/// A pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Its key in the file.
    pub id: String,
    /// For people.
    pub name: String,
    /// What starts it.
    pub triggers: Triggers,
    /// Environment variables of every job.
    pub variables: Variables,
    /// What becomes of runs that overlap.
    pub concurrency: Option<Concurrency>,
    /// Stages in their order, those without jobs left out.
    pub stages: Vec<String>,
    /// Jobs in the order of stages, behind what they need.
    pub jobs: Vec<Job>,
}

impl Pipeline {
    /// The jobs of a stage.
    pub fn jobs_of(&self, stage: &str) -> Vec<&Job> {
        self.jobs.iter().filter(|job| job.stage == stage).collect()
    }

    /// The job of this name.
    pub fn job(&self, id: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }
}

/// What starts a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Triggers {
    /// Pushes.
    pub push: Option<Push>,
    /// Pull requests that would change one of these branches; of any branch where there are none.
    pub pull_request: Option<Vec<Pattern>>,
    /// Times.
    pub schedules: Vec<Schedule>,
    /// People; with what they are asked.
    pub manual: Option<BTreeMap<String, Input>>,
}

impl Triggers {
    /// Whether this can start the pipeline.
    pub fn has(&self, trigger: Trigger) -> bool {
        match trigger {
            Trigger::Push => self.push.is_some(),
            Trigger::PullRequest => self.pull_request.is_some(),
            Trigger::Schedule => !self.schedules.is_empty(),
            Trigger::Manual => self.manual.is_some(),
        }
    }

    /// What people are asked.
    pub fn inputs(&self) -> impl Iterator<Item = (&String, &Input)> {
        self.manual.iter().flatten()
    }
}

/// Which pushes start a pipeline: with no list every push to a branch.
#[derive(Clone, Debug, Default)]
pub struct Push {
    /// Branches.
    pub branches: Vec<Pattern>,
    /// Tags.
    pub tags: Vec<Pattern>,
}

/// A name, or the beginning of names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// This name.
    Exact(String),
    /// Names that begin so.
    Prefix(String),
}

impl Pattern {
    /// Whether a name fits.
    pub fn fits(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }

    /// Whether every name that fits `other` fits this.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(name)) => self.fits(name),
            (Self::Prefix(prefix), Self::Prefix(longer)) => longer.starts_with(prefix.as_str()),
            (Self::Exact(_), Self::Prefix(_)) => false,
        }
    }

    /// As it is written.
    pub fn written(&self) -> String {
        match self {
            Self::Exact(name) => name.clone(),
            Self::Prefix(prefix) => format!("{prefix}*"),
        }
    }
}

/// A time.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Five fields, in UTC.
    pub cron: String,
    /// The branch that is built.
    pub branch: String,
}

/// What a person is asked.
#[derive(Clone, Debug)]
pub struct Input {
    /// The kind of answer.
    pub kind: InputKind,
    /// For people; may be empty.
    pub description: String,
    /// The answer when nobody was asked.
    pub default: String,
    /// What may be chosen.
    pub options: Vec<String>,
}

/// What becomes of runs that overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// Which.
    pub per: ConcurrencyScope,
    /// Whether the newer stops the older.
    pub cancel_running: bool,
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its key: letters, digits and `_`, beginning with a letter, so that every platform takes it.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its stage.
    pub stage: String,
    /// Jobs before it.
    pub needs: Vec<String>,
    /// Where it runs.
    pub runner: Runner,
    /// The container that it runs in.
    pub image: Option<Template>,
    /// Its combinations.
    pub matrix: Option<Matrix>,
    /// When it runs.
    pub when: When,
    /// Where it deploys to.
    pub environment: Option<Environment>,
    /// A person has to agree first.
    pub approval: Option<Approval>,
    /// Environment variables, without those of the pipeline.
    pub variables: Variables,
    /// Containers beside it.
    pub services: BTreeMap<String, Service>,
    /// What people let it do, those of the pipeline included.
    pub permissions: Permissions,
    /// Jobs with the same word run one at a time.
    pub concurrency: Option<String>,
    /// Longest time.
    pub timeout_minutes: u32,
    /// How often it is tried again.
    pub retries: u32,
    /// Whether the pipeline goes on when it fails.
    pub allow_failure: bool,
    /// What its result depends on.
    pub inputs: Option<InputsFile>,
    /// Files that it makes.
    pub outputs: Vec<String>,
    /// What it does; at least one step.
    pub steps: Vec<Step>,
}

/// Where a job runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runner {
    /// The operating system.
    pub os: Os,
    /// Labels of machines of one's own.
    pub labels: Vec<String>,
}

/// When a job runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Branches.
    pub branches: Vec<Pattern>,
    /// Tags.
    pub tags: Vec<Pattern>,
    /// Events.
    pub events: Vec<Trigger>,
    /// How what it needs has to have ended.
    pub status: Status,
}

impl When {
    /// Whether something beside the status is asked.
    pub fn is_conditional(&self) -> bool {
        !(self.branches.is_empty() && self.tags.is_empty() && self.events.is_empty())
    }
}

/// Where a job deploys to.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Where it is seen.
    pub url: Option<Template>,
}

/// A person has to agree.
#[derive(Clone, Debug)]
pub struct Approval {
    /// What he is asked.
    pub message: String,
    /// Who may; may be empty.
    pub approvers: Vec<String>,
}

/// A container beside a job.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its image.
    pub image: String,
    /// Its ports.
    pub ports: Vec<u16>,
    /// Its environment, without templates.
    pub variables: BTreeMap<String, String>,
    /// Commands for bash that start it on this machine.
    pub local: Option<String>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// For people.
    pub name: Option<String>,
    /// How the steps before have to have ended.
    pub when: Status,
    /// Where it runs, below the repository.
    pub directory: Option<String>,
    /// Secrets that it is given.
    pub secrets: Vec<String>,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Commands for bash.
    Run(String),
    /// Gets the code.
    Checkout(CheckoutFile),
    /// Brings a toolchain.
    Setup(Tool, Template),
    /// Keeps files from run to run.
    Cache(CacheFile),
    /// Keeps files of this run.
    Upload(Upload),
    /// Gets files that a job before has kept.
    Download(DownloadFile),
    /// Shows results of tests.
    Tests(TestsFile),
    /// Shows coverage.
    Coverage(CoverageFile),
    /// Shows findings.
    Sarif(SarifFile),
    /// Builds a container image.
    Container(Container),
    /// Asks the gates of an environment.
    Gate(String),
    /// Commands that deploy.
    Deploy(String),
    /// Tells people.
    Notify(NotifyFile),
}

/// Files of a run that are kept.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Names them.
    pub name: Template,
    /// Which.
    pub paths: Vec<String>,
    /// For how long.
    pub keep_days: Option<u32>,
}

/// A container image to build.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name with the registry.
    pub image: Template,
    /// Its tags, at least one.
    pub tags: Vec<Template>,
    /// The folder that it is built from.
    pub context: String,
    /// The file that says how, below the repository.
    pub file: String,
    /// Whether it is pushed.
    pub push: bool,
    /// Who pushes.
    pub login: Option<LoginFile>,
}

impl Container {
    /// The registry: what stands before the first `/`, if that is a host.
    pub fn registry(&self) -> Option<&str> {
        let Some(super::Part::Literal(text)) = self.image.0.first() else {
            return None;
        };
        let (host, _) = text.split_once('/')?;
        (host.contains(['.', ':']) || host == "localhost").then_some(host)
    }
}
