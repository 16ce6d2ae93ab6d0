//! Whatever arrives: no panic, and nothing is accepted without a right signature.

use pilotage_adapters::sources::{Configured, kinds};
use pilotage_core::ports::{Delivery, Refusal};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{NOW, build, public};

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Every known source and every way of verifying, each with a secret.
fn guarded() -> Vec<Configured> {
    let mut section = json!({
        "gitlab": {"secrets": ["s3cret"], "signingSecrets": [WHSEC]},
        "a": {"verification": {"type": "standard-webhooks", "secrets": [WHSEC]}},
        "b": {"verification": {"type": "slack", "secrets": ["s3cret"]}},
        "c": {"verification": {"type": "bearer", "secrets": ["s3cret"]}},
        "d": {"verification": {"type": "basic", "username": "u", "secrets": ["s3cret"]}},
        "e": {"verification": {"type": "header", "header": "x-key", "secrets": ["s3cret"]}},
        "f": {"verification": {"type": "hmac", "header": "x-sig", "algorithm": "sha512", "encoding": "base64",
            "template": "{timestamp}.{body}", "timestampHeader": "x-time", "secrets": ["s3cret", "other"]}},
    });
    for kind in kinds().iter().filter(|kind| kind.name != "gitlab") {
        section[kind.name] = json!({"secrets": ["s3cret"]});
    }
    public(&section).into_values().collect()
}

/// The known sources on loopback without secrets, and an unchecked custom one.
fn open() -> Vec<Configured> {
    let section = json!({"own": {"verification": {"type": "none"}, "deliveryId": {"path": "items[0].id"}}});
    build(&section, &[], true)
        .unwrap()
        .into_values()
        .filter(|source| !source.source.verifies())
        .collect()
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "authorization",
            "ce-id",
            "ce-source",
            "ce-specversion",
            "ce-type",
            "content-type",
            "idempotency-key",
            "token",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp",
            "x-github-delivery",
            "x-github-event",
            "x-gitlab-event",
            "x-gitlab-token",
            "x-hub-signature-256",
            "x-key",
            "x-make-secret",
            "x-sig",
            "x-slack-request-timestamp",
            "x-slack-signature",
            "x-time",
        ])
        .prop_map(str::to_owned),
        "[a-z-]{1,20}",
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        prop::sample::select(vec![
            "1790000000",
            "1.0",
            "application/cloudevents+json",
            "application/json",
            "application/x-www-form-urlencoded",
            "Basic dTo=",
            "Basic Og==",
            "Bearer ",
            "sha256=",
            "sha256=00",
            "v0=00",
            "v1,",
            "v1,AAAA v1,AAAA",
            "push",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        "(sha256=|v0=|v1,)?[0-9a-f]{40,128}".prop_map(String::into_bytes),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let samples: Vec<&[u8]> = kinds()
        .iter()
        .flat_map(|kind| kind.samples)
        .map(|sample| sample.body.as_bytes())
        .collect();
    let damaged = (
        prop::sample::select(samples),
        any::<prop::sample::Index>(),
        any::<u8>(),
        any::<bool>(),
    );
    prop_oneof![
        any::<Vec<u8>>(),
        "[\\[\\]{}\",:0-9a-z=&%+.]{0,80}".prop_map(String::into_bytes),
        (
            0_usize..300,
            prop::sample::select(vec!["[", "{\"a\":", "{\"object\":"])
        )
            .prop_map(|(depth, open)| open.repeat(depth).into_bytes()),
        damaged.prop_map(|(bytes, at, byte, cut)| {
            let mut bytes = bytes.to_vec();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] = byte;
            }
            bytes
        }),
        prop::sample::select(vec![
            "type",
            "reason",
            "eventType",
            "status",
            "specversion",
            "object",
            "id"
        ])
        .prop_flat_map(|key| {
            any::<String>().prop_map(move |text| {
                json!({key: text, "items": [{"id": text}], "build": {"phase": text}})
                    .to_string()
                    .into_bytes()
            })
        }),
    ]
}

proptest! {
    #[test]
    fn nothing_is_accepted_without_a_right_signature(
        headers in prop::collection::vec((name(), value()), 0..12),
        body in body(),
    ) {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let delivery = Delivery { headers: &headers, body: &body, now: NOW };
        for source in guarded() {
            let answer = source.source.receive(&delivery);
            prop_assert!(matches!(answer, Err(Refusal::Unverified(_))), "{:?}", answer);
            let shown = format!("{answer:?}");
            prop_assert!(!shown.contains("s3cret"));
        }
    }

    #[test]
    fn what_is_accepted_unchecked_is_json_within_its_bounds(
        headers in prop::collection::vec((name(), value()), 0..12),
        body in body(),
    ) {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let delivery = Delivery { headers: &headers, body: &body, now: NOW };
        for source in open() {
            let Ok(received) = source.source.receive(&delivery) else { continue };
            prop_assert!(serde_json::from_slice::<Value>(&received.data).is_ok());
            prop_assert!(!received.verified);
            let attributes = received.attributes.values().map(String::as_str);
            for word in [&*received.event_type, &*received.delivery_id].into_iter().chain(attributes) {
                prop_assert!((1..=512).contains(&word.len()) && !word.chars().any(char::is_control), "{:?}", word);
            }
        }
    }

    #[test]
    fn sections_never_panic(text in "[\\[\\]{}\",:0-9a-z_$ -]{0,60}", kind in 0_usize..8) {
        let Ok(section) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
        let name = kinds().get(kind).map_or("own", |kind| kind.name);
        let _ = build(&json!({name: section}), &[], true);
        let _ = build(&json!({name: {"verification": section}}), &[], true);
    }
}
