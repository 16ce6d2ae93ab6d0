//! Test suites of any language: found, listed, run side by side on a plan, and judged.
//!
//! A runner of tests is one file in `runners/` and one line in [`RUNNERS`]. It says how its suites are recognised, which files
//! they have, how some of those are run, and how what it tells meanwhile is read. What it tells is read while it runs, so that
//! nothing is lost but what a runner was at when it died.

mod affected;
mod coverage;
mod history;
mod listing;
mod runners;
mod running;
pub mod services;
mod suites;

pub use affected::{Choice, affected};
pub use coverage::{Collecting, Measured, changes, gather, lacking, read_reports, report_coverage};
pub use history::{machine_class, read_history, write_history};
pub use listing::{Ready, list, tests};
pub use runners::RUNNERS;
pub(crate) use runners::{Call, Listed, Runner};
pub(crate) use running::end_of;
pub use running::{Happened, Ran, Run};
pub use suites::{Suite, suites};
