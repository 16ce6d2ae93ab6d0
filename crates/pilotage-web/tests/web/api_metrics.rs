//! Figures over time.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use pilotage_core::{Digest, EventFacts, EventId, NewEvent, TenantId, Timestamp};
use serde_json::{Value, json};

use crate::house::{House, rule};

#[tokio::test]
async fn what_happened_is_shown_over_time() {
    let house = House::usual().await;
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "push"))
        .await
        .is(201);
    for (event_type, delivery) in [("push", "d1"), ("other", "d2"), ("other", "d3")] {
        house.deliver(event_type, delivery).await;
    }
    house.matcher.match_next().await.unwrap();
    for (query, step, points) in [("", "300", 288..=289), ("?hours=168", "3600", 168..=169)] {
        let shown = house
            .get(&format!("/api/v1/metrics/activity{query}"))
            .await
            .is(200);
        assert_eq!(shown.at("/stepSeconds"), step);
        let document = shown.json();
        let found = document.get("points").and_then(Value::as_array).unwrap();
        assert!(points.contains(&found.len()), "{} points", found.len());
        assert_eq!(shown.at("/since"), shown.at("/points/0/start"));
        let sum = |member: &str| -> i64 {
            let counts = found
                .iter()
                .map(|point| point.get(member).unwrap().as_i64().unwrap());
            counts.sum()
        };
        assert_eq!((sum("deliveries"), sum("unhandled"), sum("succeeded")), (3, 2, 0));
        assert_eq!(shown.at("/points/0/meanUs"), "null");
    }
    house.leave().await;
}

/// An event that happened so long ago.
fn event(ago: Duration, event_type: &str, data: &Value) -> NewEvent {
    let at = Timestamp::now() - ago;
    let data = Bytes::from(data.to_string());
    let id = EventId::fresh();
    let facts = EventFacts {
        id,
        tenant: TenantId::default(),
        source: "toy".to_owned(),
        event_type: event_type.to_owned(),
        delivery_id: id.to_string(),
        timestamp: at,
        received_at: at,
        verified: true,
        attributes: BTreeMap::new(),
        digest: Digest::of(&data),
    };
    NewEvent {
        facts,
        data,
        data_digest: None,
    }
}

async fn happened(house: &House, ago: Duration, event_type: &str, data: &Value) {
    let event = event(ago, event_type, data);
    house.ports.log.append(event).await.unwrap();
}

fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

#[tokio::test]
async fn the_figures_of_delivery_come_from_stored_events() {
    let house = House::usual().await;
    let empty = house.get("/api/v1/metrics/dora").await.is(200);
    assert_eq!(empty.at("/deploymentFrequency/value"), "null");
    assert_eq!(
        empty.at("/deploymentFrequency/reason"),
        "not enough data: no event of these 30 days tells how a deployment ended"
    );
    let committed = (Timestamp::now() - hours(50)).to_string();
    let push = json!({ "commits": [{ "id": "aaaaaaaaaa", "timestamp": committed }] });
    happened(&house, hours(49), "push", &push).await;
    let deployed =
        |environment: &str, sha: &str| json!({ "environment": environment, "project": "shop", "sha": sha });
    for (ago, event_type, environment, sha) in [
        (48, "deployment.succeeded", "production", "aaaaaaaaaa"),
        (40, "deployment.failed", "production", "bbbbbbbbbb"),
        (39, "deployment.succeeded", "staging", "bbbbbbbbbb"),
        (38, "deployment.succeeded", "production", "cccccccccc"),
    ] {
        happened(&house, hours(ago), event_type, &deployed(environment, sha)).await;
    }
    // The answer of a moment ago is good for the same question only.
    let shown = house.get("/api/v1/metrics/dora?days=20").await.is(200);
    let near = |pointer: &str, expected: f64| {
        let value: f64 = shown.at(pointer).parse().unwrap();
        assert!((value - expected).abs() < 0.01 * expected, "{pointer}: {value}");
    };
    near("/deploymentFrequency/value", 2.0 * 24.0 / 49.0);
    near("/leadTime/value", 2.0 * 3_600.0);
    near("/changeFailureRate/value", 1.0 / 3.0);
    near("/failedDeploymentRecoveryTime/value", 2.0 * 3_600.0);
    near("/deploymentReworkRate/value", 1.0 / 3.0);
    assert_eq!(shown.at("/leadTime/sample"), "1");
    assert_eq!(shown.at("/environment"), "production");
    assert_eq!(
        shown.at("/environments"),
        r#"[{"deployments":3,"name":"production"},{"deployments":1,"name":"staging"}]"#
    );
    assert_eq!(shown.at("/looked/deploymentEvents"), "4");
    assert_eq!(shown.at("/looked/truncated"), "false");
    let all = house.get("/api/v1/metrics/dora?environment=*").await.is(200);
    assert_eq!(all.at("/changeFailureRate/sample"), "4");
    let staging = house
        .get("/api/v1/metrics/dora?environment=Staging")
        .await
        .is(200);
    assert_eq!(staging.at("/changeFailureRate/sample"), "1");
    let none = house.get("/api/v1/metrics/dora?environment=qa").await.is(200);
    assert_eq!(
        none.at("/changeFailureRate/reason"),
        "not enough data: no deployment to this environment ended in these 30 days"
    );
    house.leave().await;
}

#[tokio::test]
async fn what_is_cut_or_pruned_is_said() {
    let house = House::usual().await;
    let body = json!({ "environment": "production", "project": "shop" });
    happened(&house, hours(24 * 20), "deployment.failed", &body).await;
    for hundred in 0..20 {
        let appends = (0..100).map(|_| {
            let ago = hours(24 * 10 - hundred);
            house.ports.log.append(event(ago, "deployment.succeeded", &body))
        });
        for appended in futures::future::join_all(appends).await {
            appended.unwrap();
        }
    }
    let whole = house.get("/api/v1/metrics/dora").await.is(200);
    assert_eq!(whole.at("/looked/truncated"), "false");
    assert_eq!(whole.at("/changeFailureRate/sample"), "2001");
    happened(&house, hours(1), "deployment.succeeded", &body).await;
    let now = Timestamp::now();
    house.matcher.match_next().await.unwrap();
    let pruned = house.ports.registry.prune_bodies(now, now - hours(24 * 11), 9);
    assert_eq!(pruned.await.unwrap(), 1);
    let cut = house.get("/api/v1/metrics/dora?days=29").await.is(200);
    assert_eq!(cut.at("/looked/truncated"), "true");
    assert_eq!(cut.at("/looked/limit"), "2000");
    assert_eq!(cut.at("/looked/withoutBody"), "1");
    assert_eq!(cut.at("/changeFailureRate/sample"), "2000");
    assert!(cut.at("/since") > (now - hours(24 * 11)).to_string());
    house.leave().await;
}
