//! CloudEvents 1.0 over HTTP (github.com/cloudevents/spec, "HTTP protocol binding"): binary and structured mode.

use std::{borrow::Cow, collections::BTreeMap};

use percent_encoding::percent_decode_str;
use pilotage_core::{
    Timestamp,
    ports::{Delivery, Refusal},
};
use serde_json::value::RawValue;

use crate::{
    sources::{
        fields::parse_time,
        payload::{Attributes, MAX_WORD_BYTES},
    },
    verification::{MAX_HEADER_BYTES, header, is_presented},
};

/// Most context attributes that are kept.
const MAX_ATTRIBUTES: usize = 32;

/// The context of one `CloudEvent`: what it is, beside its data.
pub(super) struct CloudEvent<'a> {
    context: BTreeMap<String, String>,
    /// JSON text of the data; `null` where the event has none.
    pub(super) data: Cow<'a, [u8]>,
}

impl<'a> CloudEvent<'a> {
    /// Whether the headers are those of the binary mode.
    pub(super) fn is_binary(delivery: &Delivery<'_>) -> bool {
        is_presented(delivery, "ce-specversion")
    }

    /// Binary mode: the context is in the headers `ce-*`, percent-encoded; the body is the data.
    pub(super) fn binary(delivery: &Delivery<'a>) -> Result<Self, Refusal> {
        let mut context = BTreeMap::new();
        for (name, _) in delivery.headers {
            let Some(attribute) = name.strip_prefix("ce-") else {
                continue;
            };
            let value = header(delivery, name).ok_or_else(|| {
                Refusal::Malformed(format!(
                    "a `ce-` header is empty, repeated, no UTF-8 or longer than {MAX_HEADER_BYTES} bytes"
                ))
            })?;
            context.insert(attribute.to_owned(), decoded(value)?);
            bounded(&context)?;
        }
        let data = if delivery.body.is_empty() {
            Cow::Borrowed(&b"null"[..])
        } else {
            Cow::Borrowed(delivery.body)
        };
        Self { context, data }.checked()
    }

    /// Structured mode: one JSON object holds the context and, as `data`, the data. An event with `data_base64` or
    /// without data is kept whole, because there is no JSON to take out of it.
    pub(super) fn structured(body: &'a [u8]) -> Result<Self, Refusal> {
        let members: BTreeMap<Cow<'a, str>, &'a RawValue> = serde_json::from_slice(body)
            .map_err(|error| Refusal::Malformed(format!("not a CloudEvent in JSON: {error}")))?;
        let mut context = BTreeMap::new();
        let mut data = Cow::Borrowed(body);
        for (name, value) in members {
            if name == "data" {
                data = Cow::Borrowed(value.get().as_bytes());
            } else if let Some(text) = scalar(value) {
                context.insert(name.into_owned(), text);
                bounded(&context)?;
            }
        }
        Self { context, data }.checked()
    }

    fn checked(self) -> Result<Self, Refusal> {
        if self.get("specversion") != Some("1.0") {
            return Err(Refusal::Malformed(
                "`specversion` of the CloudEvent is not 1.0".to_owned(),
            ));
        }
        for required in ["id", "source", "type"] {
            if self.get(required).is_none_or(str::is_empty) {
                return Err(Refusal::Malformed(format!("the CloudEvent has no `{required}`")));
            }
        }
        // `source` is a URI reference, which has no spaces; joining it with the id by one is unambiguous only then.
        if self
            .get("source")
            .is_some_and(|source| source.contains(char::is_whitespace))
        {
            return Err(Refusal::Malformed(
                "`source` of the CloudEvent has white space in it".to_owned(),
            ));
        }
        Ok(self)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.context.get(name).map(String::as_str)
    }

    pub(super) fn event_type(&self) -> String {
        self.get("type").unwrap_or_default().to_owned()
    }

    /// Source and id together are what makes a `CloudEvent` unique.
    pub(super) fn delivery_id(&self) -> String {
        let part = |name| self.get(name).unwrap_or_default();
        format!("{} {}", part("source"), part("id"))
    }

    pub(super) fn time(&self) -> Option<Timestamp> {
        parse_time(self.get("time")?)
    }

    /// The whole context but what the event says in fields of its own.
    pub(super) fn attributes(&self) -> BTreeMap<String, String> {
        self.context
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "type" | "time" | "specversion"))
            .fold(Attributes::default(), |attributes, (name, value)| {
                attributes.with(name, Some(value))
            })
            .done()
    }
}

fn decoded(value: &str) -> Result<String, Refusal> {
    percent_decode_str(value)
        .decode_utf8()
        .map(Cow::into_owned)
        .map_err(|_| Refusal::Malformed("a `ce-` header is not percent-encoded UTF-8".to_owned()))
}

fn bounded(context: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let named = context
        .keys()
        .all(|name| !name.is_empty() && name.len() <= MAX_WORD_BYTES);
    if context.len() <= MAX_ATTRIBUTES && named {
        Ok(())
    } else {
        Err(Refusal::Malformed(format!(
            "more than {MAX_ATTRIBUTES} context attributes, or one with a bad name"
        )))
    }
}

/// Strings as they are, numbers and booleans as text; extensions are never objects or arrays.
fn scalar(value: &RawValue) -> Option<String> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(text.to_owned()),
    }
}
