//! Many calls at once.

use futures::future::join_all;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_lists_at_once_all_succeed() {
    let stage = Stage::new().await;
    let calls = (0..50).map(|_| stage.done("list-scenarios", json!({})));
    for answer in join_all(calls).await {
        assert_eq!(answer["scenarios"].as_array().unwrap().len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_at_five_a_second_all_succeed() {
    let stage = Stage::new().await;
    stage.done("list-scenarios", json!({"teamId": 5})).await;
    stage
        .control("rate-limit", json!({"requests": 5, "perMs": 1000}))
        .await;
    let calls = (0..20).map(|_| stage.call("list-scenarios", json!({"teamId": 5})));
    let answers = join_all(calls).await;
    for answer in &answers {
        assert_ne!(answer.is_error, Some(true), "{}", text(answer));
    }
    let refused = stage
        .calls()
        .await
        .into_iter()
        .filter(|(.., status)| *status == 429)
        .count();
    // The limit fell after it was learnt: those that were on their way run into it, once.
    assert!(refused <= 16, "{refused} calls ran into the limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn four_tools_run_side_by_side() {
    let stage = Stage::new().await;
    let (scenarios, connections, team, made) = tokio::join!(
        stage.done("list-scenarios", json!({"teamId": 5})),
        stage.done("list-connections", json!({"teamId": 5})),
        stage.done("get-team-info", json!({"team_id": 6})),
        stage.done("create-scenario", json!({"name": "Beside", "teamId": 6})),
    );
    assert!(!scenarios["scenarios"].as_array().unwrap().is_empty());
    assert_eq!(connections["connections"][0]["name"], "Shop");
    assert_eq!(team["team"]["name"], "Staging");
    assert_eq!(made["success"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_nobody_can_wait_for_is_named() {
    let stage = Stage::new().await;
    stage
        .control("rate-limit", json!({"requests": 1, "perMs": 3_600_000}))
        .await;
    let calls = (0..3).map(|_| stage.call("list-scenarios", json!({"teamId": 5})));
    let refused: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .filter(|answer| answer.is_error == Some(true))
        .collect();
    // One more may pass where the hour ends just now.
    assert!(!refused.is_empty());
    for answer in refused {
        let told = text(&answer);
        assert!(
            told.contains("the rate limit of Make is reached; try again in"),
            "{told}"
        );
    }
}
