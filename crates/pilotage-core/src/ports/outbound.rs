use std::time::Duration;

use async_trait::async_trait;

/// A request to the outside.
#[derive(Clone)]
pub struct OutboundRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Absolute `http` or `https` address; may hold credentials, so it never goes into a log.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// From connecting to the end of the answer's first 64 KiB.
    pub timeout: Duration,
    /// Whether private, loopback and link-local addresses are allowed for this request whatever the policy says.
    pub allow_private: bool,
}

/// What the outside answered. Redirects are never followed: a 3xx is an answer like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundResponse {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, as a delay from the time of the answer.
    pub retry_after: Option<Duration>,
    /// The first part of the body, at most 64 KiB.
    pub body: Vec<u8>,
}

/// Why there was no answer. No variant's text holds a query string or credentials.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OutboundError {
    /// The address is refused by policy or is no address: asking again changes nothing.
    #[error("{0}")]
    Refused(String),
    /// No connection, or it broke before an answer: may be tried again.
    #[error("{0}")]
    Failed(String),
    /// No answer in time: the other side may have acted; may be tried again with the same idempotency key.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// The way out over HTTP, with the address policy built in.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Sends one request and reads the answer.
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError>;
}
