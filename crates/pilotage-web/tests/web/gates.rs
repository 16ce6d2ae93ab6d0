//! Gates over HTTP: evidence that is sent, verdicts that are kept, waivers, and gates that people change.

use pilotage_core::{
    Timestamp,
    audit::kind,
    gate::{GateRunId, GateRunOrigin, NewGateRun},
};
use serde_json::{Value, json};

use crate::house::House;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A gate that asks for one metric, and nothing built in beside it.
fn gate() -> Value {
    json!({
        "id": "lint", "environments": ["production"],
        "criteria": [{ "metric": "lint_errors", "operator": "eq", "threshold": 0 }],
    })
}

fn value(errors: u32) -> Value {
    json!({ "metric": "lint_errors", "evidence": {
        "value": errors, "unit": "count", "source": "lint", "collector": "command", "tool": { "name": "linter" },
        "files": [], "fileCount": 1, "digest": format!("{errors:064}"),
        "measuredAt": { "how": "now", "at": Timestamp::now() }, "expiresAt": null,
        "examined": { "count": 9, "what": "files", "atLeast": 1 }, "notes": [],
    }})
}

fn run(values: &[Value]) -> Value {
    json!({ "environment": "production", "commit": COMMIT, "gates": ["lint"], "evidence": { "values": values } })
}

async fn with_gate() -> House {
    let house = House::usual().await;
    house.call("POST", "/api/v1/gates", &gate()).await.is(201);
    house
}

#[tokio::test]
async fn what_is_sent_is_judged_kept_and_found_again() {
    let house = with_gate().await;
    let begun = house
        .call("POST", "/api/v1/gates/runs", &run(&[value(3)]))
        .await
        .is(201)
        .json();
    assert_eq!(begun["status"], "judged", "{begun:#}");
    assert_eq!(
        (&begun["verdict"], &begun["deploymentReady"]),
        (&json!("notReady"), &json!(false))
    );
    let criterion = &begun["report"]["gates"][0]["criteria"][0];
    assert_eq!(
        criterion["evidence"]["measuredAt"]["how"], "report",
        "it was measured elsewhere: {criterion}"
    );
    // Without evidence of its own, a later run takes what is stored for the commit.
    let again = house
        .call("POST", "/api/v1/gates/runs", &run(&[]))
        .await
        .is(201)
        .json();
    assert_eq!(again["report"]["gates"][0]["criteria"][0]["state"], "failed");
    let better = house
        .call("POST", "/api/v1/gates/runs", &run(&[value(0)]))
        .await
        .is(201)
        .json();
    assert_eq!(better["verdict"], "ready");
    assert_eq!(
        better["report"]["comparison"]["better"][0]["metric"],
        "lint_errors"
    );
    let listed = house
        .get("/api/v1/gates/runs?environment=production&gate=lint&commit=0123")
        .await
        .is(200)
        .json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    assert_eq!(listed["items"][0]["id"], better["id"]);
    let operations = house.get("/api/v1/operations?type=gate").await.is(200).json();
    assert_eq!(operations["items"][0]["status"], "success");
    house.leave().await;
}

#[tokio::test]
async fn evidence_of_changed_files_counts_for_no_other_run() {
    let house = with_gate().await;
    let mut changed = run(&[value(0)]);
    changed["changed"] = json!(true);
    let first = house
        .call("POST", "/api/v1/gates/runs", &changed)
        .await
        .is(201)
        .json();
    assert_eq!(first["verdict"], "ready");
    let second = house
        .call("POST", "/api/v1/gates/runs", &run(&[]))
        .await
        .is(201)
        .json();
    assert_eq!(second["report"]["gates"][0]["criteria"][0]["state"], "noEvidence");
    house.leave().await;
}

