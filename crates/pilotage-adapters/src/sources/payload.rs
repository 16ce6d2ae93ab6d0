//! What the translations of all sources share: content types, identities, attributes.

use std::{borrow::Cow, collections::BTreeMap};

use percent_encoding::percent_decode;
use pilotage_core::{
    Digest,
    ports::{Delivery, Refusal},
};
use serde_json::{Map, Value};

use crate::verification::{header, is_presented};

/// Longest delivery id, event type and attribute, in bytes.
pub(crate) const MAX_WORD_BYTES: usize = 512;

/// Headers in which senders of plain JSON name the delivery.
pub(crate) const DELIVERY_ID_HEADERS: [&str; 3] = ["webhook-id", "idempotency-key", "x-delivery-id"];

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// `application/json`, anything with `+json`, or not said.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/cloudevents+json`.
    CloudEvent,
}

/// What the content type says; another one than these is refused.
pub(crate) fn content(delivery: &Delivery<'_>) -> Result<Content, Refusal> {
    let Some(value) = header(delivery, "content-type") else {
        return if is_presented(delivery, "content-type") {
            Err(Refusal::UnsupportedType(
                "the content type is repeated or too long".to_owned(),
            ))
        } else {
            Ok(Content::Json)
        };
    };
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "application/cloudevents+json" => Ok(Content::CloudEvent),
        "application/cloudevents-batch+json" => Err(Refusal::Malformed(
            "batches of CloudEvents are not taken: send each event by itself".to_owned(),
        )),
        "application/x-www-form-urlencoded" => Ok(Content::Form),
        json if json == "application/json" || (json.contains('/') && json.ends_with("+json")) => {
            Ok(Content::Json)
        }
        _ => Err(Refusal::UnsupportedType(
            "the content type must be application/json".to_owned(),
        )),
    }
}

/// Refuses everything that is not JSON.
pub(crate) fn require_json(delivery: &Delivery<'_>) -> Result<(), Refusal> {
    match content(delivery)? {
        Content::Json => Ok(()),
        Content::Form | Content::CloudEvent => Err(Refusal::UnsupportedType(
            "the content type must be application/json".to_owned(),
        )),
    }
}

/// The member of a form, decoded; the form must have it exactly once.
pub(crate) fn form_member(body: &[u8], name: &str) -> Result<Vec<u8>, Refusal> {
    let mut values = form(body).filter(|(key, _)| key == name.as_bytes());
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Ok(value),
        _ => Err(Refusal::Malformed(format!(
            "the form must have `{name}` exactly once"
        ))),
    }
}

/// A form as a JSON object of strings: its `payload` as JSON where it has one, as Slack's interactions and Gitea do.
pub(crate) fn form_as_json(body: &[u8]) -> Result<Vec<u8>, Refusal> {
    if form(body).any(|(key, _)| key == b"payload") {
        return form_member(body, "payload");
    }
    let mut object = Map::new();
    for (key, value) in form(body) {
        let (Ok(key), Ok(value)) = (String::from_utf8(key), String::from_utf8(value)) else {
            return Err(Refusal::Malformed("the form is not UTF-8".to_owned()));
        };
        object.insert(key, Value::String(value));
    }
    Ok(Value::Object(object).to_string().into_bytes())
}

fn form(body: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    body.split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let mut next = || decode_form(halves.next().unwrap_or_default());
            (next(), next())
        })
}

fn decode_form(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|&byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    percent_decode(&spaced).collect()
}

/// The first of the headers that is there.
pub(crate) fn first_header<'a>(delivery: &Delivery<'a>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| header(delivery, name))
}

/// A header without which the delivery cannot be understood.
pub(crate) fn required_header<'a>(delivery: &Delivery<'a>, name: &str) -> Result<&'a str, Refusal> {
    header(delivery, name).ok_or_else(|| {
        Refusal::Malformed(format!(
            "the header `{name}` is missing, empty, repeated or too long"
        ))
    })
}

/// An event type within its bounds.
pub(crate) fn event_type(text: Cow<'_, str>) -> Result<Cow<'_, str>, Refusal> {
    if text.is_empty() || text.len() > MAX_WORD_BYTES || has_control(&text) {
        return Err(Refusal::Malformed(format!(
            "the event type must have 1 to {MAX_WORD_BYTES} bytes and no control characters"
        )));
    }
    Ok(text)
}

/// The delivery's identity: what the sender says, its digest where that is too long, or the digest of the body where
/// the sender says nothing.
pub(crate) fn delivery_id<'a>(said: Option<Cow<'a, str>>, body: &[u8]) -> Result<Cow<'a, str>, Refusal> {
    match said.filter(|id| !id.is_empty()) {
        None => Ok(digest_id(body)),
        Some(id) if has_control(&id) => Err(Refusal::Malformed(
            "the delivery id must not have control characters".to_owned(),
        )),
        Some(id) if id.len() > MAX_WORD_BYTES => Ok(digest_id(id.as_bytes())),
        Some(id) => Ok(id),
    }
}

/// `sha256:` and the digest, as a delivery id.
pub(crate) fn digest_id(bytes: &[u8]) -> Cow<'static, str> {
    Cow::Owned(format!("sha256:{}", Digest::of(bytes)))
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Protocol facts beside the body. What is empty, too long or has control characters is left out.
#[derive(Default)]
pub(crate) struct Attributes(BTreeMap<String, String>);

impl Attributes {
    pub(crate) fn with(mut self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        if let Some(value) = value {
            let value = value.as_ref();
            if !value.is_empty() && value.len() <= MAX_WORD_BYTES && !has_control(value) {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
        self
    }

    pub(crate) fn done(self) -> BTreeMap<String, String> {
        self.0
    }
}
