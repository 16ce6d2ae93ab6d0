//! The webhook sources, from outside: configuration in, deliveries in, events or refusals out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use pilotage_adapters::sources::{BuildScope, Configured, Headers, Sample, build_all, kinds, sign};
use pilotage_core::{
    Timestamp,
    config::Problem,
    ports::{Delivery, Received, Refusal, WebhookSource},
};
use secrecy::SecretString;
use serde_json::Value;

mod configuration;
mod custom;
mod examples;
mod hostile;
mod known;
mod schemes;
mod vendors;

/// The moment of every delivery unless a test says otherwise.
const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// Builds the section `sources` with these environment variables.
fn build(
    section: &Value,
    env: &[(&str, &str)],
    loopback_only: bool,
) -> Result<BTreeMap<String, Configured>, Vec<Problem>> {
    let config: BTreeMap<String, Value> = serde_json::from_value(section.clone()).unwrap();
    let env = |name: &str| {
        env.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let read_file = |_: &str| Err("no such file".to_owned());
    build_all(
        &config,
        &BuildScope {
            env: &env,
            read_file: &read_file,
            loopback_only,
        },
    )
}

/// A server that listens beyond loopback, with this section.
fn public(section: &Value) -> BTreeMap<String, Configured> {
    build(section, &[], false).unwrap()
}

fn refs<'a>(headers: &'a [(&'a str, &'a str)]) -> Vec<(&'a str, &'a [u8])> {
    headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect()
}

fn owned(headers: &Headers) -> Vec<(&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Hands a delivery in at `now`. The answer borrows nothing, so that a table can build its deliveries as it goes.
fn receive_at(
    source: &dyn WebhookSource,
    headers: &[(&str, &str)],
    body: &[u8],
    now: Timestamp,
) -> Result<Received<'static>, Refusal> {
    let headers = refs(headers);
    let delivery = Delivery {
        headers: &headers,
        body,
        now,
    };
    source.receive(&delivery).map(|received| Received {
        event_type: received.event_type.into_owned().into(),
        delivery_id: received.delivery_id.into_owned().into(),
        data: received.data.into_owned().into(),
        timestamp: received.timestamp,
        verified: received.verified,
        attributes: received.attributes,
    })
}

fn receive(
    source: &dyn WebhookSource,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Received<'static>, Refusal> {
    receive_at(source, headers, body, NOW)
}

/// The headers with one of them replaced.
fn with<'a>(headers: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut headers = without(headers, name);
    headers.push((name, value));
    headers
}

/// The headers without one of them.
fn without<'a>(headers: &[(&'a str, &'a str)], name: &str) -> Vec<(&'a str, &'a str)> {
    headers
        .iter()
        .copied()
        .filter(|(known, _)| *known != name)
        .collect()
}

#[track_caller]
fn unverified(answer: Result<Received<'static>, Refusal>) -> String {
    match answer {
        Err(Refusal::Unverified(why)) => why,
        other => panic!("must be refused as unverified, but is {other:?}"),
    }
}

#[track_caller]
fn malformed(answer: Result<Received<'static>, Refusal>) -> String {
    match answer {
        Err(Refusal::Malformed(why)) => why,
        other => panic!("must be refused as malformed, but is {other:?}"),
    }
}

/// A sample of a known sender.
fn sample(kind: &str, event: &str) -> Sample {
    let kind = kinds().iter().find(|known| known.name == kind).unwrap();
    *kind.samples.iter().find(|sample| sample.event == event).unwrap()
}

/// The headers that the sender sends with this body.
fn signed(kind: &str, event: &str, body: &str, secret: &str) -> Vec<(String, String)> {
    sign(
        kind,
        event,
        body.as_bytes(),
        Some(&SecretString::from(secret)),
        "delivery-1",
        NOW,
    )
    .unwrap()
}
