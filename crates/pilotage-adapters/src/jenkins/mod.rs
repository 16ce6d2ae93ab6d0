//! Jenkins.

pub(crate) mod webhook;
