//! What is made of the answers of a server; a stand-in gives them word for word.

use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path, query_param, query_param_is_missing},
};

use crate::{Place, Ran};

const ID: &str = "01930000-0000-7000-8000-000000000001";

fn event(source: &str, event_type: &str, executions: &Value) -> Value {
    json!({
        "id": ID, "position": 7, "tenant": "default", "source": source, "type": event_type, "deliveryId": "d-1",
        "timestamp": "2026-01-02T03:04:05.000000Z", "receivedAt": "2026-01-02T03:04:06.000000Z", "verified": true,
        "attributes": {"action": "opened"}, "digest": "00".repeat(32), "size": 12, "pruned": false,
        "executions": executions,
    })
}

fn execution(status: &str, reason: Option<&str>) -> Value {
    json!({
        "id": ID, "tenant": "default", "eventId": ID, "position": 7, "rule": "deploy", "ruleDigest": "11".repeat(32),
        "status": status, "reason": reason, "claims": 1, "action": 0, "attempts": 2, "due": "2026-01-02T03:04:06Z",
        "createdAt": "2026-01-02T03:04:06Z", "startedAt": "2026-01-02T03:04:07Z", "finishedAt": "2026-01-02T03:04:09Z",
        "concurrencyKey": null, "debounceKey": null, "replayedBy": null, "cancelRequestedBy": null,
    })
}

/// A server that answers everything at `at` with this.
async fn answering(at: &str, status: u16, body: &str) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_raw(body.to_owned(), "application/json");
    Mock::given(path(at)).respond_with(answer).mount(&server).await;
    server
}

fn run(server: &MockServer, arguments: &str) -> Ran {
    Place::new().run(&format!("{arguments} --server {}", server.uri()))
}

#[tokio::test]
async fn a_list_is_a_table_or_the_api_word_for_word() {
    let items = [
        event("github", "push", &json!(2)),
        event("make", "evil\u{1b}[2J\u{9b}1m", &json!(0)),
        event("make", "x", &json!(null)),
    ];
    let body = json!({ "items": items, "next": "41" }).to_string();
    let server = answering("/api/v1/events", 200, &body).await;
    let ran = run(&server, "event list");
    assert_eq!(ran.err, "There are more: pass --after 41, or --all.\n");
    insta::assert_snapshot!(ran.ended(0), @r#"
    RECEIVED                     ID                                    SOURCE  TYPE                   EXECUTIONS  DELIVERY
    2026-01-02T03:04:06.000000Z  01930000-0000-7000-8000-000000000001  github  push                   2           d-1
    2026-01-02T03:04:06.000000Z  01930000-0000-7000-8000-000000000001  make    evil\u{1b}[2J\u{9b}1m  unhandled   d-1
    2026-01-02T03:04:06.000000Z  01930000-0000-7000-8000-000000000001  make    x                      undecided   d-1
    "#);
    let text = run(&server, "event list --format json").ended(0);
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        serde_json::from_str::<Value>(&body).unwrap()
    );
    assert!(!text.contains('\u{9b}') && !text.contains('\u{1b}'));
}

#[tokio::test]
async fn filters_and_the_token_are_sent() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/api/v1/executions"))
        .and(query_param("status", "failed"))
        .and(query_param("rule", "a b&c"))
        .and(query_param("limit", "5"))
        .and(query_param("since", "2026-01-02T03:04:05.000000Z"))
        .and(header("authorization", "Bearer plo_sesame"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "items": [], "next": null })))
        .mount(&server)
        .await;
    let place = Place::new();
    place.write("token", "plo_sesame\n");
    let arguments = "execution list --status failed --limit 5 --since 2026-01-02T03:04:05Z";
    let mut command = place.command(&format!(
        "{arguments} --token-file token --server {}",
        server.uri()
    ));
    let ran = Ran::from(command.args(["--rule", "a b&c"]).output().unwrap());
    assert_eq!(ran.err, "No execution matches.\n");
    ran.ended(0);
    let mut command = place.command(&format!("{arguments} --server {}", server.uri()));
    let command = command
        .args(["--rule", "a b&c"])
        .env("PILOTAGE_TOKEN", "plo_sesame");
    Ran::from(command.output().unwrap()).ended(0);
}

