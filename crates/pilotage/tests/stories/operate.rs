//! Dead letters, retry, cancel, replay: what people do when something went wrong.

use std::time::Duration;

use serde_json::json;

use pilotage_mock::WebhookListener;

use crate::{
    path::config,
    server::{Place, Server, assert_audit_holds},
};

const PUSH: &str = include_str!("../../../../fixtures/github/push.json");

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_says_why_and_goes_on_when_retried() {
    let receiver = WebhookListener::local().await.unwrap();
    receiver.answer(&[410]);
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    server.push("d", PUSH).await.unwrap();
    server.settled().await;

    let failed = server.get("/api/v1/executions?status=failed").await;
    let execution = &failed["items"][0];
    assert!(
        execution["reason"].as_str().unwrap().contains("answered 410"),
        "{execution}"
    );
    let id = execution["id"].as_str().unwrap();
    let (status, _) = server
        .post(&format!("/api/v1/executions/{id}/retry"), &json!({}))
        .await;
    assert!((200..300).contains(&status));
    server.settled().await;
    assert_eq!(
        server.get(&format!("/api/v1/executions/{id}")).await["status"],
        "succeeded"
    );
    let arrived = receiver.arrivals();
    assert_eq!(
        arrived[0].webhook_id(),
        arrived[1].webhook_id(),
        "a retry is the same message"
    );
    let (status, _) = server
        .post(&format!("/api/v1/executions/{id}/retry"), &json!({}))
        .await;
    assert_eq!(status, 409, "only dead letters are retried");
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_keeps_failing_can_be_cancelled() {
    let receiver = WebhookListener::local().await.unwrap();
    receiver.always(Some(503));
    let place = Place::new(
        &config(&receiver)
            .replace("maxDelay: 500", "maxDelay: 60000")
            .replace("initialDelay: 20", "initialDelay: 60000"),
    );
    let server = Server::start(&place);
    server.push("d", PUSH).await.unwrap();
    let pending = server
        .wait_for("/api/v1/executions?status=pending", |page| {
            page["items"][0]["attemptsMade"] == 1
        })
        .await;
    let id = pending["items"][0]["id"].as_str().unwrap().to_owned();
    server
        .post(&format!("/api/v1/executions/{id}/cancel"), &json!({}))
        .await;
    let shown = server.get(&format!("/api/v1/executions/{id}")).await;
    assert_eq!(shown["status"], "cancelled");
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_follows_the_rules_of_today_or_those_of_then() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    let (_, accepted) = server.push("d", PUSH).await.unwrap();
    let event = accepted["eventId"].as_str().unwrap();
    server.settled().await;

    place.configure(&config(&receiver).replace("eventTypes: [push]", "eventTypes: [release]"));
    server
        .wait_for("/api/v1/rules", |page| {
            page["items"][0]["trigger"]["eventTypes"][0] == "release"
        })
        .await;
    let replay = format!("/api/v1/events/{event}/replay");
    let (status, today) = server.post(&replay, &json!({ "rules": "today" })).await;
    assert_eq!((status, today["executions"].as_array().unwrap().len()), (202, 0));
    let (status, same) = server.post(&replay, &json!({ "rules": "same" })).await;
    assert_eq!((status, same["executions"].as_array().unwrap().len()), (202, 1));
    server.settled().await;

    let arrived = receiver.arrivals();
    assert_eq!(arrived.len(), 2);
    assert_ne!(
        arrived[0].webhook_id(),
        arrived[1].webhook_id(),
        "a replay is a message of its own"
    );
    let id = same["executions"][0].as_str().unwrap();
    assert_eq!(
        server.get(&format!("/api/v1/executions/{id}")).await["replayedBy"],
        "local"
    );
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

/// Four actions, each shorter than a third of the lease, together longer than the lease.
fn several_slow_actions(receiver: &WebhookListener) -> String {
    let action = "      - { type: webhook, target: ci }\n";
    let config = config(receiver);
    let head = config.split("    actions:").next().unwrap();
    format!("{head}    actions:\n{}", action.repeat(5))
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_that_together_outlast_the_lease_run_once() {
    let receiver = WebhookListener::local().await.unwrap();
    receiver.takes(Duration::from_millis(300));
    let place = Place::new(&several_slow_actions(&receiver));
    let server = Server::start(&place);
    server.push("d", PUSH).await.unwrap();
    server.settled().await;

    let execution = &server.get("/api/v1/executions").await["items"][0];
    assert_eq!(execution["status"], "succeeded");
    let ids: Vec<String> = receiver
        .arrivals()
        .iter()
        .map(|arrived| arrived.webhook_id().to_owned())
        .collect();
    let distinct: std::collections::HashSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (5, 5), "{ids:?}");
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_paused_process_claims_anew_goes_to_the_worker_that_is_at_it() {
    let receiver = WebhookListener::local().await.unwrap();
    receiver.takes(Duration::from_millis(1_700));
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    server.push("d", PUSH).await.unwrap();
    server
        .wait_for("/api/v1/executions?status=running", |page| {
            page["items"][0]["id"].is_string()
        })
        .await;
    server.signal("STOP");
    // Longer than the lease of one second: the process wakes up to an execution that looks abandoned.
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    server.signal("CONT");
    server.settled().await;

    assert_eq!(receiver.arrivals().len(), 1, "one worker, one message");
    assert_eq!(
        server.get("/api/v1/executions").await["items"][0]["status"],
        "succeeded"
    );
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlasts_the_shutdown_is_released_and_goes_on_after_the_next_start() {
    let receiver = WebhookListener::local().await.unwrap();
    receiver.takes(Duration::from_secs(5));
    let patient = config(&receiver).replace("leaseMs: 1000", "leaseMs: 600000");
    let place = Place::new(&format!("{patient}server: {{ shutdownTimeoutMs: 200 }}\n"));
    let server = Server::start(&place);
    server.push("d", PUSH).await.unwrap();
    server
        .wait_for("/api/v1/executions?status=running", |page| {
            page["items"][0]["id"].is_string()
        })
        .await;
    // Only what has arrived takes so long.
    receiver.arrived_after(0).await;
    assert!(server.stop().success());

    receiver.takes(Duration::ZERO);
    let server = Server::start(&place);
    server.settled().await;
    assert_eq!(
        server.get("/api/v1/executions").await["items"][0]["status"],
        "succeeded"
    );
    let arrived = receiver.arrivals();
    assert_eq!(
        (arrived.len(), arrived[0].webhook_id()),
        (2, arrived[1].webhook_id()),
        "the same message again"
    );
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_event_cancels_what_its_rule_is_running() {
    let receiver = WebhookListener::local().await.unwrap();
    receiver.takes(Duration::from_secs(5));
    let patient = config(&receiver).replace("leaseMs: 1000", "leaseMs: 600000");
    let place = Place::new(&format!(
        "{patient}    concurrency: {{ limit: 1, onLimit: cancel }}\n"
    ));
    let server = Server::start(&place);
    server.push("older", PUSH).await.unwrap();
    server
        .wait_for("/api/v1/executions?status=running", |page| {
            page["items"][0]["id"].is_string()
        })
        .await;
    // Only what has arrived takes so long.
    receiver.arrived_after(0).await;
    receiver.takes(Duration::ZERO);
    server.push("newer", PUSH).await.unwrap();
    server.settled().await;

    let executions = server.get("/api/v1/executions").await;
    let statuses: Vec<_> = executions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["status"].clone())
        .collect();
    assert_eq!(statuses, ["succeeded", "cancelled"], "newest first");
    assert!(server.stop().success());
    assert_audit_holds(&place);
}
