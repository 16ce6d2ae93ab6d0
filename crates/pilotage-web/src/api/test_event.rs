use std::collections::BTreeMap;

use pilotage_core::{Digest, Event, EventFacts, EventId, TenantId, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An event that was never received, to ask rules about. What the API shows of events can be sent as it is; what rules do
/// not ask for is passed over.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestEvent {
    /// The webhook source.
    source: String,
    /// The source's own word for what happened.
    #[serde(rename = "type")]
    event_type: String,
    /// Whose it is; `default` where nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tenant: TenantId,
    /// The sender's identity for this delivery.
    #[serde(default)]
    delivery_id: String,
    /// When it happened; now, where nothing is said.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Timestamp>,
    /// When it was received; now, where nothing is said.
    #[schema(value_type = Option<String>, format = DateTime)]
    received_at: Option<Timestamp>,
    /// Whether a secret was checked.
    #[serde(default)]
    verified: bool,
    /// Protocol facts beside the body.
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    data: Value,
}

impl From<TestEvent> for Event {
    fn from(event: TestEvent) -> Self {
        let now = Timestamp::now();
        let facts = EventFacts {
            id: EventId::fresh(),
            tenant: event.tenant,
            source: event.source,
            event_type: event.event_type,
            delivery_id: event.delivery_id,
            timestamp: event.timestamp.unwrap_or(now),
            received_at: event.received_at.unwrap_or(now),
            verified: event.verified,
            attributes: event.attributes,
            digest: Digest::of(event.data.to_string().as_bytes()),
        };
        Self {
            facts,
            data: event.data,
        }
    }
}
