//! Quality gates: what is asked of a commit before it may go to an environment, and the verdict on evidence.
//!
//! Everything here is pure. A gate holds criteria; each compares one metric with a threshold. What was measured comes as
//! [`Evidence`], which says how much was really looked at: evidence of nothing is no evidence, and counts as failed.

mod builtin;
mod comparison;
mod evidence;
mod kept;
mod metric;
mod model;
mod needs;
mod resolve;
mod test;
#[cfg(test)]
mod testing;
mod unit;
mod verdict;
mod waiver;

pub use builtin::built_in;
pub use comparison::{Comparison, Difference};
pub use evidence::{Evidence, EvidenceFile, Examined, Moment, Tool};
pub use kept::{
    Finding, GateRun, GateRunEnding, GateRunId, GateRunOrigin, GateRunStatus, Judged, KeptFile,
    MOST_DOCUMENT_BYTES, NewGateRun, findings, measured, newest,
};
pub use metric::{METRICS, Metric, Metrics};
pub use model::{
    Criterion, CriterionFile, Gate, GateFile, GateKind, Impact, OnNoEvidence, Operator, check_environment,
};
pub use needs::{held_up, missed};
pub use resolve::{resolve, written_out};
pub use test::{Test, Wants};
pub use unit::{Unit, Value};
pub use verdict::{
    Commit, CriterionState, CriterionVerdict, GateState, GateVerdict, Measured, Report, Verdict, judge,
    not_run,
};
pub use waiver::{Waived, WaivedBy, Waiver, WaiverShown, WaiverState};
