//! Whoever waits is told why.

use serde_json::Value;

use pilotage_mock::WebhookListener;

use crate::{
    path::config,
    server::{Place, Server, assert_audit_holds},
};

const PUSH: &str = include_str!("../../../../fixtures/github/push.json");

/// The only execution there is, once it waits for its next attempt for this reason.
async fn put_off(server: &Server, reason: &str) -> Value {
    let page = server
        .wait_for("/api/v1/executions?status=pending", |page| {
            let found = page["items"][0]["reason"].as_str();
            found.is_some_and(|found| found.contains(reason))
        })
        .await;
    page["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_execution_says_why_it_was_put_off() {
    let receiver = WebhookListener::local().await.unwrap();
    receiver.answer(&[503]);
    let patient = config(&receiver)
        .replace("initialDelay: 20,", "initialDelay: 60000,")
        .replace("maxDelay: 500", "maxDelay: 60000");
    let place = Place::new(&patient);
    let server = Server::start(&place);
    server.push("d-1", PUSH).await.unwrap();
    let waiting = put_off(&server, "action 1 (webhook): answered 503; attempt 1 of 20").await;
    assert_eq!(waiting["action"], 0, "programs count from 0");
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_rate_limit_and_an_open_circuit_are_named() {
    let receiver = WebhookListener::local().await.unwrap();
    let limited =
        config(&receiver).replace("?token=hidden\"", "\", rateLimit: { perSecond: 0.01, burst: 1 }");
    let place = Place::new(&limited);
    let server = Server::start(&place);
    server.push("d-1", PUSH).await.unwrap();
    server.push("d-2", PUSH).await.unwrap();
    put_off(&server, "action 1 (webhook): the target's rate limit is used up").await;
    assert!(server.stop().success());

    receiver.always(Some(503));
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    server.push("d-1", PUSH).await.unwrap();
    put_off(&server, "action 1 (webhook): the target's circuit is open").await;
    assert!(server.stop().success());
    assert_audit_holds(&place);
}
