//! The dashboard in a real browser: committed journeys, driven by playwright-core through Chromium, against the real binary.
//!
//! They need Node and two folders that this machine may not have, so each says what it lacks and passes; with
//! `PILOTAGE_REQUIRE_ALL=1` it fails instead.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[expect(dead_code, reason = "the stories need more of it")]
#[path = "../stories/server.rs"]
mod server;

use std::{io::Write as _, path::Path, process::Command, time::Duration};

use pilotage_mock::{CiOptions, CiVendor, MockCi, WebhookListener};
use server::{Place, SECRET, Server, assert_audit_holds, pilotage};

/// What a journey needs, by the variables that name it, and how to get it.
const NEEDED: [(&str, &str); 2] = [
    (
        "PILOTAGE_NODE_MODULES",
        "run `npm install playwright-core axe-core` somewhere, and name its node_modules",
    ),
    (
        "PILOTAGE_CHROMIUM",
        "install Debian's `chromium`, and name its binary",
    ),
];

/// Whether everything that is needed is named.
fn is_equipped() -> bool {
    let Some((name, how)) = NEEDED
        .into_iter()
        .find(|(name, _)| std::env::var_os(name).is_none())
    else {
        return true;
    };
    let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "{name} is not set: {how}");
    // Not by a print macro: what those write in a test that passes is captured, and nobody would see it.
    let _ = writeln!(std::io::stderr(), "skipped: {name} is not set: {how}");
    false
}

/// One rule in the file, whose action goes to the receiver and is never repeated.
fn config(receiver: &WebhookListener) -> String {
    format!(
        r#"
version: 1
outgoing: {{ allow: ["127.0.0.1"] }}
endpoints:
  ci: {{ url: "http://{}/ci" }}
rules:
  - id: in-file
    name: A push to main starts the pipeline
    trigger: {{ source: github, eventTypes: [push], conditions: {{ ref: refs/heads/main }} }}
    actions:
      - {{ type: webhook, target: ci, retryPolicy: {{ maxAttempts: 1 }} }}
"#,
        receiver.address()
    )
}

/// Runs a journey to its end with Node; what it says belongs to the failure.
async fn run(journey: &str, server: &Server, more: &[(&str, &str)]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/browser/journeys")
        .join(format!("{journey}.mjs"));
    let mut command = Command::new("node");
    command
        .arg(script)
        .env("PILOTAGE_URL", &server.url)
        .env("PILOTAGE_SECRET", SECRET)
        .envs(more.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().expect("Node can be run"));
    let output = output.await.unwrap();
    assert!(
        output.status.success(),
        "{journey}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A journey with a receiver that answers the first requests with `answers`, and the following ones with 200.
async fn journey(name: &str, answers: &[u16]) {
    if !is_equipped() {
        return;
    }
    let receiver = WebhookListener::local().await.unwrap();
    receiver.answer(answers);
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    run(name, &server, &[]).await;
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_appears_without_a_reload() {
    journey("arrives", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_execution_is_found_understood_and_retried() {
    journey("retried", &[410]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_dry_run_and_disabled() {
    journey("ruled", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_done_by_keyboard() {
    journey("keyboard", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_has_a_barrier_or_sticks_out() {
    journey("pages", &[200, 410, 500]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_payloads_are_shown_as_text() {
    journey("hostile", &[410]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_verified_at_the_press_of_a_button() {
    journey("verified", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_fails_says_why_and_is_run_again() {
    if !is_equipped() {
        return;
    }
    let mut options = CiOptions::new(CiVendor::GitHub);
    options.tick = Some(Duration::from_millis(50));
    let mock = MockCi::start(options).await.unwrap();
    let place = Place::new(&format!(
        "version: 1\nplatforms:\n  it: {{type: github, url: '{}', repository: acme/shop, token: {}, workflow: ci.yml}}\n",
        mock.url(),
        mock.token()
    ));
    let server = Server::start(&place);
    run("pipelined", &server, &[]).await;
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_tests_is_watched_and_understood() {
    journey("tested", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_token() {
    if !is_equipped() {
        return;
    }
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let token = |role: &str| {
        let made = pilotage()
            .args([
                "token",
                "create",
                role,
                "--role",
                role,
                "--format",
                "json",
                "--data-dir",
            ])
            .arg(place.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        made["token"].as_str().unwrap().to_owned()
    };
    let (viewer, operator) = (token("viewer"), token("operator"));
    let server = Server::start(&place);
    let tokens = [
        ("PILOTAGE_VIEWER", viewer.as_str()),
        ("PILOTAGE_OPERATOR", operator.as_str()),
    ];
    run("login", &server, &tokens).await;
    assert!(server.stop().success());
    assert_audit_holds(&place);
}
