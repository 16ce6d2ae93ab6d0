//! What knows test tools, compilers and their reports: it reads what they wrote, or runs them, and hands back evidence.
//!
//! Reports are read as what they are, files of strangers: streamed, bounded in every direction, never trusted to be whole.
//! What is missing or broken is said in words and is no evidence; it is never taken for zero.

pub mod audit;
pub mod calendar;
pub mod collector;
pub mod collectors;
pub mod joined;
mod known;
pub mod load;
pub mod locks;
pub mod pipeline;
pub mod process;
pub mod reading;
pub mod reports;
pub mod secrets;
mod stopping;
pub mod testing;
pub mod tree;

pub use collector::{Collector, CollectorKind, Input, Measures, Site, Source};
