//! Stories: the real binary, told from outside, over its HTTP door.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::similar_names,
    reason = "a test fails by panicking, its helpers too; `stats` and `status` are what they are"
)]

mod crash;
mod gates;
mod hostile;
mod operate;
mod operators;
mod path;
mod platforms;
mod protect;
mod recorded;
mod reload;
mod server;
mod waiting;
mod watch;
