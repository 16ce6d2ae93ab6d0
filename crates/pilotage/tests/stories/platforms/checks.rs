//! Checks of commits: written once, gone on with, with many annotations, and as marks where there are none to be had.

use pilotage_mock::{CiCall, CiVendor};
use serde_json::{Value, json};

use super::{
    Told, azure, gitlab, jenkins,
    rules::{GITHUB as SERVED, check as check_trail, told as served},
};
use crate::server::Server;

const GITHUB: &str = "{type: github, url: 'URL', repository: acme/shop, token: TOKEN, workflow: ci.yml}";
const COMMIT: &str = "3f1c2a7be5d94f0a8c6e1d2b7a90c4e58f6d1b23";

fn findings(told: &Told, count: usize) {
    let findings: Vec<Value> = (1..=count)
        .map(|line| json!({"path": "src/a.rs", "line": line, "level": "warning", "title": "long", "message": "too long"}))
        .collect();
    let file = told.place.path().join("findings.json");
    std::fs::write(file, json!(findings).to_string()).unwrap();
}

async fn check(told: &Told, state: &str, more: &[&str]) -> super::Said {
    let whole = [
        "check", COMMIT, "--state", state, "--name", "lint", "--title", "found",
    ];
    told.ci(&[whole.as_slice(), more].concat()).await
}

fn writes(told: &Told) -> Vec<CiCall> {
    let calls = told.mock.calls().into_iter();
    calls.filter(|call| call.method != "GET").collect()
}

