//! Talks to the outside: a folder for each vendor.
//!
//! Everything here stands behind a port of `pilotage-core`; vendor types never leave this crate.

mod alertmanager;
mod azure_devops;
mod custom;
pub mod discord;
mod github;
mod gitlab;
mod jenkins;
pub mod json_notifier;
mod kubernetes;
pub mod make;
pub mod notifiers;
pub mod outbound;
pub mod pipelines;
pub mod runs;
pub mod slack;
pub mod smtp;
pub mod sources;
pub mod teams;
pub mod verification;
