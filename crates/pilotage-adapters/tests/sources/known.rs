//! What holds for every sender that is known without configuration.

use pilotage_adapters::sources::kinds;
use pilotage_core::ports::Refusal;
use serde_json::{Value, json};

use crate::{build, malformed, owned, public, receive, sample, signed, unverified, with, without};

#[test]
fn every_kind_has_samples_that_it_accepts_signed_as_its_sender_signs() {
    for kind in kinds() {
        assert!(!kind.samples.is_empty(), "{}", kind.name);
        // Rotated: the sender still has the older of two.
        let sources = public(&json!({kind.name: {"secrets": ["newer", "older"]}}));
        let source = &sources[kind.name];
        assert!(source.source.verifies() && !source.custom);
        for sample in kind.samples {
            for secret in ["newer", "older"] {
                let headers = signed(kind.name, sample.event, sample.body, secret);
                let received = receive(&*source.source, &owned(&headers), sample.body.as_bytes()).unwrap();
                assert_eq!(received.event_type, sample.event, "{}", kind.name);
                assert!(received.verified);
                assert!(!received.delivery_id.is_empty());
                serde_json::from_slice::<Value>(&received.data).unwrap();
            }
        }
    }
}

#[test]
fn every_kind_refuses_what_is_not_signed_by_a_configured_secret() {
    for kind in kinds() {
        let sources = public(&json!({kind.name: {"secrets": ["right"]}}));
        let source = &*sources[kind.name].source;
        let sample = kind.samples[0];
        let body = sample.body.as_bytes();
        let headers = signed(kind.name, sample.event, sample.body, "right");
        let headers = owned(&headers);
        let proof = [
            "x-hub-signature-256",
            "x-gitlab-token",
            "x-make-secret",
            "x-jenkins-token",
            "authorization",
        ];
        let (name, value) = *headers.iter().find(|(name, _)| proof.contains(name)).unwrap();
        let huge = "a".repeat(1_000_000);
        let longer = format!("{value}0");
        let mut twice = headers.clone();
        twice.push((name, value));
        let wrong = signed(kind.name, sample.event, sample.body, "wrong");
        let cases = [
            ("missing", without(&headers, name)),
            ("empty", with(&headers, name, "")),
            ("truncated", with(&headers, name, &value[..value.len() - 1])),
            ("longer", with(&headers, name, &longer)),
            ("huge", with(&headers, name, &huge)),
            ("twice", twice),
            ("by another secret", owned(&wrong)),
        ];
        for (what, headers) in cases {
            let answer = receive(source, &headers, body);
            assert!(
                matches!(answer, Err(Refusal::Unverified(_))),
                "{} {what}: {answer:?}",
                kind.name
            );
            assert!(!format!("{answer:?}").contains("right"), "{}", kind.name);
        }
    }
}

#[test]
fn what_is_verified_but_no_json_is_malformed_and_another_content_type_is_unsupported() {
    for kind in kinds() {
        let sources = public(&json!({kind.name: {"secrets": ["right"]}}));
        let source = &*sources[kind.name].source;
        for body in [
            "",
            "nope",
            "{\"a\":1",
            "{} {}",
            "{\"a\":1e999}",
            "{\"$serde_json::private::RawValue\":\"1\"}",
        ] {
            let headers = signed(kind.name, "push", body, "right");
            malformed(receive(source, &owned(&headers), body.as_bytes()));
        }
        let body = kind.samples[0].body;
        let headers = signed(kind.name, "push", body, "right");
        for media in [
            "text/plain",
            "application/xml",
            "json",
            "multipart/form-data; boundary=x",
        ] {
            let answer = receive(
                source,
                &with(&owned(&headers), "content-type", media),
                body.as_bytes(),
            );
            assert!(
                matches!(answer, Err(Refusal::UnsupportedType(_))),
                "{} {media}: {answer:?}",
                kind.name
            );
        }
        for media in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/problem+json",
        ] {
            receive(
                source,
                &with(&owned(&headers), "content-type", media),
                body.as_bytes(),
            )
            .unwrap();
        }
    }
}

#[test]
fn without_a_secret_github_and_gitlab_refuse_and_the_others_only_beyond_loopback() {
    for loopback in [true, false] {
        let sources = build(&json!({}), &[], loopback).unwrap();
        for kind in kinds() {
            let sample = kind.samples[0];
            let headers = signed(kind.name, sample.event, sample.body, "any");
            let answer = receive(
                &*sources[kind.name].source,
                &owned(&headers),
                sample.body.as_bytes(),
            );
            if loopback && !["github", "gitlab"].contains(&kind.name) {
                assert!(!answer.unwrap().verified, "{}", kind.name);
                assert!(!sources[kind.name].source.verifies());
                assert!(sources[kind.name].source.unverified_only_locally());
                let said = json!({ kind.name: { "verification": { "type": "none" } } });
                let said = build(&said, &[], loopback).unwrap();
                assert!(!said[kind.name].source.unverified_only_locally(), "{}", kind.name);
            } else {
                let why = unverified(answer);
                assert!(why.contains(&format!("sources.{}.secrets", kind.name)), "{why}");
                assert!(sources[kind.name].source.verifies());
            }
        }
    }
}

#[test]
fn secrets_come_from_the_environment_where_the_configuration_has_none() {
    let env = [
        ("GITHUB_WEBHOOK_SECRET", "from-env"),
        ("GITLAB_WEBHOOK_SECRET", "from-env"),
        ("MAKE_WEBHOOK_SECRET", "from-env"),
    ];
    for (section, secret) in [
        (json!({}), "from-env"),
        (
            json!({"github": {"secrets": ["own"]}, "gitlab": {"secrets": ["own"]}, "make": {"secrets": ["own"]}}),
            "own",
        ),
    ] {
        let sources = build(&section, &env, false).unwrap();
        for name in ["github", "gitlab", "make"] {
            let sample = kinds().iter().find(|kind| kind.name == name).unwrap().samples[0];
            for tried in ["from-env", "own"] {
                let headers = signed(name, sample.event, sample.body, tried);
                let answer = receive(&*sources[name].source, &owned(&headers), sample.body.as_bytes());
                assert_eq!(answer.is_ok(), tried == secret, "{name} {tried}");
            }
        }
    }
    let empty = build(&json!({}), &[("GITHUB_WEBHOOK_SECRET", "")], false).unwrap();
    let body = sample("github", "ping").body;
    unverified(receive(
        &*empty["github"].source,
        &owned(&signed("github", "ping", body, "x")),
        body.as_bytes(),
    ));
}
