//! One file for each noun or verb: the arguments as data, and one `run`.

pub(crate) mod completions;
pub(crate) mod event;
pub(crate) mod execution;
mod listing;
pub(crate) mod stats;
pub(crate) mod webhook;