#[tokio::test]
async fn all_pages_are_one_document() {
    let server = MockServer::start().await;
    let page = |items: Value, next: Value| {
        ResponseTemplate::new(200).set_body_json(json!({ "items": items, "next": next }))
    };
    let given = || Mock::given(method("GET")).and(path("/api/v1/events"));
    let first = given().and(query_param_is_missing("after"));
    first
        .respond_with(page(
            json!([event("a", "1", &json!(1)), event("a", "2", &json!(1))]),
            json!("9"),
        ))
        .mount(&server)
        .await;
    let last = given().and(query_param("after", "9"));
    last.respond_with(page(json!([event("a", "3", &json!(1))]), json!(null)))
        .mount(&server)
        .await;
    let all: Value = serde_json::from_str(&run(&server, "event list --all --format json").ended(0)).unwrap();
    let types: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["type"])
        .collect();
    assert_eq!(
        (json!(types), &all["next"]),
        (json!(["1", "2", "3"]), &json!(null))
    );
    assert_eq!(run(&server, "event list --all").ended(0).lines().count(), 5);
}

#[tokio::test]
async fn an_event_is_shown_with_its_data_as_it_was_sent() {
    let mut body = event(
        "github",
        "push",
        &json!([execution("failed", Some("403 from the other side"))]),
    );
    body["decision"] = json!({ "decidedAt": "2026-01-02T03:04:06Z", "faults": [{ "rule": "odd", "reason": "no such path" }] });
    // Numbers that a float cannot hold, and keys in an order of their own.
    let text = body
        .to_string()
        .replacen('{', "{\"data\":{\"z\":12345678901234567890123,\"a\":[]},", 1);
    let server = answering(&format!("/api/v1/events/{ID}"), 200, &text).await;
    insta::assert_snapshot!(run(&server, &format!("event show {ID}")).ended(0), @r#"
    event       01930000-0000-7000-8000-000000000001
    source      github
    type        push
    delivery    d-1
    happened    2026-01-02T03:04:05.000000Z
    received    2026-01-02T03:04:06.000000Z
    verified    yes
    digest      sha256:0000000000000000000000000000000000000000000000000000000000000000
    size        12 bytes
    decided     2026-01-02T03:04:06.000000Z
                rule odd could not be asked: no such path
    attributes  action = opened

    CREATED                      ID                                    STATUS  RULE    EVENT                                 REASON
    2026-01-02T03:04:06.000000Z  01930000-0000-7000-8000-000000000001  failed  deploy  01930000-0000-7000-8000-000000000001  403 from the other side

    Data
    {
      "z": 12345678901234567890123,
      "a": []
    }
    "#);
    let raw = run(&server, &format!("event show {ID} --raw")).ended(0);
    assert_eq!(raw, "{\n  \"z\": 12345678901234567890123,\n  \"a\": []\n}\n");
}

#[tokio::test]
async fn an_execution_is_shown_with_every_attempt() {
    let mut body = execution("failed", Some("gave up after 2 attempts"));
    let attempt = |number: u32, result: &str| {
        json!({
            "action": 0, "number": number, "actionType": "webhook", "idempotencyKey": "k", "startedAt": "2026-01-02T03:04:07Z",
            "durationUs": 12_345, "result": result, "request": "POST https://example.com/hook", "status": 503,
            "response": "line one\nline \u{1b}[31mtwo", "error": "the other side answered 503",
        })
    };
    body["attempts"] = json!([attempt(1, "retryable"), attempt(2, "permanent")]);
    let server = answering(&format!("/api/v1/executions/{ID}"), 200, &body.to_string()).await;
    insta::assert_snapshot!(run(&server, &format!("execution show {ID}")).ended(0), @r#"
    execution  01930000-0000-7000-8000-000000000001
    status     failed
    reason     gave up after 2 attempts
    rule       deploy
    version    sha256:1111111111111111111111111111111111111111111111111111111111111111
    event      01930000-0000-7000-8000-000000000001
    created    2026-01-02T03:04:06.000000Z
    started    2026-01-02T03:04:07.000000Z
    finished   2026-01-02T03:04:09.000000Z

    2026-01-02T03:04:07.000000Z  action 1 (webhook), attempt 1, 12.3 ms
      POST https://example.com/hook -> 503
      ✗ failed, may be tried again
      the other side answered 503
      | line one
      | line \u{1b}[31mtwo

    2026-01-02T03:04:07.000000Z  action 1 (webhook), attempt 2, 12.3 ms
      POST https://example.com/hook -> 503
      ✗ failed for good
      the other side answered 503
      | line one
      | line \u{1b}[31mtwo
    "#);
}

#[tokio::test]
async fn operations_say_what_they_did() {
    let retry = answering(
        &format!("/api/v1/executions/{ID}/retry"),
        202,
        &execution("pending", None).to_string(),
    )
    .await;
    assert_eq!(
        run(&retry, &format!("execution retry {ID}")).ended(0),
        format!("execution {ID} is pending\n")
    );
    let mut running = execution("running", None);
    running["cancelRequestedBy"] = json!("local");
    let cancel = answering(
        &format!("/api/v1/executions/{ID}/cancel"),
        202,
        &running.to_string(),
    )
    .await;
    let told = run(&cancel, &format!("execution cancel {ID}")).ended(0);
    assert_eq!(
        told,
        format!("execution {ID} is running, will stop at its next look\n")
    );
    let replayed = json!({ "eventId": ID, "executions": [ID], "faults": [] }).to_string();
    let replay = answering(&format!("/api/v1/events/{ID}/replay"), 202, &replayed).await;
    assert_eq!(
        run(&replay, &format!("event replay {ID}")).ended(0),
        format!("scheduled execution {ID}\n")
    );
    let nothing = answering(
        &format!("/api/v1/events/{ID}/replay"),
        202,
        r#"{"executions":[],"faults":[]}"#,
    )
    .await;
    run(&nothing, &format!("event replay {ID} --same-rules")).ended(1);
}

#[tokio::test]
async fn problems_of_the_server_have_their_codes_and_words() {
    let cases = [
        (
            400,
            2,
            r#"{"status":400,"title":"Bad Request","detail":"no such filter"}"#,
            "error: no such filter",
        ),
        (
            401,
            3,
            r#"{"status":401,"title":"A token is needed"}"#,
            "error: A token is needed",
        ),
        (
            403,
            3,
            r#"{"status":403,"title":"Not allowed","detail":"this takes the role operator"}"#,
            "role operator",
        ),
        (
            404,
            2,
            r#"{"status":404,"title":"There is no such thing","detail":"there is no event 1"}"#,
            "error: there is no event 1",
        ),
        (
            409,
            1,
            r#"{"status":409,"title":"Conflict","detail":"the execution is succeeded"}"#,
            "is succeeded",
        ),
        (
            500,
            3,
            "<h1>\u{1b}[2Joops</h1>",
            "error: the server answered 500: <h1>\\u{1b}[2Joops</h1>",
        ),
        (302, 3, "", "error: the server answered 302"),
        (200, 3, "not json", "is not that of a Pilotage of this version"),
    ];
    for (status, code, body, told) in cases {
        let server = answering("/api/v1/stats", status, body).await;
        let ran = run(&server, "stats");
        assert_eq!(ran.code, Some(code), "{status}: {ran:#?}");
        assert!(ran.err.contains(told), "{status}: {ran:#?}");
        assert_eq!(ran.err.contains("--token-file"), status == 401, "{ran:#?}");
    }
}

#[tokio::test]
async fn statistics_are_shown() {
    let body = json!({
        "version": "0.1.0", "uptimeSeconds": 5, "configError": "error: unknown key `ruls`\n --> pilotage.yaml:2:1\n\u{1b}\n", "cursorLag": {"events": 3, "seconds": 1.5},
        "openCircuits": 0,
        "totals": {
            "events": 10, "unhandled": 1, "undecided": 3, "waiting": 0, "pending": 2, "running": 1, "succeeded": 4, "failed": 1,
            "cancelled": 0, "oldestDue": null, "oldestUndecided": "2026-01-02T03:04:06Z",
        },
        "rules": [{
            "rule": "deploy", "matched": 8, "succeeded": 4, "failed": 1, "cancelled": 0, "successRate": 0.8, "p50Us": 12_000,
            "p95Us": null, "lastMatchedAt": null,
        }],
    });
    let server = answering("/api/v1/stats", 200, &body.to_string()).await;
    insta::assert_snapshot!(run(&server, "stats").ended(0), @r#"
    The last change of the configuration was refused, the earlier one stays in force:
      error: unknown key `ruls`
       --> pilotage.yaml:2:1
      \u{1b}

    events         10
    unhandled      1
    undecided      3, the oldest since 2026-01-02T03:04:06.000000Z
    waiting        0
    pending        2
    running        1
    succeeded      4
    failed         1
    cancelled      0
    open circuits  0
    version        0.1.0

    RULE    MATCHED  SUCCEEDED  FAILED  CANCELLED  P50      P95  LAST MATCHED
    deploy  8        4          1       0          12.0 ms  -    never
    "#);
}
