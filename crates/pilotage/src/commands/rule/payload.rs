//! A bare payload as the event that its sender would make of it.

use std::collections::BTreeMap;

use pilotage_adapters::sources::{self, BuildScope, Configured};
use pilotage_core::{
    Timestamp,
    ports::{Delivery, Received},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    commands::webhook::NAMED_BY_HEADER,
    exit::usage,
    output::{clean, remark},
};

/// The JSON form of the event. A payload of a known source goes through that source's own translation, so that type,
/// attributes and data are what a delivery would bring; one of a custom source is taken as it is.
///
/// # Errors
/// The type is neither given nor in the payload, or the source would refuse the payload.
pub(super) fn event(source: &str, event_type: Option<&str>, body: &[u8]) -> anyhow::Result<Value> {
    let known = sources::kinds().iter().any(|kind| kind.name == source);
    match event_type {
        None if !known => Err(usage(format!(
            "`{source}` is no built-in source: say with --type which event the payload stands for"
        ))),
        None if NAMED_BY_HEADER.contains(&source) => Err(usage(format!(
            "{source} names the event in a header: pass --type, for example --type push"
        ))),
        Some(event_type) if !known => {
            let data: Value = serde_json::from_slice(body)?;
            Ok(json!({ "source": source, "type": event_type, "data": data }))
        }
        event_type => translated(source, event_type, body),
    }
}

/// Signs the payload with a secret that lives as long as this call, and hands it to a source that knows it.
fn translated(source: &str, event_type: Option<&str>, body: &[u8]) -> anyhow::Result<Value> {
    let secret = Uuid::new_v4().to_string();
    let built = build(source, &secret)?;
    let now = Timestamp::now();
    let signed = sources::sign(
        source,
        event_type.unwrap_or_default(),
        body,
        Some(&SecretString::from(secret)),
        "test",
        now,
    )?;
    let headers: Vec<(&str, &[u8])> = signed
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let delivery = Delivery {
        headers: &headers,
        body,
        now,
    };
    let received = built.source.receive(&delivery);
    let received =
        received.map_err(|refusal| usage(format!("{source} would refuse this payload: {refusal}")))?;
    if let Some(given) = event_type.filter(|given| *given != received.event_type) {
        remark(format_args!(
            "{source} makes `{}` of this payload, whatever --type {} says.",
            clean(&received.event_type),
            clean(given)
        ));
    }
    as_event(source, &received)
}

fn build(source: &str, secret: &str) -> anyhow::Result<Configured> {
    let config = BTreeMap::from([(source.to_owned(), json!({ "secrets": [secret] }))]);
    let scope = BuildScope {
        env: &|_| None,
        read_file: &|_| Err("no file is read here".to_owned()),
        loopback_only: true,
    };
    sources::build_all(&config, &scope)
        .ok()
        .and_then(|mut built| built.remove(source))
        .ok_or_else(|| {
            anyhow::anyhow!("{source} cannot be built with a secret alone: this is a bug in Pilotage")
        })
}

fn as_event(source: &str, received: &Received<'_>) -> anyhow::Result<Value> {
    let data: Value = serde_json::from_slice(&received.data)?;
    Ok(json!({
        "source": source, "type": received.event_type, "deliveryId": received.delivery_id,
        "timestamp": received.timestamp, "verified": received.verified, "attributes": received.attributes, "data": data,
    }))
}
