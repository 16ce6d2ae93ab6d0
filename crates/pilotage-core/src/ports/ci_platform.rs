use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use crate::{
    EventFacts,
    pipeline_run::{
        Check, CommitMark, LogPart, PipelineRun, PlatformDeployment, RunApproval, RunArtifact, RunJob,
        StartRun, WrittenCheck, WrittenKind,
    },
};

/// Why a platform did not do what it was asked, and which one it was. `Display` says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiError {
    /// The platform, for people.
    pub platform: &'static str,
    /// Why.
    pub trouble: CiTrouble,
}

/// Why a platform did not do what it was asked: a variant for each way to react.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CiTrouble {
    /// The platform does not know who asks. Give another token.
    NotAuthorised {
        /// What it said.
        said: String,
    },
    /// The token may not do this.
    NotAllowed {
        /// The scope or permission that it needs, as the platform calls it.
        needs: Option<String>,
        /// What it said.
        said: String,
    },
    /// There is no such thing, or it is hidden from this token.
    NotFound {
        /// What was looked for.
        what: String,
        /// What else may be the reason, such as that private repositories are hidden.
        hidden: &'static str,
    },
    /// It was there once: artifacts and logs are kept for a while only.
    Gone {
        /// What was looked for.
        what: String,
    },
    /// What was asked does not fit the state that things are in, such as cancelling what has ended.
    Conflict {
        /// What it said.
        said: String,
    },
    /// What was sent is not right.
    Invalid {
        /// What it said.
        said: String,
    },
    /// There is nothing behind the place that was asked for: a log has grown no further.
    PastTheEnd,
    /// Too many requests.
    RateLimited {
        /// When there is room again.
        wait: Duration,
    },
    /// The platform is in trouble.
    Broken {
        /// The HTTP status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// There was no whole answer.
    ConnectionLost {
        /// What broke.
        said: String,
        /// Whether the request may have arrived: look before it is repeated.
        may_be_done: bool,
    },
    /// The answer is larger than what is taken.
    TooLarge {
        /// How much is taken.
        limit_bytes: u64,
    },
    /// What answers is not the platform: the address may be wrong, or a proxy or login page answers.
    NotThePlatform {
        /// How that shows.
        said: String,
    },
    /// The platform has no such thing.
    Unsupported {
        /// What, and what there is instead.
        said: String,
    },
}

impl fmt::Display for CiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let platform = self.platform;
        match &self.trouble {
            CiTrouble::NotAuthorised { said } => write!(
                f,
                "{platform} does not accept the credentials ({said}); give it a token that is valid and has not expired"
            ),
            CiTrouble::NotAllowed {
                needs: Some(needs),
                said,
            } => write!(
                f,
                "{platform} does not allow this ({said}); the token needs {needs}"
            ),
            CiTrouble::NotAllowed { needs: None, said } => write!(
                f,
                "{platform} does not allow this ({said}); check what the token and its owner may do"
            ),
            CiTrouble::NotFound { what, hidden } => {
                write!(
                    f,
                    "{platform} knows no {what}; check the name, and note that {hidden}"
                )
            }
            CiTrouble::Gone { what } => write!(f, "{platform} has kept {what} no longer"),
            CiTrouble::Conflict { said } => write!(f, "{platform} cannot do this now: {said}"),
            CiTrouble::Invalid { said } => write!(f, "{platform} does not accept what was sent: {said}"),
            CiTrouble::PastTheEnd => write!(f, "{platform} has nothing behind the place that was asked for"),
            CiTrouble::RateLimited { wait } => {
                let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                write!(
                    f,
                    "{platform} takes no more requests for now; try again in {secs} s"
                )
            }
            CiTrouble::Broken { status, said } => {
                write!(
                    f,
                    "{platform} is in trouble (HTTP {status}: {said}); try again later"
                )
            }
            CiTrouble::ConnectionLost {
                said,
                may_be_done: true,
            } => write!(
                f,
                "the connection to {platform} broke ({said}); what was asked may have been done: look before you repeat it"
            ),
            CiTrouble::ConnectionLost { said, .. } => write!(
                f,
                "{platform} cannot be reached ({said}); check the address and the network"
            ),
            CiTrouble::TooLarge { limit_bytes } => {
                write!(f, "{platform} answered with more than {limit_bytes} bytes")
            }
            CiTrouble::NotThePlatform { said } => {
                write!(f, "what answers is not {platform} ({said}); check its address")
            }
            CiTrouble::Unsupported { said } => write!(f, "{platform}: {said}"),
        }
    }
}

impl std::error::Error for CiError {}

impl CiTrouble {
    /// Whether the same request may work later, without anything being changed.
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Broken { .. } | Self::ConnectionLost { .. }
        )
    }
}

/// Where a download goes.
#[async_trait]
pub trait Pieces: Send {
    /// Takes the next piece, and takes its time where whoever reads does; an error ends the download.
    async fn take(&mut self, piece: Bytes) -> std::io::Result<()>;
}

