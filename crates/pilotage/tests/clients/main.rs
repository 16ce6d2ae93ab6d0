//! Clients that others wrote, against the real binary: what they see of live status.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod events;
mod node;
#[path = "../stories/server.rs"]
#[expect(dead_code, reason = "the stories use the rest of it")]
mod server;
mod socket_io;

use std::net::SocketAddr;

use axum::{Router, http::StatusCode};

/// A receiver of outgoing webhooks that answers 204.
pub(crate) async fn receiver() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(async || StatusCode::NO_CONTENT);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Every push becomes a webhook to `receiver`.
pub(crate) fn config(receiver: SocketAddr) -> String {
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
        target: "http://{receiver}/"
        parameters: {{ body: {{ delivery: "${{event.deliveryId}}" }} }}
        retryPolicy: {{ maxAttempts: 20, initialDelay: 20, backoffMultiplier: 1.5, maxDelay: 500 }}
"#
    )
}

/// An address that nothing listens on at present, for a server that comes back to it.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
