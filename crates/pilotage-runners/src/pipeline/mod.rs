//! A pipeline that runs on this machine: every job that is asked for, with what it needs, side by side as far as that allows,
//! in the files that are there. Jobs that say what they depend on and what they make are kept in a [`Cache`].

mod affected;
mod assess;
mod attempt;
mod cache;
mod environment;
mod files;
mod job;
mod local;
mod log;
mod mask;
mod occasion;
mod preview;
mod schedule;
mod service;
mod shell;
mod step;
mod task;

pub use affected::{Choice, affected};
pub use cache::Cache;
pub use environment::Environment;
pub use local::{Ended, Event, Settings, State};
pub use occasion::{Occasion, word};
pub use preview::{Preview, preview, went_well};
pub use schedule::run;
pub use task::{Task, tasks};
