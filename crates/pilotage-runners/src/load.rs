//! Load: requests sent on a schedule that does not wait for answers, measured from the moment at which each was due.
//!
//! A tool whose users wait for each answer stops asking while a server stands still, and so never sees how long callers would
//! have waited. Here the schedule is fixed beforehand (the open model), and a request that could not be sent is counted, not
//! forgotten. What the generator itself cannot keep up with makes a run inconclusive, never green.

mod engine;
mod figures;
mod plan;
mod report;
mod sending;
mod watching;

pub use engine::{Progress, run};
pub use figures::{Failure, Figures};
pub use plan::{
    LoadFile, Model, Plan, RequestFile, ScenarioFile, Step, Threshold, ThresholdFile, is_allowed,
};
pub use report::{Report, Verdict};
pub use sending::{Answer, HttpSender, Row, Sender};
pub use watching::{Watched, Watcher};
