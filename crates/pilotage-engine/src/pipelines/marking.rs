//! What is written back to commits, and what platforms keep beside runs. Every mark and check is on record with who wanted it.

use pilotage_core::{
    TenantId, Timestamp,
    audit::{NewAuditRecord, kind},
    pipeline_run::{Check, CommitMark, PlatformDeployment, WrittenCheck, WrittenKind},
    ports::CiError,
};
use serde_json::{Value, json};

use super::{PipelineDesk, PipelineError};

/// Deployments that are answered.
const MOST_DEPLOYMENTS: usize = 100;

impl PipelineDesk {
    /// Writes a mark on a commit.
    ///
    /// # Errors
    /// There is no such platform, or it refused.
    pub async fn mark(&self, actor: &str, platform: &str, mark: &CommitMark) -> Result<(), PipelineError> {
        let _asking = self.may_ask()?;
        let answer = self.platform(platform)?.mark(mark).await;
        let facts = json!({"platform": platform, "as": "mark", "name": mark.context, "state": mark.state});
        self.marked(actor, &mark.commit, facts, answer.as_ref().err())
            .await?;
        Ok(answer?)
    }

    /// Writes a check on a commit, or a mark where the platform or its credentials have none and that will do.
    ///
    /// # Errors
    /// There is no such platform, or it refused.
    pub async fn check(
        &self,
        actor: &str,
        platform: &str,
        check: &Check,
    ) -> Result<WrittenCheck, PipelineError> {
        let _asking = self.may_ask()?;
        let answer = self.platform(platform)?.check(check).await;
        let kind = answer.as_ref().map_or(WrittenKind::Check, |written| written.kind);
        let facts = json!({"platform": platform, "as": kind, "name": check.name, "state": check.state});
        self.marked(actor, &check.commit, facts, answer.as_ref().err())
            .await?;
        let mut written = answer?;
        written.remark = written.remark.map(|remark| self.clean(&remark));
        Ok(written)
    }

    /// The newest deployments that a platform keeps.
    ///
    /// # Errors
    /// There is no such platform, or it refused.
    pub async fn deployments(
        &self,
        platform: &str,
        limit: usize,
    ) -> Result<Vec<PlatformDeployment>, PipelineError> {
        let _asking = self.may_ask()?;
        let limit = limit.min(MOST_DEPLOYMENTS);
        let mut found = self.platform(platform)?.deployments(limit).await?;
        found.truncate(limit);
        Ok(found)
    }

    async fn marked(
        &self,
        actor: &str,
        commit: &str,
        mut facts: Value,
        refused: Option<&CiError>,
    ) -> Result<(), PipelineError> {
        if let Some(error) = refused {
            facts["refused"] = json!(self.clean(&error.to_string()));
        }
        let record = NewAuditRecord {
            at: Timestamp::now(),
            tenant: TenantId::default().0,
            actor: actor.to_owned(),
            kind: kind::PIPELINE_COMMIT_MARKED.to_owned(),
            subject: commit.to_owned(),
            facts: facts.to_string(),
        };
        Ok(self.ports.registry.note(record).await?)
    }
}
