use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use pilotage_mcp::{changes::Change, watching};
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::house::{House, rule};

#[tokio::test]
async fn whoever_listens_is_told_of_the_operation_its_execution_and_its_event() {
    let house = House::open().await;
    house.done("put-rule", json!({ "rule": rule("r", "push") })).await;
    let stop = CancellationToken::new();
    let mut news = house.changes.listen();
    let follower = watching::follow(
        house.ports.operations.clone(),
        house.ports.bell.clone(),
        house.changes.clone(),
        stop.clone(),
    );
    let follower = tokio::spawn(follower);
    let mut expected = BTreeSet::new();
    let mut told = BTreeSet::new();
    // The follower begins at an unknown moment, so there are events until it is there.
    let deadline = Instant::now() + Duration::from_mins(1);
    while expected.is_empty() || !told.is_superset(&expected) {
        assert!(Instant::now() < deadline, "{expected:?} are not among {told:?}");
        let event = house.event("push", &json!({})).await;
        let list = house.done("list-executions", json!({ "event": event })).await;
        let id = list["items"][0]["id"].as_str().unwrap();
        expected = [
            format!("pilotage://operations/{id}"),
            format!("pilotage://executions/{id}"),
            format!("pilotage://events/{event}"),
        ]
        .into();
        while let Ok(change) = timeout(Duration::from_secs(2), news.recv()).await {
            if let Change::Resource(uri) = change.unwrap() {
                told.insert(uri);
            }
            if told.is_superset(&expected) {
                break;
            }
        }
    }
    stop.cancel();
    follower.await.unwrap();
    house.leave().await;
}
