//! Make.com, sending through the HTTP module of a scenario.
//!
//! Make documents no event subscription and no signing: what arrives is what the scenario's author builds. So the type
//! is taken from the usual places in the body, and a shared secret from a header that the author sets.

use std::{borrow::Cow, sync::Arc};

use pilotage_core::ports::{Delivery, Received, Refusal, WebhookSource};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{
    sources::{
        BuildScope, Headers, Outgoing, Sample, SourceKind,
        fields::{Fields, Found},
        payload::{Attributes, DELIVERY_ID_HEADERS, delivery_id, event_type, first_header, require_json},
        sending::json_headers,
        settings::{Built, Places, UnsignedSettings},
    },
    verification::Verifier,
};

/// The source `make`. Max body is 5 MB, as Make's own webhooks have it.
pub(crate) const KIND: SourceKind = SourceKind {
    name: "make",
    max_body_bytes: 5 * 1024 * 1024,
    build,
    schema: |generator| generator.subschema_for::<UnsignedSettings>(),
    sign: |outgoing| Ok(sign(outgoing)),
    samples: &[Sample {
        event: "scenario.executed",
        body: include_str!("../../../../fixtures/make/scenario.executed.json"),
    }],
};

const SECRET_HEADER: &str = "x-make-secret";

const PLACES: Places = Places {
    source: "make",
    headers: &[SECRET_HEADER],
    bearer: true,
    basic: false,
    env: Some("MAKE_WEBHOOK_SECRET"),
};

const TYPES: [&str; 3] = ["eventType", "event", "type"];
const TIMES: [&str; 4] = ["timestamp", "occurredAt", "finishedAt", "executedAt"];
const ABOUT: [&str; 5] = [
    "deliveryId",
    "executionId",
    "data.executionId",
    "scenarioId",
    "data.scenarioId",
];

struct Make {
    verifier: Verifier,
    fields: Fields,
}

fn build(section: Option<&Value>, scope: &BuildScope<'_>) -> Built {
    Ok(Arc::new(Make {
        verifier: PLACES.verifier(section, scope)?,
        fields: Fields::of(TYPES.into_iter().chain(TIMES).chain(ABOUT)),
    }))
}

impl WebhookSource for Make {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        let verified = self.verifier.verify(delivery)?;
        require_json(delivery)?;
        let found = self.fields.read(delivery.body)?;
        let kind = TYPES
            .iter()
            .find_map(|path| found.text(path))
            .unwrap_or(Cow::Borrowed("make.webhook"));
        let said = first_header(delivery, &DELIVERY_ID_HEADERS).map(Cow::Borrowed);
        let id = said.or_else(|| identity(&found, &kind));
        Ok(Received {
            event_type: event_type(kind)?,
            delivery_id: delivery_id(id, delivery.body)?,
            timestamp: found.first_time(&TIMES),
            verified,
            data: Cow::Borrowed(delivery.body),
            attributes: Attributes::default()
                .with("scenarioId", found.first_word(&["scenarioId", "data.scenarioId"]))
                .with(
                    "executionId",
                    found.first_word(&["executionId", "data.executionId"]),
                )
                .done(),
        })
    }

    fn verifies(&self) -> bool {
        self.verifier.verifies()
    }

    fn unverified_only_locally(&self) -> bool {
        self.verifier.unverified_only_locally()
    }
}

/// `deliveryId` as it is. An execution's id only for events about the execution itself, of which there is one of each
/// type: a scenario that sends one request for each bundle sends them all under one execution id, and taking that for
/// the delivery's would drop all but the first. A bare `id` is some record's and is not used.
fn identity<'a>(found: &Found<'_, 'a>, kind: &str) -> Option<Cow<'a, str>> {
    found.word("deliveryId").or_else(|| {
        let execution = found.first_word(&["executionId", "data.executionId"])?;
        kind.starts_with("scenario.")
            .then(|| Cow::Owned(format!("{kind} {execution}")))
    })
}

fn sign(outgoing: &Outgoing<'_>) -> Headers {
    let mut headers = json_headers(&[
        ("user-agent", "Make/pilotage"),
        ("x-delivery-id", outgoing.delivery_id),
    ]);
    if let Some(secret) = outgoing.secret {
        headers.push((SECRET_HEADER.to_owned(), secret.expose_secret().to_owned()));
    }
    headers
}
