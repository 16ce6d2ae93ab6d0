//! The door as the outside sees it, over a real store and a source that counts how often it is asked.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod answers;
mod api_history;
mod api_metrics;
mod api_operations;
mod api_rules;
mod auth;
mod dashboard;
mod gates;
mod health;
mod house;
mod intake;
mod live;
mod live_socket;
mod openapi;
mod roles;
mod server;
mod test_runs;
