//! From a real delivery to an audited action.

use serde_json::json;

use pilotage_mock::WebhookListener;

use crate::server::{Place, Server, assert_audit_holds, pilotage};

const PUSH: &str = include_str!("../../../../fixtures/github/push.json");

pub(crate) fn config(receiver: &WebhookListener) -> String {
    format!(
        r#"
version: 1
outgoing: {{ allow: ["127.0.0.1"] }}
endpoints:
  ci: {{ url: "http://{}/ci?token=hidden" }}
execution: {{ leaseMs: 1000 }}
rules:
  - id: push
    trigger: {{ source: github, eventTypes: [push] }}
    actions:
      - type: webhook
        target: ci
        parameters: {{ body: {{ delivery: "${{event.deliveryId}}", commit: "${{event.data.after}}" }} }}
        retryPolicy: {{ maxAttempts: 20, initialDelay: 20, backoffMultiplier: 1.5, maxDelay: 500 }}
"#,
        receiver.address()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_push_becomes_an_action_with_a_retry_and_leaves_a_trail() {
    let receiver = WebhookListener::local().await.unwrap();
    receiver.answer(&[503]);
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);

    let (status, accepted) = server.push("d-1", PUSH).await.unwrap();
    assert_eq!((status, &accepted["received"]), (202, &json!(true)));
    let event = accepted["eventId"].as_str().unwrap().to_owned();
    server.settled().await;

    let shown = server.get(&format!("/api/v1/events/{event}")).await;
    assert_eq!(
        (&shown["type"], &shown["source"], &shown["verified"]),
        (&json!("push"), &json!("github"), &json!(true))
    );
    let executions = server.get(&format!("/api/v1/executions?event={event}")).await;
    let execution = &executions["items"][0];
    assert_eq!(execution["status"], "succeeded");
    let shown = server
        .get(&format!(
            "/api/v1/executions/{}",
            execution["id"].as_str().unwrap()
        ))
        .await;
    let attempts = shown["attempts"].as_array().unwrap();
    let statuses: Vec<_> = attempts
        .iter()
        .map(|attempt| attempt["status"].as_i64().unwrap())
        .collect();
    assert_eq!(statuses, [503, 200]);
    assert!(
        attempts
            .iter()
            .all(|attempt| !attempt["request"].as_str().unwrap().contains("hidden"))
    );

    let arrived = receiver.arrivals();
    assert_eq!(arrived.len(), 2);
    assert_eq!(
        arrived[0].webhook_id(),
        arrived[1].webhook_id(),
        "every attempt carries the same webhook-id"
    );
    assert_eq!(arrived[1].json()["delivery"], "d-1");
    assert_signed(&place, &arrived[1]);

    assert!(server.stop().success());
    assert_audit_holds(&place);
}

/// A receiver that knows the installation's secret can verify what it was sent.
fn assert_signed(place: &Place, arrived: &pilotage_mock::Arrival) {
    use pilotage_adapters::verification::standard_webhooks;
    let secret = std::fs::read_to_string(place.data().join("webhook-signing-secret")).unwrap();
    let keys = [standard_webhooks::SigningKey::parse(&secret.into()).unwrap()];
    let headers: Vec<(&str, &[u8])> = arrived
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let now = pilotage_core::Timestamp::now();
    let delivery = pilotage_core::ports::Delivery {
        headers: &headers,
        body: &arrived.body,
        now,
    };
    standard_webhooks::verify(&keys, &delivery).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_right_is_refused_and_leaves_nothing_behind() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    let url = format!("{}/webhooks/github", server.url);
    let post = || {
        server
            .http
            .post(&url)
            .header("content-type", "application/json")
            .header("x-github-event", "push")
    };

    let unsigned = post()
        .header("x-github-delivery", "u")
        .body(PUSH)
        .send()
        .await
        .unwrap();
    assert_eq!(unsigned.status(), 401);
    assert_eq!(unsigned.headers()["content-type"], "application/problem+json");
    let wrong = post()
        .header("x-hub-signature-256", "sha256=00")
        .body(PUSH)
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    let (status, _) = server.push("broken", "{\"a\": [1, 2").await.unwrap();
    assert_eq!(status, 400);
    let missing = server
        .http
        .post(format!("{}/webhooks/custom/nobody", server.url))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(missing.status(), 404);

    let stats = server.settled().await;
    assert_eq!(stats["totals"]["events"], 0);
    assert!(receiver.arrivals().is_empty());
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_is_answered_and_not_acted_on_again_and_a_ping_is_shown() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);

    let (_, first) = server.push("same", PUSH).await.unwrap();
    let (status, again) = server.push("same", PUSH).await.unwrap();
    assert_eq!(
        (status, &again["duplicate"], &again["eventId"]),
        (200, &json!(true), &first["eventId"])
    );
    let ping = include_str!("../../../../fixtures/github/ping.json");
    assert_eq!(server.deliver("ping", "p-1", ping).await.unwrap().0, 202);
    server.settled().await;

    let unhandled = server.get("/api/v1/events?unhandled=true").await;
    assert_eq!(
        unhandled["items"],
        json!([]),
        "a ping that no rule wants is not unhandled"
    );
    assert_eq!(server.get("/api/v1/stats").await["totals"]["unhandled"], 0);
    let pings = server.get("/api/v1/events?type=ping").await;
    assert_eq!(pings["items"][0]["deliveryId"], "p-1");
    assert_eq!(receiver.arrivals().len(), 1);
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[test]
fn the_demonstration_shows_the_whole_path_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let output = pilotage()
        .args([
            "up",
            "--demo",
            "--once",
            "--listen",
            "127.0.0.1:0",
            "--health-listen",
            "127.0.0.1:0",
            "--data-dir",
        ])
        .arg(dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for part in [
        "received  github push",
        "push-to-main matched",
        "-> 503",
        "-> 200",
        "(action 2, attempt 1",
        "(attempt 1",
        "into the dead letters: action 2 (webhook)",
        "succeeded push-to-main",
        "received  gitlab pipeline",
        "received  make scenario.executed",
        "into the dead letters",
        "received  kubernetes deployment.failed",
        "no rule matched",
        "pilotage up --demo ",
    ] {
        assert!(told.contains(part), "missing {part:?} in:\n{told}");
    }
    let state = format!("audit verify --data-dir {}/demo ", dir.path().display());
    assert!(told.contains(&state), "missing {state:?} in:\n{told}");
    for part in ["another terminal", "execution show"] {
        assert!(
            !told.contains(part),
            "nobody is left to ask, but {part:?} is in:\n{told}"
        );
    }
}
