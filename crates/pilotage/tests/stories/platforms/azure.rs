//! Azure DevOps.

use std::time::Duration;

use pilotage_mock::{CiFault, CiVendor};
use serde_json::json;

use super::Told;

pub(super) const CONFIG: &str =
    "{type: azure-devops, url: 'URL', organization: acme, project: shop, token: TOKEN, pipeline: 12}";
const TICK: Option<Duration> = Some(Duration::from_millis(10));
const QUICK: [&str; 2] = ["--interval-ms", "20"];

async fn told(tick: Option<Duration>) -> Told {
    Told::new(CiVendor::AzureDevOps, tick, CONFIG).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_followed_and_its_result_is_the_exit_code() {
    let told = told(TICK).await;
    let said = told.ci(&[["trigger", "--watch"], QUICK].concat()).await;
    said.says(
        0,
        &[
            "lint: succeeded (completed/succeeded)",
            "shop 1001: succeeded (completed/succeeded)",
        ],
    );
    let runs = told.json(&["runs", "12"]).await;
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
            "test: failed (completed/failed) at `run tests`",
            "== test / run tests",
            "[error]run tests failed: 1 of 12 is wrong",
        ],
    );
    assert!(
        !said.out.contains('\u{1b}') && !said.out.contains("check out: line"),
        "{}",
        said.out
    );
    let again = [["retry", &run], ["--failed", "--watch"], QUICK].concat();
    told.ci(&again).await.says(0, &["test: succeeded"]);
    told.ci(&["retry", &run, "--failed"])
        .await
        .says(3, &["no stage of the run has failed"]);
    let whole = told.json(&["retry", &run]).await;
    let whole = whole["id"].as_str().unwrap().to_owned();
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
            path: "/logs/".to_owned(),
            times: Some(1),
            break_after_bytes: Some(bytes),
            ..CiFault::default()
        });
    }
    let said = told.ci(&["logs", &run, "--job", "test", "--follow"]).await;
    said.says(0, &["== test / run tests"]);
    let lines = said
        .out
        .lines()
        .filter_map(|line| line.split_once("Z run tests: "));
    let lines: Vec<&str> = lines.map(|(_, line)| line).collect();
    let expected: Vec<String> = (1..=300).map(|n| format!("line {n} of 300 ✓")).collect();
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_stopped_and_one_that_waits_goes_on_or_does_not() {
    let told = told(None).await;
    let stopped = told.start(&["lines=1000"]).await;
    told.mock.advance(20);
    told.ci(&["cancel", &stopped])
        .await
        .says(0, &["Azure DevOps stops the run"]);
    told.ci(&[["watch", &stopped], QUICK].concat())
        .await
        .says(1, &["cancelled (completed/canceled)"]);

    let run = told.start(&["approval=true"]).await;
    told.mock.advance(40);
    told.ci(&["approve", &run, "--reject", "--comment", "not today"])
        .await
        .says(0, &["Deploy to production? is rejected"]);
    told.ci(&[["watch", &run], QUICK].concat())
        .await
        .says(1, &["deploy: failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_of_entra_asks_and_a_key_starts_once() {
    let told = told(None).await;
    let entra = "entra: {tenant: mock-tenant, clientId: mock-client, clientSecret: mock-client-secret, authority: 'URL'}";
    told.configure(&CONFIG.replace("token: TOKEN", entra));
    let start = ["trigger", "--ref", "main", "--key", "release-7"];
    let (first, second) = (told.json(&start).await, told.json(&start).await);
    assert_eq!(first["id"], second["id"]);
    assert_eq!(
        (
            told.asked("POST", "/oauth2/v2.0/token"),
            told.asked("POST", "/runs")
        ),
        (2, 1)
    );
    told.configure(&CONFIG.replace("token: TOKEN", &entra.replace("client-secret", "other-secret")));
    told.ci(&["runs"])
        .await
        .says(3, &["does not accept the credentials (AADSTS7000215"]);
    told.configure(&CONFIG.replace("token:", "entraToken:"));
    told.ci(&["runs"]).await.says(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_listed_and_downloaded_and_what_is_refused_says_what_to_do() {
    let told = told(TICK).await;
    let run = told.start(&[]).await;
    told.fault("/timeline", 2, 502, &[], "<html>");
    told.fault("/builds/", 1, 429, &[("retry-after", "1")], "");
    told.ci(&[["watch", &run], QUICK].concat())
        .await
        .says(0, &["succeeded"]);
    let listed = told.json(&["artifacts", &run, "--download", "out"]).await;
    let file = std::fs::read(told.place.path().join("out/report.zip")).unwrap();
    assert_eq!(
        file.len() as u64,
        listed["items"][0]["sizeBytes"].as_u64().unwrap()
    );

    told.fault("/runs", 1, 502, &[], "<html>");
    let before = told.asked("POST", "/runs");
    told.ci(&["trigger"]).await.says(3, &["in trouble (HTTP 502"]);
    assert_eq!(told.asked("POST", "/runs"), before + 1, "a start is sent once");
    told.ci(&["watch", "999"])
        .await
        .says(3, &["Azure DevOps knows no run 999", "are hidden"]);
    told.ci(&["trigger", "13"])
        .await
        .says(3, &["knows no pipeline 13"]);
    told.ci(&["trigger", "--ref", "gone"])
        .await
        .says(3, &["Could not resolve the ref"]);
    told.configure(&CONFIG.replace("TOKEN", "READER"));
    told.ci(&["cancel", &run]).await.says(
        3,
        &[
            "does not allow this (TF401027",
            "the scope Build (read & execute)",
        ],
    );
    told.configure(&CONFIG.replace("TOKEN", "wrong"));
    told.ci(&["cancel", &run])
        .await
        .says(3, &["does not accept the credentials", "sign in"]);
}
