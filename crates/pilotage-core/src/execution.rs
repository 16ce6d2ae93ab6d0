//! One rule acting on one event: its actions in order, each with its attempts.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Digest, EventId, Position, TenantId, Timestamp, operation::Description, pipeline_run::PipelineRunId,
};

/// Identity of an execution, a UUID version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionId(pub Uuid);

impl ExecutionId {
    /// A fresh identity, ordered by time.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionStatus {
    /// Above its rule's concurrency limit: becomes pending when one with the same key ends.
    Waiting,
    /// Will be claimed once it is due.
    Pending,
    /// Claimed by a worker under a lease.
    Running,
    /// Every action succeeded.
    Succeeded,
    /// An action failed for good; it lies in the dead letters with the reason and the last answer.
    Failed,
    /// Stopped by a person, coalesced by debounce, dropped or superseded by the concurrency limit; `reason` says which.
    Cancelled,
}

impl ExecutionStatus {
    /// Every status, in the order of an execution's life.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Pending,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word used in configuration, API, store and UI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The status with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What happens to an execution that would be above its rule's concurrency limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnLimit {
    /// It waits until one with the same key has ended; oldest first.
    #[default]
    Queue,
    /// It is recorded as cancelled and never runs.
    Drop,
    /// The oldest ones with the same key are cancelled to make room for it.
    Cancel,
}

/// A place among the executions of one rule that share a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// The rendered key.
    pub key: String,
    /// How many with this key may be pending or running at once; at least 1.
    pub limit: u32,
    /// What happens above the limit.
    pub on_limit: OnLimit,
}

/// The burst that an execution belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst {
    /// The rendered key.
    pub key: String,
    /// How long after the burst's first event it is due at the latest.
    pub max_wait: Duration,
}

/// An execution about to be scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExecution {
    /// Its identity.
    pub id: ExecutionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The event that it acts on.
    pub event: EventId,
    /// That event's place in the log.
    pub position: Position,
    /// The rule that matched.
    pub rule: String,
    /// Which version of the rule: digest of its canonical JSON, kept by `ExecutionQueue::keep_rules`.
    pub rule_digest: Digest,
    /// Not before this moment.
    pub due: Timestamp,
    /// Its place under the rule's concurrency limit, if the rule has one.
    pub slot: Option<Slot>,
    /// Set when the rule is debounced: a pending execution of the same rule with the same key is cancelled as coalesced
    /// into this one, which is then due no later than that burst's first event allows.
    pub debounce: Option<Burst>,
    /// Set when this repeats an earlier decision by a person's wish: the person's name.
    pub replayed_by: Option<String>,
    /// How it is shown to those who watch; its steps are the rule's actions.
    pub operation: Description,
}

/// An execution as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Its identity.
    pub id: ExecutionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The event that it acts on.
    pub event_id: EventId,
    /// That event's place in the log.
    pub position: Position,
    /// The rule that matched.
    pub rule: String,
    /// Version of that rule.
    pub rule_digest: Digest,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// Why, for failed and cancelled ones, and for a pending one that was put off. Actions in it are counted from 1.
    pub reason: Option<String>,
    /// Times that it was claimed; the fencing token of the present claim.
    pub claims: u32,
    /// Index of the action that runs now or next, from 0; texts for people count from 1.
    pub action: u32,
    /// Attempts already made at that action. The API calls it `attemptsMade`, because `attempts` lists them there.
    #[serde(default, alias = "attemptsMade")]
    pub attempts: u32,
    /// Not before this moment.
    pub due: Timestamp,
    /// When it was scheduled.
    pub created_at: Timestamp,
    /// When it was first claimed.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Concurrency key, if its rule has one.
    pub concurrency_key: Option<String>,
    /// Debounce key, if its rule has one.
    pub debounce_key: Option<String>,
    /// Who replayed the event, if this is a replay.
    pub replayed_by: Option<String>,
    /// Who cancelled it, once somebody has asked for that; a running one stops at its next look.
    pub cancel_requested_by: Option<String>,
}

/// The right to run an execution until the lease ends. `execution.claims` fences it: once claimed anew, whatever the
/// earlier holder records is refused as `LeaseLost`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The execution as it was claimed.
    pub execution: Execution,
    /// When the lease ends unless renewed.
    pub lease_until: Timestamp,
}

/// How one attempt at one action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptResult {
    /// The effect was confirmed.
    Success,
    /// Failed; may be tried again.
    Retryable,
    /// Failed; trying again would not help.
    Permanent,
    /// Stopped because somebody cancelled the execution.
    Cancelled,
}

/// One attempt at one action, as history keeps it. No field holds a secret: the action redacts before it reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Index of the action in its rule, from 0; texts for people count from 1.
    pub action: u32,
    /// 1 for the first try of that action.
    pub number: u32,
    /// The action's type, such as `webhook`.
    pub action_type: String,
    /// Same on every attempt at this action of this execution; sent as `webhook-id`.
    pub idempotency_key: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in microseconds.
    pub duration_us: i64,
    /// How it ended.
    pub result: AttemptResult,
    /// What was asked, for example `POST https://example.com/hook`; without credentials and query values.
    pub request: String,
    /// HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// The first part of the answer, redacted, at most 2,048 bytes.
    pub response: Option<String>,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// What follows an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next action of the same execution, under the same claim.
    NextAction,
    /// The same action again, not before `at`; the claim ends.
    RetryAt {
        /// Earliest moment of the next attempt.
        at: Timestamp,
        /// Why it was put off, in words: the attempt failed, or the target is left alone for now. Kept in the execution's
        /// `reason` until an action succeeds.
        reason: String,
    },
    /// The same action again once a run of a pipeline has ended, at once if it has; the claim ends.
    Await {
        /// The run.
        run: PipelineRunId,
        /// When it is looked at in any case.
        at: Timestamp,
        /// What is waited for, in words.
        reason: String,
    },
    /// Every action has succeeded.
    Succeeded,
    /// Into the dead letters.
    Failed {
        /// Why, in words.
        reason: String,
    },
    /// Stopped because somebody asked for it.
    Cancelled {
        /// Why, in words.
        reason: String,
    },
}