fn sent(call: &CiCall) -> Value {
    serde_json::from_str(&call.sent).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_gone_on_with_until_its_end_and_not_written_twice() {
    let told = Told::new(CiVendor::GitHub, None, GITHUB).await;
    check(&told, "queued", &[])
        .await
        .says(0, &["the check lint: queued"]);
    check(&told, "running", &[]).await.says(0, &[]);
    findings(&told, 120);
    let end = [
        "--summary",
        "120 *findings*",
        "--annotations",
        "findings.json",
        "--url",
        "https://pilotage.example.com/gates/1",
    ];
    check(&told, "failure", &end)
        .await
        .says(0, &["the check lint: failure", "/runs/"]);
    let written = writes(&told);
    let ways: Vec<(&str, u16)> = written
        .iter()
        .map(|call| (call.method.as_str(), call.status))
        .collect();
    assert_eq!(
        ways,
        [
            ("POST", 201),
            ("PATCH", 200),
            ("PATCH", 200),
            ("PATCH", 200),
            ("PATCH", 200)
        ]
    );
    let last = sent(&written[2]);
    assert_eq!(
        (&last["status"], &last["conclusion"], &last["details_url"]),
        (
            &json!("completed"),
            &json!("failure"),
            &json!("https://pilotage.example.com/gates/1")
        )
    );
    let counts: Vec<usize> = written[2..]
        .iter()
        .map(|call| sent(call)["output"]["annotations"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [50, 50, 20]);
    let answered: Value = serde_json::from_str(&written[4].answered).unwrap();
    assert_eq!(answered["output"]["annotations_count"], json!(120));
    // The same once more is there already; another end is another check.
    check(&told, "failure", &end).await.says(0, &["/runs/"]);
    assert_eq!(writes(&told).len(), 5);
    check(&told, "success", &[]).await.says(0, &[]);
    assert_eq!(writes(&told).last().unwrap().method, "POST");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_token_writes_a_mark_and_is_told_what_a_check_needs() {
    let told = Told::new(CiVendor::GitHub, None, &GITHUB.replace("TOKEN", "PERSONAL")).await;
    let words = [
        "a GitHub App (`app:`",
        "`GITHUB_TOKEN`",
        "must authenticate via a GitHub App",
    ];
    let said = check(&told, "failure", &[]).await;
    said.says(
        0,
        &[
            "the mark lint: failure",
            "a mark was written in place of the check",
        ],
    );
    said.says(0, &words);
    assert_eq!(told.asked("POST", "/statuses/"), 1);
    let as_json = told
        .json(&["check", COMMIT, "--state", "failure", "--name", "lint"])
        .await;
    assert_eq!(as_json["written"]["kind"], "mark");
    check(&told, "failure", &["--strict"]).await.says(3, &words);
    assert_eq!(told.asked("POST", "/statuses/"), 2);
    // One that may not even write a mark is told what the check would need.
    told.configure(&GITHUB.replace("TOKEN", "READER"));
    check(&told, "failure", &[]).await.says(3, &["checks: write"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_no_checks_a_mark_is_written_and_that_is_said() {
    for (vendor, config) in [
        (CiVendor::GitLab, gitlab::CONFIG),
        (CiVendor::AzureDevOps, azure::CONFIG),
    ] {
        let told = Told::new(vendor, None, config).await;
        check(&told, "success", &[])
            .await
            .says(0, &["keeps no checks", "the mark lint: success"]);
        check(&told, "success", &["--strict"])
            .await
            .says(3, &["it keeps no checks"]);
        assert_eq!(writes(&told).len(), 1);
    }
    let told = Told::new(CiVendor::Jenkins, None, jenkins::CONFIG).await;
    check(&told, "success", &[])
        .await
        .says(3, &["keeps no marks on commits"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_check_is_said_before_anybody_is_asked() {
    let told = Told::new(CiVendor::GitHub, None, GITHUB).await;
    findings(&told, 501);
    let with = |file: &'static str| ["--annotations", file];
    check(&told, "failure", &with("findings.json"))
        .await
        .says(2, &["501 annotations"]);
    std::fs::write(told.place.path().join("odd.json"), "[{\"path\": 1}]").unwrap();
    check(&told, "failure", &with("odd.json"))
        .await
        .says(2, &["no list of annotations"]);
    check(&told, "failure", &with("none.json"))
        .await
        .says(2, &["Cannot read"]);
    assert_eq!(told.mock.calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_marks_checks_lists_deployments_and_hands_artifacts_on() {
    let told = served(super::rules::TICK, SERVED, "{ref: main}").await;
    let server = Server::start(&told.place);
    let at = ["--server", server.url.as_str()];
    let ci = async |arguments: &[&str]| told.ci(&[arguments, &at].concat()).await;
    ci(&["trigger", "--ref", "main", "--watch", "--interval-ms", "20"])
        .await
        .says(0, &[]);
    ci(&["status", COMMIT, "--state", "success"])
        .await
        .says(0, &["pilotage: success"]);
    ci(&["check", COMMIT, "--state", "success", "--name", "lint"])
        .await
        .says(0, &["the check lint: success", "/runs/"]);
    ci(&["deployments"]).await.says(0, &["production", "succeeded"]);
    let runs = server.get("/api/v1/pipelines/runs").await;
    let id = runs["items"][0]["id"].as_str().unwrap().to_owned();
    ci(&["artifacts", &id, "--download", "out"])
        .await
        .says(0, &["Downloaded out/report.zip"]);
    let whole = std::fs::read(told.place.path().join("out/report.zip")).unwrap();
    assert_eq!(&whole[..2], b"PK");
    // What breaks off on its way is no file.
    told.mock.fault(pilotage_mock::CiFault {
        path: "/storage/artifacts/".to_owned(),
        break_after_bytes: Some(10),
        ..pilotage_mock::CiFault::default()
    });
    ci(&["artifacts", &id, "--download", "broken"]).await.says(3, &[]);
    let left: Vec<_> = std::fs::read_dir(told.place.path().join("broken"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let path = format!("/api/v1/pipelines/runs/{id}/artifacts/none");
    let (status, problem) = server.look(&path).await;
    assert_eq!(status, 404, "{problem}");
    let path = "/api/v1/pipelines/platforms/it/marks";
    let (status, problem) = server
        .post(
            path,
            &json!({"commit": "3f1c2a7", "state": "success", "url": "javascript:x"}),
        )
        .await;
    assert_eq!(
        (status, problem["errors"].as_array().unwrap().len()),
        (422, 2),
        "{problem}"
    );
    let audit = server.get("/api/v1/audit?limit=100").await;
    let marked: Vec<&Value> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["kind"] == "pipeline.commit-marked")
        .collect();
    assert!(
        marked.len() == 2 && marked.iter().all(|record| record["subject"] == COMMIT),
        "{marked:?}"
    );
    check_trail(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_writes_the_ends_of_gates_and_of_other_platforms_back_to_the_commit() {
    let hub = Told::new(CiVendor::GitHub, None, GITHUB).await;
    let told = Told::new(CiVendor::GitLab, super::rules::TICK, gitlab::CONFIG).await;
    let fill = |config: &str, of: &Told| {
        config
            .replace("URL", of.mock.url())
            .replace("TOKEN", of.mock.token())
    };
    let report = ", report: {gates: true, runs: [lab], url: 'https://pilotage.example.com'}}";
    told.place.configure(&format!(
        "version: 1\nplatforms:\n  hub: {}\n  lab: {}\n",
        fill(&GITHUB.replace('}', report), &hub),
        fill(gitlab::CONFIG, &told)
    ));
    let server = Server::start(&told.place);
    let body = json!({"platform": "lab", "ref": "main", "inputs": {"fail": "test"}});
    let (status, run) = server.post("/api/v1/pipelines/runs", &body).await;
    assert_eq!(status, 201, "{run:#}");
    let body = json!({"environment": "production", "commit": COMMIT});
    let (status, gates) = server.post("/api/v1/gates/runs", &body).await;
    assert!(status == 201 || status == 202, "{gates:#}");
    let sent = [
        written(&hub, "pilotage/gates/production").await,
        written(&hub, "pilotage/lab/").await,
    ];
    let [of_gates, of_run] = &sent;
    assert_eq!(
        (&of_gates["head_sha"], &of_gates["status"]),
        (&json!(COMMIT), &json!("completed")),
        "{of_gates:#}"
    );
    assert_ne!(
        of_gates["conclusion"], "success",
        "nothing was measured: {of_gates:#}"
    );
    let id = run["id"].as_str().unwrap();
    assert_eq!(
        (&of_run["conclusion"], &of_run["details_url"]),
        (
            &json!("failure"),
            &json!(format!("https://pilotage.example.com/pipelines/{id}"))
        ),
        "{of_run:#}"
    );
    let summary = of_run["output"]["summary"].as_str().unwrap();
    assert!(
        summary.contains("| test | failed |") && summary.contains("1 of 12 is wrong"),
        "{summary}"
    );
    check_trail(&told.place, server);
    // Another server goes through the last hour again, and finds everything there.
    let count = writes(&hub).len();
    let server = Server::start(&told.place);
    hub.waits_for_calls("/check-runs", 4).await;
    assert_eq!(writes(&hub).len(), count);
    check_trail(&told.place, server);
}

/// Waits until a check with a name that begins so was sent, and answers it.
async fn written(told: &Told, name: &str) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let found = writes(told).iter().map(sent).find(|sent| {
            let known = sent["name"].as_str().unwrap_or_default();
            known.starts_with(name)
        });
        if let Some(found) = found {
            return found;
        }
        assert!(begun.elapsed() < crate::server::DEADLINE, "no check {name}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
