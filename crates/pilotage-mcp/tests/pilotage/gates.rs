use pilotage_core::ports::Role;
use serde_json::{Value, json};

use crate::house::House;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A report by which this share of the tests passed, in percent.
fn report(share: u32) -> Value {
    json!({ "name": "junit.xml", "kind": "junit", "content": share.to_string() })
}

fn criterion<'a>(gate: &'a Value, metric: &str) -> Option<&'a Value> {
    let mut criteria = gate["criteria"].as_array().unwrap().iter();
    criteria.find(|criterion| criterion["metric"] == metric)
}

#[tokio::test]
async fn a_commit_is_judged_reported_and_explained() {
    let house = House::open().await;
    let asked = json!({ "environment": "staging", "commit": COMMIT, "gates": ["test-validation"], "reports": [report(50)] });
    let judged = house.done("run-gates", asked).await;
    assert_eq!(
        (&judged["verdict"], &judged["deploymentReady"]),
        (&json!("notReady"), &json!(false))
    );
    let found = criterion(&judged["gates"][0], "test_success_rate").unwrap();
    assert_eq!(found["state"], "failed", "{found}");
    assert_eq!(found["evidence"]["notes"], json!(["t0 failed"]), "{found}");

    house.act_as(Role::Viewer);
    let report = house
        .done("get-gate-report", json!({ "environment": "staging" }))
        .await;
    assert_eq!(report["id"], judged["id"]);
    let explained = house
        .done("explain-gate", json!({ "gate": "test-validation" }))
        .await;
    assert_eq!(explained["judged"]["run"], judged["id"]);
    let lines = criterion(&explained["gate"], "code_coverage_lines");
    assert!(lines.is_some(), "what it asks is there too: {explained}");
    let said = house
        .refused("get-gate-report", json!({ "environment": "moon" }))
        .await;
    assert!(said.contains("no commit was judged"), "{said}");
    house.leave().await;
}

#[tokio::test]
async fn what_holds_is_not_told_at_length() {
    let house = House::open().await;
    let asked = json!({ "environment": "staging", "commit": COMMIT, "gates": ["test-validation"], "reports": [report(100)] });
    let judged = house.done("run-gates", asked).await;
    let gate = &judged["gates"][0];
    assert!(criterion(gate, "test_success_rate").is_none(), "{gate}");
    assert_eq!(
        criterion(gate, "code_coverage_lines").unwrap()["state"],
        "noEvidence"
    );
    house.leave().await;
}

#[tokio::test]
async fn a_dry_run_names_the_gates_and_judges_nothing() {
    let house = House::open().await;
    let asked = json!({ "environment": "production", "commit": COMMIT, "dry_run": true });
    let would = house.done("run-gates", asked).await;
    assert_eq!(would["facts"]["gates"].as_array().unwrap().len(), 5, "{would}");
    let unknown =
        json!({ "environment": "production", "commit": COMMIT, "gates": ["tset"], "dry_run": true });
    assert!(house.refused("run-gates", unknown).await.contains("`tset`"));
    house.refused("get-gate-report", json!({})).await;
    house.act_as(Role::Viewer);
    let said = house
        .refused(
            "run-gates",
            json!({ "environment": "production", "commit": COMMIT }),
        )
        .await;
    assert!(said.contains("needs the role `operator`"), "{said}");
    let listed = house
        .done("list-gates", json!({ "environment": "staging" }))
        .await;
    let ids: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| gate["id"].as_str().unwrap())
        .collect();
    assert!(
        ids.contains(&"build-validation") && !ids.contains(&"performance-validation"),
        "{ids:?}"
    );
    house.leave().await;
}
