//! GitLab.

pub(crate) mod webhook;
