//! `pilotage.yaml`: read, checked as a whole, and turned into the parts that the wiring needs. A file that does not hold
//! changes nothing: every problem is reported with its line.

mod compose;
mod gates;
mod make;
mod mcp;
mod pipelines;
mod platforms;
mod suites;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pilotage_core::{
    config::{Document, Problem},
    gate::GateFile,
    pipeline::PipelineFile,
    rule::Rule,
    testing::{ServicesFile, TestsFile},
};
use pilotage_engine::{
    actions::{EndpointConfig, OutgoingConfig},
    gates::GateFoundation,
    retention::Ages,
};
use pilotage_runners::load::{LoadFile, Plan};
use serde::Deserialize;
use serde_json::Value;

use crate::{findings::Findings, gathering::Gathering};
pub(crate) use compose::{Surroundings, fresh_signing_secret};
pub(crate) use gates::Gates;
pub(crate) use make::Make;
pub(crate) use mcp::{Mcp, instead_of, toolset_names};
pub(crate) use pipelines::{pipeline_files, pipelines};
pub(crate) use platforms::platforms;

/// The version of the format that this build reads.
const VERSION: u32 = 1;

/// The whole file as people write it.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "pilotage.yaml")]
pub(crate) struct SettingsFile {
    /// Version of this format: 1.
    pub(crate) version: u32,
    /// Webhook sources: the built-in ones by their name, custom ones under a name of your own.
    #[serde(default)]
    pub(crate) sources: BTreeMap<String, Value>,
    /// Which events cause which actions.
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    /// What is asked of a commit before it may go to an environment; built-in gates hold where nothing is said.
    #[serde(default)]
    pub(crate) gates: Vec<GateFile>,
    /// How tests are run; suites are found where nothing is said.
    #[serde(default)]
    pub(crate) tests: TestsFile,
    /// What tests need beside themselves, by a name of your own: databases, servers, mocks.
    #[serde(default)]
    pub(crate) services: ServicesFile,
    /// Pipelines, each written once for every platform, by a name of your own.
    #[serde(default)]
    pub(crate) pipelines: BTreeMap<String, PipelineFile>,
    /// Platforms that run pipelines, by a name of your own.
    #[serde(default)]
    pub(crate) platforms: BTreeMap<String, Value>,
    /// How services are put under load, and which may be.
    #[serde(default)]
    pub(crate) load: LoadFile,
    /// Where evidence for gates comes from, by a name of your own.
    #[serde(default)]
    pub(crate) evidence: BTreeMap<String, Value>,
    /// Ways to tell people, by a name of your own.
    #[serde(default)]
    pub(crate) notifiers: BTreeMap<String, Value>,
    /// The app token for `slack://channel` targets.
    #[serde(default)]
    pub(crate) slack: Option<Value>,
    /// Receivers of outgoing webhooks, by a name of your own.
    #[serde(default)]
    pub(crate) endpoints: BTreeMap<String, EndpointConfig>,
    /// What outgoing requests may reach.
    #[serde(default)]
    pub(crate) outgoing: OutgoingConfig,
    /// How long bodies are kept.
    #[serde(default)]
    pub(crate) retention: Retention,
    /// The HTTP door.
    #[serde(default)]
    pub(crate) server: Server,
    /// Make.com, for the tools of agents.
    #[serde(default)]
    pub(crate) make: Make,
    /// How executing is bounded.
    #[serde(default)]
    pub(crate) execution: ExecutionLimits,
    /// The door for agents.
    #[serde(default)]
    pub(crate) mcp: Mcp,
}

/// How long bodies and evidence are kept; the facts about an event and about a run of gates are kept for ever.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Retention {
    /// Days after which a body is pruned, and the logs of a failed pipeline run; `null` keeps them for ever.
    #[schemars(range(min = 1))]
    pub(crate) body_days: Option<u32>,
    /// Days after which the report and the evidence of a run of gates are pruned; `null` keeps them for ever.
    #[schemars(range(min = 1))]
    pub(crate) evidence_days: Option<u32>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            body_days: Some(90),
            evidence_days: Some(365),
        }
    }
}

impl Retention {
    /// The ages above which bodies and evidence go.
    pub(crate) fn ages(&self) -> Ages {
        let age = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
        Ages {
            bodies: self.body_days.map(age),
            evidence: self.evidence_days.map(age),
        }
    }
}

