//! Operations: what is going on, and what went on.

use std::time::Duration;

use pilotage_core::{Timestamp, execution::Next};

use crate::house::{House, rule};

#[tokio::test]
async fn an_execution_is_listed_and_shown_as_an_operation() {
    let house = House::usual().await;
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
    // The first ended so long ago that it is not active any more.
    let long_ago = Timestamp::now() - Duration::from_hours(1);
    let claim = queue.claim(Timestamp::now(), lease, 1).await.unwrap().remove(0);
    let reason = "it does <i>not</i> work".to_owned();
    queue
        .record(&claim, long_ago, None, Next::Failed { reason })
        .await
        .unwrap();

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

    let path = format!("/api/v1/operations/{}", claim.execution.id);
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
    assert_eq!(
        shown.at("/metadata/eventId"),
        claim.execution.event_id.to_string()
    );
    assert_eq!(shown.at("/metadata/finishedAt"), shown.at("/timestamp"));
    for path in [
        "/api/v1/operations/0190c0de-0000-7000-8000-000000000000",
        "/api/v1/operations/x",
    ] {
        house.get(path).await.refused(404, path);
    }
    house.leave().await;
}
