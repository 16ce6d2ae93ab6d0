//! What things are and what is decided about them.
//!
//! This crate does no I/O and knows no vendor: no tokio, no SQL, no HTTP client. Everything that touches the
//! outside is a port (`ports`), handed in by the binary.

pub mod audit;
mod caller;
pub mod config;
pub mod digest;
pub mod event;
pub mod execution;
pub mod gate;
pub mod json;
pub mod operation;
pub mod pipeline;
pub mod pipeline_run;
pub mod ports;
pub mod rule;
pub mod testing;
pub mod time;

pub use caller::{Caller, LetInBy};
pub use digest::Digest;
pub use event::{Event, EventFacts, EventId, NewEvent, Position, StoredEvent, TenantId};
pub use execution::{Execution, ExecutionId, ExecutionStatus, NewExecution};
pub use operation::{Operation, OperationId, OperationStatus};
pub use time::Timestamp;