/// The HTTP door.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Further `Host` names under which the API and the page answer, for example behind a proxy.
    pub(crate) allowed_hosts: Vec<String>,
    /// Whether clients on this machine may use the API and the page without a token as long as there is none at all.
    pub(crate) open_on_loopback: bool,
    /// Deliveries per second from one address; 2,000 where it is not set, and then this machine's own are not limited.
    #[schemars(range(min = 1))]
    pub(crate) address_per_second: Option<u32>,
    /// Deliveries at once from one address after a pause; twice `addressPerSecond` where it is not set.
    #[schemars(range(min = 1))]
    pub(crate) address_burst: Option<u32>,
    /// Bytes of bodies above 64 KiB being received at once, over all connections; a quarter of them for one address.
    #[schemars(range(min = 1_048_576))]
    pub(crate) max_inflight_bytes: usize,
    /// Connections open at once; further ones wait. Fewer where the system gives the process fewer descriptors.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub(crate) max_connections: u32,
    /// Connections open at once from one address; 1,024 where it is not set, and then this machine's own are not limited.
    #[schemars(range(min = 1))]
    pub(crate) max_connections_per_address: Option<u32>,
    /// Subscribers to live status at once, over server-sent events and Socket.IO; never more than three quarters of the connections.
    #[schemars(range(max = 1_000_000))]
    pub(crate) max_subscribers: u32,
    /// How long an operation that has ended stays among the active ones, in minutes.
    #[schemars(range(min = 1, max = 1_440))]
    pub(crate) keep_ended_minutes: u32,
    /// For what is under way at a shutdown, in milliseconds.
    pub(crate) shutdown_timeout_ms: u64,
    /// A checked-out repository on this machine: evidence that nobody sends is collected in it, which runs its build and
    /// its tests. Nothing is run where it is not set.
    pub(crate) working_folder: Option<PathBuf>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            open_on_loopback: true,
            address_per_second: None,
            address_burst: None,
            max_inflight_bytes: 128 * 1024 * 1024,
            max_connections: 16_384,
            max_connections_per_address: None,
            max_subscribers: 12_000,
            keep_ended_minutes: 30,
            shutdown_timeout_ms: 10_000,
            working_folder: None,
        }
    }
}

/// How executing is bounded.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ExecutionLimits {
    /// Executions running at once.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) workers: usize,
    /// How long a claim holds without renewal, in milliseconds; after a crash its executions go on when it has ended.
    #[schemars(range(min = 1_000, max = 3_600_000))]
    pub(crate) lease_ms: u64,
}

impl Default for ExecutionLimits {
    fn default() -> Self {
        Self {
            workers: 64,
            lease_ms: 30_000,
        }
    }
}

/// A configuration that was read and is of the right shape.
pub(crate) struct Settings {
    /// What it says.
    pub(crate) file: SettingsFile,
    name: String,
    document: Option<Document>,
}

/// The configuration does not hold. `Display` is for people: every problem with its line and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// There is no such file.
    #[error("there is no {0}; `pilotage init --config {0}` writes one to start from, and --config names another", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file does not hold.
    #[error(transparent)]
    Problems(#[from] Findings),
}

