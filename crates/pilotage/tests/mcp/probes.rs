//! What the conformance suite does not ask, and what no implementation that was measured holds to as a whole.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    client::{MODERN, body, headers_of, modern},
    plain,
};

fn call(name: &str, arguments: &Value) -> Value {
    modern(7, "tools/call", json!({ "name": name, "arguments": arguments }))
}

#[tokio::test]
async fn pages_and_names_of_others_are_refused() {
    let (_place, server) = plain();
    let message = call("get-status", &json!({}));
    for (header, value) in [("origin", "https://evil.example"), ("host", "evil.example")] {
        let mut headers = headers_of(&message);
        headers.insert(header, value.parse().unwrap());
        let (status, _) = server.tell_with(&message, headers).await;
        assert_eq!(status, 403, "{header}: {value}");
    }
}

#[tokio::test]
async fn every_result_says_who_answers() {
    let (_place, server) = plain();
    let messages = [
        modern(1, "server/discover", json!({})),
        modern(2, "tools/list", json!({})),
        modern(3, "resources/list", json!({})),
        modern(4, "resources/templates/list", json!({})),
        modern(5, "prompts/list", json!({})),
        call("get-status", &json!({})),
    ];
    for message in messages {
        let (status, answer) = server.tell(&message).await;
        assert_eq!(status, 200, "{answer}");
        let info = &answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(info["name"], "pilotage", "{message}: {answer}");
        assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    }
}

#[tokio::test]
async fn lists_say_how_long_they_hold_and_for_whom() {
    let (_place, server) = plain();
    for method in [
        "tools/list",
        "resources/list",
        "resources/templates/list",
        "prompts/list",
    ] {
        let (_, answer) = server.tell(&modern(1, method, json!({}))).await;
        assert!(answer["result"]["ttlMs"].is_u64(), "{method}: {answer}");
        assert_eq!(answer["result"]["cacheScope"], "private", "{method}: {answer}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_answered_as_json_rpc_asks() {
    let (_place, server) = plain();
    let headers = headers_of(&call("get-status", &json!({})));
    let batch = format!("[{}]", call("get-status", &json!({})));
    for (text, code) in [
        ("{\"jsonrpc\":", -32700),
        (batch.as_str(), -32600),
        ("{}", -32600),
        ("7", -32600),
    ] {
        let answer = server.post_raw(text.to_owned(), headers.clone()).await;
        assert_eq!(answer.status(), 400, "{text}");
        let answer = body(answer).await;
        assert_eq!(answer["error"]["code"], code, "{text}: {answer}");
        assert_eq!(answer["id"], Value::Null, "{text}: {answer}");
    }
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let (_place, server) = plain();
    let message = call("get-status", &json!({}));
    let mut headers = headers_of(&message);
    headers.insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(server.tell_with(&message, headers).await.0, 415);
}

#[tokio::test]
async fn there_is_no_stream_to_get_since_2026() {
    let (_place, server) = plain();
    let request = server.http.get(format!("{}/mcp", server.url));
    let request = request
        .header("mcp-protocol-version", MODERN)
        .header("accept", "text/event-stream");
    assert_eq!(request.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn what_is_not_there_is_told_by_its_code() {
    let (_place, server) = plain();
    let (_, answer) = server.tell(&call("got-status", &json!({}))).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("get-status"),
        "{answer}"
    );
    let (status, answer) = server.tell(&modern(1, "no/such", json!({}))).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (404, &json!(-32601)),
        "{answer}"
    );
}

#[tokio::test]
async fn headers_have_to_say_what_the_message_says() {
    let (_place, server) = plain();
    let message = call("get-status", &json!({}));
    let changed = |change: &dyn Fn(&mut reqwest::header::HeaderMap)| {
        let mut headers = headers_of(&message);
        change(&mut headers);
        headers
    };
    let wrong = [
        changed(&|headers| drop(headers.remove("mcp-method"))),
        changed(&|headers| drop(headers.remove("mcp-name"))),
        changed(&|headers| drop(headers.insert("mcp-method", "tools/list".parse().unwrap()))),
        changed(&|headers| drop(headers.insert("mcp-name", "list-events".parse().unwrap()))),
        changed(&|headers| drop(headers.insert("mcp-protocol-version", "2025-11-25".parse().unwrap()))),
        changed(&|headers| assert!(headers.append("mcp-name", "list-events".parse().unwrap()))),
    ];
    for headers in wrong {
        let (status, answer) = server.tell_with(&message, headers.clone()).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!(-32020)),
            "{headers:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_revision_that_is_not_known_is_refused_with_those_that_are() {
    let (_place, server) = plain();
    let mut message = call("get-status", &json!({}));
    message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2099-01-01".into();
    let mut headers = headers_of(&message);
    headers.insert("mcp-protocol-version", "2099-01-01".parse().unwrap());
    let (status, answer) = server.tell_with(&message, headers).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (400, &json!(-32022)),
        "{answer}"
    );
    assert!(
        answer["error"]["data"]["supported"]
            .as_array()
            .unwrap()
            .contains(&json!(MODERN)),
        "{answer}"
    );
}

#[tokio::test]
async fn a_name_may_come_as_base64() {
    let (_place, server) = plain();
    let message = call("get-status", &json!({}));
    let mut headers = headers_of(&message);
    let name = format!("=?base64?{}?=", STANDARD.encode("get-status"));
    headers.insert("mcp-name", name.parse().unwrap());
    let (status, answer) = server.tell_with(&message, headers).await;
    assert_eq!(
        (status, &answer["result"]["isError"]),
        (200, &json!(false)),
        "{answer}"
    );
}

#[tokio::test]
async fn wrong_arguments_are_a_result_that_says_what_to_do() {
    let (_place, server) = plain();
    let table = [
        (json!({ "limit": "many" }), "limit"),
        (json!({ "limit": 0 }), "limit"),
        (json!({ "sources": "github" }), "source"),
        (json!({ "dry_run": true }), "takes no argument"),
    ];
    for (arguments, part) in table {
        let (status, answer) = server.tell(&call("list-events", &arguments)).await;
        assert_eq!(
            (status, &answer["result"]["isError"]),
            (200, &json!(true)),
            "{arguments}: {answer}"
        );
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(part), "{arguments}: {text}");
    }
}

