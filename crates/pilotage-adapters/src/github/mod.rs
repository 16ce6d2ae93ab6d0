//! GitHub.

pub(crate) mod webhook;
