//! What arrives at the addresses of webhooks.

use serde_json::{Value, json};

use super::{Bench, TOKEN, header, read};
use crate::make::Request;

/// The address of a hook with an active scenario, and of one that nothing listens to.
const ORDERS: &str = "/hook/1gqnexkk1vwxg2wpj39kg30pzp6uhe7h";
const WAITING: &str = "/hook/9xr2c4uh0vb7ywq1n8mzd5tk3pfa6ejl";

fn deliver(bench: &mut Bench, address: &str, body: &Value) -> (u16, Value) {
    read(bench.send("", &format!("POST {address}"), body))
}

fn accepted() -> (u16, Value) {
    (200, json!("Accepted"))
}

#[test]
fn a_delivery_runs_the_scenario_or_waits() {
    let mut bench = Bench::new();
    assert_eq!(deliver(&mut bench, ORDERS, &json!({"id": "o-2"})), accepted());
    let logs = bench.get("/scenarios/926/logs");
    assert_eq!(
        (
            logs["scenarioLogs"][0]["instant"].as_bool(),
            logs["scenarioLogs"][0]["status"].as_u64()
        ),
        (Some(true), Some(1))
    );
    bench.ok("POST /scenarios/926/stop", &Value::Null);
    // Whoever sends cannot see that the scenario is off.
    assert_eq!(deliver(&mut bench, ORDERS, &json!({"id": "o-3"})), accepted());
    let hook = bench.get("/hooks/11");
    assert_eq!(
        (
            hook["hook"]["queueCount"].as_u64(),
            hook["hook"]["scenarioIsActive"].as_bool()
        ),
        (Some(1), Some(false))
    );
    let incomings = bench.get("/hooks/11/incomings");
    let id = incomings["incomings"][0]["id"].as_str().unwrap().to_owned();
    let one = bench.get(&format!("/hooks/11/incomings/{id}"));
    assert_eq!(one["incoming"]["data"], json!({"id": "o-3"}));
    bench.ok("DELETE /hooks/11/incomings", &json!({"ids": [id]}));
    assert_eq!(bench.get("/hooks/11")["hook"]["queueCount"], 0);
}

#[test]
fn a_queue_has_an_end() {
    let mut bench = Bench::new();
    for _ in 0..50 {
        assert_eq!(deliver(&mut bench, WAITING, &json!({})), accepted());
    }
    assert_eq!(
        deliver(&mut bench, WAITING, &json!({})),
        (400, json!("Queue is full"))
    );
    bench.assert_refused(&[(
        "DELETE /hooks/12/incomings",
        json!({"all": true}),
        406,
        "IM004",
        "",
    )]);
    bench.ok("DELETE /hooks/12/incomings?confirmed=true", &json!({"all": true}));
    assert_eq!(deliver(&mut bench, WAITING, &json!({})), accepted());
}

#[test]
fn three_hundred_in_ten_seconds() {
    let mut bench = Bench::new();
    for _ in 0..300 {
        assert_eq!(deliver(&mut bench, ORDERS, &json!({})), accepted());
    }
    assert_eq!(
        deliver(&mut bench, ORDERS, &json!({})),
        (429, json!("Too many requests"))
    );
    bench.pass_secs(10);
    assert_eq!(deliver(&mut bench, ORDERS, &json!({})), accepted());
}

#[test]
fn the_first_error_switches_an_instant_scenario_off() {
    let mut bench = Bench::new();
    bench.ok(
        "POST /__mock/runs",
        &json!({"scenarioId": 926, "status": "error"}),
    );
    assert_eq!(deliver(&mut bench, ORDERS, &json!({})), accepted());
    assert_eq!(bench.get("/scenarios/926")["scenario"]["isActive"], false);
    // Its blueprint keeps what fails: one from the seed, and this one.
    assert_eq!(bench.get("/scenarios/926")["scenario"]["dlqCount"], 2);
    assert_eq!(
        bench.get("/scenarios/926/logs")["scenarioLogs"][0]["type"],
        "stop"
    );
}

#[test]
fn unknown_and_disabled_ones_are_gone() {
    let mut bench = Bench::new();
    bench.ok("POST /hooks/12/disable", &Value::Null);
    for address in [WAITING, "/hook/", "/hook/nobody", "/hook/../api/v2/hooks"] {
        let answer = bench.send("", &format!("POST {address}"), &json!({}));
        assert_eq!(header(&answer, "access-control-allow-origin"), None);
        assert_eq!(read(answer), (410, json!("Webhook not found.")), "{address}");
    }
    bench.ok("POST /hooks/12/enable", &Value::Null);
    let answer = bench.send(TOKEN, &format!("OPTIONS {WAITING}"), &Value::Null);
    assert_eq!(read(answer), (200, json!("ok")));
}

#[test]
fn what_the_structure_asks_for_must_be_there() {
    let mut bench = Bench::new();
    bench.ok("POST /hooks/12/set-data", &json!({"udt": 178}));
    assert_eq!(deliver(&mut bench, WAITING, &json!({})).0, 400);
    assert_eq!(deliver(&mut bench, WAITING, &json!({"name": "x"})), accepted());
}

#[test]
fn query_form_and_text_make_one_bundle() {
    let form = "application/x-www-form-urlencoded";
    let cases = [
        (
            "",
            "application/json",
            r#"{"a":1,"b":2}"#,
            json!({"a": 1, "b": 2}),
        ),
        ("?a=q", "application/json", r#"{"a":1}"#, json!({"a": "q"})),
        ("", form, "a=1&a=2&b=+x", json!({"a": ["1", "2"], "b": " x"})),
        ("", "text/plain", "just text", json!({"value": "just text"})),
        ("", "application/json", "[1]", json!({"value": [1]})),
    ];
    for (query, content_type, body, expected) in cases {
        let mut bench = Bench::new();
        bench.ok(
            "POST /hooks/12/set-data",
            &json!({"headers": false, "method": false}),
        );
        let mut request = Request::new("POST", &format!("{WAITING}{query}"));
        request.content_type = content_type.to_owned();
        request.body = body.as_bytes().to_vec();
        assert_eq!(read(bench.answer(&request)), accepted());
        let listed = bench.get("/hooks/12/incomings");
        let id = listed["incomings"][0]["id"].as_str().unwrap();
        let one = bench.get(&format!("/hooks/12/incomings/{id}"));
        assert_eq!(one["incoming"]["data"], expected, "{content_type} {body}");
    }
}
