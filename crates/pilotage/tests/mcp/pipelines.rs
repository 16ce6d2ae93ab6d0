//! An agent starts a pipeline, finds out why it failed, and has it run again.

use std::time::{Duration, Instant};

use pilotage_mock::{CiOptions, CiVendor, MockCi};
use serde_json::{Value, json};

use crate::{
    access::{token, with_token},
    client::modern,
    server::{DEADLINE, Place, Server, assert_audit_holds},
};

async fn call(server: &Server, token: &str, tool: &str, arguments: Value) -> Value {
    let call = modern(1, "tools/call", json!({ "name": tool, "arguments": arguments }));
    let (status, answer) = server.tell_with(&call, with_token(&call, token)).await;
    assert!(status == 200 || status == 403, "{answer}");
    answer
}

async fn done(server: &Server, token: &str, tool: &str, arguments: Value) -> Value {
    let answer = call(server, token, tool, arguments).await;
    assert_ne!(answer["result"]["isError"], true, "{tool}: {answer}");
    answer["result"]["structuredContent"].clone()
}

async fn state(server: &Server, token: &str, id: &Value, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let run = done(server, token, "get-pipeline-run", json!({ "id": id })).await;
        if run["state"] == state {
            return run;
        }
        assert!(begun.elapsed() < DEADLINE, "not {state}: {run}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A server with the toolset and a platform, the platform, and tokens of a viewer and of an operator.
struct Scene {
    mock: MockCi,
    place: Place,
    server: Server,
    viewer: String,
    operator: String,
}

impl Scene {
    async fn new() -> Self {
        let mut options = CiOptions::new(CiVendor::GitHub);
        options.tick = Some(Duration::from_millis(10));
        let mock = MockCi::start(options).await.unwrap();
        let place = Place::new(&format!(
            "version: 1\nmcp: {{toolsets: [pilotage, pipelines]}}\nplatforms:\n  it: {{type: github, url: '{}', \
             repository: acme/shop, token: {}, workflow: ci.yml, keyInput: key}}\n",
            mock.url(),
            mock.token()
        ));
        let (viewer, operator) = (
            token(&place, "viewer", "viewer"),
            token(&place, "operator", "operator"),
        );
        let server = Server::start(&place);
        Self {
            mock,
            place,
            server,
            viewer,
            operator,
        }
    }

    fn end(self) {
        assert!(self.server.stop().success());
        assert_audit_holds(&self.place);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_starts_a_pipeline_reads_why_it_failed_and_has_it_run_again() {
    let scene = Scene::new().await;
    let Scene {
        server,
        viewer,
        operator,
        ..
    } = &scene;
    let asked = json!({ "platform": "it", "ref": "main", "inputs": { "fail": "test" }, "key": "seven" });
    let run = done(server, operator, "trigger-pipeline", asked.clone()).await;
    let again = done(server, operator, "trigger-pipeline", asked).await;
    assert_eq!(again["id"], run["id"], "one key, one run");
    state(server, viewer, &run["id"], "failed").await;
    let search = json!({ "id": run["id"], "search": "WRONG" });
    let logs = done(server, viewer, "get-pipeline-logs", search).await;
    let text = logs["items"][0]["text"].as_str().unwrap();
    assert!(text.contains("1 of 12 is wrong"), "{logs}");
    let one = json!({ "id": run["id"] });
    let refused = call(server, operator, "cancel-pipeline-run", one.clone()).await;
    assert!(refused.to_string().contains("the run has ended"), "{refused}");
    done(server, operator, "retry-pipeline-run", one).await;
    state(server, viewer, &run["id"], "succeeded").await;
    let list = done(
        server,
        viewer,
        "list-pipeline-runs",
        json!({ "state": "succeeded" }),
    )
    .await;
    assert_eq!(list["items"][0]["id"], run["id"]);
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_starts_nothing_without_the_right_to_or_on_a_dry_run_and_stops_what_runs() {
    let scene = Scene::new().await;
    let Scene {
        mock,
        server,
        viewer,
        operator,
        ..
    } = &scene;
    let mut asked = json!({ "platform": "it", "ref": "main", "inputs": { "approval": "true" } });
    let kept_out = call(server, viewer, "trigger-pipeline", asked.clone()).await;
    assert!(kept_out.to_string().contains("operator"), "{kept_out}");
    asked["dry_run"] = true.into();
    let would = done(server, operator, "trigger-pipeline", asked.clone()).await;
    assert!(
        would["would"].as_str().unwrap().contains("at main on it"),
        "{would}"
    );
    assert!(mock.calls().is_empty(), "a dry run asks nobody");
    asked["dry_run"] = false.into();
    let run = done(server, operator, "trigger-pipeline", asked).await;
    let one = json!({ "id": run["id"] });
    state(server, viewer, &run["id"], "waiting").await;
    done(server, operator, "cancel-pipeline-run", one).await;
    state(server, viewer, &run["id"], "cancelled").await;
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_writes_back_to_a_commit_and_finds_what_a_run_left_behind() {
    const COMMIT: &str = "3f1c2a7be5d94f0a8c6e1d2b7a90c4e58f6d1b23";
    let scene = Scene::new().await;
    let Scene {
        mock,
        server,
        viewer,
        operator,
        ..
    } = &scene;
    let asked = json!({ "platform": "it", "ref": "main" });
    let run = done(server, operator, "trigger-pipeline", asked).await;
    state(server, viewer, &run["id"], "succeeded").await;
    let one = json!({ "id": run["id"] });
    let left = done(server, viewer, "list-pipeline-artifacts", one.clone()).await;
    let path = left["items"][0]["download"].as_str().unwrap();
    assert!(path.starts_with("/api/v1/pipelines/runs/"), "{left}");
    let waiting = done(server, viewer, "list-pipeline-approvals", one).await;
    assert_eq!(waiting["items"], json!([]));
    let found = done(
        server,
        viewer,
        "list-platform-deployments",
        json!({ "platform": "it" }),
    )
    .await;
    assert_eq!(found["items"][0]["environment"], "production", "{found}");
    let mark = json!({ "platform": "it", "commit": COMMIT, "state": "success" });
    let marked = done(server, operator, "mark-commit", mark.clone()).await;
    assert_eq!(marked["context"], "pilotage");
    let kept_out = call(server, viewer, "mark-commit", mark).await;
    assert!(kept_out.to_string().contains("operator"), "{kept_out}");
    let place = json!({ "path": "a.rs", "line": 3, "level": "failure", "message": "no" });
    let mut check = json!({ "platform": "it", "commit": COMMIT, "state": "failure", "annotations": [place] });
    check["dry_run"] = true.into();
    let before = mock.calls().len();
    done(server, operator, "check-commit", check.clone()).await;
    assert_eq!(mock.calls().len(), before, "a dry run asks nobody");
    check["dry_run"] = false.into();
    let written = done(server, operator, "check-commit", check).await;
    assert_eq!(
        (&written["kind"], &written["remark"]),
        (&json!("check"), &json!(null))
    );
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_lets_a_run_go_on_only_with_the_word_of_a_person() {
    let scene = Scene::new().await;
    let Scene {
        mock,
        server,
        viewer,
        operator,
        ..
    } = &scene;
    let asked = json!({ "platform": "it", "ref": "main", "inputs": { "approval": "true" } });
    let run = done(server, operator, "trigger-pipeline", asked).await;
    state(server, viewer, &run["id"], "waiting").await;
    let mut approve = json!({ "id": run["id"], "name": "production", "dry_run": true });
    let would = done(server, operator, "approve-pipeline-run", approve.clone()).await;
    assert!(would["would"].as_str().unwrap().starts_with("approve"), "{would}");
    approve["dry_run"] = false.into();
    let refused = call(server, operator, "approve-pipeline-run", approve).await;
    assert_ne!(refused["result"]["isError"], false, "{refused}");
    let decided =
        |call: &pilotage_mock::CiCall| call.method == "POST" && call.path.ends_with("/pending_deployments");
    assert!(!mock.calls().iter().any(decided), "nobody agreed");
    scene.end();
}
