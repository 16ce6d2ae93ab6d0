//! Make.com.

pub(crate) mod webhook;
