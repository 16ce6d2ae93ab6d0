//! Gates on the server: which are in force, the runs that judge by them, and waivers.
//!
//! A run is a stored row from its beginning. It is worked on by a task of its own, and whatever comes of it is written in
//! one transaction. A run that no task works on any more is broken off at the next start: it is never shown as running for
//! ever, and it never counts as a verdict.

mod book;
mod judging;
mod running;
mod waiving;

use pilotage_core::{config::Problem, ports::StoreError};

pub use book::{GateBook, GateFoundation, GateOrigin, GatesInForce, PutGate};
pub use judging::{conclude, findings_of, report_of};
pub use running::{GateDesk, RunRequest, Started};
pub use waiving::{WaiverRequest, waive};

/// Why a gate, a run or a waiver was refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// What was asked does not hold; pointers begin at what was sent.
    #[error("what was asked does not hold: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Invalid(Vec<Problem>),
    /// It belongs to the configuration file.
    #[error("gate `{0}` is written in the configuration file: change it there")]
    InFile(String),
    /// It is built in.
    #[error("gate `{0}` is built in: replace it with `enabled: false` to switch it off")]
    BuiltIn(String),
    /// There is no such gate, run or waiver.
    #[error("there is no {0}")]
    NotFound(String),
    /// Too many runs are under way.
    #[error("too many gate runs are under way; try again later")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl GateError {
    fn invalid(pointer: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem::at(pointer, message)])
    }
}
