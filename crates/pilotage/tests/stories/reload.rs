//! Configuration changes while the server runs.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use pilotage_mock::WebhookListener;

use crate::{
    path::config,
    server::{Place, Server, assert_audit_holds, pilotage},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_good_file_is_taken_and_a_bad_one_changes_nothing_and_says_so() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);

    place.configure(&config(&receiver).replace("id: push", "id: renamed"));
    server
        .wait_for("/api/v1/rules", |page| page["items"][0]["id"] == "renamed")
        .await;

    place.configure(
        &config(&receiver)
            .replace("id: push", "id: bad")
            .replace("target: ci", "target: cl"),
    );
    server.signal("HUP");
    let stats = server
        .wait_for("/api/v1/stats", |stats| !stats["configError"].is_null())
        .await;
    assert!(
        stats["configError"]
            .as_str()
            .unwrap()
            .contains("did you mean `ci`?"),
        "{stats}"
    );
    assert_eq!(server.get("/api/v1/rules").await["items"][0]["id"], "renamed");

    place.configure(&config(&receiver));
    server
        .wait_for("/api/v1/rules", |page| page["items"][0]["id"] == "push")
        .await;
    server
        .wait_for("/api/v1/stats", |stats| stats["configError"].is_null())
        .await;
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_the_api_that_would_not_fit_is_named_and_no_line_of_the_file() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    let rule = json!({
        "id": "mine", "trigger": { "source": "github" }, "actions": [{ "type": "webhook", "target": "ci" }],
    });
    assert_eq!(server.post("/api/v1/rules", &rule).await.0, 201);

    place.configure("version: 1\n");
    server.signal("HUP");
    let stats = server
        .wait_for("/api/v1/stats", |stats| !stats["configError"].is_null())
        .await;
    let told = stats["configError"].as_str().unwrap();
    assert!(told.contains("made through the API"), "{told}");
    assert!(
        told.contains("rule `mine`, /actions/0/target: `ci` is neither"),
        "{told}"
    );
    assert!(!told.contains("pilotage.yaml:"), "{told}");
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_without_a_file_ends_nothing() {
    // As in `Server::start`: asking over HTTP needs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let mut child = pilotage()
        .current_dir(&folder)
        .args(["up", "--format", "json"])
        .args(["--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let started: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let health = format!("http://{}/health", started["health"].as_str().unwrap());
    let signal = |name: &str| {
        let sent = Command::new("kill")
            .args([name, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    };
    signal("-HUP");
    let answer = reqwest::get(health).await;
    signal("-TERM");
    // A process that the hangup ended has no orderly end.
    lines.for_each(drop);
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}, {answer:?}");
}
