use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    Digest, ExecutionId, NewExecution, Position, Timestamp,
    execution::{Attempt, Claim, Execution, Next},
};

/// What the rules said about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The event's place in the log.
    pub position: Position,
    /// Its identity, for the audit record.
    pub event: String,
    /// Tenant, for the audit record.
    pub tenant: String,
    /// The sender only asks whether it reaches us ([`EventFacts::is_ping`](crate::EventFacts::is_ping)).
    pub is_ping: bool,
    /// One execution for every rule that matched; empty means unhandled, unless it is a ping.
    pub executions: Vec<NewExecution>,
    /// Rules that could not be asked or prepared (an expression that failed, a key template with a missing path):
    /// rule id and the reason. They count as not matching, and are on record.
    pub faults: Vec<RuleFault>,
}

/// A rule that could not be decided for an event.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RuleFault {
    /// The rule.
    pub rule: String,
    /// Why.
    pub reason: String,
}

/// A step of the matching cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Where the cursor must stand.
    pub from: Position,
    /// Where it stands afterwards.
    pub to: Position,
}

/// Why scheduling was refused.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Another matcher has moved the cursor; read it anew and go on from there.
    #[error("the cursor stands at {0}, not where this step begins")]
    CursorMoved(Position),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a holder may not go on.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The lease ended and the execution was claimed anew, or it has ended: stop, and record nothing.
    #[error("the lease on this execution is lost")]
    LeaseLost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the holder of a claim learns when renewing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Go on.
    Held,
    /// Somebody asked to cancel: stop and record `Next::Cancelled`.
    CancelRequested {
        /// Who.
        by: String,
    },
}

/// Why a person's wish about an execution was refused.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// No such execution.
    #[error("there is no execution {0}")]
    NotFound(ExecutionId),
    /// It is not in a state in which this makes sense; the text says which state.
    #[error("the execution is {0}")]
    WrongStatus(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A version of a rule, kept so that what ran can be explained and repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersion {
    /// Digest of `json`.
    pub digest: Digest,
    /// Canonical JSON text of the rule.
    pub json: String,
}

/// Executions waiting, running and ended.
#[async_trait]
pub trait ExecutionQueue: Send + Sync {
    /// How far matching has come.
    async fn cursor(&self) -> Result<Position, StoreError>;

    /// Keeps rule versions that executions will name. Idempotent.
    async fn keep_rules(&self, versions: Vec<RuleVersion>) -> Result<(), StoreError>;

    /// Adds the executions of `decisions` and moves the cursor, or neither. Applies concurrency limits and debounce and
    /// writes one audit record for each decision.
    async fn schedule(
        &self,
        now: Timestamp,
        advance: Advance,
        decisions: Vec<Decision>,
    ) -> Result<(), ScheduleError>;

    /// Adds the executions of a replay without touching the cursor. Idempotent on execution ids.
    async fn replay(&self, now: Timestamp, actor: String, decision: Decision) -> Result<(), StoreError>;

    /// Takes up to `limit` due executions, and such whose lease has ended, for `lease`. Oldest due first.
    async fn claim(&self, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Claim>, StoreError>;

    /// Holds a claim for another `lease` from `now`.
    async fn renew(&self, claim: &Claim, now: Timestamp, lease: Duration) -> Result<Renewal, ClaimError>;

    /// Records what an attempt came to and what follows it, with audit records and rule statistics, in one transaction.
    /// `attempt` is `None` where nothing was tried (cancelled before the start, a rate limit that says "later").
    async fn record(
        &self,
        claim: &Claim,
        now: Timestamp,
        attempt: Option<Attempt>,
        next: Next,
    ) -> Result<(), ClaimError>;

    /// Running executions that somebody has asked to cancel, at most 1,000: a holder that looks here need not wait for its
    /// next renewal.
    async fn cancel_requested(&self) -> Result<Vec<ExecutionId>, StoreError>;

    /// The earliest moment at which `claim` could give something, if anything waits or runs.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Asks to cancel. A waiting or pending execution ends at once; a running one learns it at its next renewal.
    async fn cancel(&self, now: Timestamp, actor: String, id: ExecutionId)
    -> Result<Execution, OperateError>;

    /// Sends an execution back from the dead letters: the failed action is tried again with a fresh count of attempts and
    /// the same idempotency key; actions that succeeded are not repeated.
    async fn retry(&self, now: Timestamp, actor: String, id: ExecutionId) -> Result<Execution, OperateError>;
}
