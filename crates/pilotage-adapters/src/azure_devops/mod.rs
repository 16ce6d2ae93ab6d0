//! Azure DevOps.

pub(crate) mod pipeline;
pub(crate) mod webhook;
