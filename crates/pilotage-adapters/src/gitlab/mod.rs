//! GitLab.

pub(crate) mod pipeline;
pub(crate) mod webhook;
