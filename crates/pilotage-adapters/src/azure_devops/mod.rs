//! Azure DevOps.

pub(crate) mod pipeline;
pub(crate) mod runs;
pub(crate) mod webhook;