#[tokio::test]
async fn notifications_are_accepted() {
    let (_place, server) = plain();
    let message =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
    let (status, answer) = server.tell_with(&message, headers_of(&message)).await;
    assert_eq!((status, answer), (202, Value::Null));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_by_its_status() {
    let (_place, server) = plain();
    let headers = headers_of(&call("list-events", &json!({})));
    let message = call("list-events", &json!({ "source": "x".repeat(6 << 20) }));
    let url = format!("{}/mcp", server.url);
    // The rest of a body is not read, so a client that is still writing may find the connection closed before it reads.
    for _ in 0..20 {
        let request = server
            .http
            .post(&url)
            .headers(headers.clone())
            .body(message.to_string());
        if let Ok(answer) = request.send().await {
            assert_eq!(answer.status(), 413);
            return;
        }
    }
    panic!("no answer was read in twenty tries");
}

#[tokio::test]
async fn both_eras_live_at_one_address() {
    let (_place, server) = plain();
    let mut session = None;
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
        } });
        let mut headers = headers_of(&message);
        headers.remove("mcp-protocol-version");
        headers.remove("mcp-method");
        let answer = server.post_raw(message.to_string(), headers).await;
        session = answer.headers().get("mcp-session-id").cloned();
        let answer = body(answer).await;
        assert_eq!(answer["result"]["protocolVersion"], revision, "{answer}");
    }
    let message =
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "get-status" } });
    let mut headers = headers_of(&message);
    headers.remove("mcp-method");
    headers.remove("mcp-name");
    headers.insert("mcp-protocol-version", "2025-11-25".parse().unwrap());
    headers.insert("mcp-session-id", session.unwrap());
    let (status, answer) = server.tell_with(&message, headers).await;
    assert_eq!(status, 200);
    assert!(
        answer["result"]["structuredContent"]["totals"].is_object(),
        "{answer}"
    );
}
