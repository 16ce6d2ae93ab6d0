//! What is asked for is what is done.

use futures::{StreamExt, TryStreamExt};

use pilotage_adapters::make::client::ScenarioChange;

use super::*;

#[tokio::test]
async fn a_scenario_lives_and_dies() {
    let stage = Stage::new().await;
    let made = stage.call("create-scenario", scenario("New")).await.unwrap();
    let id = made["scenario"]["id"].clone();
    let changed = stage
        .call("update-scenario", json!({"scenarioId": id, "name": "Newer"}))
        .await
        .unwrap();
    assert_eq!(changed["scenario"]["name"], "Newer");
    stage
        .call("start-scenario", json!({"scenarioId": id}))
        .await
        .unwrap();
    let again = stage
        .call("start-scenario", json!({"scenarioId": id}))
        .await
        .unwrap_err();
    assert!(
        again.to_string().contains("Scenario is already running"),
        "{again}"
    );
    let run = stage
        .call("run-scenario", json!({"scenarioId": id, "responsive": true}))
        .await
        .unwrap();
    assert_eq!(run["status"], 1);
    stage
        .call("delete-scenario", json!({"scenarioId": id}))
        .await
        .unwrap();
    let gone = stage
        .call("get-scenario", json!({"scenarioId": id}))
        .await
        .unwrap_err();
    assert!(matches!(gone, MakeError::NotFound(_)), "{gone}");
}

#[tokio::test]
async fn a_change_of_the_name_leaves_the_interface_alone() {
    let stage = Stage::new().await;
    let before = stage
        .call("get-scenario-interface", json!({"scenarioId": 925}))
        .await
        .unwrap();
    assert_eq!(before["interface"]["input"][0]["name"], "name");
    stage
        .call("update-scenario", json!({"scenarioId": 925, "name": "Renamed"}))
        .await
        .unwrap();
    let after = stage
        .call("get-scenario-interface", json!({"scenarioId": 925}))
        .await
        .unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn earlier_versions_can_be_read() {
    let stage = Stage::new().await;
    let blueprint = json!({"name": "Second", "flow": [], "metadata": {"version": 1}});
    stage
        .call(
            "update-scenario",
            json!({"scenarioId": 927, "blueprint": blueprint}),
        )
        .await
        .unwrap();
    let versions = stage
        .call("list-scenario-versions", json!({"scenarioId": 927}))
        .await
        .unwrap();
    assert_eq!(versions["scenariosBlueprints"][0]["version"], 2, "{versions}");
    let name = async |arguments| {
        let answer = stage.call("get-scenario-blueprint", arguments).await.unwrap();
        answer["response"]["blueprint"]["name"].clone()
    };
    assert_eq!(name(json!({"scenarioId": 927})).await, "Second");
    assert_eq!(
        name(json!({"scenarioId": 927, "version": 1})).await,
        "Fetch the price list"
    );
}

#[tokio::test]
async fn lists_come_page_after_page() {
    let stage = Stage::new().await;
    for number in 0..7 {
        stage
            .call("create-scenario", scenario(&format!("Number {number}")))
            .await
            .unwrap();
    }
    let options = CallOptions::default();
    let operation = find("list-scenarios").unwrap();
    for (limit, pages) in [(3, 4), (5, 3), (100, 1)] {
        let arguments = object(json!({"teamId": 5, "limit": limit, "sortBy": "id"}));
        let sizes: Vec<usize> = stage
            .client
            .pages(operation, arguments.clone(), &options)
            .map_ok(|page| page.len())
            .try_collect()
            .await
            .unwrap();
        assert_eq!(
            (sizes.len(), sizes.iter().sum()),
            (pages, 10),
            "{limit}: {sizes:?}"
        );
        let entries = stage.client.entries(operation, arguments, &options);
        let ids: Vec<u64> = entries
            .map(|one| one.unwrap()["id"].as_u64().unwrap())
            .collect()
            .await;
        let mut distinct = ids.clone();
        distinct.dedup();
        assert_eq!((ids.len(), ids), (10, distinct));
    }
}

#[tokio::test]
async fn logs_are_followed_by_their_keys_while_they_grow() {
    let stage = Stage::new().await;
    for _ in 0..6 {
        stage
            .call(
                "run-scenario",
                json!({"scenarioId": 925, "data": {"name": "Ada"}}),
            )
            .await
            .unwrap();
    }
    let options = CallOptions::default();
    let arguments = object(json!({"scenarioId": 925, "limit": 3}));
    let mut pages = Box::pin(stage.client.pages(
        find("list-scenario-executions").unwrap(),
        arguments,
        &options,
    ));
    let mut keys = Vec::new();
    while let Some(page) = pages.try_next().await.unwrap() {
        keys.extend(
            page.iter()
                .map(|entry| entry["imtId"].as_str().unwrap().to_owned()),
        );
        stage
            .call(
                "run-scenario",
                json!({"scenarioId": 925, "data": {"name": "Ada"}}),
            )
            .await
            .unwrap();
    }
    let mut distinct = keys.clone();
    distinct.sort();
    distinct.dedup();
    // Two entries of the seed, and six runs; later ones come before the first page.
    assert_eq!((keys.len(), distinct.len()), (8, 8), "{keys:?}");
}

#[tokio::test]
async fn what_version_control_needs_has_types() {
    let stage = Stage::new().await;
    let (client, options) = (&stage.client, CallOptions::default());
    let user = client.current_user(&options).await.unwrap();
    assert_eq!(user.name, "Ada Maker");
    let organizations = client.organizations(&options).await.unwrap();
    let teams = client.teams(organizations[0].id, &options).await.unwrap();
    assert_eq!(
        teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(),
        ["Production", "Staging"]
    );
    let scenarios = client.scenarios(5, &options).await.unwrap();
    assert_eq!(scenarios.len(), 3);
    let before = client.blueprint(927, None, &options).await.unwrap();
    let mut blueprint = before.blueprint.clone();
    blueprint["name"] = "Changed".into();
    let change = ScenarioChange {
        blueprint: Some(blueprint),
        ..ScenarioChange::default()
    };
    let changed = client.update_scenario(927, change, &options).await.unwrap();
    assert_eq!(changed.updated_by_user.unwrap().name, "Ada Maker");
    let versions = client.versions(927, &options).await.unwrap();
    assert_eq!(versions.iter().map(|one| one.version).collect::<Vec<_>>(), [2, 1]);
    let earlier = client.blueprint(927, Some(1), &options).await.unwrap();
    assert_eq!(earlier.blueprint, before.blueprint);
    client.switch_scenario(927, true, &options).await.unwrap();
    assert!(client.scenario(927, &options).await.unwrap().is_active);
    let run = client
        .run_scenario(925, json!({"name": "Ada"}), true, &options)
        .await
        .unwrap();
    assert_eq!(
        (run.status, &run.outputs["greeting"]),
        (Some(1), &json!("Hello, Ada!"))
    );
    let log = client.log(927, 10, &options).await.unwrap();
    assert!(
        log.iter()
            .any(|entry| entry.is_change() && entry.author_name.as_deref() == Some("Ada Maker"))
    );
    let made = client
        .create_scenario(
            6,
            json!({"name": "New", "flow": []}),
            json!({"type": "on-demand"}),
            &options,
        )
        .await
        .unwrap();
    assert_eq!((made.team_id, made.name.as_str()), (6, "New"));
}
