//! Starts that nobody is at any more: the process died while the platform was asked, or the execution gave up.

use std::time::Duration;

use pilotage_core::{
    Timestamp,
    pipeline_run::{KeptRun, RunLook, RunState},
    ports::StoreError,
};

use super::PipelineDesk;

/// An execution that was not heard of for so long is asked about.
const PATIENCE: Duration = Duration::from_secs(30);

impl PipelineDesk {
    /// Settles what is open and was never seen on its platform.
    pub(super) async fn settle(&self, open: &[KeptRun]) -> Result<(), StoreError> {
        for kept in open.iter().filter(|kept| kept.seen.is_none()) {
            match kept.execution {
                None if kept.updated_at < self.opened => self.settle_start(kept).await?,
                Some(execution) if Timestamp::now().since(kept.updated_at) > PATIENCE => {
                    let execution = self.ports.history.execution(execution).await?;
                    if execution.is_none_or(|execution| execution.status.is_final()) {
                        let why = match kept.message.as_str() {
                            "" => "whoever wanted it gave up",
                            message => message,
                        };
                        self.end_unstarted(kept, KeptRun::NOT_STARTED, why).await?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Somebody asked for it, and the server died before the platform had answered.
    async fn settle_start(&self, kept: &KeptRun) -> Result<(), StoreError> {
        let _turn = self.busy.hold(kept.id).await;
        let Ok(platform) = self.platform(&kept.platform) else {
            return Ok(());
        };
        if kept.start.key.is_some() {
            match platform.find(&kept.start).await {
                Ok(Some(run)) => {
                    let look = RunLook::seen(Timestamp::now(), run, Vec::new());
                    return self.runs().see_pipeline_run(kept.id, look).await.map(drop);
                }
                Err(error) if error.trouble.may_pass() => return Ok(()),
                Ok(None) if platform.finds_lost_starts() => {
                    let why = "the server ended before the platform took it";
                    return self.end_unstarted(kept, KeptRun::NOT_STARTED, why).await;
                }
                Ok(None) | Err(_) => {}
            }
        }
        let why =
            "the server ended while it was being started: look at the platform before it is started again";
        self.end_unstarted(kept, super::starting::UNCONFIRMED, why).await
    }

    async fn end_unstarted(&self, kept: &KeptRun, word: &str, why: &str) -> Result<(), StoreError> {
        let look = RunLook::told(Timestamp::now(), RunState::Failed, word, why);
        self.runs().see_pipeline_run(kept.id, look).await.map(drop)
    }
}
