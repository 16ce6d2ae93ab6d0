//! Events, executions, the audit trail and the statistics.

use std::time::Duration;

use axum::body::Body;
use pilotage_core::{
    Timestamp,
    audit::{AuditRecord, ChainVerifier, Head},
    execution::Next,
};
use serde_json::{Value, json};

use crate::house::{House, local, rule};

/// Every item of a collection, read page by page.
async fn pages(house: &House, path: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut next = String::new();
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = house
            .get(&format!("{path}{separator}limit={limit}{next}"))
            .await
            .is(200)
            .json();
        let found = page.get("items").unwrap().as_array().unwrap().clone();
        assert!(found.len() <= limit);
        items.extend(found);
        match page.get("next").unwrap().as_str() {
            Some(after) => next = format!("&after={after}"),
            None => return items,
        }
    }
}

fn texts(items: &[Value], member: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item.get(member).unwrap().as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn collections_are_read_page_by_page_newest_first() {
    let house = House::usual().await;
    let mut ids = Vec::new();
    for index in 0..7 {
        ids.push(
            house
                .deliver(if index % 2 == 0 { "even" } else { "odd" }, &format!("d{index}"))
                .await,
        );
    }
    ids.reverse();
    for limit in [1, 3, 7, 500] {
        assert_eq!(texts(&pages(&house, "/api/v1/events", limit).await, "id"), ids);
    }
    assert_eq!(
        texts(&pages(&house, "/api/v1/events?type=odd", 2).await, "deliveryId"),
        ["d5", "d3", "d1"]
    );
    assert_eq!(
        pages(&house, "/api/v1/events?source=mine", 2).await,
        Vec::<Value>::new()
    );
    assert_eq!(
        texts(
            &pages(&house, "/api/v1/events?deliveryId=d4", 2).await,
            "deliveryId"
        ),
        ["d4"]
    );
    let future = "/api/v1/events?since=2999-01-01T00:00:00Z";
    assert_eq!(pages(&house, future, 2).await, Vec::<Value>::new());
    assert_eq!(pages(&house, &future.replace("since", "until"), 9).await.len(), 7);
    house.leave().await;
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_by_name() {
    let house = House::usual().await;
    let table = [
        ("/api/v1/events?limit=0", "limit"),
        ("/api/v1/events?limit=501", "limit"),
        ("/api/v1/events?limit=-1", "limit"),
        ("/api/v1/events?limit=many", "limit"),
        ("/api/v1/events?after=x", "after"),
        ("/api/v1/events?since=yesterday", "since"),
        ("/api/v1/events?unhandled=maybe", "unhandled"),
        ("/api/v1/events?tpye=push", "tpye"),
        ("/api/v1/events?limit=1&limit=2", "limit"),
        ("/api/v1/executions?status=done", "status"),
        ("/api/v1/executions?event=1", "event"),
        ("/api/v1/executions?source=toy", "source"),
        ("/api/v1/operations?status=succeeded", "status"),
        ("/api/v1/operations?active=maybe", "active"),
        ("/api/v1/operations?kind=execution", "kind"),
        ("/api/v1/metrics/activity?hours=0", "hours"),
        ("/api/v1/metrics/activity?hours=8785", "hours"),
        ("/api/v1/metrics/activity?days=1", "days"),
        ("/api/v1/metrics/dora?days=0", "days"),
        ("/api/v1/metrics/dora?days=367", "days"),
        ("/api/v1/metrics/dora?env=x", "env"),
        ("/api/v1/audit?after=", "after"),
        ("/api/v1/audit?before=1", "before"),
        ("/api/v1/rules?id=1", "id"),
        ("/api/v1/tokens?role=admin", "role"),
    ];
    for (path, parameter) in table {
        let answer = house
            .get(path)
            .await
            .refused(400, path.split('?').next().unwrap());
        assert!(
            answer.at("/detail").contains(parameter),
            "{path}: {}",
            answer.text
        );
    }
    house.leave().await;
}

#[tokio::test]
async fn an_event_is_shown_with_what_came_of_it() {
    let house = House::usual().await;
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "push"))
        .await
        .is(201);
    let id = house.deliver("push", "d1").await;
    let other = house.deliver("other", "d2").await;
    let path = format!("/api/v1/events/{id}");
    let before = house.get(&path).await.is(200);
    assert_eq!(
        (before.at("/decision"), before.at("/executions")),
        ("null".to_owned(), "[]".to_owned())
    );
    house.matcher.match_next().await.unwrap();
    let after = house.get(&path).await.is(200);
    assert!(
        after.text.contains(r#""data":{"n":1}"#),
        "the data is shown as it was sent: {}",
        after.text
    );
    assert_eq!(
        (after.at("/size"), after.at("/pruned")),
        ("7".to_owned(), "false".to_owned())
    );
    assert_eq!(after.at("/decision/faults"), "[]");
    assert_eq!(
        (after.at("/executions/0/rule"), after.at("/executions/0/status")),
        ("r".to_owned(), "pending".to_owned())
    );

    let unhandled = pages(&house, "/api/v1/events?unhandled=true", 9).await;
    assert_eq!(texts(&unhandled, "id"), [other]);
    let handled = pages(&house, "/api/v1/events?unhandled=false", 9).await;
    assert_eq!(texts(&handled, "id"), [id]);
    assert_eq!(handled.first().unwrap().get("executions").unwrap(), 1);
    for path in [
        "/api/v1/events/0190c0de-0000-7000-8000-000000000000",
        "/api/v1/events/x",
        "/api/v1/events/%00",
    ] {
        house.get(path).await.refused(404, path);
    }
    house
        .get("/api/v1/events/%ff")
        .await
        .refused(400, "/api/v1/events/%ff");
    house.leave().await;
}

#[tokio::test]
async fn an_event_is_replayed_by_the_rules_of_today_or_of_then() {
    let house = House::usual().await;
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "push"))
        .await
        .is(201);
    let id = house.deliver("push", "d1").await;
    house.matcher.match_next().await.unwrap();
    house
        .send(local("DELETE", "/api/v1/rules/r").body(Body::empty()).unwrap())
        .await
        .is(204);
    let path = format!("/api/v1/events/{id}/replay");
    let scheduled = |answer: crate::answers::Answer| {
        answer
            .is(202)
            .json()
            .get("executions")
            .unwrap()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(scheduled(house.post(&path).await), 0);
    assert_eq!(
        scheduled(house.call("POST", &path, &json!({ "rules": "today" })).await),
        0
    );
    assert_eq!(
        scheduled(house.call("POST", &path, &json!({ "rules": "same" })).await),
        1
    );
    let executions = pages(&house, &format!("/api/v1/executions?event={id}"), 1).await;
    let replayed = |item: &Value| item.get("replayedBy").unwrap().clone();
    assert_eq!(
        executions.iter().map(replayed).collect::<Vec<_>>(),
        [json!("local"), json!(null)]
    );
    let answer = house
        .call("POST", &path, &json!({ "rules": "tomorrow" }))
        .await
        .refused(422, &path);
    assert_eq!(answer.at("/errors/0/pointer"), "/rules");
    let nowhere = "/api/v1/events/0190c0de-0000-7000-8000-000000000000/replay";
    house.post(nowhere).await.refused(404, nowhere);
    house.leave().await;
}

