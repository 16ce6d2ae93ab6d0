//! Jenkins.

use std::time::Duration;

use pilotage_mock::{CiFault, CiVendor};
use serde_json::json;

use super::Told;

pub(super) const CONFIG: &str =
    "{type: jenkins, url: 'URL', user: person, token: TOKEN, job: acme/shop, branchParameter: branch}";
const TICK: Option<Duration> = Some(Duration::from_millis(10));
const QUICK: [&str; 2] = ["--interval-ms", "20"];

async fn told(tick: Option<Duration>) -> Told {
    Told::new(CiVendor::Jenkins, tick, CONFIG).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_followed_from_the_queue_to_its_end() {
    let told = told(None).await;
    let run = told.start(&[]).await;
    assert!(run.starts_with("queue:"), "{run}");
    told.ci(&["logs", &run]).await.says(0, &[]);
    told.mock.advance(60);
    let said = told.ci(&[["watch", &run], QUICK].concat()).await;
    said.says(
        0,
        &[
            "acme/shop acme/shop/1001: succeeded (SUCCESS)",
            "deploy: succeeded",
        ],
    );
    told.ci(&["logs", &run])
        .await
        .says(0, &["[Pipeline] { (test)", "Finished: SUCCESS"]);
    let runs = told.json(&["runs"]).await;
    assert_eq!(
        (&runs["items"][0]["id"], &runs["items"][0]["reference"]),
        (&json!("acme/shop/1001"), &json!("main"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_shown_without_asking_and_runs_again_with_the_same_parameters() {
    let told = told(TICK).await;
    let run = told.start(&["fail-always=test"]).await;
    let said = told.ci(&[["watch", &run], QUICK].concat()).await;
    said.says(
        1,
        &[
            "test: failed (FAILED) at `run tests`",
            "== test / run tests",
            "run tests failed: 1 of 12 is wrong",
            "deploy: skipped",
        ],
    );
    assert!(!said.out.contains('\u{1b}'), "{}", said.out);
    let again = [["retry", "acme/shop/1001", "--watch"].as_slice(), &QUICK].concat();
    told.ci(&again).await.says(1, &["test: failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_shown_as_it_grows_also_when_the_connection_breaks() {
    let told = told(Some(Duration::from_millis(2))).await;
    let run = told.start(&["lines=300"]).await;
    told.until("acme/shop/1001", "running").await;
    for bytes in [3, 1_000] {
        told.mock.fault(CiFault {
            path: "/progressiveText".to_owned(),
            times: Some(1),
            break_after_bytes: Some(bytes),
            ..CiFault::default()
        });
    }
    let said = told.ci(&["logs", &run, "--follow"]).await;
    said.says(0, &["Finished: SUCCESS"]);
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
async fn a_run_is_stopped_in_the_queue_and_behind_it_and_goes_on_once_it_may() {
    let told = told(None).await;
    let queued = told.start(&[]).await;
    told.ci(&["cancel", &queued]).await.says(0, &[]);
    told.ci(&[["watch", &queued], QUICK].concat())
        .await
        .says(1, &["cancelled"]);

    let run = told.start(&["approval=true"]).await;
    told.mock.advance(40);
    let waits = told.json(&["runs", "--limit", "1"]).await;
    assert_eq!(
        waits["items"][0]["word"],
        json!("building"),
        "the list does not ask for every build's inputs"
    );
    let id = waits["items"][0]["id"].as_str().unwrap();
    told.ci(&["approve", id])
        .await
        .says(0, &["Deploy to production? is approved"]);
    told.mock.advance(1);
    // What has left the queue is stopped as the build that it became.
    told.ci(&["cancel", &run]).await.says(0, &[]);
    told.ci(&[["watch", id], QUICK].concat())
        .await
        .says(1, &["cancelled (ABORTED)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_needs_a_crumb_and_a_key_starts_once() {
    let told = told(None).await;
    let config = CONFIG.replace("token: TOKEN", "password: mock-password, keyParameter: key");
    told.configure(&config);
    let start = ["trigger", "--key", "release-7"];
    let first = told.json(&start).await;
    assert_eq!(told.asked("GET", "/crumbIssuer"), 1);
    let second = told.json(&start).await;
    assert_eq!(first["id"], second["id"], "found in the queue");
    told.mock.advance(1);
    assert_eq!(
        told.json(&start).await["id"],
        json!("acme/shop/1001"),
        "found among the builds"
    );
    assert_eq!(told.asked("POST", "/buildWithParameters"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_listed_and_downloaded_and_what_is_refused_says_what_to_do() {
    let told = told(TICK).await;
    let run = told.start(&[]).await;
    told.fault("/wfapi/describe", 2, 502, &[], "<html>");
    told.fault("/api/json", 1, 429, &[("retry-after", "1")], "");
    told.ci(&[["watch", &run], QUICK].concat())
        .await
        .says(0, &["succeeded"]);
    let listed = told
        .json(&["artifacts", "acme/shop/1001", "--download", "out"])
        .await;
    assert_eq!(listed["items"][0]["name"], json!("out/report.zip"));
    assert!(
        std::fs::read(told.place.path().join("out/report.zip"))
            .unwrap()
            .starts_with(b"PK")
    );

    told.fault("/buildWithParameters", 1, 502, &[], "<html>");
    let before = told.asked("POST", "/buildWithParameters");
    told.ci(&["trigger"]).await.says(3, &["in trouble (HTTP 502"]);
    assert_eq!(
        told.asked("POST", "/buildWithParameters"),
        before + 1,
        "a start is sent once"
    );
    told.ci(&["watch", "acme/shop/99"])
        .await
        .says(3, &["Jenkins knows no build 99 of `acme/shop`", "are hidden"]);
    told.ci(&["watch", "a/../9"]).await.says(3, &["is no run"]);
    told.ci(&["trigger", "acme/nope"])
        .await
        .says(3, &["knows no job `acme/nope`"]);
    told.configure(&CONFIG.replace("TOKEN", "READER"));
    told.ci(&["cancel", "acme/shop/1001"])
        .await
        .says(3, &["the permission `hudson.model.Item.Build`"]);
    told.configure(&CONFIG.replace("TOKEN", "wrong"));
    told.ci(&["watch", &run])
        .await
        .says(3, &["does not accept the credentials"]);
}
