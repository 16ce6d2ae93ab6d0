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

use pilotage_mock::WebhookListener;

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
