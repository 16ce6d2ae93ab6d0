//! Make.com.

pub mod client;
pub(crate) mod webhook;
