//! Moves an event along its path: matching, executing, reporting.
//!
//! Each loop takes one step at a time: register for the wake-up, look, work, and wait only when there was nothing. Every
//! hand-off between the loops is a stored row, so a crash anywhere resumes by itself.

pub mod actions;
pub mod dora;
pub mod executing;
pub mod gates;
pub mod matching;
pub mod operations;
pub mod pipelines;
pub mod redaction;
pub mod reporting;
pub mod retention;
pub mod rule_book;
pub mod test_runs;
mod throttle;

use std::sync::Arc;

use pilotage_core::ports::{
    AuditTrail, Bell, EventLog, ExecutionQueue, GateRuns, History, OperationFeed, PipelineRuns, Registry,
    TestRuns,
};

/// The ports that the engine is handed. Cloning is cheap.
#[derive(Clone)]
pub struct Ports {
    /// Where deliveries are appended and read.
    pub log: Arc<dyn EventLog>,
    /// Executions waiting, running and ended.
    pub queue: Arc<dyn ExecutionQueue>,
    /// Reading what happened.
    pub history: Arc<dyn History>,
    /// Reading what is going on.
    pub operations: Arc<dyn OperationFeed>,
    /// Reading the audit trail.
    pub audit: Arc<dyn AuditTrail>,
    /// Rules and tokens that people change while the server runs.
    pub registry: Arc<dyn Registry>,
    /// Runs of gates, gates of the API and waivers.
    pub gate_runs: Arc<dyn GateRuns>,
    /// Runs of pipelines.
    pub pipeline_runs: Arc<dyn PipelineRuns>,
    /// Runs of tests.
    pub test_runs: Arc<dyn TestRuns>,
    /// Wake-up hints.
    pub bell: Arc<dyn Bell>,
}