#[tokio::test]
async fn a_pruned_event_is_shown_without_its_data_and_not_replayed() {
    let house = House::usual().await;
    let id = house.deliver("push", "d1").await;
    house.matcher.match_next().await.unwrap();
    let later = Timestamp::now() + Duration::from_mins(1);
    assert_eq!(
        house.ports.registry.prune_bodies(later, later, 10).await.unwrap(),
        1
    );
    let shown = house.get(&format!("/api/v1/events/{id}")).await.is(200);
    assert_eq!(
        (shown.at("/data"), shown.at("/pruned")),
        ("null".to_owned(), "true".to_owned())
    );
    let path = format!("/api/v1/events/{id}/replay");
    house.post(&path).await.refused(409, &path);
    house.leave().await;
}

/// Runs what is due to a bad end, as an executor would.
async fn fail_all(house: &House) {
    let now = Timestamp::now() + Duration::from_secs(1);
    for claim in house
        .ports
        .queue
        .claim(now, Duration::from_secs(30), 10)
        .await
        .unwrap()
    {
        let next = Next::Failed {
            reason: "it is broken".into(),
        };
        house.ports.queue.record(&claim, now, None, next).await.unwrap();
    }
}

#[tokio::test]
async fn executions_are_retried_and_cancelled_in_the_right_state_only() {
    let house = House::usual().await;
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "push"))
        .await
        .is(201);
    house.deliver("push", "d1").await;
    house.matcher.match_next().await.unwrap();
    fail_all(&house).await;
    let failed = pages(&house, "/api/v1/executions?status=failed&rule=r", 9).await;
    let id = texts(&failed, "id").first().unwrap().clone();
    let of = |what: &str| format!("/api/v1/executions/{id}/{what}");

    let answer = house.post(&of("cancel")).await.refused(409, &of("cancel"));
    assert_eq!(answer.at("/state"), "failed");
    assert_eq!(house.post(&of("retry")).await.is(202).at("/status"), "pending");
    let answer = house.post(&of("retry")).await.refused(409, &of("retry"));
    assert_eq!(answer.at("/state"), "pending");
    assert_eq!(house.post(&of("cancel")).await.is(202).at("/status"), "cancelled");

    let shown = house.get(&format!("/api/v1/executions/{id}")).await.is(200);
    assert_eq!(
        (shown.at("/attempts"), shown.at("/cancelRequestedBy")),
        ("[]".to_owned(), "local".to_owned())
    );
    // The client reads it as what the engine knows.
    serde_json::from_value::<pilotage_core::Execution>(failed.first().unwrap().clone()).unwrap();
    let nowhere = "/api/v1/executions/0190c0de-0000-7000-8000-000000000000";
    house.get(nowhere).await.refused(404, nowhere);
    for what in ["retry", "cancel"] {
        let path = format!("{nowhere}/{what}");
        house.post(&path).await.refused(404, &path);
    }
    house.leave().await;
}

