//! Operations: what is going on, and what went on.

use std::time::Duration;

use pilotage_core::{Execution, Timestamp, execution::Next};

use crate::house::{House, rule};

/// Two executions: one that failed so long ago that it is not active any more, and one that has not begun. Answers the
/// first.
async fn two_executions(house: &House) -> Execution {
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "push"))
        .await
        .is(201);
    for delivery in ["d1", "d2"] {
        house.deliver("push", delivery).await;
    }
    house.matcher.match_next().await.unwrap();
    let queue = &house.ports.queue;
    let lease = Duration::from_secs(30);
    let long_ago = Timestamp::now() - Duration::from_hours(1);
    let claim = queue.claim(Timestamp::now(), lease, 1).await.unwrap().remove(0);
    let reason = "it does <i>not</i> work".to_owned();
    queue
        .record(&claim, long_ago, None, Next::Failed { reason })
        .await
        .unwrap();
    claim.execution
}

#[tokio::test]
async fn operations_are_listed_by_every_filter() {
    let house = House::usual().await;
    two_executions(&house).await;
    let all = house.get("/api/v1/operations").await.is(200);
    assert_eq!(
        (all.at("/items/0/status"), all.at("/items/1/status")),
        ("pending".to_owned(), "failure".to_owned())
    );
    let first = house.get("/api/v1/operations?limit=1").await.is(200);
    let after = first.at("/next");
    let second = house
        .get(&format!("/api/v1/operations?limit=1&after={after}"))
        .await
        .is(200);
    assert_eq!(
        (second.at("/items/0/id"), second.at("/next")),
        (all.at("/items/1/id"), "null".to_owned())
    );
    for (query, found) in [
        ("status=failure", 1),
        ("status=running", 0),
        ("type=execution", 2),
        ("type=gate", 0),
        ("active=true", 1),
        ("active=false", 2),
        ("active=true&status=failure", 0),
    ] {
        let answer = house.get(&format!("/api/v1/operations?{query}")).await.is(200);
        let items = answer.json().get("items").unwrap().as_array().unwrap().len();
        assert_eq!(items, found, "{query}");
    }
    house.leave().await;
}

#[tokio::test]
async fn an_execution_is_shown_as_an_operation() {
    let house = House::usual().await;
    let execution = two_executions(&house).await;
    let path = format!("/api/v1/operations/{}", execution.id);
    let shown = house.get(&path).await.is(200);
    for (pointer, expected) in [
        ("/type", "execution"),
        ("/status", "failure"),
        ("/message", "it does <i>not</i> work"),
        ("/progress/total", "1"),
        ("/progress/percentage", "0"),
        ("/metadata/name", "r"),
        ("/metadata/rule", "r"),
        ("/metadata/source", "toy"),
        ("/metadata/eventType", "push"),
        ("/metadata/deliveryId", "d1"),
        ("/metadata/tenant", "default"),
    ] {
        assert_eq!(shown.at(pointer), expected, "{pointer}");
    }
    assert_eq!(shown.at("/metadata/eventId"), execution.event_id.to_string());
    assert_eq!(shown.at("/metadata/finishedAt"), shown.at("/timestamp"));
    for path in [
        "/api/v1/operations/0190c0de-0000-7000-8000-000000000000",
        "/api/v1/operations/x",
    ] {
        house.get(path).await.refused(404, path);
    }
    house.leave().await;
}
