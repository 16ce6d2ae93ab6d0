//! A rule starts a pipeline, follows it, and ends as it does.

use std::time::Duration;

use pilotage_mock::CiVendor;
use serde_json::{Value, json};

use super::Told;
use crate::server::{Place, Server, assert_audit_holds};

pub(super) const TICK: Option<Duration> = Some(Duration::from_millis(10));
pub(super) const PUSH: &str = r#"{"ref":"refs/heads/main","after":"1234567","head_commit":{"id":"1234567"}}"#;

/// A model of GitHub, and a server whose rule starts a pipeline there on every push.
pub(super) async fn told(tick: Option<Duration>, platform: &str, parameters: &str) -> Told {
    let told = Told::new(
        CiVendor::GitHub,
        tick,
        "{type: github, repository: a/b, token: TOKEN}",
    )
    .await;
    let platform = platform
        .replace("URL", told.mock.url())
        .replace("TOKEN", told.mock.token());
    told.place.configure(&format!(
        "version: 1\nsources: {{github: {{secrets: ['${{env:GITHUB_WEBHOOK_SECRET}}']}}}}\nplatforms:\n  it: {platform}\n\
         rules:\n- id: build\n  trigger: {{source: github, eventTypes: [push]}}\n  actions:\n  \
         - {{type: pipeline, target: it, parameters: {parameters}}}\n"
    ));
    told
}

pub(super) const GITHUB: &str =
    "{type: github, url: 'URL', repository: acme/shop, token: TOKEN, workflow: ci.yml, keyInput: key}";

pub(super) async fn execution(server: &Server) -> Value {
    let found = server.settled().await;
    assert_eq!(found["totals"]["events"], json!(1));
    let list = server.get("/api/v1/executions").await;
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    server.get(&format!("/api/v1/executions/{id}")).await
}

pub(super) fn check(place: &Place, server: Server) {
    assert!(server.stop().success());
    assert_audit_holds(place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_ends_as_its_pipeline_does_and_records_the_run() {
    let told = told(TICK, GITHUB, "{ref: main, inputs: {lines: 5}}").await;
    let server = Server::start(&told.place);
    server.push("one", PUSH).await.unwrap();
    let execution = execution(&server).await;
    assert_eq!(execution["status"], json!("succeeded"), "{execution:#}");
    let text = execution.to_string();
    assert!(
        text.contains("run 1001") && text.contains("completed/success"),
        "{execution:#}"
    );
    assert!(!text.contains(told.mock.token()), "{execution:#}");
    assert_eq!(told.asked("POST", "/dispatches"), 1);
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_is_a_dead_letter_and_a_retry_runs_again_what_failed() {
    let told = told(TICK, GITHUB, "{ref: main, inputs: {fail: test}}").await;
    let server = Server::start(&told.place);
    server.push("one", PUSH).await.unwrap();
    let failed = execution(&server).await;
    assert_eq!(failed["status"], json!("failed"), "{failed:#}");
    assert!(
        failed
            .to_string()
            .contains("the run 1001 failed (completed/failure)"),
        "{failed:#}"
    );
    let id = failed["id"].as_str().unwrap();
    let (status, _) = server
        .post(&format!("/api/v1/executions/{id}/retry"), &json!({}))
        .await;
    assert!(status < 300, "{status}");
    let done = server
        .wait_for(&format!("/api/v1/executions/{id}"), |seen| {
            seen["status"] == "succeeded"
        })
        .await;
    assert_eq!(done["status"], json!("succeeded"));
    assert_eq!(
        (
            told.asked("POST", "/dispatches"),
            told.asked("POST", "/rerun-failed-jobs")
        ),
        (1, 1)
    );
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_start_and_end_starts_nothing_again() {
    let told = told(None, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    server.push("one", PUSH).await.unwrap();
    told.waits_for_calls("/actions/runs/1001", 2).await;
    server.signal("KILL");
    drop(server);
    told.mock.advance(60);
    let server = Server::start(&told.place);
    let execution = execution(&server).await;
    assert_eq!(execution["status"], json!("succeeded"), "{execution:#}");
    assert_eq!(told.asked("POST", "/dispatches"), 1, "found by its key");
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_whose_answer_was_lost_is_repeated_only_where_it_would_be_found() {
    for (platform, status, starts) in [
        (GITHUB.to_owned(), "succeeded", 2),
        (GITHUB.replace(", keyInput: key", ""), "failed", 1),
    ] {
        let told = told(TICK, &platform, "{ref: main}").await;
        told.fault("/dispatches", 1, 502, &[], "{}");
        let server = Server::start(&told.place);
        server.push("one", PUSH).await.unwrap();
        let execution = execution(&server).await;
        assert_eq!(execution["status"], json!(status), "{execution:#}");
        assert_eq!(told.asked("POST", "/dispatches"), starts);
        check(&told.place, server);
    }
}
