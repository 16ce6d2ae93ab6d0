//! What arrives, and what is answered.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use pilotage_core::{
    Digest, Timestamp,
    ports::{Received, Refusal, WebhookSource},
};

/// Answered while it is to fail: what a sender tries again after.
const FAILING: u16 = 503;
/// Longest time that anybody is kept waiting.
const MOST_DELAY: Duration = Duration::from_mins(10);

/// A place to send to.
#[derive(Clone)]
pub struct Endpoint {
    /// It lies at `/NAME`.
    pub name: String,
    /// Judges what arrives here; without it nothing is verified.
    pub source: Option<Arc<dyn WebhookSource>>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Endpoint");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}

/// How requests that are not refused are answered.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    /// The status, from 200 to 599.
    pub status: u16,
    /// Waits so long before it answers; at most ten minutes.
    pub delay: Duration,
    /// So many requests are answered 503 first, whatever they hold.
    pub fail_times: u64,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            status: 200,
            delay: Duration::ZERO,
            fail_times: 0,
        }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// From 1, without gaps.
    pub number: u64,
    /// When its last byte was there.
    pub at: Timestamp,
    /// The endpoint that took it, if it was one of those that are named.
    pub endpoint: Option<String>,
    /// Such as `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, in the order of arrival; what is no text is shown as far as it is.
    pub headers: Vec<(String, String)>,
    /// The raw body; signatures are over exactly these bytes.
    pub body: Bytes,
    /// Of the whole body.
    pub digest: Digest,
    /// What its source says of it.
    pub verdict: Verdict,
    /// What it is answered.
    pub status: u16,
}

impl Arrival {
    /// The value of a header, if it is there; the first where there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name);
        values.next().map(|(_, value)| value.as_str())
    }

    /// The `webhook-id` of Standard Webhooks: the same on every attempt at one message. Empty where there is none.
    pub fn webhook_id(&self) -> &str {
        self.header("webhook-id").unwrap_or_default()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What a source says of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint has no source.
    Unchecked,
    /// The source takes it.
    Accepted(Accepted),
    /// The source refuses it, and the sender learns why.
    Refused {
        /// 400, 401 or 415, as intake would answer.
        status: u16,
        /// For the sender; without any secret.
        reason: String,
    },
    /// Endpoints are named, and this is none of them.
    NoEndpoint,
}

/// What a source reads from a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The sender's word for what happened.
    pub event_type: String,
    /// The sender's identity for the delivery.
    pub delivery_id: String,
    /// Whether a secret was checked.
    pub verified: bool,
}

impl From<Result<Received<'_>, Refusal>> for Verdict {
    fn from(judged: Result<Received<'_>, Refusal>) -> Self {
        let (status, reason) = match judged {
            Ok(received) => {
                return Self::Accepted(Accepted {
                    event_type: received.event_type.into_owned(),
                    delivery_id: received.delivery_id.into_owned(),
                    verified: received.verified,
                });
            }
            Err(Refusal::Malformed(reason)) => (400, reason),
            Err(Refusal::Unverified(reason)) => (401, reason),
            Err(Refusal::UnsupportedType(reason)) => (415, reason),
        };
        Self::Refused { status, reason }
    }
}

/// What is to be answered.
pub(super) struct Told {
    pub(super) answers: Answers,
    /// Before all others.
    pub(super) next: VecDeque<u16>,
    pub(super) always: Option<u16>,
}

impl Told {
    pub(super) const fn new(answers: Answers) -> Self {
        Self {
            answers,
            next: VecDeque::new(),
            always: None,
        }
    }

    /// Status and delay for the next request. What is to fail fails before anything is judged, as a receiver that is
    /// down does.
    pub(super) fn next(&mut self, verdict: &Verdict) -> (u16, Duration) {
        let delay = self.answers.delay.min(MOST_DELAY);
        if self.answers.fail_times > 0 {
            self.answers.fail_times -= 1;
            return (FAILING, delay);
        }
        let status = match verdict {
            Verdict::NoEndpoint => 404,
            Verdict::Refused { status, .. } => *status,
            Verdict::Unchecked | Verdict::Accepted(_) => {
                let told = self.always.or_else(|| self.next.pop_front());
                told.unwrap_or(self.answers.status)
            }
        };
        (status, delay)
    }
}