#[tokio::test]
async fn a_waiver_holds_for_what_was_seen_and_is_on_the_trail() {
    let house = with_gate().await;
    let ask = |reason: &str| {
        json!({
            "criterion": "lint/lint_errors", "commit": &COMMIT[..12], "reason": reason, "by": "Ann Lee",
            "expiresAt": Timestamp::now() + std::time::Duration::from_hours(1),
        })
    };
    house
        .call("POST", "/api/v1/gates/waivers", &ask("early"))
        .await
        .refused(404, "/api/v1/gates/waivers");
    house
        .call("POST", "/api/v1/gates/runs", &run(&[value(3)]))
        .await
        .is(201);
    house
        .call("POST", "/api/v1/gates/waivers", &ask(" "))
        .await
        .refused(422, "/api/v1/gates/waivers");
    let waived = house
        .call("POST", "/api/v1/gates/waivers", &ask("generated code"))
        .await
        .is(201)
        .json();
    let ready = house
        .call("POST", "/api/v1/gates/runs", &run(&[]))
        .await
        .is(201)
        .json();
    assert_eq!(ready["verdict"], "ready", "{ready:#}");
    assert_eq!(ready["report"]["gates"][0]["criteria"][0]["state"], "waived");
    assert!(
        ready["message"]
            .as_str()
            .unwrap()
            .contains("1 criterion is waived"),
        "{ready:#}"
    );
    // Other evidence is not what was waived.
    let other = house
        .call("POST", "/api/v1/gates/runs", &run(&[value(4)]))
        .await
        .is(201)
        .json();
    assert_eq!(other["verdict"], "notReady");
    assert_eq!(other["report"]["waivers"][0]["state"], "outdated");
    let id = waived["id"].as_str().unwrap();
    house
        .call("DELETE", &format!("/api/v1/gates/waivers/{id}"), &json!({}))
        .await
        .is(200);
    let listed = house.get("/api/v1/gates/waivers").await.is(200).json();
    assert!(listed["items"][0]["revokedAt"].is_string());
    let trail = house.get("/api/v1/audit?limit=500").await.is(200).json();
    for wanted in [
        kind::GATE_CHANGED,
        kind::GATE_WAIVED,
        kind::GATE_WAIVER_REVOKED,
        kind::GATE_RUN_ENDED,
    ] {
        let records = trail["items"].as_array().unwrap();
        assert!(records.iter().any(|record| record["kind"] == wanted), "{wanted}");
    }
    house.leave().await;
}

#[tokio::test]
async fn gates_are_changed_like_rules() {
    let house = with_gate().await;
    house
        .call("POST", "/api/v1/gates", &gate())
        .await
        .refused(409, "/api/v1/gates");
    let shown = house.get("/api/v1/gates/lint").await.is(200).json();
    assert_eq!(
        (&shown["origin"], &shown["inForce"]),
        (&json!("api"), &json!(true))
    );
    house.call("PUT", "/api/v1/gates/lint", &shown).await.is(200);
    let bad = json!({ "criteria": [{ "metric": "lint_errors", "operator": "eq", "threshold": "10m" }] });
    let problem = house
        .call("PUT", "/api/v1/gates/lint", &bad)
        .await
        .refused(422, "/api/v1/gates/lint");
    assert_eq!(problem.at("/errors/0/pointer"), "/criteria/0/threshold");
    // A built-in gate is switched off, and is as it was when that is taken back.
    house
        .call(
            "PUT",
            "/api/v1/gates/test-validation",
            &json!({ "enabled": false }),
        )
        .await
        .is(200);
    let off = house.get("/api/v1/gates/test-validation").await.is(200).json();
    assert_eq!((&off["inForce"], &off["name"]), (&json!(false), &json!("Tests")));
    house
        .call("DELETE", "/api/v1/gates/test-validation", &json!({}))
        .await
        .is(204);
    house
        .call("DELETE", "/api/v1/gates/test-validation", &json!({}))
        .await
        .refused(409, "/api/v1/gates/test-validation");
    house
        .call("DELETE", "/api/v1/gates/none", &json!({}))
        .await
        .refused(404, "/api/v1/gates/none");
    let id = json!({ "id": "runs", "criteria": gate()["criteria"] });
    house
        .call("POST", "/api/v1/gates", &id)
        .await
        .refused(422, "/api/v1/gates");
    house.leave().await;
}

