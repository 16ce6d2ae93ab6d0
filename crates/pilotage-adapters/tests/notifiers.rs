//! Every notifier that speaks HTTP, against a server on loopback: what it sends, and what it makes of the answers.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use pilotage_adapters::{
    notifiers::{self, NotifierScope, Notifiers},
    outbound::{AddressPolicy, HttpOutbound},
};
use pilotage_core::{
    config::Problem,
    ports::{Notification, NotifierReport},
};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

fn scope() -> NotifierScope {
    let outbound = HttpOutbound::new(AddressPolicy::new(&["127.0.0.1"]).unwrap());
    let env = |name: &str| (name == "TOKEN").then(|| "token-from-env".to_owned());
    NotifierScope::new(Arc::new(outbound), env, |_| Err("there are no files".to_owned()))
}

fn build(config: &Value) -> Result<Notifiers, Vec<Problem>> {
    let named: BTreeMap<String, Value> = config["notifiers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    notifiers::build_all(&named, config.get("slack"), &scope())
}

/// Text with what is special to one medium or another.
fn notification(parameters: &Value) -> Notification {
    Notification {
        text: "Deployed *v1.2* <https://example.com|here> & told @everyone, <@U1> and <!channel>\n\"quoted\" \\ 😀".to_owned(),
        title: Some("Release\r\nv1.2 <done>".to_owned()),
        parameters: parameters.as_object().cloned().unwrap_or_default(),
        idempotency_key: "execution-1:0".to_owned(),
        timeout: Duration::from_secs(20),
    }
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// Sends one notification through the notifier `it` (or the Slack app), and tells what arrived.
async fn notify(
    server: &MockServer,
    config: &Value,
    notification: &Notification,
) -> (NotifierReport, Option<Value>) {
    let built = build(config).unwrap();
    let notifier = built.named.get("it").or(built.slack.as_ref()).unwrap();
    let report = notifier.notify(notification).await;
    let arrived = server.received_requests().await.unwrap().first().map(|request| {
        let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        json!({
            "line": format!("{} {}{}", request.method, request.url.path(), request.url.query().map(|query| format!("?{query}")).unwrap_or_default()),
            "authorization": header("authorization"),
            "contentType": header("content-type"),
            "idempotencyKey": header("idempotency-key"),
            "body": serde_json::from_slice::<Value>(&request.body).unwrap(),
        })
    });
    (report, arrived)
}

fn status(report: &NotifierReport) -> u16 {
    report.outcome.as_ref().unwrap().status
}

#[tokio::test]
async fn slack_webhook() {
    let server = server(ResponseTemplate::new(200).set_body_string("ok")).await;
    let config = json!({"notifiers": {"it": {"type": "slack", "url": format!("{}/services/T0/B0/x1y2", server.uri())}}});
    let (report, arrived) = notify(&server, &config, &notification(&json!({}))).await;
    assert_eq!(status(&report), 200);
    insta::assert_json_snapshot!(arrived);
}

#[tokio::test]
async fn slack_app() {
    let server = server(ResponseTemplate::new(200).set_body_string(r#"{"ok":true,"ts":"1.2"}"#)).await;
    let config = json!({"slack": {"token": "${env:TOKEN}", "apiUrl": format!("{}/api/", server.uri())}});
    let (report, arrived) = notify(
        &server,
        &config,
        &notification(&json!({"channel": "releases", "threadTs": "1.1"})),
    )
    .await;
    assert_eq!(status(&report), 200);
    assert_eq!(
        report.request,
        format!("POST {}/api/chat.postMessage", server.uri())
    );
    insta::assert_json_snapshot!(arrived);
}

#[tokio::test]
async fn slack_app_says_inside_of_its_200_what_went_wrong() {
    for (error, expected) in [
        ("ratelimited", 429),
        ("channel_not_found", 404),
        ("missing_scope", 403),
    ] {
        let body = json!({"ok": false, "error": error}).to_string();
        let server = server(
            ResponseTemplate::new(200)
                .insert_header("retry-after", "30")
                .set_body_string(body.clone()),
        )
        .await;
        let config = json!({"slack": {"token": "t", "apiUrl": server.uri()}});
        let (report, _) = notify(&server, &config, &notification(&json!({"channel": "releases"}))).await;
        let response = report.outcome.unwrap();
        assert_eq!((response.status, response.body), (expected, body.into_bytes()));
        assert_eq!(response.retry_after, Some(Duration::from_secs(30)));
    }
}

#[tokio::test]
async fn slack_app_refuses_what_is_no_channel_and_sends_nothing() {
    let server = server(ResponseTemplate::new(200)).await;
    let config = json!({"slack": {"token": "t", "apiUrl": server.uri()}});
    let (report, arrived) = notify(
        &server,
        &config,
        &notification(&json!({"channel": "<!everyone>"})),
    )
    .await;
    assert!(
        report
            .outcome
            .unwrap_err()
            .to_string()
            .contains("is no Slack channel")
    );
    assert_eq!(arrived, None);
}

#[tokio::test]
async fn teams() {
    let server = server(ResponseTemplate::new(202)).await;
    let config = json!({"notifiers": {"it": {"type": "teams", "url": format!("{}/workflows/a?sig=s3cret", server.uri())}}});
    let (report, arrived) = notify(&server, &config, &notification(&json!({}))).await;
    assert_eq!(status(&report), 202);
    assert_eq!(report.request, format!("POST {}/workflows/a", server.uri()));
    insta::assert_json_snapshot!(arrived);
}

#[tokio::test]
async fn teams_says_inside_of_its_200_what_went_wrong() {
    let body = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x";
    for (answer, body, expected) in [
        (200, body, 429),
        (200, "1", 200),
        (200, "HTTP error 999", 200),
        (202, body, 202),
    ] {
        let server = server(ResponseTemplate::new(answer).set_body_string(body)).await;
        let config = json!({"notifiers": {"it": {"type": "teams", "url": server.uri()}}});
        assert_eq!(
            status(&notify(&server, &config, &notification(&json!({}))).await.0),
            expected,
            "{body}"
        );
    }
}

#[tokio::test]
async fn discord() {
    let server = server(ResponseTemplate::new(200).set_body_string("{}")).await;
    let url = format!("{}/api/webhooks/1/x?thread_id=7", server.uri());
    let config = json!({"notifiers": {"it": {"type": "discord", "url": url}}});
    let (report, arrived) = notify(&server, &config, &notification(&json!({"username": "Pilotage"}))).await;
    assert_eq!(status(&report), 200);
    insta::assert_json_snapshot!(arrived);
}

#[tokio::test]
async fn json() {
    let server = server(ResponseTemplate::new(204)).await;
    let config = json!({"notifiers": {"it": {"type": "json", "url": format!("{}/hook", server.uri()), "token": "${env:TOKEN}"}}});
    let (report, arrived) = notify(
        &server,
        &config,
        &notification(&json!({"severity": 3, "tags": ["a"]})),
    )
    .await;
    assert_eq!(status(&report), 204);
    insta::assert_json_snapshot!(arrived);
}

#[tokio::test]
async fn retry_after_and_failures_come_through_every_notifier() {
    let kinds = ["slack", "teams", "discord", "json"];
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "7");
    for kind in kinds {
        let server = server(busy.clone()).await;
        let config = json!({"notifiers": {"it": {"type": kind, "url": server.uri()}}});
        let response = notify(&server, &config, &notification(&json!({})))
            .await
            .0
            .outcome
            .unwrap();
        assert_eq!(
            (response.status, response.retry_after),
            (429, Some(Duration::from_secs(7))),
            "{kind}"
        );
        let config = json!({"notifiers": {"it": {"type": kind, "url": "http://10.0.0.1/hunter2hunter2hunter2?hunter2"}}});
        let report = notify(&server, &config, &notification(&json!({}))).await.0;
        let error = report.outcome.unwrap_err().to_string();
        assert!(error.contains("10.0.0.1 is a private address"), "{kind}: {error}");
        assert!(
            !format!("{error}{}", report.request).contains("hunter2"),
            "{kind}: {error}"
        );
    }
}

#[tokio::test]
async fn long_texts_are_cut_to_what_the_medium_takes() {
    let long = Notification {
        text: "é<\n".repeat(50_000),
        title: Some("t".repeat(5_000)),
        ..notification(&json!({}))
    };
    let text = |kind: &str, body: &Value| match kind {
        "slack" => body["text"].as_str().unwrap().to_owned(),
        "teams" => body["attachments"][0]["content"]["body"][1]["text"]
            .as_str()
            .unwrap()
            .to_owned(),
        _ => body["content"].as_str().unwrap().to_owned(),
    };
    for (kind, limit) in [("slack", 4_000), ("teams", 21_000), ("discord", 2_000)] {
        let server = server(ResponseTemplate::new(200)).await;
        let config = json!({"notifiers": {"it": {"type": kind, "url": server.uri()}}});
        let (_, arrived) = notify(&server, &config, &long).await;
        let body = &arrived.unwrap()["body"];
        let text = text(kind, body);
        assert!(text.ends_with('…'), "{kind}");
        let size = if kind == "teams" {
            body.to_string().len()
        } else {
            text.encode_utf16().count()
        };
        assert!(size <= limit && size > limit * 4 / 5, "{kind}: {size}");
    }
}

fn problems(config: &Value) -> Vec<String> {
    build(config)
        .err()
        .into_iter()
        .flatten()
        .map(|problem| problem.to_string())
        .collect()
}

#[test]
fn what_is_wrong_in_a_configuration_is_told_at_its_place() {
    let wrong = json!({
        "notifiers": {
            "a": {"type": "slak", "url": "https://example.com"},
            "b": {"url": "https://example.com"},
            "c": {"type": "slack", "uri": "https://example.com"},
            "d": {"type": "slack"},
            "e": {"type": "teams", "url": "${env:NOT_SET}"},
            "f": {"type": "discord", "url": "hunter2"},
            "g": {"type": "json", "url": "https://u:hunter2@example.com/"},
            "h": {"type": "json", "url": "file:///etc/passwd"},
            "i": {"type": "json", "url": "https://example.com", "token": "${file:/none}"},
            "j": "slack",
            "a/b": {"type": "slack", "url": "https://example.com"},
        },
        "slack": {"tokn": "hunter2"},
    });
    let problems = problems(&wrong);
    assert!(!problems.join("\n").contains("hunter2"));
    insta::assert_debug_snapshot!(problems);
}

#[test]
fn parameters_are_checked_by_the_notifier_that_they_are_for() {
    let config = json!({
        "notifiers": {
            "slack": {"type": "slack", "url": "https://example.com"}, "teams": {"type": "teams", "url": "https://example.com"},
            "discord": {"type": "discord", "url": "https://example.com"}, "json": {"type": "json", "url": "https://example.com"},
        },
        "slack": {"token": "t"},
    });
    let built = build(&config).unwrap();
    let check = |name: &str, parameters: Value| {
        let notifier = built.named.get(name).or(built.slack.as_ref()).unwrap();
        notifier
            .check(parameters.as_object().unwrap())
            .err()
            .unwrap_or_else(|| "ok".to_owned())
    };
    let table = [
        ("slack", json!({}), "ok"),
        ("slack", json!({"channel": "a"}), "bound to its channel"),
        ("slack", json!({"x": 1}), "no parameter `x`"),
        ("app", json!({"threadTs": "${event.data.ts}"}), "ok"),
        ("app", json!({"threadTs": 1}), "`threadTs` is a text"),
        ("app", json!({"threadts": "1"}), "did you mean `threadTs`?"),
        ("teams", json!({"colour": "red"}), "takes only `text` and `title`"),
        ("discord", json!({"username": "P"}), "ok"),
        ("discord", json!({"avatar": "P"}), "it takes: username"),
        ("json", json!({"anything": {"goes": [1]}}), "ok"),
    ];
    for (name, parameters, expected) in table {
        let said = check(name, parameters.clone());
        assert!(said.contains(expected), "{name} {parameters}: {said}");
    }
}

#[test]
fn secrets_are_known_to_whoever_must_keep_them_out_of_records() {
    let scope = scope();
    let named = BTreeMap::from([(
        "it".to_owned(),
        json!({"type": "json", "url": "https://example.com/x", "token": "${env:TOKEN}"}),
    )]);
    notifiers::build_all(&named, None, &scope).map(drop).unwrap();
    let secrets: Vec<String> = scope
        .secrets()
        .iter()
        .map(|secret| secret.expose_secret().to_owned())
        .collect();
    assert_eq!(secrets, ["https://example.com/x", "token-from-env"]);
}

#[test]
fn the_schema_names_every_kind() {
    let schema = notifiers::schema(&mut schemars::SchemaGenerator::default()).to_value();
    let kinds: Vec<&str> = schema["additionalProperties"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| {
            assert_eq!(kind["additionalProperties"], false, "{kind}");
            assert!(
                kind["required"].as_array().unwrap().contains(&"type".into()),
                "{kind}"
            );
            kind["properties"]["type"]["const"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        kinds,
        notifiers::kinds()
            .iter()
            .map(|kind| kind.name)
            .collect::<Vec<_>>()
    );
    let _: &Map<String, Value> = schema.as_object().unwrap();
}
