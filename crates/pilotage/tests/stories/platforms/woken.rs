//! Deliveries of platforms: they have their runs looked at at once, and nobody else's, also where a run had ended. The server
//! looks by itself once an hour here, so that nothing of this happens without them.

use pilotage_mock::CiVendor;
use serde_json::{Value, json};

use super::{
    Told, jenkins,
    rules::{GITHUB, PUSH, TICK, check, execution, told},
};
use crate::server::{SECRET, Server};

const RUNS: &str = "/api/v1/pipelines/runs";

/// A platform that is looked at once an hour.
fn hourly(platform: &str) -> String {
    platform.replace('}', ", pollMs: 3600000}")
}

async fn start(server: &Server) -> Value {
    let (status, run) = server.post(RUNS, &json!({"platform": "it", "ref": "main"})).await;
    assert_eq!(status, 201, "{run:#}");
    run
}

fn path(run: &Value) -> String {
    format!("{RUNS}/{}", run["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_has_the_run_looked_at_at_once() {
    let told = told(None, &hourly(GITHUB), "{ref: main}").await;
    let server = Server::start(&told.place);
    let run = start(&server).await;
    told.waits_for_calls("/actions/runs/1001/jobs", 1).await;
    told.mock.advance(60);
    let body = json!({"action": "completed", "workflow_run": {"id": 1001}}).to_string();
    server.deliver("workflow_run", "wake", &body).await.unwrap();
    let done = server
        .wait_for(&path(&run), |run| run["state"] == "succeeded")
        .await;
    assert_eq!(done["word"], json!("completed/success"));
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_run_again_on_its_platform_is_followed_again_and_nothing_is_done_twice() {
    let told = told(TICK, GITHUB, "{ref: main, inputs: {fail: test}}").await;
    let server = Server::start(&told.place);
    server.push("one", PUSH).await.unwrap();
    let failed = execution(&server).await;
    assert_eq!(failed["status"], json!("failed"), "{failed:#}");
    let runs = server.get(RUNS).await;
    let run = &runs["items"][0];
    assert_eq!(
        (&run["state"], &run["attempt"]),
        (&json!("failed"), &json!(1)),
        "{run:#}"
    );
    // A delivery that tells of the end that is known changes nothing.
    let body = json!({"action": "completed", "workflow_run": {"id": 1001}}).to_string();
    let looks = told.asked("GET", "/actions/runs/1001/jobs");
    server.deliver("workflow_run", "late", &body).await.unwrap();
    told.waits_for_calls("/actions/runs/1001/jobs", looks + 1).await;
    // Somebody presses the button there, and not here.
    told.ci(&["retry", "1001", "--failed"]).await.says(0, &[]);
    let body = json!({"action": "requested", "workflow_run": {"id": 1001, "run_attempt": 2}}).to_string();
    server.deliver("workflow_run", "again", &body).await.unwrap();
    let done = server
        .wait_for(&path(run), |run| run["state"] == "succeeded")
        .await;
    assert_eq!(done["attempt"], json!(2), "{done:#}");
    let audit = server.get("/api/v1/audit?limit=100").await;
    let about: Vec<&Value> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["subject"] == run["id"])
        .collect();
    let count = |kind: &str| about.iter().filter(|record| record["kind"] == kind).count();
    let ends = (count("pipeline.run-reopened"), count("pipeline.run-ended"));
    assert!(ends == (1, 2) || ends == (0, 2), "{about:#?}");
    // The rule's execution ended with the first attempt; sent back, it finds what has come of it and starts nothing.
    let id = failed["id"].as_str().unwrap();
    let at = format!("/api/v1/executions/{id}");
    assert_eq!(server.get(&at).await["status"], json!("failed"));
    server.post(&format!("{at}/retry"), &json!({})).await;
    server.wait_for(&at, |seen| seen["status"] == "succeeded").await;
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
async fn a_delivery_of_jenkins_wakes_the_build_that_it_names_and_no_other() {
    let told = Told::new(CiVendor::Jenkins, None, jenkins::CONFIG).await;
    let platform = hourly(jenkins::CONFIG)
        .replace("URL", told.mock.url())
        .replace("TOKEN", told.mock.token());
    told.place.configure(&format!(
        "version: 1\nsources: {{jenkins: {{secrets: ['{SECRET}']}}}}\nplatforms:\n  it: {platform}\n"
    ));
    let server = Server::start(&told.place);
    let mut runs = Vec::new();
    for _ in 0..2 {
        let run = start(&server).await;
        let item = run["run"]
            .as_str()
            .unwrap()
            .strip_prefix("queue:")
            .unwrap()
            .to_owned();
        told.waits_for_calls(&format!("/queue/item/{item}/"), 2).await;
        runs.push((run, item));
    }
    for (_, item) in &runs {
        told.waits_for_quiet(&format!("/queue/item/{item}/")).await;
    }
    told.mock.advance(60);
    let looks = |item: &str| told.asked("GET", &format!("/queue/item/{item}/"));
    let [(first, of_first), (second, of_second)] = runs.as_slice() else {
        panic!("{runs:?}");
    };
    let before = looks(of_second);
    let tell = async |item: &str| {
        let body = json!({
            "name": "shop", "url": "job/acme/job/shop/",
            "build": {
                "number": 77, "phase": "COMPLETED", "status": "SUCCESS", "queue_id": item.parse::<u64>().unwrap(),
                "url": "job/acme/job/shop/77/",
            },
        });
        let (status, said) = server
            .deliver_from("jenkins", "build.completed", item, &body.to_string())
            .await
            .unwrap();
        assert_eq!(status, 202, "{said}");
    };
    tell(of_first).await;
    server
        .wait_for(&path(first), |run| run["state"] == "succeeded")
        .await;
    assert_eq!(looks(of_second), before, "the other build was not named");
    tell(of_second).await;
    server
        .wait_for(&path(second), |run| run["state"] == "succeeded")
        .await;
    check(&told.place, server);
}