impl Settings {
    /// Nothing configured: built-in sources with secrets from the environment, no rules.
    pub(crate) fn empty() -> Self {
        Self {
            file: SettingsFile {
                version: VERSION,
                ..Default::default()
            },
            name: "pilotage.yaml".into(),
            document: None,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read or is not of the right shape.
    pub(crate) fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read(path).map_err(|source| {
            let path = path.to_owned();
            match source.kind() {
                std::io::ErrorKind::NotFound => SettingsError::Missing { path },
                _ => SettingsError::Unreadable { path, source },
            }
        })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of a file called `name`.
    ///
    /// # Errors
    /// It is not of the right shape.
    pub(crate) fn parse(name: &str, text: &[u8]) -> Result<Self, SettingsError> {
        let text = std::str::from_utf8(text).map_err(|error| {
            let problem = Problem::at("", format!("the file is not UTF-8: {error}"));
            Findings::without_text(name, &format!("error: {name}: "), &[problem])
        })?;
        let document = Document::parse(text).map_err(|unread| Findings::of_text(name, &unread))?;
        let refuse = |problems: Vec<Problem>| Findings::of_document(name, &document, &problems);
        let file: SettingsFile = document.read("").map_err(refuse)?;
        let problems = check(&file);
        if !problems.is_empty() {
            return Err(refuse(problems).into());
        }
        Ok(Self {
            file,
            name: name.to_owned(),
            document: Some(document),
        })
    }

    /// The gates, and where their evidence comes from.
    ///
    /// # Errors
    /// Something about them does not hold.
    pub(crate) fn gates(&self) -> Result<Gates, SettingsError> {
        gates::read(&self.file).map_err(|problems| self.problems(&problems))
    }

    /// How secrets are searched for: the first section of evidence of that kind, else as it is without one.
    ///
    /// # Errors
    /// Something about the gates or their evidence does not hold.
    pub(crate) fn secrets(&self) -> Result<pilotage_runners::secrets::Search, SettingsError> {
        self.gates()?;
        Ok(gates::secrets(&self.file))
    }

    /// What the server asks of gates, and where it gathers evidence.
    ///
    /// # Errors
    /// Something about them does not hold.
    pub(crate) fn gate_foundation(&self) -> Result<GateFoundation, SettingsError> {
        let Gates { sources, metrics, .. } = self.gates()?;
        let folder = self.file.server.working_folder.clone();
        Ok(GateFoundation {
            files: self.file.gates.clone(),
            metrics,
            gatherer: Arc::new(Gathering::new(folder, sources)),
        })
    }

    /// Problems found later, with the lines of this file.
    pub(crate) fn problems(&self, problems: &[Problem]) -> SettingsError {
        let findings = match &self.document {
            Some(document) => Findings::of_document(&self.name, document, problems),
            None => Findings::without_text(&self.name, "error: ", problems),
        };
        findings.into()
    }
}

/// What the types cannot say of the HTTP door.
fn check_server(server: &Server) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, pointer: &str, message: &str| {
        if !holds {
            problems.push(Problem::at(pointer, message));
        }
    };
    require(
        server.address_per_second != Some(0),
        "/server/addressPerSecond",
        "at least 1",
    );
    require(
        server.address_burst != Some(0),
        "/server/addressBurst",
        "at least 1",
    );
    require(
        server.max_inflight_bytes >= 1_048_576,
        "/server/maxInflightBytes",
        "at least 1048576",
    );
    require(
        (16..=1_000_000).contains(&server.max_connections),
        "/server/maxConnections",
        "between 16 and 1000000",
    );
    require(
        server.max_connections_per_address != Some(0),
        "/server/maxConnectionsPerAddress",
        "at least 1",
    );
    require(
        server.max_subscribers <= 1_000_000,
        "/server/maxSubscribers",
        "at most 1000000",
    );
    require(
        (1..=1_440).contains(&server.keep_ended_minutes),
        "/server/keepEndedMinutes",
        "between 1 and 1440",
    );
    problems
}

/// What the types cannot say.
fn check(file: &SettingsFile) -> Vec<Problem> {
    let mut problems = check_server(&file.server);
    problems.extend(make::check(&file.make));
    problems.extend(mcp::check(&file.mcp));
    problems.extend(gates::read(file).err().into_iter().flatten());
    problems.extend(pipelines::check(file));
    problems.extend(suites::check(&file.tests, &file.services));
    let load = Plan::all(&file.load).err().into_iter().flatten();
    problems.extend(load.map(|problem| problem.under("/load")));
    let mut require = |holds: bool, pointer: &str, message: &str| {
        if !holds {
            problems.push(Problem::at(pointer, message));
        }
    };
    require(
        file.version == VERSION,
        "/version",
        "this build reads version 1 of the format",
    );
    require(
        file.retention.body_days != Some(0),
        "/retention/bodyDays",
        "at least 1, or null to keep bodies for ever",
    );
    require(
        file.retention.evidence_days != Some(0),
        "/retention/evidenceDays",
        "at least 1, or null to keep evidence for ever",
    );
    require(
        (1..=10_000).contains(&file.execution.workers),
        "/execution/workers",
        "between 1 and 10000",
    );
    require(
        (1_000..=3_600_000).contains(&file.execution.lease_ms),
        "/execution/leaseMs",
        "between 1000 and 3600000",
    );
    for (name, endpoint) in &file.endpoints {
        let limit = endpoint
            .rate_limit
            .is_none_or(|limit| limit.per_second > 0.0 && limit.burst > 0);
        require(
            limit,
            &format!("/endpoints/{name}/rateLimit"),
            "`perSecond` is above 0 and `burst` at least 1",
        );
    }
    problems
}
