//! Jenkins, through its Notification plugin (plugins.jenkins.io/notification) or any step that posts JSON.

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

/// The source `jenkins`. The plugin sends no id and repeats a failed notification byte for byte, so the digest of the
/// body is the delivery's id: a build's number would come again when a job is created anew.
pub(crate) const KIND: SourceKind = SourceKind {
    name: "jenkins",
    max_body_bytes: 5 * 1024 * 1024,
    build,
    schema: |generator| generator.subschema_for::<UnsignedSettings>(),
    sign: |outgoing| Ok(sign(outgoing)),
    samples: &[Sample {
        event: "build.completed",
        body: include_str!("../../../../fixtures/jenkins/build.completed.json"),
    }],
};

const SECRET_HEADER: &str = "x-jenkins-token";

const PLACES: Places = Places {
    source: "jenkins",
    headers: &[SECRET_HEADER, "token"],
    bearer: true,
    basic: true,
    env: None,
};

const PHASE: &str = "build.phase";
const FIELDS: [&str; 11] = [
    PHASE,
    "build.status",
    "build.number",
    "build.full_url",
    "build.timestamp",
    "name",
    "eventType",
    "type",
    "event",
    "timestamp",
    "deliveryId",
];

struct Jenkins {
    verifier: Verifier,
    fields: Fields,
}

fn build(section: Option<&Value>, scope: &BuildScope<'_>) -> Built {
    Ok(Arc::new(Jenkins {
        verifier: PLACES.verifier(section, scope)?,
        fields: Fields::of(FIELDS),
    }))
}

impl WebhookSource for Jenkins {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        let verified = self.verifier.verify(delivery)?;
        require_json(delivery)?;
        let found = self.fields.read(delivery.body)?;
        let said = first_header(delivery, &DELIVERY_ID_HEADERS).map(Cow::Borrowed);
        Ok(Received {
            event_type: event_type(kind_of(&found)?)?,
            delivery_id: delivery_id(said.or_else(|| found.word("deliveryId")), delivery.body)?,
            timestamp: found.first_time(&["build.timestamp", "timestamp"]),
            verified,
            data: Cow::Borrowed(delivery.body),
            attributes: Attributes::default()
                .with("job", found.text("name"))
                .with("number", found.word("build.number"))
                .with("status", found.text("build.status"))
                .with("url", found.text("build.full_url"))
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

/// The plugin's phases QUEUED, STARTED, COMPLETED and FINALIZED become `build.queued` and so on; other posts say their
/// type themselves.
fn kind_of<'a>(found: &Found<'_, 'a>) -> Result<Cow<'a, str>, Refusal> {
    if let Some(phase) = found.text(PHASE) {
        return Ok(Cow::Owned(format!("build.{}", phase.to_lowercase())));
    }
    ["eventType", "type", "event"]
        .iter()
        .find_map(|path| found.text(path))
        .ok_or_else(|| Refusal::Malformed("neither `build.phase` nor `eventType` is in the body".to_owned()))
}

fn sign(outgoing: &Outgoing<'_>) -> Headers {
    let mut headers = json_headers(&[("x-delivery-id", outgoing.delivery_id)]);
    if let Some(secret) = outgoing.secret {
        headers.push((SECRET_HEADER.to_owned(), secret.expose_secret().to_owned()));
    }
    headers
}
