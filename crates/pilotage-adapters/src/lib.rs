//! Talks to the outside: a folder for each vendor.
//!
//! Everything here stands behind a port of `pilotage-core`; vendor types never leave this crate.

pub mod discord;
pub mod json_notifier;
pub mod notifiers;
pub mod outbound;
pub mod slack;
pub mod smtp;
pub mod teams;
