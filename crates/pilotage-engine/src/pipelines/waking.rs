//! Runs that have ended here and go on there: somebody had the platform run them again. They are followed again, under the
//! attempt that the platform tells. Nothing that waited for the first end is done twice by the second.

use pilotage_core::{
    Timestamp,
    pipeline_run::{PipelineRun, PipelineRunId, RunLook},
    ports::StoreError,
};

use super::{PipelineDesk, following::Looked};

impl PipelineDesk {
    /// The run of this platform and name, if it has ended here.
    pub(super) async fn ended(
        &self,
        (platform, run): &(String, String),
    ) -> Result<Option<PipelineRunId>, StoreError> {
        let found = self.runs().pipeline_run_called(platform, run).await?;
        Ok(found
            .filter(|kept| kept.standing.state.is_final())
            .map(|kept| kept.id))
    }

    /// Looks whether an ended run goes on. Most deliveries tell of the end that is known already; whatever is in the way
    /// changes nothing on what has ended.
    pub(super) async fn look_again(&self, id: PipelineRunId) -> Looked {
        match self.woken(id).await {
            Ok(true) => Looked::Changed,
            Ok(false) => Looked::Same,
            Err(error) => {
                tracing::error!(run = %id, %error, "a pipeline run could not be read or written");
                Looked::Trouble(None)
            }
        }
    }

    async fn woken(&self, id: PipelineRunId) -> Result<bool, StoreError> {
        let _turn = self.busy.hold(id).await;
        let Some(kept) = self.runs().pipeline_run(id).await? else {
            return Ok(false);
        };
        let (Some(run), true) = (&kept.seen, kept.standing.state.is_final()) else {
            return Ok(false);
        };
        let Ok(platform) = self.platform(&kept.platform) else {
            return Ok(false);
        };
        let asked = async {
            let seen = platform.run(&run.id).await?;
            let jobs = platform.jobs(&seen.id).await?;
            Ok::<_, pilotage_core::ports::CiError>((seen, jobs))
        };
        match asked.await {
            Ok((seen, jobs)) if goes_on(run, &seen) => {
                let look = RunLook::seen(Timestamp::now(), seen, jobs);
                self.runs().see_pipeline_run(id, look).await?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) => {
                let error = self.clean(&error.to_string());
                tracing::debug!(run = %id, error, "an ended pipeline run could not be looked at again");
                Ok(false)
            }
        }
    }
}

/// It goes on, or has ended another time.
fn goes_on(before: &PipelineRun, seen: &PipelineRun) -> bool {
    !seen.standing.state.is_final()
        || (seen.attempt, seen.standing.state) != (before.attempt, before.standing.state)
}
