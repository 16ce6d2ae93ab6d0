//! What is made of the figures of delivery.

use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path, query_param, query_param_is_missing},
};

use crate::Place;

fn figure(value: Option<f64>, unit: &str, sample: u64, reason: Option<&str>) -> Value {
    json!({ "value": value, "unit": unit, "sample": sample, "reason": reason, "definition": "what it is" })
}

fn report() -> Value {
    json!({
        "since": "2026-01-02T03:04:05.000000Z", "until": "2026-02-01T03:04:05.000000Z", "environment": "production",
        "environments": [{ "name": "production", "deployments": 41 }, { "name": "evil\u{1b}[2J", "deployments": 2 },
            { "name": "", "deployments": 1 }],
        "deploymentFrequency": figure(Some(1.366_666), "deployments per day", 41, None),
        "leadTime": figure(Some(5_400.5), "seconds", 38, Some("3 more name a commit that no stored push has")),
        "changeFailureRate": figure(Some(0.048_78), "ratio", 41, None),
        "failedDeploymentRecoveryTime": figure(None, "seconds", 0, Some("not enough data: no deployment failed")),
        "deploymentReworkRate": figure(Some(1.0), "ratio", 41, None),
        "daily": [],
        "looked": { "deploymentEvents": 90, "pushEvents": 120, "withoutBody": 4, "limit": 2000, "truncated": true },
    })
}

#[tokio::test]
async fn the_figures_are_a_table_with_what_they_stand_on() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/api/v1/metrics/dora"))
        .and(query_param("days", "30"))
        .and(query_param_is_missing("environment"))
        .respond_with(ResponseTemplate::new(200).set_body_json(report()))
        .mount(&server)
        .await;
    let ran = Place::new().run(&format!("metrics --server {}", server.uri()));
    insta::assert_snapshot!(ran.err.clone());
    insta::assert_snapshot!(ran.ended(0));
    let json = Place::new().run(&format!("metrics --format json --server {}", server.uri()));
    assert_eq!(serde_json::from_str::<Value>(&json.ended(0)).unwrap(), report());
}

#[tokio::test]
async fn days_and_environment_are_sent() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/metrics/dora"))
        .and(query_param("days", "90"))
        .and(query_param("environment", "*"))
        .respond_with(ResponseTemplate::new(200).set_body_json(report()))
        .mount(&server)
        .await;
    let uri = server.uri();
    let place = Place::new();
    place
        .run(&format!("metrics --days 90 --environment * --server {uri}"))
        .ended(0);
    place.run(&format!("metrics --days 367 --server {uri}")).ended(2);
}
