//! Starting a run once for its key.

use std::sync::Arc;

use pilotage_core::{
    ExecutionId, TenantId, Timestamp,
    pipeline_run::{
        KeptRun, NewPipelineRun, PipelineRun, PipelineRunId, RunLook, RunState, Standing, StartRun,
    },
    ports::{BegunRun, CiError, CiPlatform, CiTrouble, StoreError},
};
use uuid::Uuid;

use super::{PipelineDesk, PipelineError};

/// Who wants what to be started.
#[derive(Clone, Debug)]
pub struct AskedRun {
    /// The platform, by its name in the configuration.
    pub platform: String,
    /// What to start.
    pub start: StartRun,
    /// Who asks.
    pub actor: String,
    /// The execution of a rule that asks.
    pub execution: Option<ExecutionId>,
}

/// Why an execution's run is not under way.
pub(crate) enum NotBegun {
    /// The platform refused. `may_repeat`: the same request may be sent again without starting a second run.
    Platform { error: CiError, may_repeat: bool },
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for NotBegun {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotBegun> for PipelineError {
    fn from(not: NotBegun) -> Self {
        match not {
            NotBegun::Platform { error, .. } => Self::Platform(error),
            NotBegun::Store(error) => Self::Store(error),
        }
    }
}

/// The word of one whose start may have been taken, which cannot be found out.
pub(super) const UNCONFIRMED: &str = "start not confirmed";

/// Whether a request that ended so may have been taken.
pub(crate) fn is_unsure(error: &CiError) -> bool {
    matches!(
        &error.trouble,
        CiTrouble::Broken { .. }
            | CiTrouble::ConnectionLost {
                may_be_done: true,
                ..
            }
    )
}

impl PipelineDesk {
    /// Starts a run for somebody; with a key that is known on its platform, answers the run of that key. True: it is new.
    /// Goes to its end also where whoever asked goes away.
    ///
    /// # Errors
    /// There is no such platform, it refused, or the store failed. A start that was not taken is kept as such.
    pub async fn start(self: &Arc<Self>, asked: AskedRun) -> Result<(KeptRun, bool), PipelineError> {
        let platform = self.platform(&asked.platform)?;
        let desk = self.clone();
        let starting = tokio::spawn(async move {
            let _asking = desk.asking.try_acquire().map_err(|_| PipelineError::Busy)?;
            desk.start_on(&platform, asked).await
        });
        let broken = |_| PipelineError::Store(StoreError::Unavailable("the start broke off".to_owned()));
        starting.await.map_err(broken)?
    }

    async fn start_on(
        &self,
        platform: &Arc<dyn CiPlatform>,
        asked: AskedRun,
    ) -> Result<(KeptRun, bool), PipelineError> {
        let start = asked.start.clone();
        let begun = self.runs().begin_pipeline_run(self.new_run(asked)).await?;
        let (id, is_new) = match &begun {
            BegunRun::New(kept) => (kept.id, true),
            BegunRun::Known(kept) => (kept.id, false),
        };
        let _turn = self.busy.hold(id).await;
        let kept = self.run(id).await?;
        if kept.seen.is_some() {
            return Ok((kept, false));
        }
        if kept.standing.word == UNCONFIRMED && !platform.finds_lost_starts() {
            return Err(PipelineError::Conflict(format!(
                "the run {id} with this key may have been started, which {} cannot be asked: look there before it is \
                 started under another key",
                platform.title()
            )));
        }
        let may_be_started = !is_new || start.key.is_some();
        match self.ask_to_start(platform, &kept, &start, may_be_started).await {
            Ok(kept) => Ok((kept, is_new)),
            Err(NotBegun::Platform { error, .. }) => {
                self.not_started(&kept, &error).await?;
                Err(error.into())
            }
            Err(NotBegun::Store(error)) => Err(error.into()),
        }
    }

    fn new_run(&self, asked: AskedRun) -> NewPipelineRun {
        NewPipelineRun {
            id: PipelineRunId(Uuid::now_v7()),
            tenant: TenantId::default(),
            platform: asked.platform,
            start: self.without_secrets(&asked.start),
            actor: asked.actor,
            execution: asked.execution,
            at: Timestamp::now(),
        }
    }

    /// The run of an execution's action: the one that is kept, started where it is not yet, and run again where the
    /// execution was sent back.
    pub(crate) async fn begin(
        &self,
        platform: &Arc<dyn CiPlatform>,
        asked: AskedRun,
    ) -> Result<KeptRun, NotBegun> {
        let start = asked.start.clone();
        let begun = self.runs().begin_pipeline_run(self.new_run(asked)).await?;
        let (first, is_new) = match begun {
            BegunRun::New(kept) => (kept, true),
            BegunRun::Known(kept) => (kept, false),
        };
        let _turn = self.busy.hold(first.id).await;
        let kept = self.runs().pipeline_run(first.id).await?.unwrap_or(first);
        match &kept.seen {
            None => {
                let begun = self.ask_to_start(platform, &kept, &start, !is_new).await;
                if let Err(NotBegun::Platform { error, may_repeat }) = &begun {
                    self.put_off(&kept, error, *may_repeat).await?;
                }
                begun
            }
            Some(run) if kept.again => self.run_again(platform, &kept, run).await,
            Some(_) => Ok(kept),
        }
    }

    async fn put_off(&self, kept: &KeptRun, error: &CiError, may_repeat: bool) -> Result<(), StoreError> {
        if !may_repeat {
            return self.not_started(kept, error).await;
        }
        let words = self.clean(&error.to_string());
        let look = RunLook::told(Timestamp::now(), RunState::Queued, KeptRun::STARTING, &words);
        self.runs().see_pipeline_run(kept.id, look).await.map(drop)
    }

    pub(super) async fn not_started(&self, kept: &KeptRun, error: &CiError) -> Result<(), StoreError> {
        let word = if is_unsure(error) {
            UNCONFIRMED
        } else {
            KeptRun::NOT_STARTED
        };
        let words = self.clean(&error.to_string());
        let look = RunLook::told(Timestamp::now(), RunState::Failed, word, &words);
        self.runs().see_pipeline_run(kept.id, look).await.map(drop)
    }

    /// Asks the platform to start it, unless an earlier start is found.
    async fn ask_to_start(
        &self,
        platform: &Arc<dyn CiPlatform>,
        kept: &KeptRun,
        start: &StartRun,
        may_be_started: bool,
    ) -> Result<KeptRun, NotBegun> {
        let found = if may_be_started {
            match platform.find(start).await {
                Ok(found) => found,
                Err(error) if error.trouble.may_pass() => {
                    return Err(NotBegun::Platform {
                        error,
                        may_repeat: true,
                    });
                }
                // What the token may not look at cannot be found; that is part of what is promised.
                Err(_) => None,
            }
        } else {
            None
        };
        let run = match found {
            Some(run) => run,
            None => platform.start(start).await.map_err(|error| NotBegun::Platform {
                may_repeat: may_pass(&error) && (platform.finds_lost_starts() || !is_unsure(&error)),
                error,
            })?,
        };
        let kept = self.saw(kept, run).await?;
        self.hint(kept.id);
        Ok(kept)
    }

    async fn saw(&self, kept: &KeptRun, run: PipelineRun) -> Result<KeptRun, StoreError> {
        let look = RunLook::seen(Timestamp::now(), run, Vec::new());
        let seen = self.runs().see_pipeline_run(kept.id, look).await?;
        Ok(seen.unwrap_or_else(|| kept.clone()))
    }

    async fn run_again(
        &self,
        platform: &Arc<dyn CiPlatform>,
        kept: &KeptRun,
        run: &PipelineRun,
    ) -> Result<KeptRun, NotBegun> {
        let now = platform.run(&run.id).await;
        let now = now.map_err(|error| NotBegun::Platform {
            error,
            may_repeat: true,
        })?;
        let state = now.standing.state;
        if !state.is_final() || state == RunState::Succeeded {
            // Somebody else had it run again.
            return Ok(self.saw(kept, now).await?);
        }
        let again = platform.retry(&run.id, true).await;
        let id = again.map_err(|error| NotBegun::Platform {
            may_repeat: may_pass(&error) && !is_unsure(&error),
            error,
        })?;
        Ok(self.asked_again(kept, run, id).await?)
    }

    /// The platform was asked to run it again, under this id from now on.
    pub(super) async fn asked_again(
        &self,
        kept: &KeptRun,
        run: &PipelineRun,
        id: String,
    ) -> Result<KeptRun, StoreError> {
        let run = PipelineRun {
            id,
            standing: Standing::new(RunState::Queued, KeptRun::AGAIN),
            ..run.clone()
        };
        let kept = self.saw(kept, run).await?;
        self.hint(kept.id);
        Ok(kept)
    }
}

/// Whether the same request may go through later.
pub(crate) const fn may_pass(error: &CiError) -> bool {
    error.trouble.may_pass() || matches!(error.trouble, CiTrouble::Conflict { .. })
}
