//! What agents ask for is what is done at Make, and said in words that help.

use super::*;

#[tokio::test]
async fn a_scenario_is_created_changed_and_deleted() {
    let stage = Stage::new().await;
    let result = stage
        .call(
            "create-scenario",
            json!({"name": "Orders", "teamId": 5, "description": "New"}),
        )
        .await;
    assert!(
        text(&result).contains("Successfully created scenario"),
        "{}",
        text(&result)
    );
    let made = result.structured_content.unwrap();
    assert_eq!((&made["success"], &made["mock"]), (&json!(true), &json!(true)));
    let id = made["scenario_id"].as_u64().unwrap();
    let changed = stage
        .done(
            "update-scenario",
            json!({"scenario_id": id, "name": "Orders, renamed"}),
        )
        .await;
    assert_eq!(changed["changed"], json!(["name"]));
    let shown = stage.done("get-scenario", json!({"scenarioId": id})).await;
    assert_eq!(shown["scenario"]["name"], "Orders, renamed");
    assert_eq!(shown["scenario"]["description"], "New");
    stage.done("start-scenario", json!({"scenarioId": id})).await;
    let run = stage
        .done("run-scenario", json!({"scenarioId": id, "responsive": true}))
        .await;
    assert_eq!((&run["success"], &run["status"]), (&json!(true), &json!(1)));
    let deleted = stage.done("delete-scenario", json!({"scenario_id": id})).await;
    assert_eq!(
        (&deleted["success"], &deleted["scenario"]),
        (&json!(true), &json!(id))
    );
    let gone = stage.failed("get-scenario", json!({"scenarioId": id})).await;
    assert!(gone.contains("Make knows no such thing"), "{gone}");
    let kinds: Vec<String> = stage
        .notes
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|note| note.subject.clone())
        .collect();
    for tool in ["create-scenario", "update-scenario", "delete-scenario"] {
        assert!(
            kinds.iter().any(|kind| kind == tool),
            "{tool} is not on the trail: {kinds:?}"
        );
    }
}

