use pilotage_core::{
    TenantId, Timestamp,
    ports::Role,
    testing::{Came, NewTestRun, TestReport, TestRunEnding, TestRunId},
};
use pilotage_mcp::shaping::UNTRUSTED_META;
use serde_json::json;
use uuid::Uuid;

use crate::house::{House, rule, text};

#[tokio::test]
async fn from_a_failure_an_agent_finds_the_event_the_rule_and_the_answer() {
    let house = House::open().await;
    house.done("put-rule", json!({ "rule": rule("r", "push") })).await;
    let event = house
        .event("push", &json!({ "ref": "main", "commits": [{ "id": "c1" }] }))
        .await;
    house.fail_all().await;
    house.act_as(Role::Viewer);

    let status = house.done("get-status", json!({})).await;
    assert_eq!(status["totals"]["failed"], 1);
    let failed = &status["failed"][0];
    assert_eq!(failed["status"], "failure", "{status}");

    let list = house.done("list-executions", json!({ "status": "failed" })).await;
    assert_eq!(list["items"][0]["rule"], "r");
    let id = list["items"][0]["id"].clone();
    assert_eq!(id, failed["id"], "an operation of an execution has its id");
    let shown = house
        .result("get-execution", json!({ "id": id, "max_bytes": 50 }))
        .await;
    assert!(
        shown.meta.as_ref().unwrap().0.contains_key(UNTRUSTED_META),
        "what a target answered is no instruction"
    );
    assert!(text(&shown).contains("bytes more, see `max_bytes`"));
    let shown = shown.structured_content.unwrap();
    assert_eq!(
        (&shown["attemptsInAll"], &shown["attempts"][0]["status"]),
        (&json!(1), &json!(503))
    );

    let part = house
        .done("get-event", json!({ "id": event, "path": "commits[0].id" }))
        .await;
    assert_eq!((&part["data"], &part["outlined"]), (&json!("c1"), &json!(false)));
    assert_eq!(part["executions"][0]["id"], id);
    let tested = house
        .done("test-rule", json!({ "id": "of-the-file", "event_id": event }))
        .await;
    assert_eq!(tested["matches"], false);
    let found = house.done("get-operation", json!({ "id": id })).await;
    assert_eq!(found["metadata"]["eventId"], json!(event));
    let active = house
        .done("list-operations", json!({ "status": "failure", "active": true }))
        .await;
    assert_eq!(active["items"].as_array().unwrap().len(), 1);
    house.leave().await;
}

#[tokio::test]
async fn a_long_payload_is_an_outline_that_says_how_to_go_on() {
    let house = House::open().await;
    let commits: Vec<_> = (0..1_000)
        .map(|number| json!({ "id": number, "message": "m".repeat(200) }))
        .collect();
    let event = house.event("push", &json!({ "commits": commits })).await;
    let result = house.result("get-event", json!({ "id": event })).await;
    assert!(text(&result).contains("The payload is an outline"));
    assert!(text(&result).len() < 8_000);
    assert_eq!(result.structured_content.unwrap()["outlined"], true);
    let said = house
        .refused("get-event", json!({ "id": event, "path": "commit" }))
        .await;
    assert!(said.contains("At its top it has: commits."), "{said}");
    let only = house
        .done("get-event", json!({ "id": event, "fields": ["source"] }))
        .await;
    assert_eq!(only, json!({ "source": "toy" }));
    house.leave().await;
}

#[tokio::test]
async fn lists_page_and_filter_and_keep_only_what_is_asked_for() {
    let house = House::open().await;
    for number in 0..5 {
        house
            .event(
                if number == 0 { "deploy" } else { "push" },
                &json!({ "n": number }),
            )
            .await;
    }
    let first = house
        .done("list-events", json!({ "limit": 2, "fields": ["type"] }))
        .await;
    assert_eq!(first["items"], json!([{ "type": "push" }, { "type": "push" }]));
    let second = house
        .done("list-events", json!({ "limit": 5, "after": first["next"] }))
        .await;
    assert_eq!(second["items"].as_array().unwrap().len(), 3);
    assert_eq!(second["next"], json!(null));
    let handled = house.done("list-events", json!({ "unhandled": false })).await;
    assert_eq!(handled["items"][0]["type"], "deploy");
    let stats = house.done("get-stats", json!({ "hours": 1 })).await;
    assert_eq!(stats["activity"]["points"].as_array().unwrap().len(), 1);
    let figures = house.done("get-dora-metrics", json!({ "days": 7 })).await;
    assert_eq!(figures["deploymentFrequency"]["value"], json!(null));
    house.leave().await;
}

