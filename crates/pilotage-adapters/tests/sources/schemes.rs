//! The official test vectors of the signature schemes, and what each scheme must refuse.

use pilotage_adapters::verification::standard_webhooks::{SigningKey, sign};
use pilotage_core::{
    Timestamp,
    ports::{Delivery, Refusal},
};
use secrecy::SecretString;
use serde_json::json;

use crate::{public, receive, receive_at, refs, unverified, with, without};

const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_BODY: &[u8] = br#"{"test": 2432232314}"#;
const STANDARD_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const STANDARD_NOW: Timestamp = Timestamp::from_secs(1_614_265_330);
const STANDARD_HEADERS: [(&str, &str); 3] = [
    ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
    ("webhook-timestamp", "1614265330"),
    ("webhook-signature", STANDARD_SIGNATURE),
];

fn standard(headers: &[(&str, &str)], body: &[u8], now: Timestamp) -> Result<(), Refusal> {
    let keys = [SigningKey::parse(&SecretString::from(STANDARD_SECRET)).unwrap()];
    let headers = refs(headers);
    let delivery = Delivery {
        headers: &headers,
        body,
        now,
    };
    pilotage_adapters::verification::standard_webhooks::verify(&keys, &delivery)
}

#[test]
fn standard_webhooks_gives_and_takes_the_reference_signature() {
    let keys = [SigningKey::parse(&SecretString::from(STANDARD_SECRET)).unwrap()];
    let signature = sign(&keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", STANDARD_NOW, STANDARD_BODY);
    assert_eq!(signature, STANDARD_SIGNATURE);
    assert_eq!(standard(&STANDARD_HEADERS, STANDARD_BODY, STANDARD_NOW), Ok(()));
    let unbranded = SecretString::from(STANDARD_SECRET.trim_start_matches("whsec_"));
    let keys = [SigningKey::parse(&unbranded).unwrap()];
    assert_eq!(
        sign(&keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", STANDARD_NOW, STANDARD_BODY),
        STANDARD_SIGNATURE
    );
}

#[test]
fn standard_webhooks_takes_one_right_signature_among_several() {
    let list = format!(
        "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= {STANDARD_SIGNATURE} v1,!!!"
    );
    let headers = with(&STANDARD_HEADERS, "webhook-signature", &list);
    assert_eq!(standard(&headers, STANDARD_BODY, STANDARD_NOW), Ok(()));
}

#[test]
fn standard_webhooks_looks_at_sixteen_signatures_and_no_more() {
    let wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= ";
    for (before, held) in [(15, true), (16, false)] {
        let list = format!("{}{STANDARD_SIGNATURE}", wrong.repeat(before));
        let headers = with(&STANDARD_HEADERS, "webhook-signature", &list);
        assert_eq!(
            standard(&headers, STANDARD_BODY, STANDARD_NOW).is_ok(),
            held,
            "{before}"
        );
    }
}

#[test]
fn standard_webhooks_refuses_what_the_reference_libraries_refuse() {
    let replaced = |name, value| with(&STANDARD_HEADERS, name, value);
    let raw = STANDARD_SIGNATURE.trim_start_matches("v1,");
    let truncated = format!("v1,{}", &raw[..40]);
    let v2 = format!("v2,{raw}");
    let doubled = [&STANDARD_HEADERS[..], &STANDARD_HEADERS[2..]].concat();
    let huge = "v1,".to_owned() + &"A".repeat(100_000);
    let cases = [
        ("no id", without(&STANDARD_HEADERS, "webhook-id")),
        ("no time", without(&STANDARD_HEADERS, "webhook-timestamp")),
        ("no signature", without(&STANDARD_HEADERS, "webhook-signature")),
        ("empty signature", replaced("webhook-signature", "")),
        ("no version", replaced("webhook-signature", raw)),
        ("another version", replaced("webhook-signature", &v2)),
        ("truncated", replaced("webhook-signature", &truncated)),
        ("only the version", replaced("webhook-signature", "v1,")),
        ("huge", replaced("webhook-signature", &huge)),
        ("twice", doubled),
        ("another id", replaced("webhook-id", "msg_other")),
        ("a full stop in the id", replaced("webhook-id", "msg.1")),
        (
            "a time that is no number",
            replaced("webhook-timestamp", "yesterday"),
        ),
        (
            "a time beyond all numbers",
            replaced("webhook-timestamp", "99999999999999999999"),
        ),
        ("another time", replaced("webhook-timestamp", "1614265331")),
    ];
    for (what, headers) in cases {
        assert!(standard(&headers, STANDARD_BODY, STANDARD_NOW).is_err(), "{what}");
    }
    assert!(standard(&STANDARD_HEADERS, b"{}", STANDARD_NOW).is_err());
    for (offset, held) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let now = Timestamp::from_secs(1_614_265_330 + offset);
        assert_eq!(
            standard(&STANDARD_HEADERS, STANDARD_BODY, now).is_ok(),
            held,
            "{offset}"
        );
    }
}

#[test]
fn keys_of_another_form_are_refused_without_being_repeated() {
    let cases = [
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_not base64 at all!",
        "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ];
    for text in cases {
        let Err(error) = SigningKey::parse(&SecretString::from(text)) else {
            panic!("{text}");
        };
        assert!(!error.to_string().contains("MfKQ9r8"), "{error}");
    }
}

/// docs.github.com, "Validating webhook deliveries", section "Testing the webhook payload validation".
#[test]
fn github_vector() {
    let sources = public(&json!({"github": {"secrets": ["It's a Secret to Everybody"]}}));
    let github = &*sources["github"].source;
    let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let signed = |value: &str| {
        receive(
            github,
            &[
                ("x-hub-signature-256", value),
                ("x-github-event", "push"),
                ("x-github-delivery", "1"),
            ],
            b"Hello, World!",
        )
    };
    // The vector's body is no JSON: getting as far as saying so proves that the signature held.
    assert!(matches!(signed(right), Err(Refusal::Malformed(_))));
    let upper = right.to_uppercase().replace("SHA256", "sha256");
    assert!(matches!(signed(&upper), Err(Refusal::Malformed(_))));
    let sha1 = "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
    let long = format!("{right}00");
    for wrong in [
        "",
        "sha256=",
        &right[..70],
        &right[7..],
        &long,
        sha1,
        "sha256=zz",
        &right.replace('7', "8"),
    ] {
        unverified(signed(wrong));
    }
    let only_old = [
        ("x-hub-signature", sha1),
        ("x-github-event", "push"),
        ("x-github-delivery", "1"),
    ];
    unverified(receive(github, &only_old, b"Hello, World!"));
}

/// api.slack.com, "Verifying requests from Slack".
#[test]
fn slack_vector() {
    let sources = public(&json!({"slack": {
        "verification": {"type": "slack", "secrets": ["8f742231b10e8888abcd99yyyzzz85a5"]},
        "eventType": {"path": "command"},
    }}));
    let body =
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-slack-request-timestamp", "1531420618"),
        (
            "x-slack-signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
    ];
    let slack = &*sources["slack"].source;
    let now = Timestamp::from_secs(1_531_420_618);
    let received = receive_at(slack, &headers, body, now).unwrap();
    assert_eq!(received.event_type, "/webhook-collect");
    assert!(received.verified);
    let data: serde_json::Value = serde_json::from_slice(&received.data).unwrap();
    assert_eq!(data["user_name"], "roadrunner");
    unverified(receive_at(
        slack,
        &headers,
        body,
        Timestamp::from_secs(1_531_420_919),
    ));
    unverified(receive_at(
        slack,
        &without(&headers, "x-slack-request-timestamp"),
        body,
        now,
    ));
    unverified(receive_at(
        slack,
        &with(&headers, "x-slack-request-timestamp", "1531420619"),
        body,
        now,
    ));
}

/// Atlassian's documentation, "Manage webhooks", section "Secure webhooks": the same header's name as GitHub's SHA-1
/// header, and another algorithm.
#[test]
fn bitbucket_vector_through_a_custom_source() {
    let sources = public(&json!({"bitbucket": {"verification": {
        "type": "hmac", "header": "X-Hub-Signature", "secrets": ["It's a Secret to Everybody"],
    }}}));
    let right = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
    let signed = |value: &str| {
        receive(
            &*sources["bitbucket"].source,
            &[("x-hub-signature", value)],
            b"Hello World!",
        )
    };
    assert!(matches!(signed(right), Err(Refusal::Malformed(_))));
    assert!(matches!(signed(&right[7..]), Err(Refusal::Malformed(_))));
    unverified(signed(&right.replace('a', "b")));
    unverified(signed("sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"));
}

/// RFC 2202 and RFC 4231, test case 2 ("what do ya want for nothing?"), in every algorithm and encoding.
#[test]
fn hmac_vectors_in_every_algorithm_and_encoding() {
    let cases = [
        ("sha1", "hex", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("sha1", "base64", "7/zfauXrL6LSdBbV8YTfnCWafHk="),
        (
            "sha256",
            "hex",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        ("sha256", "base64", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="),
        (
            "sha512",
            "hex",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        (
            "sha512",
            "base64",
            "Fkt6e/z4GeLjlfvnO1bgo4e9ZCIugx/WECcM1+olBVSXWL91wFqZSm0DT2X48Ob9yuqxo01Ka0tjbgcKOLznNw==",
        ),
    ];
    for (algorithm, encoding, right) in cases {
        let sources = public(&json!({"vector": {"verification": {
            "type": "hmac", "algorithm": algorithm, "encoding": encoding, "header": "X-Sig", "prefix": "",
            "secrets": ["other", "Jefe"],
        }}}));
        let signed = |value: &str| {
            receive(
                &*sources["vector"].source,
                &[("x-sig", value)],
                b"what do ya want for nothing?",
            )
        };
        assert!(
            matches!(signed(right), Err(Refusal::Malformed(_))),
            "{algorithm} {encoding}"
        );
        assert!(matches!(
            signed(&format!("00, {right}")),
            Err(Refusal::Malformed(_))
        ));
        unverified(signed(&right[1..]));
        unverified(signed("="));
    }
}
