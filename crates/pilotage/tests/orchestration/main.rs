//! `pilotage test` from outside: real runners in repositories of their own, and every way in which a run that looks green is not.
//!
//! Which runners there are is read from the environment: `PILOTAGE_PYTEST` names a folder with the package pytest,
//! `PILOTAGE_JS_RUNNERS` one whose `node_modules` hold vitest and jest, `PILOTAGE_RSPEC` and `PILOTAGE_GO` programs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod coverage;
mod flaky;
mod hanging;
mod kept;
mod parts;
mod processes;
mod projects;
mod repository;
mod runners;
#[expect(dead_code, reason = "the stories need more of it")]
#[path = "../stories/server.rs"]
mod server;
mod services;
mod shards;
mod traps;