/// Where a download goes, for as long as it takes.
pub type Sink<'a> = &'a mut (dyn Pieces + 'a);

/// What a delivery says about runs. It is a hint: what a run is like is asked of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// This run may have changed; the names that the platform has for it.
    Run(Vec<String>),
    /// Something may have changed about some run.
    Any,
}

/// Which deliveries say that a run may have changed, and where they name it.
#[derive(Debug)]
pub struct RunHints {
    /// The webhook source that they come from.
    pub source: &'static str,
    /// How their types begin.
    pub types: &'static [&'static str],
    /// JSON pointers to the run's id, the first that is there; a number or a text.
    pub ids: &'static [&'static str],
    /// The run's names where they have to be put together.
    pub names: Option<fn(&Value) -> Vec<String>>,
}

impl RunHints {
    /// Whether a delivery with these facts is such a one; its body is looked into then.
    pub fn hears(&self, facts: &EventFacts) -> bool {
        let mut types = self.types.iter();
        facts.source == self.source && types.any(|beginning| facts.event_type.starts_with(beginning))
    }

    /// What the body of such a delivery is about.
    pub fn concern(&self, data: &Value) -> Concern {
        let names = self.names.map_or_else(Vec::new, |names| names(data));
        if !names.is_empty() {
            return Concern::Run(names);
        }
        let mut found = self.ids.iter().filter_map(|pointer| data.pointer(pointer));
        match found.next() {
            Some(Value::Number(id)) => Concern::Run(vec![id.to_string()]),
            Some(Value::String(id)) => Concern::Run(vec![id.clone()]),
            _ => Concern::Any,
        }
    }
}

/// A platform that runs pipelines, as one project of it is seen with one set of credentials. Whatever only asks is
/// repeated by itself when that may help; whatever changes something is sent once, unless it surely was not taken.
#[async_trait]
pub trait CiPlatform: Send + Sync {
    /// Its name for people.
    fn title(&self) -> &'static str;

    /// What of a start's key the platform can be asked about, in one sentence.
    fn promise(&self) -> &'static str;

    /// Whether [`CiPlatform::find`] finds a start whose answer was lost.
    fn finds_lost_starts(&self) -> bool;

    /// Which deliveries say that a run may have changed.
    fn hints(&self) -> &'static RunHints;

    /// Starts a run and answers it as it stands then.
    async fn start(&self, start: &StartRun) -> Result<PipelineRun, CiError>;

    /// The run that an earlier attempt with this key started, as far as the platform can be asked.
    async fn find(&self, start: &StartRun) -> Result<Option<PipelineRun>, CiError>;

    /// The newest runs, newest first, of one pipeline if it is named; at most `limit`.
    async fn runs(&self, pipeline: Option<&str>, limit: usize) -> Result<Vec<PipelineRun>, CiError>;

    /// One run.
    async fn run(&self, id: &str) -> Result<PipelineRun, CiError>;

    /// The jobs of the run's last attempt, in the order in which the platform shows them.
    async fn jobs(&self, id: &str) -> Result<Vec<RunJob>, CiError>;

    /// A log from `from` on (0, or the `next` of the part before). A log that does not exist yet is an empty part that is
    /// not complete. A connection that breaks in the middle gives what came until then, and `next` goes on there.
    async fn log(&self, id: &str, log: &str, from: u64) -> Result<LogPart, CiError>;

    /// Asks for a run to be stopped; it may go on for a while.
    async fn cancel(&self, id: &str) -> Result<(), CiError>;

    /// Runs it again, or only what failed where the platform can; answers the id of the run to follow.
    async fn retry(&self, id: &str, failed_only: bool) -> Result<String, CiError>;

    /// What the run left behind.
    async fn artifacts(&self, id: &str) -> Result<Vec<RunArtifact>, CiError>;

    /// Downloads one.
    async fn download(&self, id: &str, artifact: &RunArtifact, sink: Sink<'_>) -> Result<(), CiError>;

    /// What the run waits for.
    async fn approvals(&self, id: &str) -> Result<Vec<RunApproval>, CiError>;

    /// Lets what waits go on, or not.
    async fn decide(
        &self,
        id: &str,
        approval: &RunApproval,
        approve: bool,
        comment: &str,
    ) -> Result<(), CiError>;

    /// Writes a mark on a commit. Repeating it changes nothing.
    async fn mark(&self, mark: &CommitMark) -> Result<(), CiError>;

    /// Writes a check on a commit: the newest one of its name is gone on with while it is not over, and nothing is written
    /// where it says the same already. A platform without checks writes a mark and says so, where that will do.
    async fn check(&self, check: &Check) -> Result<WrittenCheck, CiError> {
        let platform = self.title();
        if !check.or_mark {
            let said = "it keeps no checks; write a mark on the commit".to_owned();
            let trouble = CiTrouble::Unsupported { said };
            return Err(CiError { platform, trouble });
        }
        self.mark(&check.as_mark()).await?;
        Ok(WrittenCheck {
            kind: WrittenKind::Mark,
            url: None,
            remark: Some(format!(
                "{platform} keeps no checks: what was found stands in one line"
            )),
        })
    }

    /// The newest deployments, at most `limit`.
    async fn deployments(&self, limit: usize) -> Result<Vec<PlatformDeployment>, CiError>;
}
