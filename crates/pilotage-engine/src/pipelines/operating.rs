//! What people ask of a run: stop it, run it again, let it go on. Each wish is on record before the platform is asked, and
//! so is a refusal.

use std::{collections::BTreeMap, sync::Arc};

use pilotage_core::{
    Timestamp,
    pipeline_run::{KeptRun, PipelineRun, PipelineRunId, RunApproval, RunArtifact},
    ports::{CiError, CiPlatform},
};
use tokio::sync::SemaphorePermit;

use super::{PipelineDesk, PipelineError};

/// Artifacts and approvals that are answered.
const MOST_ITEMS: usize = 500;

/// A run that the platform knows.
pub(super) struct Known {
    pub(super) kept: KeptRun,
    pub(super) run: PipelineRun,
    pub(super) platform: Arc<dyn CiPlatform>,
}

impl PipelineDesk {
    /// A run that was started, and its platform.
    pub(super) async fn known(&self, id: PipelineRunId) -> Result<Known, PipelineError> {
        self.known_as(self.run(id).await?)
    }

    /// The platform of a run that was started.
    pub(super) fn known_as(&self, kept: KeptRun) -> Result<Known, PipelineError> {
        let id = kept.id;
        let run = kept.seen.clone().ok_or_else(|| {
            PipelineError::Conflict(format!("the platform knows no run of {id}: {}", kept.summary()))
        })?;
        let platform = self.platform(&kept.platform)?;
        Ok(Known { kept, run, platform })
    }

    pub(super) fn may_ask(&self) -> Result<SemaphorePermit<'_>, PipelineError> {
        self.asking.try_acquire().map_err(|_| PipelineError::Busy)
    }

    async fn note(
        &self,
        known: &Known,
        actor: &str,
        what: &str,
        more: &[(&'static str, &str)],
    ) -> Result<(), PipelineError> {
        let more: BTreeMap<&str, String> = more
            .iter()
            .map(|(name, text)| (*name, self.clean(text)))
            .collect();
        let record = known.kept.operated(Timestamp::now(), actor, what, &more);
        Ok(self.ports.registry.note(record).await?)
    }

    /// Passes an answer on, and puts a refusal on record.
    async fn answered<T>(
        &self,
        known: &Known,
        actor: &str,
        what: &str,
        answer: Result<T, CiError>,
    ) -> Result<T, PipelineError> {
        if let Err(error) = &answer {
            self.note(known, actor, what, &[("refused", &error.to_string())])
                .await?;
        }
        Ok(answer?)
    }

    /// Asks the platform to stop a run; it may go on for a while.
    ///
    /// # Errors
    /// There is no such run, it has ended, or the platform refused.
    pub async fn cancel(&self, actor: &str, id: PipelineRunId) -> Result<KeptRun, PipelineError> {
        let _asking = self.may_ask()?;
        let _turn = self.busy.hold(id).await;
        let known = self.known(id).await?;
        if known.kept.standing.state.is_final() {
            let state = known.kept.standing.state.as_str();
            return Err(PipelineError::Conflict(format!("the run has ended: {state}")));
        }
        self.note(&known, actor, "cancel", &[]).await?;
        let answer = known.platform.cancel(&known.run.id).await;
        self.answered(&known, actor, "cancel", answer).await?;
        self.hint(id);
        self.run(id).await
    }

    /// Runs it again, or only what failed.
    ///
    /// # Errors
    /// There is no such run, it has not ended, or the platform refused.
    pub async fn retry(
        &self,
        actor: &str,
        id: PipelineRunId,
        failed_only: bool,
    ) -> Result<KeptRun, PipelineError> {
        let _asking = self.may_ask()?;
        let _turn = self.busy.hold(id).await;
        let known = self.known(id).await?;
        if !known.kept.standing.state.is_final() {
            let state = known.kept.standing.state.as_str();
            return Err(PipelineError::Conflict(format!("the run has not ended: {state}")));
        }
        let what = if failed_only { "retry-failed" } else { "retry" };
        self.note(&known, actor, what, &[]).await?;
        let answer = known.platform.retry(&known.run.id, failed_only).await;
        let run = self.answered(&known, actor, what, answer).await?;
        Ok(self.asked_again(&known.kept, &known.run, run).await?)
    }

    /// What the run waits for.
    ///
    /// # Errors
    /// There is no such run, or the platform refused.
    pub async fn approvals(&self, id: PipelineRunId) -> Result<Vec<RunApproval>, PipelineError> {
        let _asking = self.may_ask()?;
        let known = self.known(id).await?;
        let mut waiting = known.platform.approvals(&known.run.id).await?;
        waiting.truncate(MOST_ITEMS);
        Ok(waiting)
    }

    /// Lets what waits go on, or not: everything, or only what is called so. Answers what was decided.
    ///
    /// # Errors
    /// There is no such run, nothing waits, or the platform refused.
    pub async fn decide(
        &self,
        actor: &str,
        id: PipelineRunId,
        name: Option<&str>,
        approve: bool,
        comment: &str,
    ) -> Result<Vec<RunApproval>, PipelineError> {
        let _asking = self.may_ask()?;
        let _turn = self.busy.hold(id).await;
        let known = self.known(id).await?;
        let mut waiting = known.platform.approvals(&known.run.id).await?;
        waiting.truncate(MOST_ITEMS);
        waiting.retain(|approval| name.is_none_or(|name| approval.name == name));
        if waiting.is_empty() {
            let nothing = "the run waits for nothing that can be decided".to_owned();
            return Err(PipelineError::Conflict(nothing));
        }
        let what = if approve { "approve" } else { "reject" };
        for approval in &waiting {
            self.note(
                &known,
                actor,
                what,
                &[("of", &approval.name), ("comment", comment)],
            )
            .await?;
            let decided = known.platform.decide(&known.run.id, approval, approve, comment);
            let answer = decided.await;
            self.answered(&known, actor, what, answer).await?;
        }
        self.hint(id);
        Ok(waiting)
    }

    /// What the run left behind.
    ///
    /// # Errors
    /// There is no such run, or the platform refused.
    pub async fn artifacts(&self, id: PipelineRunId) -> Result<Vec<RunArtifact>, PipelineError> {
        let _asking = self.may_ask()?;
        let known = self.known(id).await?;
        let mut left = known.platform.artifacts(&known.run.id).await?;
        left.truncate(MOST_ITEMS);
        Ok(left)
    }
}
