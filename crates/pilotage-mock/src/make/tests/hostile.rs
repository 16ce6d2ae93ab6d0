//! Nothing that anybody sends makes the model panic, and every answer of the API is one of Make's.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Bench, TOKEN, read};
use crate::make::{Request, categories, routing::Route};

fn routes() -> impl Iterator<Item = &'static Route> {
    categories::ALL.iter().flat_map(|category| category.routes)
}

/// Bodies and ids that have broken programs before.
fn bodies() -> Vec<Vec<u8>> {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let texts = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{".to_owned(),
        deep(100_000),
        format!(r#"{{"a":{}}}"#, deep(100)),
        json!({"name": "\0\u{202e}<script>", "teamId": -1, "organizationId": 1e300, "spec": [1], "data": null}).to_string(),
        json!({"blueprint": deep(200), "scheduling": "{}", "teamId": u64::MAX}).to_string(),
        json!({"blueprint": r#"{"flow":{"flow":[null,1,{"routes":[{"flow":3}]}]}}"#, "scheduling": r#"{"type":"once","date":"éTé"}"#, "teamId": 5}).to_string(),
        json!({"ids": [{}], "all": true, "keys": [null], "interface": {"input": [null, {"required": true}]}, "value": "ééééé", "typeId": 4, "name": "x"}).to_string(),
        json!({"connections": [null], "keys": [[]], "credentials": [1], "permissions": ["x"], "category": "team", "name": "n"}).to_string(),
    ];
    let mut bodies: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    bodies.push(vec![0xff, 0, 0xfe]);
    bodies
}

#[test]
fn every_route_survives_every_body_and_id() {
    let ids = [
        "5",
        "925",
        "0",
        "18446744073709551616",
        "-1",
        "%00",
        "..%2f..%2fetc",
        "%F0%9F",
        "1",
        "public",
        "a07e16f2ad134bf49cf83a00aa95c0a5",
    ];
    for route in routes() {
        let mut bench = Bench::new();
        for (index, body) in bodies().into_iter().enumerate() {
            let path = route.path.replace("{}", ids[index % ids.len()]);
            let query =
                "teamId=5&organizationId=5&scenarioId=926&pg%5Boffset%5D=1&cols%5B%5D=%00&confirmed=true";
            let mut request = Request::new(route.method, &format!("/api/v2{path}?{query}"));
            request.authorization = TOKEN.to_owned();
            request.body = body;
            let status = bench.answer(&request).reply.status;
            assert!((200..500).contains(&status), "{} {path}: {status}", route.method);
        }
    }
}

#[test]
fn every_route_is_reached() {
    for route in routes() {
        let path = route.path.replace("{}", "nothing-of-that-name");
        let mut bench = Bench::new();
        let call = format!("{} {path}", route.method);
        let (status, answer) = bench.call(&call, &Value::Null);
        // A route that is hidden behind another one of its method would be no route.
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        let first = routes().find(|other| other.matches(route.method, &segments).is_some());
        assert_eq!(
            first.map(|first| first.path),
            Some(route.path),
            "{call}: {status} {answer}"
        );
    }
}

#[test]
fn controls_survive_everything() {
    let names = [
        "reset",
        "calls",
        "state",
        "responses",
        "faults",
        "runs",
        "rate-limit",
        "settings",
        "subscriptions",
        "webhooks",
        "edits",
    ];
    for name in names {
        for body in bodies() {
            let mut request = Request::new("POST", &format!("/__mock/{name}"));
            request.body = body;
            let status = Bench::new().answer(&request).reply.status;
            assert!([200, 400, 404].contains(&status), "{name}: {status}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_is_sent_is_answered(
        method in "[A-Z]{0,7}",
        target in "(/api/v2|/hook|/__mock)?(/[a-z0-9%{}\\[\\].-]{0,12}){0,6}(\\?[ -~]{0,40})?",
        authorization in "(Token|Bearer)? ?[ -~]{0,40}",
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut request = Request::new(&method, &target);
        request.authorization = authorization;
        request.body = body;
        let (status, _) = read(Bench::new().answer(&request));
        prop_assert!((200..500).contains(&status));
    }
}
