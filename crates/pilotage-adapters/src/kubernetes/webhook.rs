//! Kubernetes events, posted by an exporter or a controller: objects of core/v1 or events.k8s.io/v1, bare or in a watch's
//! envelope, and plain posts that say their own type.

use std::{borrow::Cow, sync::Arc};

use pilotage_core::ports::{Delivery, Received, Refusal, WebhookSource};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

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

/// The source `kubernetes`. An Event's delivery id is its `uid` and how often it was seen, because the same object is
/// sent again with a higher count; its type is `<kind>.<reason>`, with the words of CamelCase joined by hyphens
/// (`pod.back-off`), except for what `KNOWN` names.
pub(crate) const KIND: SourceKind = SourceKind {
    name: "kubernetes",
    max_body_bytes: 5 * 1024 * 1024,
    build,
    schema: |generator| generator.subschema_for::<UnsignedSettings>(),
    sign: |outgoing| Ok(sign(outgoing)),
    samples: &[
        Sample {
            event: "deployment.failed",
            body: include_str!("../../../../fixtures/kubernetes/deployment.failed.json"),
        },
        Sample {
            event: "pod.back-off",
            body: include_str!("../../../../fixtures/kubernetes/event.json"),
        },
    ],
};

const PLACES: Places = Places {
    source: "kubernetes",
    headers: &["x-kubernetes-token"],
    bearer: true,
    basic: true,
    env: None,
};

/// Reasons of Deployments that mean one of two things, and which. From the deployment controller: its events
/// (`ReplicaSetCreateError`, ...) and the reasons of its conditions (`ProgressDeadlineExceeded`, ...), which exporters
/// send as events too.
const KNOWN: [(&str, &str, &str); 8] = [
    ("Deployment", "ProgressDeadlineExceeded", "deployment.failed"),
    ("Deployment", "ReplicaSetCreateError", "deployment.failed"),
    ("Deployment", "FailedCreate", "deployment.failed"),
    ("Deployment", "FailedUpdate", "deployment.failed"),
    ("Deployment", "SelectorOverlap", "deployment.failed"),
    (
        "Deployment",
        "DeploymentRollbackRevisionNotFound",
        "deployment.failed",
    ),
    ("Deployment", "NewReplicaSetAvailable", "deployment.succeeded"),
    ("Deployment", "MinimumReplicasAvailable", "deployment.available"),
];

const FIELDS: [&str; 28] = [
    "type",
    "eventType",
    "event",
    "reason",
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "metadata.uid",
    "metadata.resourceVersion",
    "metadata.namespace",
    "metadata.creationTimestamp",
    "count",
    "series.count",
    "series.lastObservedTime",
    "deprecatedCount",
    "lastTimestamp",
    "eventTime",
    "deprecatedLastTimestamp",
    "timestamp",
    "namespace",
    "name",
    "kind",
    "deliveryId",
    "object.metadata.uid",
    "object.reason",
];

const TIMES: [&str; 6] = [
    "series.lastObservedTime",
    "lastTimestamp",
    "deprecatedLastTimestamp",
    "eventTime",
    "metadata.creationTimestamp",
    "timestamp",
];

struct Kubernetes {
    verifier: Verifier,
    fields: Fields,
}

fn build(section: Option<&Value>, scope: &BuildScope<'_>) -> Built {
    Ok(Arc::new(Kubernetes {
        verifier: PLACES.verifier(section, scope)?,
        fields: Fields::of(FIELDS),
    }))
}

/// What a watch sends: `{"type":"ADDED","object":{...}}`.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    object: &'a RawValue,
}

