//! Pilotage's own tools over a whole door: what agents read, what a dry run leaves alone, and what a role may do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod changing;
mod gates;
mod house;
mod reading;
mod telling;
