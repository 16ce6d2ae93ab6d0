//! News of what a client subscribed to, over each way in and in both eras, and calls that are given up.

use futures::StreamExt as _;
use reqwest::Response;
use serde_json::{Value, json};

use crate::{
    client::{headers_of, modern},
    server::{DEADLINE, Place, Server},
    sockets::{Socket, ask, connect, hear, send},
};

/// A rule whose only target refuses connections, so that what came in ends as a dead letter.
const FAILING: &str = "
version: 1
sources:
  toy: { verification: { type: none } }
outgoing: { allow: [127.0.0.1] }
rules:
  - id: tell
    trigger: { source: toy }
    actions:
      - type: webhook
        target: http://127.0.0.1:1/
        retryPolicy: { maxAttempts: 1 }
";

/// A server, and the address of an execution that has failed.
async fn failed() -> (Place, Server, String) {
    let place = Place::new(FAILING);
    let server = Server::start(&place);
    let sent = server.http.post(format!("{}/webhooks/custom/toy", server.url));
    let sent = sent.json(&json!({ "n": 1 })).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let failed = server
        .wait_for("/api/v1/executions?status=failed", |page| {
            page["items"].as_array().is_some_and(|items| !items.is_empty())
        })
        .await;
    let id = failed["items"][0]["id"].as_str().unwrap().to_owned();
    (place, server, id)
}

async fn retry(server: &Server, id: &str) {
    let (status, answer) = server
        .post(&format!("/api/v1/executions/{id}/retry"), &json!({}))
        .await;
    assert!((200..300).contains(&status), "{answer}");
}

/// The first message that a test of them holds for.
async fn until(socket: &mut Socket, holds: impl Fn(&Value) -> bool) -> Value {
    loop {
        let message = hear(socket).await;
        if holds(&message) {
            return message;
        }
    }
}

fn is_update(message: &Value, uri: &str) -> bool {
    message["method"] == "notifications/resources/updated" && message["params"]["uri"] == uri
}

fn initialize(revision: &str, capabilities: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": revision, "capabilities": capabilities, "clientInfo": { "name": "test", "version": "1" },
    } })
}

/// A connection of the older era that has shaken hands.
async fn older(server: &Server, capabilities: &Value) -> Socket {
    let (mut socket, _) = connect(server, &[]).await.unwrap();
    ask(&mut socket, &initialize("2025-06-18", capabilities)).await;
    send(
        &mut socket,
        &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
    )
    .await;
    socket
}

#[tokio::test]
async fn an_older_client_hears_of_what_it_subscribed_to_until_it_has_heard_enough() {
    let (_place, server, id) = failed().await;
    let uri = format!("pilotage://executions/{id}");
    let mut socket = older(&server, &json!({})).await;
    let subscribe = |id: u64, method: &str| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": { "uri": uri } });
    let answer = ask(&mut socket, &subscribe(2, "resources/subscribe")).await;
    assert!(answer["result"].is_object(), "{answer}");
    retry(&server, &id).await;
    until(&mut socket, |message| is_update(message, &uri)).await;

    // Whatever was under way before the answer is heard before it.
    send(&mut socket, &subscribe(3, "resources/unsubscribe")).await;
    until(&mut socket, |message| message["id"] == 3).await;
    server.settled().await;
    retry(&server, &id).await;
    server.settled().await;
    let ping = json!({ "jsonrpc": "2.0", "id": 4, "method": "ping" });
    assert_eq!(ask(&mut socket, &ping).await["id"], 4, "nothing came in between");
    let nothing = json!({ "jsonrpc": "2.0", "id": 5, "method": "resources/subscribe", "params": { "uri": "pilotage://no/1" } });
    assert!(ask(&mut socket, &nothing).await["error"].is_object());
}

