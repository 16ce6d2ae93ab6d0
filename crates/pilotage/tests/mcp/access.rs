//! Who may come in, and what remains of his visit.

use std::process::Command;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::{
    client::{headers_of, modern},
    plain,
    server::{Place, Server, assert_audit_holds, pilotage},
};

pub(crate) fn token(place: &Place, name: &str, role: &str) -> String {
    let mut command: Command = pilotage();
    command.args([
        "token",
        "create",
        name,
        "--role",
        role,
        "--format",
        "json",
        "--data-dir",
    ]);
    let output = command.arg(place.data()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["token"].as_str().unwrap().to_owned()
}

pub(crate) fn with_token(message: &Value, token: &str) -> HeaderMap {
    let mut headers = headers_of(message);
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    headers
}

async fn assert_told(server: &Server, path: &str) {
    let answer = server
        .http
        .get(format!("{}{path}", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    let document: Value = answer.json().await.unwrap();
    assert_eq!(document["resource"], format!("{}/mcp", server.url), "{document}");
    assert_eq!(
        document["bearer_methods_supported"],
        json!(["header"]),
        "{document}"
    );
}

#[tokio::test]
async fn who_has_no_token_is_told_how_to_get_in() {
    let (place, server) = plain();
    token(&place, "first", "viewer");
    let message = modern(1, "tools/list", json!({}));
    let answer = server.post_raw(message.to_string(), headers_of(&message)).await;
    assert_eq!(answer.status(), 401);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
    let address = format!("{}/.well-known/oauth-protected-resource/mcp", server.url);
    assert!(
        challenge.contains(&format!(r#"resource_metadata="{address}""#)),
        "{challenge}"
    );
    assert_told(&server, "/.well-known/oauth-protected-resource").await;
    assert_told(&server, "/.well-known/oauth-protected-resource/mcp").await;
}

#[tokio::test]
async fn calls_are_on_the_trail_without_their_arguments() {
    let (place, server) = plain();
    let secret = token(&place, "agent", "viewer");
    let word = "a-word-that-is-nowhere-else";
    let message = modern(
        1,
        "tools/call",
        json!({ "name": "list-events", "arguments": { "source": word } }),
    );
    let (status, answer) = server.tell_with(&message, with_token(&message, &secret)).await;
    assert_eq!(status, 200, "{answer}");
    assert!(server.stop().success());
    assert_audit_holds(&place);
    let output = pilotage()
        .args(["audit", "export", "--data-dir"])
        .arg(place.data())
        .output()
        .unwrap();
    let trail = String::from_utf8(output.stdout).unwrap();
    let record = trail
        .lines()
        .find(|line| line.contains("tool.called"))
        .unwrap_or_else(|| panic!("{trail}"));
    for part in ["token:agent", "list-events", "mcp", "done"] {
        assert!(record.contains(part), "{part} is not in {record}");
    }
    assert!(!trail.contains(word) && !trail.contains(&secret), "{trail}");
}

#[tokio::test]
async fn who_asks_too_often_is_told_how_long_to_wait() {
    let place = Place::new("version: 1\nmcp: { messagesPerSecond: 1 }\n");
    let server = Server::start(&place);
    let message = modern(1, "tools/list", json!({}));
    let mut refused = None;
    for _ in 0..20 {
        let answer = server.post_raw(message.to_string(), headers_of(&message)).await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("twenty messages at once were let through");
    assert!(refused.headers().contains_key("retry-after"));
    let text = refused.text().await.unwrap();
    assert!(text.contains("wait") && text.contains("retryAfterMs"), "{text}");
}

#[tokio::test]
async fn a_session_is_its_owners() {
    let (place, server) = plain();
    let (one, other) = (token(&place, "one", "viewer"), token(&place, "other", "viewer"));
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    } });
    let legacy = |message: &Value, token: &str| {
        let mut headers = with_token(message, token);
        headers.remove("mcp-protocol-version");
        headers.remove("mcp-method");
        headers
    };
    let answer = server.post_raw(message.to_string(), legacy(&message, &one)).await;
    let session = answer.headers()["mcp-session-id"].clone();
    let message = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    for (token, expected) in [(&other, 404), (&one, 200)] {
        let mut headers = legacy(&message, token);
        headers.insert("mcp-session-id", session.clone());
        assert_eq!(
            server.post_raw(message.to_string(), headers).await.status(),
            expected
        );
    }
}
