//! The door for agents of the real binary: the protocol's own conformance suite, what the suite does not ask, and every way
//! in.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod access;
mod client;
mod conformance;
mod lines;
mod make;
mod news;
mod pipelines;
mod probes;
#[path = "../stories/server.rs"]
#[expect(dead_code, reason = "the stories use the rest of it")]
mod server;
mod session;
mod sockets;

use server::{Place, Server};

/// Nothing configured.
const PLAIN: &str = "version: 1\n";

/// A server with nothing configured, and its place.
fn plain() -> (Place, Server) {
    let place = Place::new(PLAIN);
    let server = Server::start(&place);
    (place, server)
}
