use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{RuleVersion, StoreError};
use crate::{
    Digest, EventId, Execution, ExecutionId, ExecutionStatus, Position, StoredEvent, Timestamp,
    execution::Attempt, ports::RuleFault,
};

/// Which events to list; every field that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Exactly this source.
    pub source: Option<String>,
    /// Exactly this type.
    pub event_type: Option<String>,
    /// Exactly this delivery id.
    pub delivery_id: Option<String>,
    /// Only decided events that no rule matched (`true`), or only those with executions (`false`).
    pub unhandled: Option<bool>,
    /// Received at or after this moment.
    pub since: Option<Timestamp>,
    /// Received before this moment.
    pub until: Option<Timestamp>,
}

/// Which executions to list; every field that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Only in this state.
    pub status: Option<ExecutionStatus>,
    /// Only of this rule.
    pub rule: Option<String>,
    /// Only of this event.
    pub event: Option<EventId>,
    /// Created at or after this moment.
    pub since: Option<Timestamp>,
    /// Created before this moment.
    pub until: Option<Timestamp>,
}

/// One page, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to pass as `after` for the next page; `None` on the last.
    pub next: Option<i64>,
}

/// An event in a list: facts without the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSummary {
    /// The event; `data` is always `None` here.
    pub event: StoredEvent,
    /// Length of the stored data in bytes; `None` once pruned.
    pub size: Option<i64>,
    /// How many executions it caused; `None` while rules have not been asked yet.
    pub executions: Option<i64>,
}

/// What the rules said about an event when it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDecision {
    /// When.
    pub decided_at: Timestamp,
    /// Rules that could not be asked.
    pub faults: Vec<RuleFault>,
}

/// What a rule has done, from counters and a histogram kept with every change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleStatistics {
    /// The rule.
    pub rule: String,
    /// Executions scheduled.
    pub matched: i64,
    /// Executions that succeeded.
    pub succeeded: i64,
    /// Executions that failed.
    pub failed: i64,
    /// Executions that were cancelled, dropped or coalesced.
    pub cancelled: i64,
    /// Median time from scheduled to ended of those that succeeded or failed, in microseconds, within 10 %.
    pub p50_us: Option<i64>,
    /// 95th percentile of the same.
    pub p95_us: Option<i64>,
    /// When it last matched.
    pub last_matched_at: Option<Timestamp>,
}

/// How many executions of a rule took how long from scheduled to ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyBucket {
    /// The shortest time that is counted here, in microseconds.
    pub from_us: i64,
    /// The longest, in microseconds.
    pub up_to_us: i64,
    /// How many.
    pub count: i64,
}

/// What happened within a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// When the stretch begins; it ends where the next one begins.
    pub start: Timestamp,
    /// Deliveries accepted.
    pub deliveries: i64,
    /// Events decided that no rule matched, pings apart.
    pub unhandled: i64,
    /// Executions that succeeded.
    pub succeeded: i64,
    /// Executions that failed, each time that they did.
    pub failed: i64,
    /// Executions that were cancelled, dropped or coalesced.
    pub cancelled: i64,
    /// Attempts that failed, whether they were repeated or not.
    pub attempts_failed: i64,
    /// Executions among those that succeeded or failed whose time is in `duration_us`: all that were not sent back from
    /// the dead letters before.
    pub timed: i64,
    /// The times of those from scheduled to ended, added up, in microseconds.
    pub duration_us: i64,
}

/// The state of the whole path at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Events in the log.
    pub events: i64,
    /// Decided events that no rule matched.
    pub unhandled: i64,
    /// Events not yet decided.
    pub undecided: i64,
    /// Executions by state.
    pub waiting: i64,
    /// Executions by state.
    pub pending: i64,
    /// Executions by state.
    pub running: i64,
    /// Executions by state.
    pub succeeded: i64,
    /// Executions by state.
    pub failed: i64,
    /// Executions by state.
    pub cancelled: i64,
    /// The earliest due moment of a pending execution.
    pub oldest_due: Option<Timestamp>,
    /// When the oldest undecided event was received.
    pub oldest_undecided: Option<Timestamp>,
}

/// Reading what happened. Bounded: no method's memory grows with the length of history.
#[async_trait]
pub trait History: Send + Sync {
    /// A page of events, newest first; `after` is the `next` of the page before. `limit` is at most 500.
    async fn events(
        &self,
        filter: &EventFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, StoreError>;

    /// One event with its data.
    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, StoreError>;

    /// The event at a position, with its data.
    async fn event_at(&self, position: Position) -> Result<Option<StoredEvent>, StoreError>;

    /// What the rules said about an event; `None` while it is undecided.
    async fn decision(&self, position: Position) -> Result<Option<EventDecision>, StoreError>;

    /// A page of executions, newest first.
    async fn executions(
        &self,
        filter: &ExecutionFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<Execution>, StoreError>;

    /// One execution.
    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError>;

    /// The attempts of an execution, oldest first, at most the last 1,000.
    async fn attempts(&self, id: ExecutionId) -> Result<Vec<Attempt>, StoreError>;

    /// A kept version of a rule.
    async fn rule_version(&self, digest: Digest) -> Result<Option<RuleVersion>, StoreError>;

    /// What every rule that ever matched has done.
    async fn rule_statistics(&self) -> Result<Vec<RuleStatistics>, StoreError>;

    /// The histogram of a rule's executions that succeeded or failed, shortest first; empty where there are none.
    async fn rule_latency(&self, rule: &str) -> Result<Vec<LatencyBucket>, StoreError>;

    /// What happened from `since` to before `until`, in stretches of `step`, the empty ones too, oldest first. `step` is
    /// rounded up to whole 5 minutes, and further where there would be more than 1,000 stretches. They begin at whole
    /// multiples of the step (of UTC), so the first may begin before `since` and the last end behind `until`.
    async fn activity(
        &self,
        since: Timestamp,
        until: Timestamp,
        step: Duration,
    ) -> Result<Vec<Activity>, StoreError>;

    /// The state of the whole path. Costs the same for any length of history.
    async fn totals(&self) -> Result<Totals, StoreError>;
}
