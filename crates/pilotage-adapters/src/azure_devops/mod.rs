//! Azure DevOps.

pub(crate) mod webhook;
