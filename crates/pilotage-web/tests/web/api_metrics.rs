//! Figures over time.

use serde_json::Value;

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
