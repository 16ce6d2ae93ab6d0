//! GitLab.

use std::time::Duration;

use pilotage_mock::{CiFault, CiVendor};
use serde_json::json;

use super::Told;

pub(super) const CONFIG: &str = "{type: gitlab, url: 'URL', project: acme/shop, token: TOKEN}";
const TICK: Option<Duration> = Some(Duration::from_millis(10));
const QUICK: [&str; 2] = ["--interval-ms", "20"];

async fn told(tick: Option<Duration>) -> Told {
    Told::new(CiVendor::GitLab, tick, CONFIG).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_started_followed_and_its_result_is_the_exit_code() {
    let told = told(TICK).await;
    let said = told.ci(&[["trigger", "--watch"], QUICK].concat()).await;
    said.says(
        0,
        &[
            "pipeline 1001: ",
            "lint: succeeded (success)",
            "pipeline 1001: succeeded (success)",
        ],
    );
    let runs = told.json(&["runs"]).await;
    assert_eq!(
        (&runs["items"][0]["id"], &runs["items"][0]["reference"]),
        (&json!("1001"), &json!("main"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_shown_without_asking_and_runs_again() {
    let told = told(TICK).await;
    let run = told.start(&["fail=test"]).await;
    let said = told.ci(&[["watch", &run], QUICK].concat()).await;
    said.says(
        1,
        &[
            "test: failed (failed/script_failure)",
            "== test",
            "ERROR: run tests failed: 1 of 12 is wrong",
            "deploy: skipped",
        ],
    );
    // Neither colours nor the marks of sections.
    assert!(
        !said.out.contains('\u{1b}') && !said.out.contains("section_"),
        "{}",
        said.out
    );
    let again = [["retry", &run], ["--failed", "--watch"], QUICK].concat();
    told.ci(&again)
        .await
        .says(0, &[&format!("pipeline {run}: succeeded")]);
    // All of it is a pipeline of its own, with what the first was given.
    let whole = told.json(&["retry", &run]).await;
    let whole = whole["id"].as_str().unwrap().to_owned();
    assert_ne!(whole, run);
    told.ci(&[["watch", &whole], QUICK].concat())
        .await
        .says(1, &["test: failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_shown_as_it_grows_also_when_the_connection_breaks() {
    let told = told(Some(Duration::from_millis(2))).await;
    let run = told.start(&["lines=300"]).await;
    for bytes in [3, 1_000] {
        told.mock.fault(CiFault {
            path: "/trace".to_owned(),
            times: Some(1),
            break_after_bytes: Some(bytes),
            ..CiFault::default()
        });
    }
    let said = told.ci(&["logs", &run, "--job", "test", "--follow"]).await;
    said.says(0, &["== test"]);
    let lines: Vec<&str> = said
        .out
        .lines()
        .filter(|line| line.starts_with("run tests: "))
        .collect();
    let expected: Vec<String> = (1..=300)
        .map(|n| format!("run tests: line {n} of 300 ✓"))
        .collect();
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_stopped_and_one_that_waits_goes_on_or_does_not() {
    let told = told(None).await;
    let stopped = told.start(&["lines=1000"]).await;
    told.mock.advance(20);
    told.ci(&["cancel", &stopped])
        .await
        .says(0, &["GitLab stops the run"]);
    told.ci(&[["watch", &stopped], QUICK].concat())
        .await
        .says(1, &["cancelled (canceled)"]);

    let run = told.start(&["approval=true"]).await;
    told.mock.advance(40);
    let waits = told.json(&["runs", "--limit", "1"]).await;
    assert_eq!(
        (&waits["items"][0]["state"], &waits["items"][0]["word"]),
        (&json!("waiting"), &json!("manual"))
    );
    told.ci(&["approve", &run]).await.says(0, &["deploy is approved"]);
    told.ci(&["approve", &run]).await.says(2, &["waits for nothing"]);
    told.mock.advance(20);
    told.ci(&[["watch", &run], QUICK].concat()).await.says(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_listed_and_downloaded() {
    let told = told(None).await;
    let run = told.start(&[]).await;
    told.mock.advance(60);
    let listed = told.json(&["artifacts", &run, "--download", "out"]).await;
    assert_eq!(listed["items"][0]["name"], json!("test"));
    let file = std::fs::read(told.place.path().join("out/test-artifacts.zip")).unwrap();
    assert_eq!(
        file.len() as u64,
        listed["items"][0]["sizeBytes"].as_u64().unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_token_starts_and_a_key_starts_once() {
    let told = told(None).await;
    told.configure("{type: gitlab, url: 'URL', project: '7', triggerToken: STARTER}");
    told.ci(&["trigger"]).await.says(3, &["the branch must be named"]);
    let run = told.start(&["fail=lint"]).await;
    told.ci(&["watch", &run])
        .await
        .says(3, &["does not accept the credentials"]);
    told.configure(CONFIG);
    assert_eq!(
        told.json(&["retry", &run]).await["id"],
        json!("1005"),
        "with the input of the first"
    );

    let start = ["trigger", "--ref", "main", "--key", "release-7"];
    let (first, second) = (told.json(&start).await, told.json(&start).await);
    assert_eq!(first["id"], second["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_what_to_do_and_what_passes_is_waited_for() {
    let told = told(TICK).await;
    let run = told.start(&[]).await;
    told.fault("/jobs", 2, 502, &[], "<html>");
    told.fault("/pipelines/", 1, 429, &[("retry-after", "1")], "Retry later");
    told.ci(&[["watch", &run], QUICK].concat())
        .await
        .says(0, &["succeeded"]);
    told.fault("/pipeline", 1, 502, &[], "<html>");
    let before = told.asked("POST", "/pipeline");
    told.ci(&["trigger", "--ref", "main"])
        .await
        .says(3, &["in trouble (HTTP 502"]);
    assert_eq!(
        told.asked("POST", "/pipeline"),
        before + 1,
        "a start is sent once"
    );

    told.ci(&["watch", "999"])
        .await
        .says(3, &["GitLab knows no pipeline 999", "are hidden"]);
    told.ci(&["trigger", "--ref", "gone"])
        .await
        .says(3, &["Reference not found"]);
    told.configure(&CONFIG.replace("TOKEN", "READER"));
    told.ci(&["cancel", &run])
        .await
        .says(3, &["does not allow this", "the scope `api`"]);
    told.configure(&CONFIG.replace("TOKEN", "wrong"));
    told.ci(&["cancel", &run])
        .await
        .says(3, &["does not accept the credentials (401 Unauthorized)"]);
}
