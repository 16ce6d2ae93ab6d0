//! Pilotage itself, through its own HTTP interface.

pub(crate) mod audit;
pub(crate) mod delivery;
pub(crate) mod events;
pub(crate) mod executions;
mod facts;
pub(crate) mod gates;
pub(crate) mod operations;
mod payload;
pub(crate) mod pipelines;
pub(crate) mod platforms;
pub(crate) mod rules;
mod rules_change;
pub(crate) mod status;
pub(crate) mod test_runs;
