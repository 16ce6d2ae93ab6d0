//! Runs of pipelines on whatever platform, in one model. The platform's own word is kept beside ours, so that nothing that
//! it says is lost.

mod checks;
mod kept;
mod logs;
mod ways;

use std::collections::BTreeMap;

pub use checks::*;
pub use kept::*;
pub use logs::*;
use serde::{Deserialize, Serialize};
pub use ways::*;

use crate::Timestamp;

/// Where a run, a job or a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Has not begun: no machine took it yet.
    Queued,
    /// Is being worked on, or being stopped.
    Running,
    /// Goes on once somebody or something lets it: an approval, an input, a resource.
    Waiting,
    /// Ended well.
    Succeeded,
    /// Ended badly, also by a time limit.
    Failed,
    /// Was stopped.
    Cancelled,
    /// Was left out; nothing ran.
    Skipped,
}

impl RunState {
    /// Every state, in the order of a run's life.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Skipped,
    ];

    /// The word used in API, store and UI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// Nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Skipped
        )
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A state, and what the platform calls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// In our words.
    pub state: RunState,
    /// In the platform's, such as `completed/timed_out` or `waiting_for_resource`.
    pub word: String,
}

impl Standing {
    /// A state with the platform's word for it.
    pub fn new(state: RunState, word: impl Into<String>) -> Self {
        Self {
            state,
            word: word.into(),
        }
    }
}

/// What to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartRun {
    /// Which pipeline, as the platform names it: GitHub a workflow's file or id, Jenkins a job's path, Azure DevOps a
    /// pipeline's id. GitLab has one for each project and takes none.
    pub pipeline: Option<String>,
    /// The branch or tag to run; where nothing is said, the platform's own default.
    pub reference: Option<String>,
    /// Its inputs, variables or parameters, as the platform calls them.
    pub inputs: BTreeMap<String, String>,
    /// The same for every attempt at this one start; each platform's client says what it can do with it.
    pub key: Option<String>,
}

/// A run of a pipeline in its present state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineRun {
    /// As the platform names it. It may differ from what was asked for: what is in Jenkins' queue is another thing than
    /// the build that it becomes.
    pub id: String,
    /// The pipeline, in the platform's words.
    pub pipeline: String,
    /// What people see as its title.
    pub title: String,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// Branch or tag.
    pub reference: Option<String>,
    /// The commit that it runs.
    pub commit: Option<String>,
    /// Its page.
    pub url: Option<String>,
    /// 1 for the first; counts up with every retry where the platform retries in place.
    pub attempt: u32,
    /// When it was asked for.
    pub created_at: Option<Timestamp>,
    /// When work on it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// One log of the whole run, where the platform keeps one.
    pub log: Option<String>,
}

/// A job of a run; where the platform speaks of stages without jobs, a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunJob {
    /// As the platform names it.
    pub id: String,
    /// For people.
    pub name: String,
    /// The stage it belongs to, where there are stages.
    pub stage: Option<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// Its failure does not make the run fail.
    pub may_fail: bool,
    /// Its page.
    pub url: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Names its log for [`crate::ports::CiPlatform::log`].
    pub log: Option<String>,
    /// Its steps in order, as far as the platform tells them.
    pub steps: Vec<RunStep>,
}

/// A step of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStep {
    /// For people.
    pub name: String,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// Names its own log, where it has one.
    pub log: Option<String>,
}

/// A piece of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPart {
    /// The text from where it was asked for on, as the platform wrote it: clean it before it reaches a terminal.
    pub text: String,
    /// Where to go on.
    pub next: u64,
    /// There is no more, and there will be none.
    pub is_complete: bool,
}

/// A file that a run left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunArtifact {
    /// As the platform names it.
    pub id: String,
    /// For people, unique within the run where the platform keeps to that.
    pub name: String,
    /// The file's name when it is downloaded.
    pub file: String,
    /// Its size as the platform tells it.
    pub size_bytes: Option<u64>,
    /// Gone, or about to be refused.
    pub is_expired: bool,
}

/// Something that a run waits for until somebody decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunApproval {
    /// As the platform names it.
    pub id: String,
    /// What would go on: an environment, a job, a question.
    pub name: String,
    /// Whether the account that asks may decide; `None` where the platform does not say.
    pub may_decide: Option<bool>,
}

/// A deployment as the platform keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformDeployment {
    /// As the platform names it.
    pub id: String,
    /// Where to.
    pub environment: String,
    /// Branch or tag.
    pub reference: Option<String>,
    /// What is deployed.
    pub commit: Option<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}
