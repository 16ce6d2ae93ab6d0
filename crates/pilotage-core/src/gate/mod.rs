//! Quality gates: what is asked of a commit before it may go to an environment, and the verdict on evidence.
//!
//! Everything here is pure. A gate holds criteria; each compares one metric with a threshold. What was measured comes as
//! [`Evidence`], which says how much was really looked at: evidence of nothing is no evidence, and counts as failed.

mod builtin;
mod evidence;
mod metric;
mod model;
mod resolve;
mod test;
mod unit;
mod verdict;

pub use builtin::built_in;
pub use evidence::{Evidence, EvidenceFile, Examined, Moment, Tool};
pub use metric::{METRICS, Metric, Metrics};
pub use model::{
    Criterion, CriterionFile, Gate, GateFile, GateKind, Impact, OnNoEvidence, Operator, check_environment,
};
pub use resolve::resolve;
pub use test::Test;
pub use unit::{Unit, Value};
pub use verdict::{
    Commit, CriterionState, CriterionVerdict, GateState, GateVerdict, Measured, Report, Verdict, judge,
    not_run,
};