#[tokio::test]
async fn both_families_of_names_are_taken() {
    let stage = Stage::new().await;
    for arguments in [
        json!({"name": "a", "teamId": 6}),
        json!({"name": "b", "team_id": 6}),
    ] {
        assert_eq!(stage.done("create-scenario", arguments).await["team_id"], 6);
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let stage = Stage::new().await;
    let table = [
        ("create-scenario", json!({"teamId": 5}), "name is required"),
        (
            "create-scenario",
            json!({"teamId": 5, "name": ""}),
            "name is required",
        ),
        (
            "create-scenario-from-template",
            json!({"template_type": "analytics"}),
            "name is required",
        ),
        (
            "create-connection",
            json!({"accountName": "basicauth"}),
            "name is required",
        ),
        ("get-scenario", json!({}), "scenarioId is required"),
        (
            "get-scenario",
            json!({"scenarioId": 1, "scenarioIds": 1}),
            "scenarioIds",
        ),
        (
            "update-scenario",
            json!({"scenarioId": 925}),
            "nothing is given that could be changed",
        ),
        (
            "get-usage-stats",
            json!({"team_id": 5, "period": "year"}),
            "Use day, week or month",
        ),
        (
            "run-scenario",
            json!({"scenarioId": 927}),
            "Scenario is not activated",
        ),
    ];
    for (tool, arguments, expected) in table {
        let told = stage.failed(tool, arguments.clone()).await;
        assert!(told.contains(expected), "{tool} {arguments}: {told}");
    }
}

#[tokio::test]
async fn templates_have_the_modules_that_they_announce() {
    let stage = Stage::new().await;
    let table = [
        ("data_processing", ["webhook", "transformer", "database"]),
        ("notification", ["webhook", "filter", "slack"]),
        ("analytics", ["webhook", "aggregator", "dashboard"]),
    ];
    for (kind, expected) in table {
        let arguments = json!({"template_type": kind, "name": kind, "team_id": 5});
        let made = stage.done("create-scenario-from-template", arguments).await;
        let modules = made["scenario_config"]["modules"].as_array().unwrap();
        let types: Vec<&str> = modules
            .iter()
            .map(|module| module["type"].as_str().unwrap())
            .collect();
        assert_eq!(types, expected);
        let id = &made["scenario_id"];
        let there = stage
            .done("get-scenario-blueprint", json!({"scenarioId": id}))
            .await;
        assert_eq!(
            there["response"]["blueprint"]["flow"].as_array().unwrap().len(),
            3
        );
        let listed = stage.done("list-templates", json!({"category": kind})).await;
        assert_eq!(listed["templates"][0]["template_type"], kind);
    }
    let all = stage.done("list-templates", json!({})).await;
    assert_eq!(
        all["templates"].as_array().unwrap().len(),
        5,
        "three of our own and two of the mock: {all}"
    );
}

#[tokio::test]
async fn teams_and_usage_are_summed_up() {
    let stage = Stage::new().await;
    stage
        .done(
            "run-scenario",
            json!({"scenarioId": 925, "data": {"name": "Ada"}}),
        )
        .await;
    let info = stage.done("get-team-info", json!({"team_id": 5})).await;
    assert_eq!(info["team"]["name"], "Production");
    assert_eq!(info["scenarios"], json!({"total": 3, "active": 2, "invalid": 0}));
    let usage = stage
        .done("get-usage-stats", json!({"team_id": 5, "period": "day"}))
        .await;
    assert_eq!(
        (usage["days"].as_array().unwrap().len(), &usage["operations"]),
        (1, &json!(1))
    );
    let month = stage.done("get-usage-stats", json!({})).await;
    assert_eq!(
        (month["days"].as_array().unwrap().len(), &month["team_id"]),
        (30, &json!(5))
    );
}

#[tokio::test]
async fn a_dry_run_shows_the_request_and_sends_nothing() {
    let stage = Stage::new().await;
    let created = stage
        .done("create-scenario", json!({"name": "Orders", "dry_run": true}))
        .await;
    assert_eq!(
        created["facts"]["request"]["path"],
        "/api/v2/scenarios?cols%5B%5D=*"
    );
    let deleted = stage
        .done("delete-scenario", json!({"scenarioId": 926, "dryRun": true}))
        .await;
    assert_eq!(
        deleted["facts"]["present"]["name"], "Orders to the store",
        "what would be lost is shown"
    );
    let blueprint = json!({"name": "Fetch", "flow": [{"id": 1, "module": "http:ActionSendData", "version": 3, "parameters": {}, "mapper": {"url": "https://example.com/other", "method": "get"}}]});
    let changed = json!({"scenarioId": 927, "name": "Fetch", "blueprint": blueprint, "dry_run": true});
    let changed = stage.done("update-scenario", changed).await;
    assert_eq!(
        changed["facts"]["name"],
        json!({"before": "Fetch the price list", "after": "Fetch"})
    );
    let module = &changed["facts"]["blueprint"]["changed"][0];
    assert!(
        module["differences"]
            .to_string()
            .contains("https://example.com/other"),
        "{module}"
    );
    let key =
        json!({"name": "k", "typeName": "basicauth", "parameters": {"authPass": "s3cret"}, "dry_run": true});
    let key = stage.done("create-key", key).await;
    assert!(!key.to_string().contains("s3cret"), "{key}");
    let written: Vec<_> = stage
        .calls()
        .await
        .into_iter()
        .filter(|(method, ..)| method != "GET")
        .collect();
    assert_eq!(written, Vec::new());
}

#[tokio::test]
async fn who_may_only_look_changes_nothing() {
    let stage = Stage::new().await;
    let refused = stage
        .call_as(Role::Viewer, "create-scenario", json!({"name": "Orders"}))
        .await;
    assert_eq!(refused.is_error, Some(true));
    assert!(
        text(&refused).contains("needs the role `operator`"),
        "{}",
        text(&refused)
    );
    let listed = stage.call_as(Role::Viewer, "list-scenarios", json!({})).await;
    assert_ne!(listed.is_error, Some(true));
}

#[tokio::test]
async fn a_page_says_how_to_go_on() {
    let stage = Stage::new().await;
    let first = stage
        .done("list-scenarios", json!({"teamId": 5, "limit": 2}))
        .await;
    assert_eq!(first["next"], json!({"offset": 2}));
    let second = stage
        .done("list-scenarios", json!({"teamId": 5, "limit": 2, "offset": 2}))
        .await;
    assert_eq!(
        (second["scenarios"].as_array().unwrap().len(), &second["next"]),
        (1, &Value::Null)
    );
    let some = stage
        .done("list-scenarios", json!({"teamId": 5, "fields": ["id", "name"]}))
        .await;
    assert_eq!(some["scenarios"][0].as_object().unwrap().len(), 2, "{some}");
}
