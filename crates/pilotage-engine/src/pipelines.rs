//! Runs of pipelines: started once for each key, kept, followed to their end, and changed as people ask.
//!
//! A run is kept before the platform is asked for it, so whatever dies in between is found in the table: the follower goes
//! on from there. A webhook is a hint to look at once; what a run is like is always asked of the platform.

mod busy;
mod downloading;
mod failures;
mod following;
mod keeping;
mod marking;
mod operating;
mod reading;
mod settling;
mod starting;
mod waking;
mod writing_back;

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use pilotage_core::{
    Timestamp,
    config::nearest,
    pipeline_run::{KeptRun, PipelineRunId, PlatformWays, StartRun},
    ports::{CiError, CiPlatform, PipelineRuns, StoreError},
};
use tokio::sync::{Notify, Semaphore};

use crate::{Ports, redaction::Redactor};
use busy::Busy;
pub use downloading::Download;
use failures::Failures;
pub use reading::{LogQuery, ShownLog, ShownLogs};
pub use starting::AskedRun;
pub(crate) use starting::{NotBegun, may_pass};

/// Platforms by the names that the configuration gives them.
pub type Platforms = BTreeMap<String, Arc<dyn CiPlatform>>;

/// Requests of people that ask platforms at once; further ones are refused for the moment.
const MOST_ASKING: usize = 16;
/// Artifacts that are downloaded at once; further ones are refused for the moment.
const MOST_DOWNLOADS: usize = 4;

/// Why something could not be done with a run.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// There is no such run.
    #[error("there is no pipeline run {0}")]
    NotFound(PipelineRunId),
    /// The configuration names no such platform.
    #[error("there is no platform `{name}`; {help}")]
    NoPlatform {
        /// What was asked for.
        name: String,
        /// What there is instead.
        help: String,
    },
    /// It does not fit how the run stands.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for names something that is not there.
    #[error("{0}")]
    Invalid(String),
    /// Too many ask platforms at this moment.
    #[error("too many requests are asking platforms at this moment")]
    Busy,
    /// The platform refused, or could not be asked.
    #[error(transparent)]
    Platform(#[from] CiError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where runs of pipelines are started, followed and changed.
pub struct PipelineDesk {
    ports: Ports,
    platforms: ArcSwap<Platforms>,
    ways: ArcSwap<BTreeMap<String, PlatformWays>>,
    redactor: ArcSwap<Redactor>,
    busy: Busy,
    failures: Failures,
    asking: Semaphore,
    downloading: Arc<Semaphore>,
    /// Runs that are to be looked at at once.
    hinted: Mutex<HashSet<PipelineRunId>>,
    woken: Notify,
    opened: Timestamp,
}

impl fmt::Debug for PipelineDesk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PipelineDesk").finish_non_exhaustive()
    }
}

impl PipelineDesk {
    /// Over these ports, without any platform until there is a configuration.
    pub fn new(ports: Ports) -> Arc<Self> {
        Arc::new(Self {
            ports,
            platforms: ArcSwap::default(),
            ways: ArcSwap::default(),
            redactor: ArcSwap::default(),
            busy: Busy::default(),
            failures: Failures::default(),
            asking: Semaphore::new(MOST_ASKING),
            downloading: Arc::new(Semaphore::new(MOST_DOWNLOADS)),
            hinted: Mutex::default(),
            woken: Notify::new(),
            opened: Timestamp::now(),
        })
    }

    /// Takes the platforms of a configuration, how to go about them, and what its secrets are.
    pub fn replace(&self, platforms: Platforms, ways: BTreeMap<String, PlatformWays>, redactor: &Redactor) {
        self.ways.store(Arc::new(ways));
        self.redactor.rcu(|known| known.with(redactor));
        self.platforms.store(Arc::new(platforms));
        self.woken.notify_one();
    }

    /// Reading what is kept.
    pub fn runs(&self) -> &dyn PipelineRuns {
        self.ports.pipeline_runs.as_ref()
    }

    /// The names of the platforms.
    pub fn platforms(&self) -> Vec<String> {
        self.platforms.load().keys().cloned().collect()
    }

    /// The platform with this name, for people.
    ///
    /// # Errors
    /// There is none.
    pub fn platform(&self, name: &str) -> Result<Arc<dyn CiPlatform>, PipelineError> {
        let platforms = self.platforms.load();
        if let Some(platform) = platforms.get(name) {
            return Ok(platform.clone());
        }
        let names = || platforms.keys().map(String::as_str);
        let help = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if platforms.is_empty() => "name one under `platforms:` in the configuration".to_owned(),
            None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
        };
        Err(PipelineError::NoPlatform {
            name: name.to_owned(),
            help,
        })
    }

    /// One run as it is kept.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn run(&self, id: PipelineRunId) -> Result<KeptRun, PipelineError> {
        let kept = self.runs().pipeline_run(id).await?;
        kept.ok_or(PipelineError::NotFound(id))
    }

    /// Has the follower look at a run at once.
    fn hint(&self, id: PipelineRunId) {
        let mut hinted = self.hinted.lock().unwrap_or_else(PoisonError::into_inner);
        hinted.insert(id);
        self.woken.notify_one();
    }

    fn clean(&self, text: &str) -> String {
        self.redactor.load().clean(text)
    }

    /// What is kept of what is asked for: secrets, and inputs that are called as if they held one, are blotted out.
    fn without_secrets(&self, start: &StartRun) -> StartRun {
        let telling = [
            "secret",
            "token",
            "password",
            "passwd",
            "credential",
            "apikey",
            "api_key",
        ];
        let clean = |name: &String, value: &String| {
            let small = name.to_lowercase();
            if telling.iter().any(|word| small.contains(word)) {
                "***".to_owned()
            } else {
                self.clean(value)
            }
        };
        let inputs = start.inputs.iter();
        StartRun {
            inputs: inputs
                .map(|(name, value)| (name.clone(), clean(name, value)))
                .collect(),
            ..start.clone()
        }
    }
}