impl WebhookSource for Kubernetes {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        let verified = self.verifier.verify(delivery)?;
        require_json(delivery)?;
        let found = self.fields.read(delivery.body)?;
        let change = found.text("type");
        let received = match change.as_deref() {
            Some("ADDED" | "MODIFIED") if found.has("object.metadata.uid") || found.has("object.reason") => {
                let envelope: Envelope<'a> = serde_json::from_slice(delivery.body)
                    .map_err(|error| Refusal::Malformed(format!("not a watch's envelope: {error}")))?;
                let object = envelope.object.get().as_bytes();
                translate(&self.fields.read(object)?, delivery, object)?
            }
            _ => translate(&found, delivery, delivery.body)?,
        };
        Ok(Received { verified, ..received })
    }

    fn verifies(&self) -> bool {
        self.verifier.verifies()
    }

    fn unverified_only_locally(&self) -> bool {
        self.verifier.unverified_only_locally()
    }
}

fn translate<'a>(
    found: &Found<'_, 'a>,
    delivery: &Delivery<'a>,
    data: &'a [u8],
) -> Result<Received<'a>, Refusal> {
    let said = first_header(delivery, &DELIVERY_ID_HEADERS).map(Cow::Borrowed);
    let said = said.or_else(|| found.word("deliveryId"));
    let object = found.first_word(&["involvedObject.kind", "regarding.kind"]);
    let (kind, id) = match (&object, found.text("reason")) {
        (Some(object), Some(reason)) => (type_of(object, &reason), said.or_else(|| sighting(found))),
        _ => (plain_type(found)?, said),
    };
    let namespaces = [
        "involvedObject.namespace",
        "regarding.namespace",
        "metadata.namespace",
        "namespace",
    ];
    Ok(Received {
        event_type: event_type(kind)?,
        delivery_id: delivery_id(id, data)?,
        timestamp: found.first_time(&TIMES),
        verified: false,
        data: Cow::Borrowed(data),
        attributes: Attributes::default()
            .with("namespace", found.first_word(&namespaces))
            .with(
                "name",
                found.first_word(&["involvedObject.name", "regarding.name", "name"]),
            )
            .with("kind", object.or_else(|| found.text("kind")))
            .with("reason", found.text("reason"))
            .done(),
    })
}

fn plain_type<'a>(found: &Found<'_, 'a>) -> Result<Cow<'a, str>, Refusal> {
    ["eventType", "type", "event"]
        .iter()
        .find_map(|path| found.text(path))
        .ok_or_else(|| {
            Refusal::Malformed(
                "neither an Event (`involvedObject` or `regarding`, and `reason`) nor a `type`".to_owned(),
            )
        })
}

fn type_of<'a>(object: &str, reason: &str) -> Cow<'a, str> {
    let known = KNOWN
        .iter()
        .find(|(kind, why, _)| *kind == object && *why == reason);
    match known {
        Some((_, _, name)) => Cow::Borrowed(*name),
        None => Cow::Owned(format!("{}.{}", object.to_lowercase(), hyphenated(reason))),
    }
}

/// `CrashLoopBackOff` is `crash-loop-back-off`; a run of capitals stays together, so that `DNSConfigForming` is
/// `dns-config-forming`.
fn hyphenated(reason: &str) -> String {
    let mut text = String::with_capacity(reason.len());
    let mut letters = reason.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(letter) = letters.next() {
        let starts_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase())
            });
        if starts_word {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
        before = Some(letter);
    }
    text
}

/// `uid` with the count, or with the version where an Event is not counted.
fn sighting<'a>(found: &Found<'_, 'a>) -> Option<Cow<'a, str>> {
    let uid = found.text("metadata.uid")?;
    let counted = found.first_word(&["series.count", "count", "deprecatedCount"]);
    match counted.or_else(|| found.word("metadata.resourceVersion")) {
        Some(seen) => Some(Cow::Owned(format!("{uid}:{seen}"))),
        None => Some(uid),
    }
}

fn sign(outgoing: &Outgoing<'_>) -> Headers {
    let mut headers = json_headers(&[("x-delivery-id", outgoing.delivery_id)]);
    headers.extend(outgoing.bearer());
    headers
}
