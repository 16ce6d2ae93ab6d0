//! GitHub.

use std::{io::Write as _, time::Duration};

use pilotage_mock::{CiFault, CiVendor};
use serde_json::{Value, json};

use super::{Told, ci};

const CONFIG: &str = "{type: github, url: 'URL', repository: acme/shop, token: TOKEN, workflow: ci.yml}";
const TICK: Option<Duration> = Some(Duration::from_millis(10));
const QUICK: [&str; 2] = ["--interval-ms", "20"];

async fn told(tick: Option<Duration>) -> Told {
    Told::new(CiVendor::GitHub, tick, CONFIG).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_followed_and_its_result_is_the_exit_code() {
    let told = told(TICK).await;
    let said = told.ci(&[["trigger", "--watch"], QUICK].concat()).await;
    said.says(
        0,
        &[
            "ci.yml 1001: ",
            "lint: succeeded",
            "test: succeeded",
            "deploy: succeeded",
            "ci.yml 1001: succeeded (completed/success)",
        ],
    );
    // The branch is the repository's own where nobody names one.
    let run = told.json(&["trigger"]).await;
    assert_eq!((&run["reference"], &run["attempt"]), (&json!("main"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_a_document_for_every_change() {
    let told = told(TICK).await;
    let said = told
        .ci(&[["trigger", "--watch"], QUICK, ["--format", "json"]].concat())
        .await;
    said.says(0, &[]);
    let lines: Vec<Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["type"], &last["run"]["state"]),
        (&json!("run"), &json!("succeeded"))
    );
    assert_eq!(last["run"]["word"], json!("completed/success"));
    let kinds = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert!(kinds("job") >= 3 && kinds("step") >= 6, "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_shown_without_asking_and_runs_again() {
    let told = told(TICK).await;
    let run = told.start(&["fail=test"]).await;
    let said = told.ci(&[["watch", &run], QUICK].concat()).await;
    said.says(
        1,
        &[
            "test: failed (completed/failure) at `run tests`",
            "== test / run tests",
            "[error]run tests failed: 1 of 12 is wrong",
            "deploy: skipped",
        ],
    );
    // The step's lines only, and no colours of others.
    assert!(!said.out.contains("check out: line"), "{}", said.out);
    assert!(
        said.out.contains("run tests: line 1 of 3 ✓") && !said.out.contains('\u{1b}'),
        "{}",
        said.out
    );

    let jobs_before = told.asked("GET", "/logs");
    let again = [["retry", &run], ["--failed", "--watch"], QUICK].concat();
    told.ci(&again).await.says(0, &["test: succeeded"]);
    assert_eq!(
        told.asked("GET", "/logs"),
        jobs_before,
        "nothing failed, so no log is shown"
    );
    told.ci(&["logs", &run, "--job", "test"]).await.says(
        0,
        &["== test", "check out: line 1 of 2", "run tests: line 3 of 3"],
    );
    told.ci(&["logs", &run, "--job", "nope"])
        .await
        .says(2, &["no job called `nope`", "lint, test, deploy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_stopped_once() {
    let told = told(None).await;
    let run = told.start(&["lines=1000"]).await;
    told.mock.advance(20);
    told.ci(&["cancel", &run])
        .await
        .says(0, &["GitHub stops the run"]);
    told.ci(&[["watch", &run], QUICK].concat())
        .await
        .says(1, &["cancelled (completed/cancelled)"]);
    told.ci(&["cancel", &run])
        .await
        .says(3, &["GitHub cannot do this now", "is completed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_says_so_and_goes_on_once_it_may() {
    let told = told(None).await;
    let run = told.start(&["approval=true"]).await;
    told.mock.advance(40);
    let mut watching = ci(told.place.path(), &[["watch", &run], QUICK].concat());
    let watching = watching.stdout(std::process::Stdio::piped()).spawn().unwrap();
    told.waits_for_calls("/jobs", 2).await;
    told.ci(&["approve", &run]).await.says(0, &["production"]);
    told.mock.advance(20);
    let ended = tokio::task::spawn_blocking(move || watching.wait_with_output().unwrap());
    let ended = super::Said::from(ended.await.unwrap());
    ended.says(0, &["deploy: waiting", "deploy: succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_listed_and_downloaded_without_showing_the_token_elsewhere() {
    let told = told(None).await;
    let run = told.start(&[]).await;
    told.mock.advance(60);
    let listed = told.json(&["artifacts", &run, "--download", "out"]).await;
    assert_eq!(listed["items"][0]["name"], json!("report"));
    let file = std::fs::read(told.place.path().join("out/report.zip")).unwrap();
    assert_eq!(
        file.len() as u64,
        listed["items"][0]["sizeBytes"].as_u64().unwrap()
    );
    assert!(file.starts_with(b"PK\x03\x04"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_what_to_do() {
    let told = told(None).await;
    let run = told.start(&[]).await;
    told.ci(&["watch", "999"])
        .await
        .says(3, &["GitHub knows no run 999", "private repositories"]);
    told.ci(&["watch", "../x"]).await.says(3, &["is no id of a run"]);
    told.ci(&["trigger", "nope.yml"])
        .await
        .says(3, &["knows no workflow `nope.yml`"]);
    told.ci(&["trigger", "--input", "odd=1"])
        .await
        .says(3, &["does not accept", "Unexpected inputs"]);
    told.ci(&["trigger", "--input", "odd"])
        .await
        .says(2, &["NAME=VALUE"]);

    told.configure(&CONFIG.replace("TOKEN", "READER"));
    told.ci(&["cancel", &run])
        .await
        .says(3, &["does not allow this", "the permission `actions=write`"]);
    told.configure(&CONFIG.replace("TOKEN", "wrong"));
    let said = told.ci(&["cancel", &run]).await;
    said.says(
        3,
        &[
            "does not accept the credentials (Bad credentials)",
            "give it a token",
        ],
    );
    assert!(!said.err.contains("wrong"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_waited_for_and_what_changes_something_is_not_repeated() {
    let told = told(TICK).await;
    let run = told.start(&[]).await;
    told.fault("/jobs", 2, 502, &[], "<html>");
    told.fault("/actions/runs/", 1, 429, &[("retry-after", "1")], "{}");
    told.ci(&[["watch", &run], QUICK].concat())
        .await
        .says(0, &["succeeded"]);

    // A start that may have been taken is not sent again: 502 once, and one dispatch.
    let before = told.asked("POST", "/dispatches");
    told.fault("/dispatches", 1, 502, &[], "{}");
    told.ci(&["trigger", "--ref", "main"])
        .await
        .says(3, &["in trouble (HTTP 502"]);
    assert_eq!(told.asked("POST", "/dispatches"), before + 1);
    // One that was refused because of the limit was not taken.
    told.fault("/dispatches", 1, 429, &[("retry-after", "1")], "{}");
    told.ci(&["trigger", "--ref", "main"]).await.says(0, &[]);
    assert_eq!(told.asked("POST", "/dispatches"), before + 3);
    // Longer than anybody waits.
    told.fault(
        "/actions/runs/",
        1,
        403,
        &[("x-ratelimit-remaining", "0"), ("retry-after", "3000")],
        "{}",
    );
    told.ci(&["cancel", &run])
        .await
        .says(3, &["takes no more requests", "3000 s"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_breaks_off_goes_on_where_it_was() {
    let told = told(None).await;
    let run = told.start(&["lines=200"]).await;
    told.mock.advance(300);
    let whole = told.ci(&["logs", &run, "--job", "test"]).await;
    whole.says(0, &["line 200 of 200"]);
    for bytes in [1, 777, 5_003] {
        told.mock.fault(CiFault {
            path: "/storage/logs".to_owned(),
            times: Some(1),
            break_after_bytes: Some(bytes),
            ..CiFault::default()
        });
    }
    let broken = told.ci(&["logs", &run, "--job", "test"]).await;
    assert_eq!(broken.out, whole.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_name_the_run_is_asked_for_it() {
    let told = told(None).await;
    let body = r#"{"message":"\"return_run_details\" is not a permitted key."}"#;
    told.fault("/dispatches", 1, 422, &[], body);
    let run = told.start(&[]).await;
    assert_eq!(run, "1001");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_starts_one_run() {
    let told = told(None).await;
    told.configure(&CONFIG.replace("workflow:", "keyInput: key, workflow:"));
    let start = ["trigger", "--ref", "main", "--key", "release-7"];
    let first = told.json(&start).await;
    let second = told.json(&start).await;
    assert_eq!(first["id"], second["id"]);
    assert_eq!(told.asked("POST", "/dispatches"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_the_run_alone_and_says_how_to_go_on() {
    let told = told(None).await;
    let run = told.start(&[]).await;
    let mut watching = ci(told.place.path(), &[["watch", &run], QUICK].concat());
    let watching = watching.stderr(std::process::Stdio::piped()).spawn().unwrap();
    told.waits_for_calls("/jobs", 2).await;
    let sent = std::process::Command::new("kill")
        .args(["-INT", &watching.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let ended = tokio::task::spawn_blocking(move || watching.wait_with_output().unwrap());
    let ended = super::Said::from(ended.await.unwrap());
    ended.says(
        3,
        &["Detached", &format!("pilotage ci watch {run} --platform it")],
    );
    assert_eq!(told.asked("POST", "/cancel"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_trades_its_statement_for_a_token() {
    let told = told(None).await;
    let key = told.place.path().join("app.pem");
    if !make_key(&key) {
        return;
    }
    let app = format!(
        "app: {{id: Iv1.mock, installation: 7001, privateKey: '${{file:{}}}'}}",
        key.display()
    );
    told.configure(&CONFIG.replace("token: TOKEN", &app));
    let run = told.start(&[]).await;
    told.ci(&["cancel", &run]).await.says(0, &[]);
    assert_eq!(told.asked("POST", "/app/installations/7001/access_tokens"), 2);
}

/// Makes an RSA key as GitHub hands it out; false where nothing here can.
fn make_key(file: &std::path::Path) -> bool {
    let made = std::process::Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(file)
        .arg("2048")
        .output();
    if made.is_ok_and(|made| made.status.success()) {
        return true;
    }
    let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(
        !required,
        "there is no `openssl` to make the App's key: install it"
    );
    let _ = writeln!(
        std::io::stderr(),
        "skipped: there is no `openssl` to make the App's key: install it"
    );
    false
}
