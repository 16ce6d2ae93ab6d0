//! `ExecutionQueue` on the writer.

use std::time::Duration;

use async_trait::async_trait;
use pilotage_core::{
    Execution, ExecutionId, Position, Timestamp,
    execution::{Attempt, Claim, Next},
    ports::{
        Advance, ClaimError, Decision, ExecutionQueue, OperateError, Renewal, RuleVersion, ScheduleError,
        StoreError,
    },
};

use super::{SqliteStore, claim, operate, record, schedule};

#[async_trait]
impl ExecutionQueue for SqliteStore {
    async fn cursor(&self) -> Result<Position, StoreError> {
        self.readers.read(schedule::cursor).await
    }

    async fn keep_rules(&self, versions: Vec<RuleVersion>) -> Result<(), StoreError> {
        self.writer
            .call(move |transaction| Ok(schedule::keep_rules(transaction, &versions)?))
            .await
    }

    async fn schedule(
        &self,
        now: Timestamp,
        advance: Advance,
        decisions: Vec<Decision>,
    ) -> Result<(), ScheduleError> {
        self.writer
            .call(move |transaction| schedule::schedule(transaction, now, advance, &decisions))
            .await
    }

    async fn replay(&self, now: Timestamp, actor: String, decision: Decision) -> Result<(), StoreError> {
        self.writer
            .call(move |transaction| Ok(schedule::replay(transaction, now, &actor, decision)?))
            .await
    }

    async fn claim(&self, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Claim>, StoreError> {
        self.writer
            .call(move |transaction| Ok(claim::claim(transaction, now, lease, limit)?))
            .await
    }

    async fn renew(&self, claim: &Claim, now: Timestamp, lease: Duration) -> Result<Renewal, ClaimError> {
        let (id, claims) = (claim.execution.id, claim.execution.claims);
        self.writer
            .call(move |transaction| claim::renew(transaction, id, claims, now + lease))
            .await
    }

    async fn record(
        &self,
        claim: &Claim,
        now: Timestamp,
        attempt: Option<Attempt>,
        next: Next,
    ) -> Result<(), ClaimError> {
        let (id, claims) = (claim.execution.id, claim.execution.claims);
        self.writer
            .call(move |transaction| record::record(transaction, now, id, claims, attempt.as_ref(), &next))
            .await
    }

    async fn cancel_requested(&self) -> Result<Vec<ExecutionId>, StoreError> {
        self.readers.read(claim::cancel_requested).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.readers.read(claim::next_due).await
    }

    async fn cancel(
        &self,
        now: Timestamp,
        actor: String,
        id: ExecutionId,
    ) -> Result<Execution, OperateError> {
        self.writer
            .call(move |transaction| operate::cancel(transaction, now, &actor, id))
            .await
    }

    async fn retry(&self, now: Timestamp, actor: String, id: ExecutionId) -> Result<Execution, OperateError> {
        self.writer
            .call(move |transaction| operate::retry(transaction, now, &actor, id))
            .await
    }
}
