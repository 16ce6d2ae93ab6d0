//! `pilotage test` from outside: real runners in repositories of their own, and every way in which a run that looks green is not.
//!
//! Which runners there are is read from the environment: `PILOTAGE_PYTEST` names a folder with the package pytest,
//! `PILOTAGE_JS_RUNNERS` one whose `node_modules` hold vitest and jest, `PILOTAGE_RSPEC` and `PILOTAGE_GO` programs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod coverage;
mod flaky;
mod processes;
mod projects;
mod repository;
mod runners;
mod services;
mod shards;
mod traps;