#[tokio::test]
async fn the_trail_can_be_verified_from_the_answers() {
    let house = House::usual().await;
    for index in 0..10 {
        house.deliver("push", &format!("d{index}")).await;
    }
    house.matcher.match_next().await.unwrap();
    let records = pages(&house, "/api/v1/audit", 3).await;
    // One for each delivery, and one for all of them that no rule wants.
    assert!(records.len() >= 6, "{}", records.len());
    let mut verifier = ChainVerifier::after(Head::EMPTY);
    for record in records {
        let record: AuditRecord = serde_json::from_value(record).unwrap();
        verifier.check(&record).unwrap();
    }
    let head = house.get("/api/v1/audit/head").await.is(200);
    assert_eq!(head.at("/hash"), verifier.head().hash.to_string());
    assert_eq!(head.at("/sequence"), verifier.head().sequence.to_string());
    house.leave().await;
}

#[tokio::test]
async fn the_statistics_show_the_whole_path() {
    let house = House::usual().await;
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "push"))
        .await
        .is(201);
    house.deliver("push", "d1").await;
    house.deliver("other", "d2").await;
    let before = house.get("/api/v1/stats").await.is(200);
    assert_eq!(
        (before.at("/cursorLag/events"), before.at("/configError")),
        ("2".to_owned(), "null".to_owned())
    );
    house.matcher.match_next().await.unwrap();
    fail_all(&house).await;
    house
        .door
        .config_error(Some("line 3: unknown key `ruels`".into()));
    let stats = house.get("/api/v1/stats").await.is(200);
    for (pointer, expected) in [
        ("/totals/events", "2"),
        ("/totals/unhandled", "1"),
        ("/totals/failed", "1"),
        ("/cursorLag/events", "0"),
        ("/rules/0/rule", "r"),
        ("/rules/0/failed", "1"),
        ("/rules/0/successRate", "0.0"),
        ("/configError", "line 3: unknown key `ruels`"),
    ] {
        assert_eq!(stats.at(pointer), expected, "{pointer}");
    }
    house.leave().await;
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_doing_more_than_showing_it() {
    let house = House::usual().await;
    for path in ["/", "/api/v1/stats", "/api/v1/events/x", "/nothing", "/metrics"] {
        let answer = house.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(answer.header("server"), "");
    }
    house.leave().await;
}

#[tokio::test]
async fn without_a_store_the_api_says_so() {
    let house = House::usual().await;
    house.store.close().await;
    for path in [
        "/api/v1/events",
        "/api/v1/executions",
        "/api/v1/audit",
        "/api/v1/stats",
        "/api/v1/tokens",
    ] {
        let answer = house.get(path).await.refused(503, path);
        assert!(
            !answer.text.contains("sqlite") && !answer.header("retry-after").is_empty(),
            "{}",
            answer.text
        );
    }
}
