use axum::body::Body;
use pilotage_core::{Timestamp, audit::NewAuditRecord, ports::StoredRule};
use serde_json::{Value, json};

use crate::house::{House, Plan, local, rule};

fn in_file(id: &str) -> Plan {
    let rules = vec![serde_json::from_value(rule(id, "push")).unwrap()];
    Plan {
        file_rules: rules,
        ..Plan::default()
    }
}

async fn delete(house: &House, path: &str) -> crate::answers::Answer {
    house
        .send(local("DELETE", path).body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn rules_are_created_read_replaced_and_deleted() {
    let house = House::usual().await;
    let created = house
        .call("POST", "/api/v1/rules", &rule("deploy", "push"))
        .await
        .is(201);
    assert_eq!(created.header("location"), "/api/v1/rules/deploy");
    house
        .call("POST", "/api/v1/rules", &rule("deploy", "push"))
        .await
        .refused(409, "/api/v1/rules");

    let path = "/api/v1/rules/deploy";
    let shown = house.get(path).await.is(200);
    assert_eq!(
        (shown.at("/id"), shown.at("/origin"), shown.at("/inForce")),
        ("deploy".into(), "api".into(), "true".into())
    );
    let mut changed = shown.json();
    *changed.pointer_mut("/trigger/eventTypes/0").unwrap() = json!("tag");
    let replaced = house.call("PUT", path, &changed).await.is(200);
    assert_eq!(replaced.at("/trigger/eventTypes/0"), "tag");
    assert_ne!(replaced.at("/digest"), shown.at("/digest"));

    delete(&house, path).await.is(204);
    delete(&house, path).await.refused(404, path);
    house.get(path).await.refused(404, path);
    let created = house.call("PUT", path, &rule("deploy", "push")).await.is(201);
    assert_eq!(created.header("location"), path);
    house.leave().await;
}

#[tokio::test]
async fn the_path_gives_the_id_that_the_body_leaves_out_and_no_other() {
    let house = House::usual().await;
    let mut body = rule("x", "push");
    let answer = house
        .call("PUT", "/api/v1/rules/r", &body)
        .await
        .refused(422, "/api/v1/rules/r");
    assert_eq!(answer.at("/errors/0/pointer"), "/id");
    body.as_object_mut().unwrap().remove("id");
    house.call("PUT", "/api/v1/rules/r", &body).await.is(201);
    let answer = house
        .call("POST", "/api/v1/rules", &body)
        .await
        .refused(422, "/api/v1/rules");
    assert!(answer.at("/errors/0/message").contains("id"), "{}", answer.text);
    house.leave().await;
}

#[tokio::test]
async fn what_does_not_hold_is_named_with_its_place() {
    let house = House::usual().await;
    let with = |pointer: &str, value: Value| {
        let mut body = rule("r", "push");
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.insert(key.to_owned(), value)),
            Value::Array(items) => *items.get_mut(key.parse::<usize>().unwrap()).unwrap() = value,
            other => panic!("{other}"),
        }
        body
    };
    for (pointer, body) in [
        ("/trigger/source", with("/trigger/source", json!("gihub"))),
        ("/trigger/souce", with("/trigger/souce", json!("toy"))),
        ("/trigger/when", with("/trigger/when", json!("1 +"))),
        ("/actions/0/type", with("/actions/0/type", json!("webhok"))),
        ("/actions/0/target", with("/actions/0/target", json!("bad"))),
        ("/actions", with("/actions", json!("none"))),
        ("/enabled", with("/enabled", json!(1))),
    ] {
        let answer = house
            .call("PUT", "/api/v1/rules/r", &body)
            .await
            .refused(422, "/api/v1/rules/r");
        assert_eq!(answer.at("/errors/0/pointer"), pointer, "{}", answer.text);
    }
    for (status, body) in [
        (400, "{"),
        (400, ""),
        (400, "{} x"),
        (422, "[]"),
        (422, "null"),
        (422, "7"),
    ] {
        let request = local("PUT", "/api/v1/rules/r").header("content-type", "application/json");
        let answer = house.send(request.body(Body::from(body)).unwrap()).await;
        answer.refused(status, "/api/v1/rules/r");
    }
    let long = json!({ "id": "x".repeat(1 << 20) });
    house
        .call("PUT", "/api/v1/rules/r", &long)
        .await
        .refused(413, "/api/v1/rules/r");
    assert_eq!(house.get("/api/v1/rules").await.is(200).at("/items"), "[]");
    house.leave().await;
}

