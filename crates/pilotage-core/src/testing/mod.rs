//! Tests of any language: how their files are spread over time and machines, what a runner says while it runs them, and the
//! verdict on all of it.
//!
//! Everything here is pure. A verdict rests on three things together: what was planned, what the runners said of each test,
//! and how their processes ended. Whatever was planned and is not heard of again is missing, and what is missing is red.

pub mod coverage;
mod dispatch;
mod file;
mod history;
mod kept;
mod plan;
mod policy;
mod report;
mod services;
mod settling;
mod shards;
mod transcript;
mod verdict;

pub use dispatch::Dispatch;
pub use file::{QuarantineFile, RetriesFile, SuiteFile, TestsFile};
pub use history::{Estimate, FileSpent, History, MachineClass, TestKept};
pub use kept::{Came, NewTestRun, TestRun, TestRunEnding, TestRunId, TestRunStatus, TestShard};
pub use plan::{Batch, Costs, Item, Part, Plan, Task, long_files, plan, shard};
pub use policy::{Policy, Quarantined};
pub use report::{FileReport, ProblemReport, Standout, Standouts, SuiteReport, TestReport, TestReported};
pub use services::{
    RECIPES, ReadyFile, SeedFile, ServiceFile, ServicesFile, service_problems, unknown as unknown_service,
};
pub use settling::{Ending, Settled, settle};
pub use shards::{ShardReport, merge, reached_by_all};
pub use transcript::{FileSeen, Outcome, Said, TestSeen, Transcript};
pub use verdict::{
    Attempt, FileResult, Planned, Problem, ProblemKind, SuiteResult, TestResult, TestState, Totals, Verdict,
};
