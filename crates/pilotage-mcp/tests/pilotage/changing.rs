use pilotage_core::ports::Role;
use serde_json::{Value, json};

use crate::house::{House, rule};

async fn failed(house: &House) -> Value {
    let list = house.done("list-executions", json!({ "status": "failed" })).await;
    list["items"][0]["id"].clone()
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_leaves_everything_as_it_was() {
    let house = House::open().await;
    house.done("put-rule", json!({ "rule": rule("r", "push") })).await;
    let event = house.event("push", &json!({ "n": 1 })).await;
    house.fail_all().await;
    let id = failed(&house).await;
    let changes = [
        (
            "retry-execution",
            json!({ "id": id }),
            "try action 1 of the execution",
        ),
        ("replay-event", json!({ "id": event }), "by the rules of today"),
        ("disable-rule", json!({ "id": "r" }), "disable the rule `r`"),
        ("delete-rule", json!({ "id": "r" }), "delete the rule `r`"),
        (
            "put-rule",
            json!({ "rule": rule("r", "tag") }),
            "replace the rule `r`",
        ),
        (
            "put-rule",
            json!({ "rule": rule("s", "tag") }),
            "create the rule `s`",
        ),
    ];
    let head = house.ports.audit.head().await.unwrap().sequence;
    for (tool, mut arguments, expected) in changes {
        arguments["dry_run"] = true.into();
        let would = house.done(tool, arguments).await;
        let said = would["would"].as_str().unwrap();
        assert!(said.contains(expected), "{tool}: {would}");
    }
    assert_eq!(failed(&house).await, id);
    let rules = house.done("list-rules", json!({})).await;
    assert_eq!(rules["items"].as_array().unwrap().len(), 2);
    let ports = house.ports.clone();
    let calls = house.leave().await;
    assert!(calls.iter().filter(|call| call["dry"] == true).count() == 6);
    let records = ports.audit.records_after(head, 500).await;
    assert!(records.map_or(true, |records| {
        records.iter().all(|record| record.kind == "tool.called")
    }));
}

#[tokio::test]
async fn executions_are_retried_and_cancelled_and_events_replayed() {
    let house = House::open().await;
    house.done("put-rule", json!({ "rule": rule("r", "push") })).await;
    let event = house.event("push", &json!({ "n": 1 })).await;
    house.fail_all().await;
    let id = failed(&house).await;
    house.act_as(Role::Operator);
    let retried = house.done("retry-execution", json!({ "id": id })).await;
    assert_eq!(retried["status"], "pending");
    let said = house
        .refused("retry-execution", json!({ "id": id, "dry_run": true }))
        .await;
    assert!(
        said.contains("only failed ones") && said.contains("replay-event"),
        "{said}"
    );
    let would = house
        .done("cancel-execution", json!({ "id": id, "dry_run": true }))
        .await;
    assert!(would["would"].as_str().unwrap().contains("pending"));
    let cancelled = house.done("cancel-execution", json!({ "id": id })).await;
    assert_eq!(cancelled["status"], "cancelled");
    let said = house.refused("cancel-execution", json!({ "id": id })).await;
    assert!(said.contains("Look at its present state first"), "{said}");
    let replayed = house.done("replay-event", json!({ "id": event })).await;
    assert_eq!(replayed["executions"].as_array().unwrap().len(), 1);
    house.leave().await;
}

#[tokio::test]
async fn rules_are_put_disabled_enabled_and_deleted() {
    let house = House::open().await;
    let put = house.done("put-rule", json!({ "rule": rule("r", "push") })).await;
    assert_eq!((&put["id"], &put["enabled"]), (&json!("r"), &json!(true)));
    let off = house.done("disable-rule", json!({ "id": "r" })).await;
    assert_eq!(off["enabled"], false);
    house.event("push", &json!({})).await;
    let none = house.done("list-executions", json!({})).await;
    assert_eq!(none["items"], json!([]));
    assert_eq!(
        house.done("enable-rule", json!({ "id": "r" })).await["enabled"],
        true
    );
    // What is read can be changed and put.
    let mut shown = house.done("get-rule", json!({ "id": "r" })).await;
    shown["name"] = "Mine".into();
    let would = house
        .done("put-rule", json!({ "rule": shown, "dry_run": true }))
        .await;
    assert_eq!(
        would["facts"]["changes"],
        json!({ "name": { "before": null, "after": "Mine" } })
    );
    house.done("put-rule", json!({ "rule": shown })).await;
    house.done("delete-rule", json!({ "id": "r" })).await;
    let said = house.refused("get-rule", json!({ "id": "r" })).await;
    assert!(said.contains("Look the id up"), "{said}");
    house.leave().await;
}

#[tokio::test]
async fn what_does_not_hold_is_refused_with_its_place_and_what_to_do() {
    let house = House::open().await;
    let mut bad = rule("r", "push");
    bad["trigger"]["conditions"] = json!({ "ref": { "regex": "(" } });
    for dry in [true, false] {
        let said = house
            .refused("put-rule", json!({ "rule": bad, "dry_run": dry }))
            .await;
        assert!(said.contains("/trigger/conditions/ref"), "{said}");
    }
    let mut bad = rule("r", "push");
    bad["actions"][0]["target"] = "bad".into();
    let said = house.refused("put-rule", json!({ "rule": bad })).await;
    assert!(said.contains("/actions/0/target"), "{said}");
    for tool in ["disable-rule", "delete-rule"] {
        let said = house.refused(tool, json!({ "id": "of-the-file" })).await;
        assert!(said.contains("configuration file"), "{tool}: {said}");
    }
    house.leave().await;
}

#[tokio::test]
async fn a_role_that_is_too_small_changes_nothing_and_is_on_the_trail() {
    let house = House::open().await;
    house.act_as(Role::Viewer);
    let said = house
        .refused("put-rule", json!({ "rule": rule("r", "push") }))
        .await;
    assert!(said.contains("needs the role `admin`"), "{said}");
    let calls = house.leave().await;
    assert_eq!(
        calls,
        [json!({ "tool": "put-rule", "actor": "token:agent", "dry": false, "outcome": "refused" })]
    );
}
