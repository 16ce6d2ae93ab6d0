//! What each of the known senders says, and where.

use pilotage_core::{Digest, Timestamp, ports::Refusal};
use serde_json::{Value, json};

use crate::{build, malformed, owned, public, receive, sample, signed, unverified, with, without};

const SIGNING: &str = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";

#[test]
fn github_reads_headers_and_body() {
    let sources = public(&json!({"github": {"secrets": ["s"]}}));
    let github = &*sources["github"].source;
    let body = sample("github", "push").body;
    let headers = signed("github", "push", body, "s");
    let mut headers = owned(&headers);
    headers.extend([
        ("x-github-hook-id", "17"),
        ("x-github-hook-installation-target-type", "repository"),
        ("x-github-hook-installation-target-id", "186853002"),
    ]);
    let received = receive(github, &headers, body.as_bytes()).unwrap();
    assert_eq!(received.delivery_id, "delivery-1");
    assert_eq!(received.timestamp, Some(Timestamp::from_secs(1_557_933_657)));
    assert_eq!(received.data, body.as_bytes());
    let attributes: Vec<_> = received
        .attributes
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        attributes,
        [
            ("hookId", "17"),
            ("targetId", "186853002"),
            ("targetType", "repository")
        ]
    );
    for name in ["x-github-event", "x-github-delivery"] {
        malformed(receive(github, &without(&headers, name), body.as_bytes()));
    }
    let opened = sample("github", "pull_request").body;
    let received = receive(
        github,
        &owned(&signed("github", "pull_request", opened, "s")),
        opened.as_bytes(),
    )
    .unwrap();
    assert_eq!(received.attributes["action"], "opened");
    assert_eq!(received.timestamp, Some("2019-05-15T15:20:33Z".parse().unwrap()));
}