/// Lines of a stream that carry messages.
async fn events(answer: Response, holds: impl Fn(&Value) -> bool + Send) -> Value {
    let read = async {
        let mut text = String::new();
        let mut body = answer.bytes_stream();
        while let Some(part) = body.next().await {
            text.push_str(&String::from_utf8_lossy(&part.unwrap()));
            let whole = text.lines().filter_map(|line| line.strip_prefix("data:"));
            let mut messages = whole.filter_map(|data| serde_json::from_str(data.trim()).ok());
            if let Some(found) = messages.find(|message| holds(message)) {
                return found;
            }
        }
        panic!("the stream ended: {text}")
    };
    tokio::time::timeout(DEADLINE, read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_2026_listens_to_a_stream() {
    let (_place, server, id) = failed().await;
    let uri = format!("pilotage://executions/{id}");
    let wish = json!({ "notifications": { "resourceSubscriptions": [uri, "pilotage://no/1"] } });
    let listen = modern(7, "subscriptions/listen", wish);
    let answer = server.post_raw(listen.to_string(), headers_of(&listen)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    retry(&server, &id).await;
    let told = events(answer, |message| is_update(message, &uri)).await;
    let meta = &told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
    assert_eq!(*meta, json!(7), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_gives_up_ends_and_the_connection_lives() {
    let (_place, server, id) = failed().await;
    let (mut socket, _) = connect(&server, &[]).await.unwrap();
    let uri = format!("pilotage://executions/{id}");
    let wish = json!({ "notifications": { "resourceSubscriptions": [uri] } });
    send(&mut socket, &modern(7, "subscriptions/listen", wish)).await;
    until(&mut socket, |message| {
        message["method"] == "notifications/subscriptions/acknowledged"
    })
    .await;
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
    send(&mut socket, &cancel).await;
    let status = modern(8, "tools/call", json!({ "name": "get-status", "arguments": {} }));
    send(&mut socket, &status).await;
    until(&mut socket, |message| message["id"] == 8).await;
    retry(&server, &id).await;
    server.settled().await;
    let status = modern(9, "tools/call", json!({ "name": "get-status", "arguments": {} }));
    send(&mut socket, &status).await;
    let next = until(&mut socket, |message| {
        message["id"] == 9 || is_update(message, &uri)
    })
    .await;
    assert_eq!(next["id"], 9, "news came after it was given up: {next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_in_the_older_era_too() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let place = Place::new("version: 1\n");
    let server = Server::start_with(&place, "127.0.0.1:0", &["--mock-make"]);
    for (action, gone) in [("decline", false), ("accept", true)] {
        let mut socket = older(&server, &json!({ "elicitation": {} })).await;
        let delete = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "delete-scenario", "arguments": { "scenarioId": 926 },
        } });
        send(&mut socket, &delete).await;
        let question = until(&mut socket, |message| message["method"] == "elicitation/create").await;
        let text = question["params"]["message"].as_str().unwrap();
        assert!(text.contains("delete-scenario") && text.contains("926"), "{text}");
        let schema = &question["params"]["requestedSchema"]["properties"];
        let fields = schema.as_object().unwrap().keys();
        let content: Value = fields.map(|name| (name.clone(), json!(true))).collect();
        let mut result = json!({ "action": action });
        if action == "accept" {
            result["content"] = content;
        }
        let word = json!({ "jsonrpc": "2.0", "id": question["id"], "result": result });
        send(&mut socket, &word).await;
        let answer = until(&mut socket, |message| message["id"] == 2).await;
        assert_eq!(answer["result"]["isError"], !gone, "{action}: {answer}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_taken_back_ends_what_it_opened() {
    let (place, server) = crate::plain();
    let token = crate::access::token(&place, "agent", "viewer");
    let bearer = format!("Bearer {token}");
    let (mut socket, _) = connect(&server, &[("authorization", &bearer)]).await.unwrap();
    let status = modern(1, "tools/call", json!({ "name": "get-status", "arguments": {} }));
    assert_eq!(ask(&mut socket, &status).await["result"]["isError"], false);
    let mut revoke = crate::server::pilotage();
    revoke
        .args(["token", "revoke", "agent", "--data-dir"])
        .arg(place.data());
    assert!(revoke.output().unwrap().status.success());
    let ended = async {
        loop {
            // Until the server looks again, calls may still pass.
            let sent = futures::SinkExt::send(
                &mut socket,
                tokio_tungstenite::tungstenite::Message::text(status.to_string()),
            );
            if sent.await.is_err() {
                return;
            }
            let answer = socket.next().await;
            if !matches!(answer, Some(Ok(message)) if !message.is_close()) {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, ended).await.unwrap();
}
