//! What happened: an accepted delivery becomes an event at a position of the log.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Digest, Timestamp};

/// Place of an event in the log: 1, 2, 3, ... in the order of their commits. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub i64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identity of an event, a UUID version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl EventId {
    /// A fresh identity, ordered by time.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whose event this is. One installation without tenants has the tenant `default`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub String);

impl Default for TenantId {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// The facts about a delivery, kept for ever: who, what, when, and the digest of the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventFacts {
    /// Identity given by us at intake.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Name of the webhook source as in the configuration: `github`, `make`, or a custom source's name.
    pub source: String,
    /// The source's own word for what happened: `push`, `scenario.executed`, `deployment.failed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The sender's identity for this delivery; unique together with tenant and source, for ever.
    pub delivery_id: String,
    /// When it happened according to the sender; the time of receipt where the sender does not say.
    pub timestamp: Timestamp,
    /// When intake received it.
    pub received_at: Timestamp,
    /// Whether a signature, token or password was checked and held. False only where the source is configured without.
    pub verified: bool,
    /// Protocol facts beside the body that rules may ask for, such as `hookId` or the `subject` of CloudEvents.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// SHA-256 of the raw body as it came over the wire.
    pub digest: Digest,
}

impl EventFacts {
    /// The type of an event with which a sender only asks whether it reaches us. The word is GitHub's, which sends one when
    /// a webhook is made; custom senders use it too.
    pub const PING: &str = "ping";

    /// Whether it is a ping. No rule has to want one: it is not unhandled when none does.
    pub fn is_ping(&self) -> bool {
        self.event_type == Self::PING
    }
}

/// An event about to be appended: its facts and the JSON text that rules will look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What is kept for ever.
    pub facts: EventFacts,
    /// JSON text of `data`; known to parse within the limits of `json::check`.
    pub data: Bytes,
    /// SHA-256 of `data` where it is not the raw body; `None` where it is, so that no body is hashed twice.
    pub data_digest: Option<Digest>,
}

/// An event as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the log.
    pub position: Position,
    /// What is kept for ever.
    pub facts: EventFacts,
    /// JSON text of `data`; `None` once retention has pruned it.
    pub data: Option<Bytes>,
}

/// An event as rules, templates and the API see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// What is kept for ever.
    #[serde(flatten)]
    pub facts: EventFacts,
    /// The body, parsed. `null` once retention has pruned it.
    pub data: Value,
}

impl TryFrom<&StoredEvent> for Event {
    type Error = serde_json::Error;

    fn try_from(stored: &StoredEvent) -> Result<Self, Self::Error> {
        let data = stored
            .data
            .as_deref()
            .map_or(Ok(Value::Null), serde_json::from_slice)?;
        Ok(Self {
            facts: stored.facts.clone(),
            data,
        })
    }
}
