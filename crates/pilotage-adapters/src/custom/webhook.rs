//! A source that the configuration declares.

use std::{borrow::Cow, sync::Arc};

use pilotage_core::{
    Timestamp,
    config::Problem,
    ports::{Delivery, Received, Refusal, WebhookSource},
};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;

use super::cloud_event::CloudEvent;
use crate::{
    sources::{
        BuildScope, Headers, Outgoing, SignError,
        fields::{Fields, Found, check_path, parse_time},
        payload::{Attributes, Content, content, delivery_id, event_type, first_header, form_as_json},
        sending::json_headers,
        settings::{Built, read},
    },
    verification::{
        Algorithm, Encoding, MacKey, VerificationSettings, Verifier, header, header_name, verifier,
    },
};

/// Longest body of a custom source unless `maxBodyBytes` says otherwise.
pub(crate) const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// A custom source. It must choose how deliveries are verified, even if that is `none`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CustomSettings {
    /// How deliveries are verified.
    #[schemars(with = "VerificationSettings")]
    verification: Option<Value>,
    /// Where the type is. Where this is not given: the `CloudEvent`'s `type`; the headers `X-Event-Key`, `X-Gitea-Event`,
    /// `X-Event-Type`; the body's `type`, `event` or `eventType`; else the type is `webhook`.
    event_type: Option<PlaceSettings>,
    /// Where the delivery's identity is. Where this is not given: the `CloudEvent`'s `source` and `id`; the headers
    /// `webhook-id`, `Idempotency-Key`, `X-Delivery-Id`, `X-Gitea-Delivery`, `X-Request-UUID`, `X-Request-Id`. Without
    /// any, the digest of the body stands in, so that two deliveries with equal bodies are one.
    delivery_id: Option<PlaceSettings>,
    /// Where the time is (RFC 3339 or Unix seconds). Where this is not given: the `CloudEvent`'s `time`; the header
    /// `webhook-timestamp`; the body's `timestamp` or `time`; else it is the time of receipt.
    timestamp: Option<PlaceSettings>,
}

/// A place in a delivery: a header or a path in the body.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlaceSettings {
    /// Name of a header.
    header: Option<String>,
    /// Path in the body, such as `event.name` or `items[0].id`.
    path: Option<String>,
}

enum Place {
    Header(String),
    Path(String),
}

const TYPE_HEADERS: [&str; 3] = ["x-event-key", "x-gitea-event", "x-event-type"];
const ID_HEADERS: [&str; 6] = [
    "webhook-id",
    "idempotency-key",
    "x-delivery-id",
    "x-gitea-delivery",
    "x-request-uuid",
    "x-request-id",
];
const TYPES: [&str; 3] = ["type", "event", "eventType"];
const TIMES: [&str; 2] = ["timestamp", "time"];

struct Custom {
    verifier: Verifier,
    event_type: Option<Place>,
    delivery_id: Option<Place>,
    timestamp: Option<Place>,
    fields: Fields,
}

/// Builds a custom source from its section. Pointers of problems are relative to it.
pub(crate) fn build(section: Option<&Value>, scope: &BuildScope<'_>) -> Built {
    let Some(section) = section else {
        return Err(undeclared());
    };
    let settings: CustomSettings = read(section)?;
    let Some(verification) = &settings.verification else {
        return Err(undeclared());
    };
    let verifier = verifier(verification, scope).map_err(|problems| -> Vec<Problem> {
        problems.into_iter().map(|p| p.under("/verification")).collect()
    })?;
    let event_type = place(settings.event_type, "/eventType")?;
    let delivery_id = place(settings.delivery_id, "/deliveryId")?;
    let timestamp = place(settings.timestamp, "/timestamp")?;
    let configured = [&event_type, &delivery_id, &timestamp]
        .into_iter()
        .filter_map(|place| match place {
            Some(Place::Path(path)) => Some(path.as_str()),
            _ => None,
        });
    let fields = Fields::of(TYPES.into_iter().chain(TIMES).chain(configured));
    Ok(Arc::new(Custom {
        verifier,
        event_type,
        delivery_id,
        timestamp,
        fields,
    }))
}

fn undeclared() -> Vec<Problem> {
    vec![
        Problem::at("", "a custom source must say how its deliveries are verified")
            .help("add `verification: {type: ...}`; `none` accepts what anyone sends"),
    ]
}

fn place(settings: Option<PlaceSettings>, pointer: &str) -> Result<Option<Place>, Vec<Problem>> {
    let Some(settings) = settings else { return Ok(None) };
    match (settings.header, settings.path) {
        (Some(header), None) => {
            header_name(&header, &format!("{pointer}/header")).map(|name| Some(Place::Header(name)))
        }
        (None, Some(path)) => match check_path(&path) {
            Ok(()) => Ok(Some(Place::Path(path))),
            Err(why) => Err(vec![Problem::at(format!("{pointer}/path"), why)]),
        },
        _ => Err(vec![Problem::at(pointer, "must have either `header` or `path`")]),
    }
}

