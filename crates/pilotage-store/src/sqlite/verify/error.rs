//! What can be wrong with a file.

use pilotage_core::{Digest, Position, audit::BrokenChain};

use crate::sqlite::{OpenError, error::Failure};

/// The first thing that does not hold.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be read, or is none that this version can check.
    #[error("cannot read the store: {0}")]
    Unreadable(String),
    /// The chain itself is broken.
    #[error(transparent)]
    Chain(#[from] BrokenChain),
    /// A record's facts are not what this kind of record holds.
    #[error("audit record {sequence} holds facts that cannot be read")]
    Facts {
        /// The record.
        sequence: i64,
    },
    /// A delivery is on record, but its event is not in the log.
    #[error("audit record {sequence}: the event at position {position} is missing")]
    EventMissing {
        /// The record.
        sequence: i64,
        /// The event.
        position: Position,
    },
    /// An event is not what its record says.
    #[error(
        "audit record {sequence}: the event at position {position} was changed after it was accepted ({what})"
    )]
    EventChanged {
        /// The record.
        sequence: i64,
        /// The event.
        position: Position,
        /// Which fact differs.
        what: &'static str,
    },
    /// An event is in the log without a record of its acceptance.
    #[error("the event at position {position} has no audit record")]
    EventUnrecorded {
        /// The event.
        position: Position,
    },
    /// The key by which a redelivery is known is missing, or is another event's.
    #[error(
        "the event at position {position} would not be known again when it is redelivered: its key is missing"
    )]
    KeyMissing {
        /// The event.
        position: Position,
    },
    /// Bodies are missing that retention did not prune.
    #[error("{missing} bodies are missing, but only {pruned} were pruned according to the audit trail")]
    BodiesMissing {
        /// Events without a body.
        missing: i64,
        /// Bodies pruned.
        pruned: i64,
    },
    /// An execution's status is not what its last record says, or it is gone.
    #[error("audit record {sequence}: execution {execution} does not stand as recorded")]
    ExecutionChanged {
        /// The record.
        sequence: i64,
        /// The execution.
        execution: String,
    },
    /// A run of gates is not what the record of its end says, or one of its documents is gone or was changed.
    #[error("audit record {sequence}: the gate run {run}, or what it rests on, was changed after it ended")]
    GateRunChanged {
        /// The record.
        sequence: i64,
        /// The run.
        run: String,
    },
    /// A run of a pipeline is not what the record of its end says, or it is gone.
    #[error("audit record {sequence}: the pipeline run {run} was changed after it ended")]
    PipelineRunChanged {
        /// The record.
        sequence: i64,
        /// The run.
        run: String,
    },
    /// A run of tests is not what the record of its end says, or its report is gone or was changed.
    #[error("audit record {sequence}: the test run {run}, or its report, was changed after it ended")]
    TestRunChanged {
        /// The record.
        sequence: i64,
        /// The run.
        run: String,
    },
    /// Runs of tests are missing that did not go as the oldest of too many.
    #[error("{missing} test runs are missing, but only {pruned} went according to the audit trail")]
    TestRunsMissing {
        /// Runs that are on record and gone.
        missing: i64,
        /// Runs that went.
        pruned: i64,
    },
    /// A version of a rule is not what its digest says, which is what the records name it by.
    #[error("the version {digest} of a rule was changed after it was kept")]
    RuleChanged {
        /// What the version was.
        digest: Digest,
    },
    /// Executions have ended without a record.
    #[error("{0} executions have ended without an audit record")]
    ExecutionsUnrecorded(i64),
}

impl From<Failure> for VerifyError {
    fn from(failure: Failure) -> Self {
        Self::Unreadable(pilotage_core::ports::StoreError::from(failure).to_string())
    }
}

impl From<OpenError> for VerifyError {
    fn from(error: OpenError) -> Self {
        let cause = std::error::Error::source(&error).map(|source| format!(": {source}"));
        Self::Unreadable(format!("{error}{}", cause.unwrap_or_default()))
    }
}

impl From<rusqlite::Error> for VerifyError {
    fn from(error: rusqlite::Error) -> Self {
        Failure::from(error).into()
    }
}
