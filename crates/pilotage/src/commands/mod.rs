//! One file for each noun or verb: the arguments as data, and one `run`.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod ci;
pub(crate) mod completions;
pub(crate) mod event;
pub(crate) mod execution;
pub(crate) mod gate;
mod identity;
pub(crate) mod init;
mod listing;
pub(crate) mod load;
pub(crate) mod mcp;
pub(crate) mod metrics;
pub(crate) mod mock;
pub(crate) mod rule;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod stats;
pub(crate) mod test;
pub(crate) mod token;
pub(crate) mod up;
pub(crate) mod watch;
pub(crate) mod webhook;