impl Place {
    fn word<'a>(&self, delivery: &Delivery<'a>, found: &Found<'_, '_>) -> Option<Cow<'a, str>> {
        match self {
            Self::Header(name) => header(delivery, name).map(Cow::Borrowed),
            Self::Path(path) => found.word(path).map(|word| Cow::Owned(word.into_owned())),
        }
    }

    fn time(&self, delivery: &Delivery<'_>, found: &Found<'_, '_>) -> Option<Timestamp> {
        match self {
            Self::Header(name) => header(delivery, name).and_then(header_time),
            Self::Path(path) => found.time(path),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Header(name) => format!("the header `{name}`"),
            Self::Path(path) => format!("`{path}` in the body"),
        }
    }
}

fn header_time(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(secs) => Some(Timestamp::from_secs(secs)),
        Err(_) => parse_time(text),
    }
}

impl WebhookSource for Custom {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        let verified = self.verifier.verify(delivery)?;
        let content = content(delivery)?;
        let whole: Cow<'a, [u8]> = match content {
            Content::Form => Cow::Owned(form_as_json(delivery.body)?),
            _ if delivery.body.is_empty() && CloudEvent::is_binary(delivery) => Cow::Borrowed(b"null"),
            _ => Cow::Borrowed(delivery.body),
        };
        let found = self.fields.read(&whole)?;
        let event = match content {
            Content::CloudEvent => Some(CloudEvent::structured(delivery.body)?),
            Content::Json if CloudEvent::is_binary(delivery) => Some(CloudEvent::binary(delivery)?),
            Content::Json | Content::Form => None,
        };
        let kind = event_type(self.type_of(delivery, &found, event.as_ref())?)?;
        let id = delivery_id(self.id_of(delivery, &found, event.as_ref()), delivery.body)?;
        let timestamp = self.time_of(delivery, &found, event.as_ref());
        drop(found);
        let (data, attributes) = match event {
            Some(event) => (event.data.clone(), event.attributes()),
            None => (whole, Attributes::default().done()),
        };
        Ok(Received {
            event_type: kind,
            delivery_id: id,
            timestamp,
            verified,
            data,
            attributes,
        })
    }

    fn verifies(&self) -> bool {
        self.verifier.verifies()
    }
}

impl Custom {
    /// Where the configuration names a place, a delivery without a type there is not what this source sends.
    fn type_of<'a>(
        &self,
        delivery: &Delivery<'a>,
        found: &Found<'_, '_>,
        event: Option<&CloudEvent<'_>>,
    ) -> Result<Cow<'a, str>, Refusal> {
        if let Some(place) = &self.event_type {
            return place.word(delivery, found).ok_or_else(|| {
                Refusal::Malformed(format!("no event type: {} is missing or empty", place.describe()))
            });
        }
        let in_header = || first_header(delivery, &TYPE_HEADERS).map(Cow::Borrowed);
        let in_body = || TYPES.iter().find_map(|path| found.text(path));
        Ok(event
            .map(|event| Cow::Owned(event.event_type()))
            .or_else(in_header)
            .or_else(|| in_body().map(|text| Cow::Owned(text.into_owned())))
            .unwrap_or(Cow::Borrowed("webhook")))
    }

    fn id_of<'a>(
        &self,
        delivery: &Delivery<'a>,
        found: &Found<'_, '_>,
        event: Option<&CloudEvent<'_>>,
    ) -> Option<Cow<'a, str>> {
        match &self.delivery_id {
            Some(place) => place.word(delivery, found),
            None => event
                .map(|event| Cow::Owned(event.delivery_id()))
                .or_else(|| first_header(delivery, &ID_HEADERS).map(Cow::Borrowed)),
        }
    }

    fn time_of(
        &self,
        delivery: &Delivery<'_>,
        found: &Found<'_, '_>,
        event: Option<&CloudEvent<'_>>,
    ) -> Option<Timestamp> {
        match (&self.timestamp, event) {
            (Some(place), _) => place.time(delivery, found),
            (None, Some(event)) => event.time(),
            (None, None) => header(delivery, "webhook-timestamp")
                .and_then(header_time)
                .or_else(|| found.first_time(&TIMES)),
        }
    }
}

/// As a sender of Standard Webhooks does it.
pub(crate) fn sign_standard_webhooks(outgoing: &Outgoing<'_>) -> Result<Headers, SignError> {
    let mut headers = json_headers(&[]);
    match outgoing.secret {
        Some(secret) => headers.extend(outgoing.standard_webhooks(secret)?),
        None => headers.push(("webhook-id".to_owned(), outgoing.delivery_id.to_owned())),
    }
    headers.extend(outgoing.type_header());
    Ok(headers)
}

/// `X-Hub-Signature-256: sha256=<hex>`, as Bitbucket, Gitea and many others do it.
pub(crate) fn sign_hmac_sha256(outgoing: &Outgoing<'_>) -> Result<Headers, SignError> {
    let mut headers = json_headers(&[("x-delivery-id", outgoing.delivery_id)]);
    if let Some(secret) = outgoing.secret {
        let tag = MacKey::new(Algorithm::Sha256, secret.expose_secret().as_bytes())?.tag(&[outgoing.body]);
        headers.push((
            "x-hub-signature-256".to_owned(),
            format!("sha256={}", Encoding::Hex.encode(&tag)),
        ));
    }
    headers.extend(outgoing.type_header());
    Ok(headers)
}