#[test]
fn github_forms_are_signed_whole_and_their_payload_is_the_data() {
    let sources = public(&json!({"github": {"secrets": ["s"]}}));
    let receive_form = |body: &str| {
        let headers = signed("github", "push", body, "s");
        let headers = with(
            &owned(&headers),
            "content-type",
            "application/x-www-form-urlencoded",
        )
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        receive(&*sources["github"].source, &owned(&headers), body.as_bytes())
    };
    let received = receive_form("payload=%7B%22action%22%3A%22a+b%2Bc%22%7D").unwrap();
    assert_eq!(received.data, br#"{"action":"a b+c"}"#.as_slice());
    assert_eq!(received.attributes["action"], "a b+c");
    for body in [
        "payload=",
        "payload=%ff",
        "other=%7B%7D",
        "payload=1&payload=2",
        "",
        "&&&",
        "payload=%7B",
    ] {
        malformed(receive_form(body));
    }
}

#[test]
fn gitlab_tells_types_ids_and_times() {
    let sources = public(&json!({"gitlab": {"secrets": ["s"]}}));
    let gitlab = &*sources["gitlab"].source;
    let cases = [
        ("push", None),
        ("merge_request", Some("2026-10-05T07:20:31Z")),
        ("pipeline", Some("2026-10-05T07:24:47Z")),
    ];
    for (event, time) in cases {
        let body = sample("gitlab", event).body;
        let received = receive(
            gitlab,
            &owned(&signed("gitlab", event, body, "s")),
            body.as_bytes(),
        )
        .unwrap();
        assert_eq!(received.event_type, event);
        assert_eq!(received.delivery_id, "delivery-1");
        assert_eq!(received.timestamp, time.map(|text| text.parse().unwrap()));
    }
    let typed = |title, body: &str| {
        receive(
            gitlab,
            &[("x-gitlab-token", "s"), ("x-gitlab-event", title)],
            body.as_bytes(),
        )
    };
    assert_eq!(
        typed("System Hook", r#"{"event_name":"project_create"}"#)
            .unwrap()
            .event_type,
        "project_create"
    );
    assert_eq!(
        typed("Merge Request Hook", "{}").unwrap().event_type,
        "merge_request"
    );
    assert_eq!(
        typed("Emoji Hook", r#"{"object_kind":null}"#).unwrap().event_type,
        "emoji"
    );
    malformed(receive(gitlab, &[("x-gitlab-token", "s")], b"{}"));
    let zoned = typed(
        "X",
        r#"{"object_kind":"deployment","status_changed_at":"2021-04-28 21:50:00 +0200"}"#,
    );
    assert_eq!(
        zoned.unwrap().timestamp,
        Some("2021-04-28T19:50:00Z".parse().unwrap())
    );
}

#[test]
fn gitlab_without_an_id_is_told_apart_by_hook_event_and_body() {
    let sources = public(&json!({"gitlab": {"secrets": ["s"]}}));
    let id = |hook, event, body: &str| {
        let headers = [
            ("x-gitlab-token", "s"),
            ("x-gitlab-webhook-uuid", hook),
            ("x-gitlab-event", event),
        ];
        receive(&*sources["gitlab"].source, &headers, body.as_bytes())
            .unwrap()
            .delivery_id
    };
    let first = id("a", "Push Hook", "{}");
    assert_eq!(first, id("a", "Push Hook", "{}"));
    assert!(first.starts_with("sha256:"));
    for other in [
        id("b", "Push Hook", "{}"),
        id("a", "Tag Push Hook", "{}"),
        id("a", "Push Hook", "{ }"),
    ] {
        assert_ne!(first, other);
    }
}

#[test]
fn gitlab_token_and_signature_must_each_hold_where_presented_and_configured() {
    let body = sample("gitlab", "push").body;
    let signature = signed("gitlab", "push", body, SIGNING);
    let signature = owned(&signature);
    let forged = with(&signature, "webhook-signature", "v1,AAAA");
    let add = |headers: &[(&'static str, &'static str)], token| {
        let mut headers = headers.to_vec();
        headers.push(("x-gitlab-token", token));
        headers
    };
    let plain = [("x-gitlab-event", "Push Hook")];
    let signature: Vec<(&'static str, &'static str)> = leak(&signature);
    let forged: Vec<(&'static str, &'static str)> = leak(&forged);
    let token = json!({"gitlab": {"secrets": ["t"]}});
    let signing = json!({"gitlab": {"signingSecrets": [SIGNING]}});
    let both = json!({"gitlab": {"secrets": ["t"], "signingSecrets": [SIGNING]}});
    let cases = [
        (&token, add(&plain, "t"), true),
        (&token, add(&forged, "t"), true),
        (&token, signature.clone(), false),
        (&signing, signature.clone(), true),
        (&signing, add(&signature, "wrong"), true),
        (&signing, add(&plain, "t"), false),
        (&signing, forged.clone(), false),
        (&both, signature.clone(), true),
        (&both, add(&plain, "t"), true),
        (&both, add(&signature, "t"), true),
        (&both, add(&signature, "wrong"), false),
        (&both, add(&forged, "t"), false),
        (&both, forged.clone(), false),
        (&both, plain.to_vec(), false),
        (&both, add(&plain, "wrong"), false),
        (&both, add(&signature, ""), true),
    ];
    for (row, (section, headers, held)) in cases.into_iter().enumerate() {
        let answer = receive(&*public(section)["gitlab"].source, &headers, body.as_bytes());
        assert_eq!(answer.is_ok(), held, "row {row}: {answer:?}");
    }
    let from_env = build(&json!({}), &[("GITLAB_WEBHOOK_SECRET", SIGNING)], false).unwrap();
    receive(&*from_env["gitlab"].source, &signature, body.as_bytes()).unwrap();
    unverified(receive(
        &*from_env["gitlab"].source,
        &add(&plain, SIGNING),
        body.as_bytes(),
    ));
}

fn leak(headers: &[(&str, &str)]) -> Vec<(&'static str, &'static str)> {
    let leaked = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    headers
        .iter()
        .map(|(name, value)| (leaked(name), leaked(value)))
        .collect()
}

/// Posts to a source on a loopback listener without any secret.
fn post(
    kind: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<pilotage_core::ports::Received<'static>, Refusal> {
    let sources = build(&json!({}), &[], true).unwrap();
    receive(&*sources[kind].source, headers, body.as_bytes())
}

#[test]
fn make_tells_type_and_delivery_without_dropping_bundles() {
    let cases = [
        (
            r#"{"eventType":"scenario.executed","executionId":"e1"}"#,
            "scenario.executed",
            Some("scenario.executed e1"),
        ),
        (
            r#"{"event":"scenario.failed","data":{"executionId":"e1"}}"#,
            "scenario.failed",
            Some("scenario.failed e1"),
        ),
        (
            r#"{"type":"order.created","executionId":"e1","id":7}"#,
            "order.created",
            None,
        ),
        (
            r#"{"type":"order.created","deliveryId":7}"#,
            "order.created",
            Some("7"),
        ),
        (r#"{"eventType":7,"event":"","type":"t"}"#, "t", None),
        (r#"{"hello":"world"}"#, "make.webhook", None),
        ("[1,2]", "make.webhook", None),
    ];
    for (body, kind, id) in cases {
        let received = post("make", &[], body).unwrap();
        assert_eq!(received.event_type, kind, "{body}");
        let digest = format!("sha256:{}", Digest::of(body.as_bytes()));
        assert_eq!(received.delivery_id, id.unwrap_or(&digest), "{body}");
    }
    let received = post("make", &[("idempotency-key", "k")], r#"{"deliveryId":"d"}"#).unwrap();
    assert_eq!(received.delivery_id, "k");
    let received = post("make", &[], sample("make", "scenario.executed").body).unwrap();
    assert_eq!(received.timestamp, Some("2026-10-05T07:30:00Z".parse().unwrap()));
    assert_eq!(received.attributes["scenarioId"], "925");
}

#[test]
fn kubernetes_understands_events_envelopes_and_plain_posts() {
    let event = |kind: &str, reason: &str| {
        format!(
            r#"{{"metadata":{{"uid":"u"}},"count":2,"involvedObject":{{"kind":"{kind}"}},"reason":"{reason}","type":"Warning"}}"#
        )
    };
    let cases = [
        (event("Deployment", "ProgressDeadlineExceeded"), "deployment.failed", "u:2"),
        (event("Deployment", "ReplicaSetCreateError"), "deployment.failed", "u:2"),
        (event("Deployment", "ScalingReplicaSet"), "deployment.scaling-replica-set", "u:2"),
        (event("Pod", "CrashLoopBackOff"), "pod.crash-loop-back-off", "u:2"),
        (event("Pod", "DNSConfigForming"), "pod.dns-config-forming", "u:2"),
        (
            r#"{"metadata":{"uid":"u","resourceVersion":"9"},"regarding":{"kind":"Pod"},"reason":"Killing","series":null}"#.to_owned(),
            "pod.killing",
            "u:9",
        ),
        (r#"{"type":"deployment.failed","namespace":"prod","deliveryId":"d"}"#.to_owned(), "deployment.failed", "d"),
    ];
    for (body, kind, id) in cases {
        let received = post("kubernetes", &[], &body).unwrap();
        assert_eq!(received.event_type, kind, "{body}");
        assert_eq!(received.delivery_id, id, "{body}");
    }
    let body = sample("kubernetes", "pod.back-off").body;
    let received = post("kubernetes", &[], body).unwrap();
    let data: Value = serde_json::from_slice(&received.data).unwrap();
    assert_eq!(data, serde_json::from_str::<Value>(body).unwrap()["object"]);
    assert_eq!(received.delivery_id, "0a1b2c3d-4e5f-4061-8273-94a5b6c7d8e9:4");
    assert_eq!(received.timestamp, Some("2026-10-05T07:43:55Z".parse().unwrap()));
    let attributes: Vec<_> = received
        .attributes
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        attributes,
        [
            ("kind", "Pod"),
            ("name", "shop-6d8f9b7c5-x2x9k"),
            ("namespace", "production"),
            ("reason", "BackOff")
        ]
    );
    let plain = post(
        "kubernetes",
        &[],
        r#"{"eventType":"deployment.failed","namespace":"prod"}"#,
    )
    .unwrap();
    assert_eq!(plain.attributes["namespace"], "prod");
    malformed(post("kubernetes", &[], r#"{"kind":"Pod"}"#));
}

#[test]
fn jenkins_azure_and_alertmanager_tell_type_id_and_time() {
    for (phase, kind) in [
        ("QUEUED", "build.queued"),
        ("STARTED", "build.started"),
        ("FINALIZED", "build.finalized"),
    ] {
        let body = format!(r#"{{"name":"j","build":{{"number":1,"phase":"{phase}"}}}}"#);
        assert_eq!(post("jenkins", &[], &body).unwrap().event_type, kind);
    }
    let jenkins = post("jenkins", &[], sample("jenkins", "build.completed").body).unwrap();
    assert_eq!(jenkins.timestamp, Some("2026-10-05T07:45:00Z".parse().unwrap()));
    assert_eq!(jenkins.attributes["number"], "218");
    assert!(jenkins.delivery_id.starts_with("sha256:"));
    assert_eq!(
        post("jenkins", &[], r#"{"type":"deploy.done"}"#)
            .unwrap()
            .event_type,
        "deploy.done"
    );
    malformed(post("jenkins", &[], "{}"));

    let azure = post("azure-devops", &[], sample("azure-devops", "git.push").body).unwrap();
    assert_eq!(azure.delivery_id, "7b2d9d7a-3e0f-4c35-9a53-0a5d7b6c1f20:318");
    assert_eq!(
        azure.timestamp,
        Some("2026-10-05T07:13:04.551602Z".parse().unwrap())
    );
    let bare = post("azure-devops", &[], r#"{"eventType":"build.complete","id":"e"}"#).unwrap();
    assert_eq!((&*bare.event_type, &*bare.delivery_id), ("build.complete", "e"));
    malformed(post("azure-devops", &[], "{}"));

    let alert = post("alertmanager", &[], sample("alertmanager", "alert.firing").body).unwrap();
    assert_eq!(alert.timestamp, Some("2026-10-05T07:46:00Z".parse().unwrap()));
    malformed(post("alertmanager", &[], r#"{"status":"firing"}"#));
    malformed(post(
        "alertmanager",
        &[],
        r#"{"status":"odd","groupKey":"g","alerts":[]}"#,
    ));
}

#[test]
fn alertmanager_repetitions_are_one_delivery_and_changes_are_others() {
    let body = sample("alertmanager", "alert.firing").body;
    let id = |value: &Value| post("alertmanager", &[], &value.to_string()).unwrap().delivery_id;
    let first: Value = serde_json::from_str(body).unwrap();
    let mut repeated = first.clone();
    repeated["alerts"].as_array_mut().unwrap().reverse();
    repeated["alerts"][0]["annotations"] = json!({"summary": "changed"});
    assert_eq!(id(&first), id(&repeated));
    for (pointer, value) in [
        ("/alerts/0/status", "resolved"),
        ("/alerts/0/startsAt", "2026-10-06T00:00:00Z"),
        ("/alerts/0/fingerprint", "f"),
        ("/groupKey", "g"),
        ("/status", "resolved"),
    ] {
        let mut changed = first.clone();
        *changed.pointer_mut(pointer).unwrap() = json!(value);
        assert_ne!(id(&first), id(&changed), "{pointer}");
    }
}

#[test]
fn ids_and_types_are_bounded() {
    let long = "x".repeat(513);
    let id = post("make", &[("idempotency-key", &long)], "{}")
        .unwrap()
        .delivery_id;
    assert_eq!(id, format!("sha256:{}", Digest::of(long.as_bytes())));
    let longest = "x".repeat(512);
    assert_eq!(
        post("make", &[("idempotency-key", &longest)], "{}")
            .unwrap()
            .delivery_id,
        longest
    );
    malformed(post("make", &[("idempotency-key", "a\u{1}b")], "{}"));
    malformed(post("make", &[], &json!({"type": long}).to_string()));
    malformed(post("make", &[], &json!({"type": "a\nb"}).to_string()));
    malformed(post("make", &[], &json!({"type": "\u{0}"}).to_string()));
    let odd = post(
        "jenkins",
        &[],
        &json!({"type": "t", "name": "a\r\nb"}).to_string(),
    )
    .unwrap();
    assert!(!odd.attributes.contains_key("job"));
}

#[test]
fn the_last_of_several_equal_keys_counts_as_for_the_rules() {
    let sources = public(&json!({"github": {"secrets": ["s"]}}));
    let body = r#"{"action":"first","head_commit":{"timestamp":"2019-05-15T15:20:33Z"},"head_commit":{},"action":"last"}"#;
    let received = receive(
        &*sources["github"].source,
        &owned(&signed("github", "push", body, "s")),
        body.as_bytes(),
    )
    .unwrap();
    assert_eq!(received.attributes["action"], "last");
    assert_eq!(received.timestamp, None);
}
