//! The ports: every method is one complete atomic operation of the domain.
//!
//! `now` is an argument everywhere; there is no clock trait. What must happen together is one method.

mod audit_trail;
mod bell;
mod ci_platform;
mod event_log;
mod execution_queue;
mod gate_runs;
mod gatherer;
mod history;
mod notifier;
mod operation_feed;
mod outbound;
mod pipeline_renderer;
mod pipeline_runs;
mod registry;
mod test_runs;
mod webhook_source;

pub use audit_trail::*;
pub use bell::*;
pub use ci_platform::*;
pub use event_log::*;
pub use execution_queue::*;
pub use gate_runs::*;
pub use gatherer::*;
pub use history::*;
pub use notifier::*;
pub use operation_feed::*;
pub use outbound::*;
pub use pipeline_renderer::*;
pub use pipeline_runs::*;
pub use registry::*;
pub use test_runs::*;
pub use webhook_source::*;

/// Why a store could not do what it was asked. The caller's choice is to try again later or to stop.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot take or give anything now (disk full, locked, shutting down); the same call may go through later.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What the store holds cannot be read as what it must be: our bug or a damaged file.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}
