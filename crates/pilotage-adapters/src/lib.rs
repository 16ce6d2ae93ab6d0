//! Talks to the outside: a folder for each vendor.
//!
//! Everything here stands behind a port of `pilotage-core`; vendor types never leave this crate.

pub mod outbound;