#[tokio::test]
async fn hostile_requests_begin_nothing() {
    let house = with_gate().await;
    let path = "/api/v1/gates/runs";
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = run(&[value(0)]);
        change(&mut body);
        body
    };
    let cases = [
        with(&|body| body["commit"] = json!("main")),
        with(&|body| body["commit"] = json!("' OR 1=1 --")),
        with(&|body| body["environment"] = json!("a b<script>")),
        with(&|body| body["gates"] = json!(["none"])),
        with(&|body| body["gates"] = json!(vec!["lint"; 501])),
        with(&|body| body["evidence"]["values"] = json!([value(0), value(0)])),
        with(&|body| body["evidence"]["values"][0]["evidence"]["value"] = json!([0, 0])),
        with(&|body| body["evidence"]["values"][0]["evidence"]["source"] = json!("x".repeat(3_000))),
        with(&|body| body["evidence"]["values"][0]["evidence"]["digest"] = json!("no digest")),
        with(&|body| {
            body["evidence"]["reports"] =
                json!([{ "name": "a", "kind": "junit", "content": "!", "encoding": "base64" }]);
        }),
        with(&|body| {
            body["evidence"]["reports"] =
                json!([{ "name": "a", "kind": "junit", "content": "x".repeat(9 << 20) }]);
        }),
        with(&|body| body["unknown"] = json!(1)),
    ];
    for body in cases {
        house.call("POST", path, &body).await.refused(422, path);
    }
    let huge = json!({ "environment": "x".repeat(17 << 20) });
    house.call("POST", path, &huge).await.refused(413, path);
    let listed = house.get(path).await.is(200).json();
    assert_eq!(listed["items"], json!([]), "nothing was kept");
    house.leave().await;
}

#[tokio::test]
async fn the_pages_show_runs_as_text() {
    let house = with_gate().await;
    house
        .call("POST", "/api/v1/gates/runs", &run(&[value(0)]))
        .await
        .is(201);
    let mut hostile = value(3);
    hostile["evidence"]["notes"] = json!(["<script>alert(1)</script>"]);
    hostile["evidence"]["tool"]["name"] = json!("\"><img src=x onerror=alert(1)>");
    let run = house
        .call("POST", "/api/v1/gates/runs", &run(&[hostile]))
        .await
        .is(201)
        .json();
    let list = house.get("/gates?environment=production").await.is(200);
    assert!(
        list.text.contains("not ready") && list.text.contains("<svg class=\"chart\""),
        "{}",
        list.text
    );
    let page = house
        .get(&format!("/gates/runs/{}", run["id"].as_str().unwrap()))
        .await
        .is(200);
    assert!(
        page.text.contains("lint_errors") && page.text.contains("&#60;script&#62;"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("<script>alert") && !page.text.contains("<img"));
    house
        .get("/gates/runs/0190c0de-0000-7000-8000-000000000000")
        .await
        .is(404);
    house.leave().await;
}

#[tokio::test]
async fn a_run_that_was_left_behind_is_not_shown_as_running() {
    let house = with_gate().await;
    let left = NewGateRun {
        id: GateRunId(uuid::Uuid::now_v7()),
        tenant: pilotage_core::TenantId::default(),
        environment: "production".to_owned(),
        commit: Some(COMMIT.to_owned()),
        changed: false,
        origin: GateRunOrigin::Api,
        actor: "token:ci".to_owned(),
        key: None,
        gates: vec!["lint".to_owned()],
        at: Timestamp::now(),
    };
    let path = format!("/api/v1/gates/runs/{}", left.id);
    house.ports.gate_runs.begin_gate_run(left).await.unwrap();
    assert_eq!(house.get(&path).await.is(200).at("/status"), "running");
    house
        .ports
        .gate_runs
        .break_off_gate_runs(Timestamp::now())
        .await
        .unwrap();
    let shown = house.get(&path).await.is(200).json();
    assert_eq!(
        (&shown["status"], &shown["verdict"]),
        (&json!("brokenOff"), &Value::Null)
    );
    let active = house
        .get("/api/v1/operations?status=running")
        .await
        .is(200)
        .json();
    assert_eq!(active["items"], json!([]));
    house.leave().await;
}
