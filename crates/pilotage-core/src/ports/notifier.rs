use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{OutboundError, OutboundResponse};

/// A message for people, already rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// The text; Markdown of the plainest kind. Each notifier escapes it for its own medium.
    pub text: String,
    /// A short title, where the medium has one.
    pub title: Option<String>,
    /// Further parameters of the action, rendered; each notifier documents which it knows.
    pub parameters: Map<String, Value>,
    /// Same on every attempt; sent along where the medium can use it.
    pub idempotency_key: String,
    /// For the whole attempt.
    pub timeout: Duration,
}

/// What a notifier reports of one attempt.
#[derive(Clone, Debug)]
pub struct NotifierReport {
    /// What was asked, without secrets: `POST https://hooks.slack.com/...`.
    pub request: String,
    /// What came back.
    pub outcome: Result<OutboundResponse, OutboundError>,
}

/// Tells people something: one implementation for each medium.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Delivers one notification once. A protocol that answers 200 with an error inside (Slack's API) must be turned
    /// into a fitting status here.
    async fn notify(&self, notification: &Notification) -> NotifierReport;

    /// Checks the parameters of an action for this notifier when configuration is loaded.
    ///
    /// # Errors
    /// Says which parameter is wrong and what is expected.
    fn check(&self, parameters: &Map<String, Value>) -> Result<(), String>;
}
