use axum::body::Body;
use http::Method;
use serde_json::Value;

use crate::house::{House, local};

const ID: &str = "0190c0de-0000-7000-8000-000000000000";

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document.get("paths").and_then(Value::as_object).unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let operations = item.as_object().unwrap().clone();
        let path = path.clone();
        operations
            .into_iter()
            .map(move |(method, operation)| (method, path.clone(), operation))
    };
    paths.iter().flat_map(of_path).collect()
}

/// The paths of the router, from its debug form: it has no other list. Should that change, this finds nothing and fails.
fn routes(house: &House) -> Vec<String> {
    let text = format!("{:?}", house.main);
    let mut paths: Vec<String> = text
        .split('"')
        .filter(|part| part.starts_with('/') && !part.contains("__private"))
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

fn is_page(route: &str) -> bool {
    let first = route.split('/').nth(1).unwrap_or_default();
    let pages = [
        "",
        "assets",
        "audit",
        "deployments",
        "events",
        "executions",
        "gates",
        "login",
        "logout",
        "metrics-board",
        "pipelines",
        "rules",
        "search",
        "tests",
    ];
    pages.contains(&first)
}

#[tokio::test]
async fn every_route_is_in_the_document() {
    let house = House::usual().await;
    let served = house.get("/api/openapi.json").await.is(200).json();
    assert_eq!(served, pilotage_web::openapi());
    let documented = served.get("paths").and_then(Value::as_object).unwrap();
    let routes = routes(&house);
    assert!(routes.len() > 15, "{routes:?}");
    for route in routes {
        // The dashboard is no part of the API; deliveries are described source by source, sockets by their protocol.
        let is_described = documented.contains_key(&route);
        assert!(
            is_described
                || is_page(&route)
                || route == "/webhooks/{*source}"
                || route.trim_end_matches('/') == "/socket.io",
            "{route} is not described"
        );
    }
    house.leave().await;
}

#[tokio::test]
async fn every_operation_of_the_document_is_answered() {
    let house = House::usual().await;
    for (method, path, _) in operations(&pilotage_web::openapi()) {
        let path = path
            .replace("{id}", ID)
            .replace("{name}", "none")
            .replace("{kind}", "toy")
            .replace("{source}", "mine")
            // A stream has no end; one that is refused has.
            .replace("/stream", "/stream?no");
        let request = local(&method.to_uppercase(), &path).body(Body::empty()).unwrap();
        let answer = house.send(request).await;
        assert_ne!(answer.status, 405, "{method} {path}");
        assert!(
            !answer.text.contains("there is nothing at this path"),
            "{method} {path}"
        );
    }
    house.leave().await;
}

#[test]
fn every_operation_describes_its_problems_and_every_reference_leads_somewhere() {
    let document = pilotage_web::openapi();
    assert!(
        document
            .get("openapi")
            .unwrap()
            .as_str()
            .unwrap()
            .starts_with("3.1")
    );
    for (method, path, operation) in operations(&document) {
        assert!(method.to_uppercase().parse::<Method>().is_ok());
        let responses = operation.get("responses").and_then(Value::as_object).unwrap();
        let problems = responses.values().filter(|response| {
            response.pointer("/content/application~1problem+json/schema/$ref")
                == Some(&Value::from("#/components/schemas/Problem"))
        });
        assert!(problems.count() > 0, "{method} {path} describes no problem");
        let described = responses
            .values()
            .all(|response| response.get("description").is_some());
        let summary = operation.get("summary").or_else(|| operation.get("description"));
        assert!(described && summary.is_some(), "{method} {path}");
    }
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("{reference} leads outside"));
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members
                .values()
                .for_each(|member| collect_references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

#[test]
fn the_schema_of_rules_is_the_one_of_the_configuration() {
    let document = pilotage_web::openapi();
    let properties = document
        .pointer("/components/schemas/Rule/properties")
        .and_then(Value::as_object)
        .unwrap();
    for name in ["id", "trigger", "actions", "concurrency", "debounce"] {
        assert!(properties.contains_key(name), "{name}");
    }
    assert!(document.pointer("/components/schemas/RetryPolicy").is_some());
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let document = pilotage_web::openapi();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.values().flat_map(|item| item.as_object().unwrap().values());
    let ids: Vec<&str> = operations
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let distinct: std::collections::HashSet<&&str> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
}
