//! Runs of tests over HTTP and on their pages: begun, told of, ended with a report, found again.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use pilotage_core::{
    TenantId, Timestamp,
    audit::kind,
    ports::Role,
    testing::{NewTestRun, TestRunId, TestRunStatus},
};
use pilotage_engine::test_runs::{SILENCE, watch};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{dashboard::page, house::House};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const HOSTILE: &str = "</pre><script>alert(1)</script>\"><img src=x onerror=alert(2)>";

fn begins(id: Uuid) -> Value {
    json!({ "id": id, "name": "main", "commit": COMMIT, "suites": ["unit"], "files": 2 })
}

fn totals(passed: usize, failed: usize, flaky: usize, problems: usize) -> Value {
    json!({ "files": 2, "tests": passed + failed + flaky, "passed": passed, "failed": failed, "skipped": 0,
        "flaky": flaky, "quarantined": 0, "problems": problems })
}

fn red() -> Value {
    let attempt =
        |outcome: &str| json!({ "outcome": outcome, "seconds": 0.25, "message": format!("said {HOSTILE}") });
    json!({
        "passed": false, "totals": totals(1, 1, 1, 1), "seconds": 1.5,
        "suites": [{ "name": "unit", "runner": "pytest", "totals": totals(1, 1, 1, 1), "files": { "test_a.py": {
            "seconds": 1.0,
            "tests": [
                { "name": "passes", "state": "passed", "seconds": 0.5 },
                { "name": HOSTILE, "state": "failed", "seconds": 0.25, "attempts": [attempt("failed")] },
                { "name": "wobbles", "state": "flaky", "seconds": 2.5, "attempts": [attempt("failed"), attempt("passed")] },
            ],
        } } }],
        "problems": [{ "kind": "missing", "suite": "unit", "file": "test_b.py", "text": "it was planned and nothing was heard of it" }],
        "notes": ["one note"],
    })
}

fn green() -> Value {
    json!({
        "passed": true, "totals": totals(2, 0, 0, 0),
        "suites": [{ "name": "unit", "runner": "pytest", "totals": totals(2, 0, 0, 0), "files": { "test_a.py": { "tests": [
            { "name": "passes", "state": "passed", "seconds": 0.75 }, { "name": "wobbles", "state": "passed", "seconds": 0.5 },
        ] } } }],
        "problems": [],
    })
}

async fn begun(house: &House) -> String {
    let answer = house
        .call("POST", "/api/v1/tests/runs", &begins(Uuid::now_v7()))
        .await
        .is(201);
    answer.at("/id")
}

async fn ended(house: &House, report: &Value) -> String {
    let id = begun(house).await;
    house
        .call("PUT", &format!("/api/v1/tests/runs/{id}/report"), report)
        .await
        .is(200);
    id
}

