//! Runs of pipelines on the server: kept, followed, changed through the API, and what it says of a platform in trouble.

use std::time::Duration;

use pilotage_mock::CiVendor;
use serde_json::{Value, json};

use super::{
    Told,
    rules::{GITHUB, TICK, check, execution, told},
};
use crate::server::Server;

const RUNS: &str = "/api/v1/pipelines/runs";

async fn start(server: &Server, body: Value) -> (u16, Value) {
    let mut whole = json!({"platform": "it", "ref": "main"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(body.as_object().unwrap().clone());
    server.post(RUNS, &whole).await
}

async fn state(server: &Server, id: &Value, state: &str) -> Value {
    let path = format!("{RUNS}/{}", id.as_str().unwrap());
    server.wait_for(&path, |run| run["state"] == state).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_once_for_its_key_followed_and_kept() {
    let told = told(TICK, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    let asked = json!({"key": "release 7", "inputs": {"lines": "3"}});
    let (status, first) = start(&server, asked.clone()).await;
    assert_eq!(
        (status, &first["platform"], &first["actor"]),
        (201, &json!("it"), &json!("local")),
        "{first:#}"
    );
    let (status, again) = start(&server, asked).await;
    assert_eq!((status, &again["id"]), (200, &first["id"]));
    assert_eq!(told.asked("POST", "/dispatches"), 1);
    let done = state(&server, &first["id"], "succeeded").await;
    assert_eq!(
        (&done["word"], &done["run"]),
        (&json!("completed/success"), &json!("1001"))
    );
    assert_eq!((&done["jobsDone"], &done["jobsTotal"]), (&json!(3), &json!(3)));
    assert_eq!(done["jobs"][1]["steps"][1]["name"], json!("run tests"));
    assert_eq!(done["inputs"], json!({"lines": "3"}));
    let id = first["id"].as_str().unwrap();
    let operation = server.get(&format!("/api/v1/operations/{id}")).await;
    assert_eq!(
        (
            &operation["type"],
            &operation["status"],
            &operation["progress"]["percentage"]
        ),
        (&json!("pipeline"), &json!("success"), &json!(100)),
        "{operation:#}"
    );
    let list = server.get(&format!("{RUNS}?platform=it&state=succeeded")).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let none = server.get(&format!("{RUNS}?state=failed")).await;
    assert_eq!(none["items"], json!([]));
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_shown_searched_and_run_again_and_every_wish_is_on_record() {
    let told = told(TICK, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    let (_, run) = start(&server, json!({"inputs": {"fail": "test"}})).await;
    let id = run["id"].as_str().unwrap().to_owned();
    state(&server, &run["id"], "failed").await;
    let logs = server.get(&format!("{RUNS}/{id}/logs?tail=2")).await;
    assert_eq!(logs["items"].as_array().unwrap().len(), 1, "{logs:#}");
    let text = logs["items"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("failed: 1 of 12 is wrong") && text.lines().count() <= 2,
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
    let found = server
        .get(&format!("{RUNS}/{id}/logs?job=lint&search=LINE%202"))
        .await;
    assert!(
        found["items"][0]["text"]
            .as_str()
            .unwrap()
            .contains("line 2 of 2"),
        "{found:#}"
    );
    let (status, problem) = server.post(&format!("{RUNS}/{id}/cancel"), &json!({})).await;
    assert_eq!(status, 409, "{problem}");
    let (status, _) = server.post(&format!("{RUNS}/{id}/retry"), &json!({})).await;
    assert_eq!(status, 202);
    state(&server, &run["id"], "succeeded").await;
    assert_eq!(told.asked("POST", "/rerun-failed-jobs"), 1);
    let artifacts = server.get(&format!("{RUNS}/{id}/artifacts")).await;
    assert!(
        !artifacts["items"].as_array().unwrap().is_empty(),
        "{artifacts:#}"
    );
    let audit = server.get("/api/v1/audit?limit=100").await;
    let kinds: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["subject"] == id)
        .map(|record| record["kind"].as_str().unwrap())
        .collect();
    for kind in ["run-began", "run-ended", "run-operated", "run-reopened"] {
        assert!(
            kinds.iter().any(|found| found.ends_with(kind)),
            "{kind}: {kinds:?}"
        );
    }
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_let_go_on_and_what_runs_is_stopped() {
    let told = told(TICK, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    let (_, run) = start(&server, json!({"inputs": {"approval": "true"}})).await;
    let path = format!("{RUNS}/{}", run["id"].as_str().unwrap());
    state(&server, &run["id"], "waiting").await;
    let waiting = server.get(&format!("{path}/approvals")).await;
    assert_eq!(waiting["items"][0]["name"], json!("production"));
    let (status, _) = server
        .post(&format!("{path}/approve"), &json!({"comment": "fine"}))
        .await;
    assert_eq!(status, 202);
    state(&server, &run["id"], "succeeded").await;
    let (_, second) = start(&server, json!({"inputs": {"lines": "9000"}})).await;
    state(&server, &second["id"], "running").await;
    let (status, _) = server
        .post(
            &format!("{RUNS}/{}/cancel", second["id"].as_str().unwrap()),
            &json!({}),
        )
        .await;
    assert_eq!(status, 202);
    state(&server, &second["id"], "cancelled").await;
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_goes_on_with_every_run() {
    let told = told(None, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    let (_, run) = start(&server, json!({})).await;
    server.push("one", super::rules::PUSH).await.unwrap();
    server
        .wait_for(RUNS, |runs| {
            let runs = runs["items"].as_array().unwrap();
            runs.len() == 2 && runs.iter().all(|run| run["run"].is_string())
        })
        .await;
    server.signal("KILL");
    drop(server);
    told.mock.advance(60);
    let server = Server::start(&told.place);
    state(&server, &run["id"], "succeeded").await;
    let execution = execution(&server).await;
    assert_eq!(execution["status"], json!("succeeded"), "{execution:#}");
    assert_eq!(told.asked("POST", "/dispatches"), 2);
    let runs = server.get(RUNS).await;
    assert_eq!(runs["items"].as_array().unwrap().len(), 2);
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_waits_for_its_run_holds_no_worker() {
    let told = told(None, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    server.push("one", super::rules::PUSH).await.unwrap();
    let waits = server
        .wait_for("/api/v1/executions", |list| {
            let reason = list["items"][0]["reason"].as_str().unwrap_or_default();
            list["items"][0]["status"] == "pending" && reason.contains("waits for the run 1001")
        })
        .await;
    assert_eq!(waits["items"][0]["attemptsMade"], json!(0), "{waits:#}");
    told.mock.advance(60);
    let execution = execution(&server).await;
    assert_eq!(
        (&execution["status"], &execution["attempts"][0]["number"]),
        (&json!("succeeded"), &json!(1))
    );
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_in_trouble_is_told_of_and_followed_again() {
    let told = told(TICK, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    for (status, headers, answers, says) in [
        (401, &[][..], 502, "does not accept the credentials"),
        (
            403,
            &[("x-accepted-github-permissions", "actions=write")],
            502,
            "the permission `actions=write`",
        ),
        (404, &[], 404, "private repositories"),
        (422, &[], 422, "does not accept what was sent"),
        (502, &[], 502, "in trouble"),
        // The client knows of it from then on, so it comes last.
        (429, &[("retry-after", "3600")], 429, "try again in 3600 s"),
    ] {
        told.fault("/dispatches", 1, status, headers, "{}");
        let (found, problem) = start(&server, json!({})).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(
            found == answers && detail.contains(says),
            "{status}: {found} {problem:#}"
        );
    }
    let (status, problem) = start(&server, json!({"platform": "at"})).await;
    assert!(
        status == 422 && problem["detail"].as_str().unwrap().contains("did you mean `it`?"),
        "{problem:#}"
    );
    let list = server.get(&format!("{RUNS}?state=failed")).await;
    assert_eq!(
        list["items"].as_array().unwrap().len(),
        6,
        "what was not started is kept as such"
    );
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_while_a_run_is_followed_is_said_and_got_over() {
    let told = told(TICK, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    let (_, run) = start(&server, json!({"inputs": {"approval": "true"}})).await;
    let path = format!("{RUNS}/{}", run["id"].as_str().unwrap());
    state(&server, &run["id"], "waiting").await;
    told.fault("/actions/runs/1001", 1, 401, &[], "{}");
    let body = json!({"action": "requested", "workflow_run": {"id": 1001}}).to_string();
    server.deliver("workflow_run", "first", &body).await.unwrap();
    let seen = server
        .wait_for(&path, |run| {
            let message = run["message"].as_str().unwrap();
            message.contains("does not accept the credentials")
        })
        .await;
    assert_eq!(seen["state"], json!("waiting"), "it stands as it did: {seen:#}");
    // Nobody looks for a minute by itself; a delivery has it looked at.
    server.deliver("workflow_run", "second", &body).await.unwrap();
    server
        .wait_for(&path, |run| {
            run["message"].as_str().unwrap().starts_with("waiting")
        })
        .await;
    told.fault("/actions/runs/1001/jobs", 6, 502, &[], "{}");
    let (status, _) = server.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!(status, 202);
    state(&server, &run["id"], "cancelled").await;
    check(&told.place, server);
}

/// The four are followed alike.
#[tokio::test(flavor = "multi_thread")]
async fn every_platform_is_started_and_followed() {
    for (vendor, config) in [
        (
            CiVendor::GitHub,
            "{type: github, url: 'URL', repository: acme/shop, token: TOKEN, workflow: ci.yml}",
        ),
        (CiVendor::GitLab, super::gitlab::CONFIG),
        (CiVendor::Jenkins, super::jenkins::CONFIG),
        (CiVendor::AzureDevOps, super::azure::CONFIG),
    ] {
        let told = Told::new(vendor, Some(Duration::from_millis(10)), config).await;
        let server = Server::start(&told.place);
        let mut inputs = json!({"fail": "test"});
        if vendor == CiVendor::GitLab {
            // GitHub's model takes declared inputs alone.
            inputs["DEPLOY_TOKEN"] = "hush hush".into();
        }
        let (status, run) = start(&server, json!({ "inputs": inputs })).await;
        assert_eq!(status, 201, "{vendor:?}: {run:#}");
        assert!(!run.to_string().contains("hush hush"), "{run:#}");
        let failed = state(&server, &run["id"], "failed").await;
        let id = run["id"].as_str().unwrap();
        let logs = server.get(&format!("{RUNS}/{id}/logs")).await;
        assert!(
            logs.to_string().contains("1 of 12 is wrong"),
            "{vendor:?}: {failed:#} {logs:#}"
        );
        let (status, again) = server.post(&format!("{RUNS}/{id}/retry"), &json!({})).await;
        assert_eq!(status, 202, "{vendor:?}: {again:#}");
        // Jenkins runs all of it again, as another build with the same parameters, which fails as the first did.
        let another = vendor == CiVendor::Jenkins;
        let path = format!("{RUNS}/{id}");
        let ended = if another { "failed" } else { "succeeded" };
        let done = server
            .wait_for(&path, |seen| {
                seen["state"] == ended && (seen["run"] != failed["run"]) == another
            })
            .await;
        assert_eq!(done["jobsDone"], done["jobsTotal"]);
        check(&told.place, server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_has_a_server_start_follow_and_repeat_runs() {
    let told = told(TICK, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    let on = ["--server", server.url.as_str(), "--interval-ms", "20"];
    let trigger = ["trigger", "--ref", "main", "--input", "fail=test", "--watch"];
    let said = told.ci(&[trigger.as_slice(), &on].concat()).await;
    said.says(1, &["1 of 12 is wrong", "completed/failure"]);
    let runs = server.get(RUNS).await;
    let id = runs["items"][0]["id"].as_str().unwrap();
    assert_eq!(runs["items"][0]["actor"], json!("local"));
    let at = ["--server", server.url.as_str()];
    told.ci(&[&["runs"], at.as_slice()].concat())
        .await
        .says(0, &[id, "failed"]);
    told.ci(&[&["logs", id, "--failed"], at.as_slice()].concat())
        .await
        .says(0, &["1 of 12 is wrong"]);
    told.ci(&[&["retry", id, "--failed", "--watch"], on.as_slice()].concat())
        .await
        .says(0, &["succeeded"]);
    told.ci(&[&["artifacts", id], at.as_slice()].concat())
        .await
        .says(0, &["NAME"]);
    told.ci(&[&["cancel", id], at.as_slice()].concat())
        .await
        .says(3, &["cannot do this now"]);
    told.ci(&[&["watch", "nothing"], at.as_slice()].concat())
        .await
        .says(3, &["Pilotage knows no"]);
    assert_eq!(told.asked("POST", "/dispatches"), 1);
    check(&told.place, server);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logs_of_what_failed_stay_when_the_platform_is_away_or_has_them_no_longer() {
    let told = told(TICK, GITHUB, "{ref: main}").await;
    let server = Server::start(&told.place);
    let (_, run) = start(&server, json!({"inputs": {"fail": "test"}})).await;
    let failed = state(&server, &run["id"], "failed").await;
    let id = run["id"].as_str().unwrap();
    told.waits_for_calls("/storage/logs/", 1).await;
    // Everything on the platform is gone from now on.
    told.fault("/repos/", 1_000, 404, &[], "{}");
    let logs = server
        .wait_for_any(&format!("{RUNS}/{id}/logs?tail=1"), |logs| {
            logs["keptAt"].is_string()
        })
        .await;
    let text = logs["items"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("1 of 12 is wrong") && text.lines().count() == 1,
        "{logs:#}"
    );
    assert!(
        logs["away"].as_str().unwrap().contains("GitHub knows no"),
        "{logs:#}"
    );
    let job = server
        .get(&format!("{RUNS}/{id}/logs?job=test&search=wrong"))
        .await;
    assert!(
        job["items"][0]["text"].as_str().unwrap().contains("wrong"),
        "{job:#}"
    );
    let (status, _) = server.look(&format!("{RUNS}/{id}/logs?job=lint")).await;
    assert_eq!(status, 404, "what did not fail was not kept");
    let page = server.page(&format!("/pipelines/{id}")).await;
    assert!(page.contains("1 of 12 is wrong"), "{page}");
    assert_eq!(failed["state"], json!("failed"));
    check(&told.place, server);
}