#[tokio::test]
async fn rules_of_the_file_are_changed_there() {
    let house = House::open(in_file("fixed")).await;
    let path = "/api/v1/rules/fixed";
    assert_eq!(house.get(path).await.is(200).at("/origin"), "file");
    house
        .call("PUT", path, &rule("fixed", "tag"))
        .await
        .refused(409, path);
    delete(&house, path).await.refused(409, path);
    house
        .call("POST", "/api/v1/rules", &rule("fixed", "tag"))
        .await
        .refused(409, "/api/v1/rules");
    house.leave().await;
}

#[tokio::test]
async fn a_rule_that_is_set_aside_is_shown_with_its_problems() {
    let house = House::usual().await;
    let mut misfit = rule("lost", "push");
    *misfit.pointer_mut("/trigger/source").unwrap() = json!("gone");
    let now = Timestamp::now();
    let stored = StoredRule {
        id: "lost".into(),
        json: misfit.to_string(),
        changed_at: now,
    };
    let audit = NewAuditRecord {
        at: now,
        tenant: "default".into(),
        actor: "test".into(),
        kind: "rule.changed".into(),
        subject: "lost".into(),
        facts: "{}".into(),
    };
    house.ports.registry.put_rule(stored, audit).await.unwrap();
    // A second door over the same store finds it at its start.
    let again = House::over(&house).await;
    let shown = again.get("/api/v1/rules/lost").await.is(200);
    assert_eq!(
        (shown.at("/inForce"), shown.at("/problems/0/pointer")),
        ("false".into(), "/trigger/source".into())
    );
    assert_eq!(again.get("/api/v1/rules").await.is(200).at("/items/0/id"), "lost");
    let test = "/api/v1/rules/lost/test";
    let event = json!({ "event": { "source": "toy", "type": "push" } });
    again.call("POST", test, &event).await.refused(409, test);
    delete(&again, "/api/v1/rules/lost").await.is(204);
    assert_eq!(again.get("/api/v1/rules").await.is(200).at("/items"), "[]");
    house.leave().await;
}

#[tokio::test]
async fn rules_are_listed_page_by_page_by_id() {
    let house = House::open(in_file("c")).await;
    for id in ["e", "a", "d", "b"] {
        house
            .call("POST", "/api/v1/rules", &rule(id, "push"))
            .await
            .is(201);
    }
    let mut seen = Vec::new();
    let mut query = "limit=2".to_owned();
    loop {
        let page = house.get(&format!("/api/v1/rules?{query}")).await.is(200).json();
        let items = page.get("items").unwrap().as_array().unwrap();
        seen.extend(
            items
                .iter()
                .map(|item| item.get("id").unwrap().as_str().unwrap().to_owned()),
        );
        let Some(next) = page.get("next").unwrap().as_str() else {
            break;
        };
        query = format!("limit=2&after={next}");
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    house.leave().await;
}

#[tokio::test]
async fn a_rule_says_why_it_matches_an_event_or_not() {
    let house = House::usual().await;
    let mut body = rule("r", "push");
    body.pointer_mut("/trigger")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .insert("conditions".into(), json!({ "n": 1 }));
    house.call("PUT", "/api/v1/rules/r", &body).await.is(201);
    let event = house.deliver("push", "d1").await;
    let path = "/api/v1/rules/r/test";
    let matched = house
        .call("POST", path, &json!({ "eventId": event }))
        .await
        .is(200);
    assert_eq!(
        (matched.at("/rule"), matched.at("/matches")),
        ("r".into(), "true".into())
    );
    let shown = house.get(&format!("/api/v1/events/{event}")).await.is(200).json();
    assert_eq!(
        house
            .call("POST", path, &json!({ "event": shown }))
            .await
            .is(200)
            .at("/matches"),
        "true"
    );
    let other = json!({ "event": { "source": "toy", "type": "push", "data": { "n": 2 } } });
    let explained = house.call("POST", path, &other).await.is(200);
    assert_eq!(explained.at("/matches"), "false");
    let parts = explained.json().get("parts").unwrap().as_array().unwrap().clone();
    let failed: Vec<_> = parts
        .iter()
        .filter(|part| part.get("holds").unwrap() == false)
        .collect();
    assert_eq!(failed.len(), 1, "{}", explained.text);

    for body in [
        json!({}),
        json!({ "eventId": event, "event": { "source": "toy", "type": "x" } }),
    ] {
        house.call("POST", path, &body).await.refused(422, path);
    }
    let nobody = json!({ "eventId": "0190c0de-0000-7000-8000-000000000000" });
    house.call("POST", path, &nobody).await.refused(404, path);
    house
        .call("POST", "/api/v1/rules/none/test", &other)
        .await
        .refused(404, "/api/v1/rules/none/test");
    house.leave().await;
}
