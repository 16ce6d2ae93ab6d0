//! The way out over HTTP: one client for everything that leaves, with the address policy built in.

mod address;
mod client;
mod redact;
mod resolver;
mod retry_after;
mod trust;

pub use address::{AddressPolicy, RefusedAddress};
pub(crate) use client::api_client;
pub use client::{HttpOutbound, MAX_BODY_BYTES, SetupError};
pub use redact::redact_url;
pub use resolver::{Looked, Lookup, system_lookup};
pub(crate) use retry_after::retry_after;
pub(crate) use trust::root_certificates;
