//! The rate limit is kept to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;

use super::*;

async fn twenty(stage: &Stage, options: &CallOptions) -> Vec<Result<Value, MakeError>> {
    let calls = (0..20).map(|_| stage.call_with("list-scenarios", json!({"teamId": 5}), options));
    join_all(calls).await
}

#[tokio::test]
async fn twenty_callers_share_five_requests_a_second_without_a_refusal() {
    let stage = Stage::new().await;
    stage
        .control("rate-limit", json!({"requests": 5, "perMs": 1000}))
        .await;
    let waits = Arc::new(AtomicUsize::new(0));
    let counted = waits.clone();
    let options = CallOptions {
        on_wait: Some(Arc::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        })),
        ..CallOptions::default()
    };
    for answer in twenty(&stage, &options).await {
        assert_eq!(answer.unwrap()["scenarios"].as_array().unwrap().len(), 3);
    }
    let refused = stage
        .calls()
        .await
        .into_iter()
        .filter(|(.., status)| *status == 429)
        .count();
    // The clock of this machine may step between two windows; more than one refusal would be a burst.
    assert!(refused <= 1, "{refused} refusals");
    assert!(waits.load(Ordering::Relaxed) > 0, "nobody was told that he waits");
}

#[tokio::test]
async fn a_limit_that_falls_while_calls_go_on_is_kept_to() {
    let stage = Stage::new().await;
    let options = CallOptions::default();
    for answer in twenty(&stage, &options).await {
        answer.unwrap();
    }
    stage
        .control("rate-limit", json!({"requests": 5, "perMs": 1000}))
        .await;
    for _ in 0..2 {
        for answer in twenty(&stage, &options).await {
            answer.unwrap();
        }
    }
    let calls = stage.calls().await;
    let refused = calls.iter().filter(|(.., status)| *status == 429).count();
    // Nobody knows of it until the first refusal; after that there is at most one for a clock that steps.
    assert!(refused <= 16, "{refused} refusals");
}

#[tokio::test]
async fn who_has_no_patience_is_told_how_long_it_would_take() {
    let stage = Stage::new().await;
    stage
        .control("rate-limit", json!({"requests": 5, "perMs": 60_000}))
        .await;
    let options = CallOptions {
        patience: Duration::from_millis(100),
        ..CallOptions::default()
    };
    let (mut done, mut refused) = (0, 0);
    for answer in twenty(&stage, &options).await {
        match answer {
            Ok(_) => done += 1,
            Err(MakeError::RateLimited { wait }) => {
                refused += 1;
                assert!(wait <= Duration::from_secs(61), "{wait:?}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    // Where the window ends while they are under way there may be more.
    assert!(done >= 5 && done + refused == 20, "{done} and {refused}");
}

#[tokio::test]
async fn other_buckets_and_runs_do_not_wait() {
    let stage = Stage::new().await;
    stage
        .control("rate-limit", json!({"requests": 1, "perMs": 60_000}))
        .await;
    let options = CallOptions {
        patience: Duration::from_millis(200),
        ..CallOptions::default()
    };
    for _ in 0..3 {
        // The second of these has nothing left, unless a minute has just begun.
        let _ = stage
            .call_with("list-scenarios", json!({"teamId": 5}), &options)
            .await;
    }
    for _ in 0..5 {
        stage
            .call_with("list-organizations", json!({}), &options)
            .await
            .unwrap();
        let run = json!({"scenarioId": 925, "data": {"name": "Ada"}});
        stage.call_with("run-scenario", run, &options).await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_of_make_is_waited_out() {
    let stage = Stage::new().await;
    let refusal = json!({
        "method": "POST", "path": "/api/v2/scenarios", "status": 429, "times": 1,
        "body": {"detail": "Requests limit for organization exceeded, please try again later.", "code": "SC429"},
    });
    stage.control("responses", refusal).await;
    stage.call("create-scenario", scenario("Late")).await.unwrap();
    let statuses: Vec<u64> = stage
        .calls()
        .await
        .into_iter()
        .map(|(.., status)| status)
        .collect();
    assert_eq!(
        statuses,
        [429, 200],
        "what was refused was not done, and can be sent again"
    );
}

#[tokio::test]
async fn a_paused_organization_is_not_asked_again() {
    let stage = Stage::new().await;
    let refusal = json!({"method": "GET", "path": "/api/v2/teams/5", "status": 429, "body": {"detail": "The organization is paused.", "code": "IM310"}});
    stage.control("responses", refusal).await;
    let error = stage.call("get-team", json!({"teamId": 5})).await.unwrap_err();
    assert!(matches!(error, MakeError::Paused(_)), "{error}");
    assert_eq!(stage.calls().await.len(), 1);
}