#[tokio::test]
async fn the_audit_trail_is_read_newest_first_and_by_who_and_what() {
    let house = House::open().await;
    house.act_as(Role::Admin);
    for number in 0..12 {
        house
            .done("put-rule", json!({ "rule": rule(&format!("r{number}"), "push") }))
            .await;
    }
    let calls = json!({ "actor": "token:agent", "kind": "tool.", "limit": 5 });
    let first = house.done("query-audit", calls).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 5);
    assert_eq!(first["items"][0]["facts"]["outcome"], "done");
    let (newest, last) = (&first["items"][0]["sequence"], &first["items"][4]["sequence"]);
    assert!(newest.as_i64() > last.as_i64());
    let before = json!({ "actor": "token:agent", "kind": "tool.called", "before": first["next"] });
    let rest = house.done("query-audit", before).await;
    assert!(rest["items"].as_array().unwrap().len() >= 7, "{rest}");
    let nobody = house.done("query-audit", json!({ "actor": "token:x" })).await;
    assert_eq!(nobody["items"], json!([]));
    let one = house
        .done("query-audit", json!({ "kind": "rule.", "subject": "r3" }))
        .await;
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    let said = house.refused("query-audit", json!({ "before": "x" })).await;
    assert!(said.contains("`next` of the page before"), "{said}");
    house.leave().await;
}

#[tokio::test]
async fn what_failed_in_a_run_of_tests_is_told_within_bounds() {
    let house = House::open().await;
    let id = TestRunId(Uuid::now_v7());
    let new = NewTestRun {
        id,
        tenant: TenantId::default(),
        name: "main".to_owned(),
        commit: None,
        shard: None,
        actor: "token:ci".to_owned(),
        suites: Vec::new(),
        files: 1,
        at: Timestamp::now(),
    };
    house.ports.test_runs.begin_test_run(new).await.unwrap();
    let attempt =
        json!({ "outcome": "failed", "seconds": 1.0, "message": format!("{}the reason", "é".repeat(2_000)) });
    let tests: Vec<_> = (0..200)
        .map(|number| json!({ "name": format!("t{number}"), "state": "failed", "seconds": 1.0, "attempts": [attempt] }))
        .collect();
    let totals = json!({ "files": 1, "tests": 200, "passed": 0, "failed": 200, "skipped": 0, "flaky": 0, "quarantined": 0, "problems": 0 });
    let report = json!({ "passed": false, "totals": totals, "problems": [], "suites": [
        { "name": "unit", "runner": "pytest", "totals": totals, "files": { "a.py": { "tests": tests } } },
    ] });
    let report: TestReport = serde_json::from_value(report).unwrap();
    let ending = TestRunEnding {
        at: Timestamp::now(),
        actor: "token:ci".to_owned(),
        message: "200 failed".to_owned(),
        came: Some(Came {
            passed: false,
            totals: report.totals,
            standouts: report.standouts(),
            report: serde_json::to_vec(&report).unwrap(),
        }),
    };
    house.ports.test_runs.finish_test_run(id, ending).await.unwrap();
    house.act_as(Role::Viewer);
    let list = house.done("list-test-runs", json!({ "status": "failed" })).await;
    assert_eq!(list["items"][0]["id"], json!(id.to_string()));
    let result = house
        .result("get-test-run", json!({ "id": id.to_string() }))
        .await;
    assert!(
        result.meta.as_ref().unwrap().0.contains_key(UNTRUSTED_META),
        "what tests say is no instruction"
    );
    let run = result.structured_content.unwrap();
    assert_eq!(
        (
            run["tests"].as_array().unwrap().len(),
            run["slowest"].as_array().unwrap().len()
        ),
        (40, 10)
    );
    assert!(
        run["tests"][0]["said"][0]
            .as_str()
            .unwrap()
            .ends_with("the reason")
    );
    assert_eq!(run.get("report"), None);
    house.leave().await;
}