#[tokio::test]
async fn a_run_is_shown_live_and_kept_with_its_report() {
    let house = House::usual().await;
    let id = begun(&house).await;
    let progress = json!({ "current": 1, "total": 2, "message": "1 of 2 files, 3 tests" });
    let path = format!("/api/v1/tests/runs/{id}");
    house
        .call("PUT", &format!("{path}/progress"), &progress)
        .await
        .is(204);
    let operation = house
        .get(&format!("/api/v1/operations/{id}"))
        .await
        .is(200)
        .json();
    assert_eq!(operation["type"], "test");
    assert_eq!(
        (&operation["status"], &operation["message"]),
        (&json!("running"), &json!("1 of 2 files, 3 tests"))
    );
    assert_eq!(
        (&operation["progress"]["current"], &operation["progress"]["total"]),
        (&json!(1), &json!(2))
    );
    let kept = house
        .call("PUT", &format!("{path}/report"), &red())
        .await
        .is(200)
        .json();
    assert_eq!(
        (&kept["status"], &kept["totals"]["flaky"]),
        (&json!("failed"), &json!(1))
    );
    let whole = house.get(&path).await.is(200).json();
    assert_eq!(whole["report"]["problems"][0]["kind"], "missing");
    assert_eq!(
        whole["report"]["suites"][0]["files"]["test_a.py"]["tests"][2]["attempts"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let operation = house
        .get(&format!("/api/v1/operations/{id}"))
        .await
        .is(200)
        .json();
    assert_eq!(operation["status"], "failure");
    let listed = house
        .get("/api/v1/tests/runs?commit=0123&status=failed&name=main")
        .await
        .is(200)
        .json();
    assert_eq!(listed["items"][0]["id"], json!(id));
    assert_eq!(
        house.get("/api/v1/tests/runs?status=passed").await.is(200).json()["items"],
        json!([])
    );
    let trail = house.get("/api/v1/audit").await.is(200).json();
    let records = trail["items"].as_array().unwrap().iter();
    let about = records.filter(|record| record["subject"] == json!(id));
    let kinds: BTreeSet<_> = about.filter_map(|record| record["kind"].as_str()).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([kind::TEST_RUN_BEGAN, kind::TEST_RUN_ENDED])
    );
    house.leave().await;
}

#[tokio::test]
async fn what_is_said_twice_counts_once_and_what_has_ended_stays() {
    let house = House::usual().await;
    let id = Uuid::now_v7();
    house
        .call("POST", "/api/v1/tests/runs", &begins(id))
        .await
        .is(201);
    house
        .call("POST", "/api/v1/tests/runs", &begins(id))
        .await
        .is(200);
    let path = format!("/api/v1/tests/runs/{id}");
    house
        .call("PUT", &format!("{path}/report"), &green())
        .await
        .is(200);
    let again = house
        .call("PUT", &format!("{path}/report"), &green())
        .await
        .is(200)
        .json();
    assert_eq!(again["status"], "passed");
    let report = format!("{path}/report");
    house.call("PUT", &report, &red()).await.refused(409, &report);
    let progress = json!({ "current": 1, "total": 2, "message": "late" });
    let late = format!("{path}/progress");
    house.call("PUT", &late, &progress).await.refused(409, &late);
    let off = format!("{path}/break-off");
    house.post(&off).await.refused(409, &off);
    let nobody = format!("/api/v1/tests/runs/{}/report", Uuid::now_v7());
    house.call("PUT", &nobody, &red()).await.refused(404, &nobody);
    house.leave().await;
}

#[tokio::test]
async fn what_cannot_be_believed_is_refused() {
    let house = House::usual().await;
    let id = begun(&house).await;
    let report = format!("/api/v1/tests/runs/{id}/report");
    let mut lies = red();
    lies["passed"] = json!(true);
    let mut endless = red();
    endless["totals"]["tests"] = json!(u64::MAX);
    for bad in [lies, endless, json!({}), json!([])] {
        house.call("PUT", &report, &bad).await.refused(422, &report);
    }
    let runs = "/api/v1/tests/runs";
    for bad in [
        json!({ "name": " " }),
        json!({ "name": "main", "commit": "no hash" }),
        json!({ "name": "main", "shard": { "shard": 3, "shards": 2, "plan": "p" } }),
        json!({ "name": "main", "files": u32::MAX }),
        json!({ "name": "main", "more": 1 }),
    ] {
        house.call("POST", runs, &bad).await.refused(422, runs);
    }
    assert_eq!(
        house
            .get(&format!("/api/v1/tests/runs/{id}"))
            .await
            .is(200)
            .json()["status"],
        "running"
    );
    house.leave().await;
}

#[tokio::test]
async fn a_run_that_is_interrupted_or_falls_silent_is_broken_off() {
    let house = House::usual().await;
    let (interrupted, silent) = (begun(&house).await, begun(&house).await);
    house
        .post(&format!("/api/v1/tests/runs/{interrupted}/break-off"))
        .await
        .is(200);
    let now = Timestamp::now() + SILENCE;
    let runs = &house.ports.test_runs;
    assert_eq!(runs.break_off_test_runs(now, now - SILENCE).await.unwrap(), 1);
    for id in [interrupted, silent] {
        let run = house
            .get(&format!("/api/v1/tests/runs/{id}"))
            .await
            .is(200)
            .json();
        assert_eq!(
            (&run["status"], &run["report"]),
            (&json!("brokenOff"), &Value::Null)
        );
        let shown = page(&house, &format!("/tests/runs/{id}")).await.is(200);
        assert!(shown.text.contains("did not come to its end"));
    }
    house.leave().await;
}

#[tokio::test]
async fn the_pages_show_everything_and_escape_it() {
    let house = House::usual().await;
    let empty = page(&house, "/tests").await.is(200);
    assert!(empty.text.contains("pilotage test run --server"));
    let id = ended(&house, &red()).await;
    ended(&house, &green()).await;
    let list = page(&house, "/tests").await.is(200);
    assert!(
        list.text.contains("Slowest") && list.text.contains("1 of 2"),
        "{}",
        list.text
    );
    let run = page(&house, &format!("/tests/runs/{id}")).await.is(200);
    for what in [
        "missing",
        "test_b.py",
        "wobbles",
        "Attempt 2",
        "said &#60;/pre&#62;",
        "one note",
    ] {
        assert!(run.text.contains(what), "{what} is not in {}", run.text);
    }
    let history = page(&house, "/tests/history?suite=unit&file=test_a.py&test=wobbles")
        .await
        .is(200);
    assert!(history.text.contains("Among the newest 2 runs") && history.text.contains("flaky"));
    let hostile = "/tests/history?suite=%3Cscript%3E&file=%22%3E&test=%3Cimg%20src=x%3E";
    for shown in [list, run, history, page(&house, hostile).await.is(200)] {
        assert!(
            !shown.text.contains("<script>") && !shown.text.contains("<img"),
            "{}",
            shown.text
        );
    }
    for refused in ["/tests?status=odd", "/tests?after=x"] {
        page(&house, refused).await.is(400);
    }
    house.leave().await;
}

#[tokio::test]
async fn shards_of_one_plan_are_shown_together() {
    let house = House::usual().await;
    let mut last = String::new();
    for shard in [2, 1] {
        let mut run = begins(Uuid::now_v7());
        run["shard"] = json!({ "shard": shard, "shards": 2, "plan": "p-1" });
        last = house
            .call("POST", "/api/v1/tests/runs", &run)
            .await
            .is(201)
            .at("/id");
    }
    begun(&house).await;
    let listed = house.get("/api/v1/tests/runs?plan=p-1").await.is(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let shown = page(&house, &format!("/tests/runs/{last}")).await.is(200);
    let places = ["shard 1 of 2</a>", "shard 2 of 2</a>"].map(|text| shown.text.find(text));
    assert!(places[0].is_some() && places[0] < places[1], "{}", shown.text);
    assert!(!shown.text.contains("Not heard of"), "all of them are here");
    let mut run = begins(Uuid::now_v7());
    run["shard"] = json!({ "shard": 3, "shards": 6, "plan": "p-2" });
    let alone: String = house
        .call("POST", "/api/v1/tests/runs", &run)
        .await
        .is(201)
        .at("/id");
    let shown = page(&house, &format!("/tests/runs/{alone}")).await.is(200);
    assert!(
        shown.text.contains("Not heard of yet: 1-2, 4-6."),
        "{}",
        shown.text
    );
    house.leave().await;
}

#[tokio::test]
async fn who_may_only_look_changes_nothing() {
    let house = House::usual().await;
    let token = house.token("reader", Role::Viewer).await;
    let body = begins(Uuid::now_v7()).to_string();
    let request = crate::house::local("POST", "/api/v1/tests/runs")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    house
        .send(request.body(body.into()).unwrap())
        .await
        .refused(403, "/api/v1/tests/runs");
    house.leave().await;
}

#[tokio::test]
async fn whoever_watches_breaks_off_what_fell_silent() {
    let house = House::usual().await;
    let runs = house.ports.test_runs.clone();
    let id = TestRunId(Uuid::now_v7());
    let silent = NewTestRun {
        id,
        tenant: TenantId::default(),
        name: "main".to_owned(),
        commit: None,
        shard: None,
        actor: "token:ci".to_owned(),
        suites: Vec::new(),
        files: 1,
        at: Timestamp::now() - 2 * SILENCE,
    };
    runs.begin_test_run(silent).await.unwrap();
    let lively = begun(&house).await;
    let stop = CancellationToken::new();
    // From here on time passes as soon as nothing else is to be done.
    tokio::time::pause();
    let watching = tokio::spawn(watch(house.ports.clone(), stop.clone()));
    let deadline = Instant::now() + Duration::from_mins(1);
    while runs.test_run(id).await.unwrap().unwrap().status == TestRunStatus::Running {
        assert!(Instant::now() < deadline, "nobody broke it off");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    stop.cancel();
    watching.await.unwrap();
    tokio::time::resume();
    let run = house
        .get(&format!("/api/v1/tests/runs/{lively}"))
        .await
        .is(200)
        .json();
    assert_eq!(run["status"], "running");
    house.leave().await;
}
