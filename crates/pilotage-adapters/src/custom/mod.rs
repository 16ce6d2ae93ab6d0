//! Senders that this project does not know: the configuration says how they sign and where they say what happened.

mod cloud_event;
pub(crate) mod webhook;
