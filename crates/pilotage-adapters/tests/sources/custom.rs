//! Sources that the configuration declares, and CloudEvents on them.

use pilotage_adapters::sources::sign;
use pilotage_core::{
    Digest, Timestamp,
    ports::{Received, Refusal},
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{NOW, malformed, owned, public, receive, receive_at, unverified, with};

/// A source that checks nothing, with this section.
fn open(section: &Value) -> impl Fn(&[(&str, &str)], &str) -> Result<Received<'static>, Refusal> + use<> {
    let mut section = section.clone();
    section["verification"] = json!({"type": "none"});
    let source = public(&json!({"own": section}))["own"].clone();
    assert!(source.custom && !source.source.verifies());
    move |headers: &[(&str, &str)], body: &str| receive(&*source.source, headers, body.as_bytes())
}

#[test]
fn types_ids_and_times_come_from_the_usual_places() {
    let post = open(&json!({}));
    let body = r#"{"type":"t","event":"e","timestamp":1790000000}"#;
    let digest = format!("sha256:{}", Digest::of(body.as_bytes()));
    let plain = post(&[], body).unwrap();
    assert_eq!((&*plain.event_type, &*plain.delivery_id), ("t", &*digest));
    assert_eq!(plain.timestamp, Some(NOW));
    assert!(!plain.verified);
    let bitbucket = post(&[("x-event-key", "repo:push"), ("x-request-uuid", "u")], body).unwrap();
    assert_eq!(
        (&*bitbucket.event_type, &*bitbucket.delivery_id),
        ("repo:push", "u")
    );
    let both = post(
        &[
            ("x-request-id", "r"),
            ("webhook-id", "w"),
            ("webhook-timestamp", "5"),
        ],
        body,
    )
    .unwrap();
    assert_eq!(
        (&*both.delivery_id, both.timestamp),
        ("w", Some(Timestamp::from_secs(5)))
    );
    assert_eq!(post(&[], "{}").unwrap().event_type, "webhook");
    let form = post(
        &[("content-type", "application/x-www-form-urlencoded")],
        "event=a%20b&x=1",
    )
    .unwrap();
    assert_eq!(
        (&*form.event_type, &*form.data),
        ("a b", br#"{"event":"a b","x":"1"}"#.as_slice())
    );
}

#[test]
fn configured_places_are_the_only_ones() {
    let post = open(&json!({
        "eventType": {"path": "what.kind"},
        "deliveryId": {"header": "X-Own-Id"},
        "timestamp": {"path": "items[1].at"},
    }));
    let body = r#"{"what":{"kind":"k"},"type":"t","items":[{},{"at":"2026-09-21T14:13:20Z"}]}"#;
    let received = post(&[("x-own-id", "o"), ("webhook-id", "w")], body).unwrap();
    assert_eq!((&*received.event_type, &*received.delivery_id), ("k", "o"));
    assert_eq!(received.timestamp, Some(NOW));
    assert!(
        post(&[("webhook-id", "w")], body)
            .unwrap()
            .delivery_id
            .starts_with("sha256:")
    );
    assert!(malformed(post(&[], r#"{"type":"t"}"#)).contains("what.kind"));
}

#[test]
fn every_way_of_verifying_takes_the_right_and_refuses_the_wrong() {
    let cases = [
        (
            json!({"type": "bearer", "secrets": ["a", "b"]}),
            ("authorization", "Bearer b"),
            "Bearer c",
        ),
        (
            json!({"type": "header", "header": "X-Api-Key", "secrets": ["a", "b"]}),
            ("x-api-key", "a"),
            "ab",
        ),
        (
            json!({"type": "basic", "secrets": ["b"]}),
            ("authorization", "Basic YW55Ong6Yg=="),
            "Basic YW55OmM=",
        ),
        (
            json!({"type": "basic", "secrets": ["b"]}),
            ("authorization", "basic YW55OmI="),
            "Bearer b",
        ),
        (
            json!({"type": "basic", "username": "ci", "secrets": ["b"]}),
            ("authorization", "Basic Y2k6Yg=="),
            "Basic YW55OmI=",
        ),
    ];
    for (row, (verification, (name, right), wrong)) in cases.into_iter().enumerate() {
        let sources = public(&json!({"own": {"verification": verification}}));
        let post = |value| receive(&*sources["own"].source, &[(name, value)], b"{}");
        // Row 2's right value is `any:x:b`, whose password is `x:b`.
        if row == 2 {
            unverified(post(right));
        } else {
            assert!(post(right).unwrap().verified, "row {row}");
        }
        for refused in [
            wrong,
            "",
            "Bearer",
            "Basic",
            "Basic !!!",
            "Basic Yg==",
            "Bearer  ",
            "bb",
        ] {
            unverified(post(refused));
        }
        unverified(receive(&*sources["own"].source, &[], b"{}"));
    }
}

#[test]
fn templates_sign_the_time_and_old_times_are_refused() {
    let sources = public(&json!({"own": {"verification": {
        "type": "hmac", "header": "X-Sig", "prefix": "v1=", "template": "v1:{timestamp}:{body}",
        "timestampHeader": "X-Time", "toleranceSecs": 60, "secrets": ["s"],
    }}}));
    let own = &*sources["own"].source;
    // HMAC-SHA256("s", "v1:1790000000:{}"), computed with Python's hmac.
    let headers = [("x-time", "1790000000"), ("x-sig", TEMPLATE_SIGNATURE)];
    for (offset, held) in [(0, true), (60, true), (61, false), (-60, true), (-61, false)] {
        let now = Timestamp::from_secs(1_790_000_000 + offset);
        assert_eq!(receive_at(own, &headers, b"{}", now).is_ok(), held, "{offset}");
    }
    unverified(receive(own, &with(&headers, "x-time", "1790000001"), b"{}"));
    unverified(receive(own, &headers, b"{ }"));
    unverified(receive(
        own,
        &with(&headers, "x-sig", TEMPLATE_SIGNATURE.trim_start_matches("v1=")),
        b"{}",
    ));
}

const TEMPLATE_SIGNATURE: &str = "v1=4197b98ed1e29b053263b4835ca6293fe98c2ab426dfae098e569fd4ffed808e";

#[test]
fn what_we_sign_for_custom_sources_they_take() {
    let whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let sources = public(&json!({
        "standard": {"verification": {"type": "standard-webhooks", "secrets": [whsec]}},
        "hmac": {"verification": {"type": "hmac", "header": "X-Hub-Signature-256", "secrets": [whsec]}},
    }));
    for (kind, name) in [("standard-webhooks", "standard"), ("hmac-sha256", "hmac")] {
        let headers = sign(
            kind,
            "order.paid",
            b"{}",
            Some(&SecretString::from(whsec)),
            "msg_1",
            NOW,
        )
        .unwrap();
        let received = receive(&*sources[name].source, &owned(&headers), b"{}").unwrap();
        assert_eq!(
            (&*received.event_type, &*received.delivery_id),
            ("order.paid", "msg_1")
        );
        let unsigned = sign(kind, "order.paid", b"{}", None, "msg_1", NOW).unwrap();
        unverified(receive(&*sources[name].source, &owned(&unsigned), b"{}"));
    }
    assert!(sign("nobody", "x", b"{}", None, "1", NOW).is_err());
    let error = sign(
        "standard-webhooks",
        "x",
        b"{}",
        Some(&SecretString::from("hunter2")),
        "1",
        NOW,
    )
    .unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn cloud_events_in_binary_mode() {
    let post = open(&json!({}));
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-type", "com.example.order.paid"),
        ("ce-source", "/shop/orders"),
        ("ce-id", "A-1"),
        ("ce-time", "2026-09-21T14:13:20Z"),
        ("ce-subject", "caf%C3%A9%20%E2%82%AC"),
        ("ce-traceparent", "00-1"),
        ("content-type", "application/json"),
    ];
    let received = post(&headers, r#"{"amount":5,"type":"inner"}"#).unwrap();
    assert_eq!(received.event_type, "com.example.order.paid");
    assert_eq!(received.delivery_id, "/shop/orders A-1");
    assert_eq!(received.timestamp, Some(NOW));
    assert_eq!(received.data, br#"{"amount":5,"type":"inner"}"#.as_slice());
    let attributes: Vec<_> = received
        .attributes
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        attributes,
        [
            ("id", "A-1"),
            ("source", "/shop/orders"),
            ("subject", "café €"),
            ("traceparent", "00-1")
        ]
    );
    assert_eq!(post(&headers, "").unwrap().data, b"null".as_slice());
    for (name, value) in [
        ("ce-specversion", "0.3"),
        ("ce-type", ""),
        ("ce-id", ""),
        ("ce-source", "a%20b"),
        ("ce-subject", "%ff"),
    ] {
        malformed(post(&with(&headers, name, value), "{}"));
    }
    let names: Vec<String> = (0..40).map(|number| format!("ce-x{number}")).collect();
    let many: Vec<_> = headers
        .iter()
        .copied()
        .chain(names.iter().map(|name| (name.as_str(), "1")))
        .collect();
    malformed(post(&many, "{}"));
}

#[test]
fn cloud_events_in_structured_mode() {
    let post = open(&json!({}));
    let headers = [("content-type", "application/cloudevents+json; charset=utf-8")];
    let body = r#"{"specversion":"1.0","type":"t","source":"/s","id":"1","time":"2026-09-21T14:13:20Z",
        "subject":"sub","data":{"a":[1, 2]},"sequence":7,"odd":{"nested":1}}"#;
    let received = post(&headers, body).unwrap();
    assert_eq!((&*received.event_type, &*received.delivery_id), ("t", "/s 1"));
    assert_eq!(received.data, br#"{"a":[1, 2]}"#.as_slice());
    assert_eq!(received.timestamp, Some(NOW));
    assert_eq!(received.attributes["subject"], "sub");
    assert_eq!(received.attributes["sequence"], "7");
    let base64 = r#"{"specversion":"1.0","type":"t","source":"/s","id":"1","data_base64":"AAEC"}"#;
    assert_eq!(post(&headers, base64).unwrap().data, base64.as_bytes());
    for broken in [
        "{}",
        "[]",
        r#"{"specversion":"1.0","type":"t","source":"/s"}"#,
        r#"{"specversion":1.0}"#,
    ] {
        malformed(post(&headers, broken));
    }
    let batch = [("content-type", "application/cloudevents-batch+json")];
    assert!(malformed(post(&batch, "[]")).contains("batch"));
}
