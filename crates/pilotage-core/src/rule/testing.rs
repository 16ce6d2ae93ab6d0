//! What the tests of rules share.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Rule;
use crate::{Digest, Event, EventFacts, EventId, TenantId, Timestamp};

/// An event of this source and type, with one attribute.
pub(super) fn event(source: &str, event_type: &str, data: Value) -> Event {
    Event {
        facts: EventFacts {
            id: EventId(uuid::Uuid::nil()),
            tenant: TenantId::default(),
            source: source.to_owned(),
            event_type: event_type.to_owned(),
            delivery_id: "d-1".to_owned(),
            timestamp: Timestamp::from_secs(1_790_000_000),
            received_at: Timestamp::from_secs(1_790_000_001),
            verified: true,
            attributes: BTreeMap::from([("hookId".to_owned(), "1".to_owned())]),
            digest: Digest::ZERO,
        },
        data,
    }
}

/// A rule with this trigger and one action.
pub(super) fn rule(id: &str, trigger: &Value) -> Rule {
    serde_json::from_value(serde_json::json!({
        "id": id,
        "trigger": trigger,
        "actions": [{"type": "webhook", "target": "https://example.com"}],
    }))
    .unwrap()
}
