//! Clients in other languages, against the real binary: those of others, who follow live status, and our own, that call
//! tools.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod events;
mod languages;
mod node;
#[path = "../stories/server.rs"]
#[expect(dead_code, reason = "the stories use the rest of it")]
mod server;
mod socket_io;

use std::{io::Write as _, path::PathBuf};

use pilotage_mock::WebhookListener;

/// Where something is that a test needs; without it the test is skipped, and says how to get it.
pub(crate) fn named_by(variable: &str, how: &str) -> Option<PathBuf> {
    let Some(path) = std::env::var_os(variable) else {
        let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "{variable} is not set: {how}");
        // Not by a print macro: what those write in a test that passes is captured, and nobody would see it.
        let _ = writeln!(std::io::stderr(), "skipped: {variable} is not set: {how}");
        return None;
    };
    Some(path.into())
}

/// A receiver of outgoing webhooks.
pub(crate) async fn receiver() -> WebhookListener {
    WebhookListener::local().await.unwrap()
}

/// Every push becomes a webhook to `receiver`.
pub(crate) fn config(receiver: &WebhookListener) -> String {
    format!(
        r#"
version: 1
outgoing: {{ allow: ["127.0.0.1"] }}
execution: {{ leaseMs: 1000 }}
rules:
  - id: push
    trigger: {{ source: github, eventTypes: [push] }}
    actions:
      - type: webhook
        target: "{}/"
        parameters: {{ body: {{ delivery: "${{event.deliveryId}}" }} }}
        retryPolicy: {{ maxAttempts: 20, initialDelay: 20, backoffMultiplier: 1.5, maxDelay: 500 }}
"#,
        receiver.url()
    )
}

/// An address that nothing listens on at present, for a server that comes back to it.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
