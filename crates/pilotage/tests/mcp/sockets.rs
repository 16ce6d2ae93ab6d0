//! The protocol over WebSocket.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http::HeaderMap},
};

use crate::{
    client::modern,
    plain,
    server::{DEADLINE, Server},
};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

pub(crate) async fn connect(
    server: &Server,
    headers: &[(&'static str, &str)],
) -> Result<(Socket, HeaderMap), Error> {
    let address = format!("{}/ws", server.url.replacen("http", "ws", 1));
    let mut request = address.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let (socket, response) = connect_async(request).await?;
    Ok((socket, response.headers().clone()))
}

pub(crate) async fn hear(socket: &mut Socket) -> Value {
    loop {
        let message = tokio::time::timeout(DEADLINE, socket.next()).await.unwrap();
        if let Message::Text(text) = message.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

pub(crate) async fn send(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

pub(crate) async fn ask(socket: &mut Socket, message: &Value) -> Value {
    send(socket, message).await;
    hear(socket).await
}

#[tokio::test]
async fn both_eras_and_the_subprotocol() {
    let (_place, server) = plain();
    let (mut socket, headers) = connect(&server, &[("sec-websocket-protocol", "mcp")])
        .await
        .unwrap();
    assert_eq!(headers["sec-websocket-protocol"], "mcp");
    let call = modern(1, "tools/call", json!({ "name": "get-status", "arguments": {} }));
    let answer = ask(&mut socket, &call).await;
    assert!(
        answer["result"]["structuredContent"]["totals"].is_object(),
        "{answer}"
    );

    let (mut socket, headers) = connect(&server, &[]).await.unwrap();
    assert!(!headers.contains_key("sec-websocket-protocol"));
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    } });
    assert_eq!(
        ask(&mut socket, &hello).await["result"]["protocolVersion"],
        "2024-11-05"
    );
    let call =
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "get-status" } });
    assert_eq!(ask(&mut socket, &call).await["result"]["isError"], false);
}

#[tokio::test]
async fn what_is_no_message_is_answered_and_the_connection_lives() {
    let (_place, server) = plain();
    let (mut socket, _) = connect(&server, &[]).await.unwrap();
    for (text, code) in [("{", -32700), ("[]", -32600), ("{}", -32600)] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(hear(&mut socket).await["error"]["code"], code, "{text}");
    }
    let answer = ask(
        &mut socket,
        &modern(3, "tools/call", json!({ "name": "no-such" })),
    )
    .await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let answer = ask(&mut socket, &modern(4, "no/such", json!({}))).await;
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    socket.send(Message::Ping(vec![1].into())).await.unwrap();
    let pong = tokio::time::timeout(Duration::from_mins(1), socket.next())
        .await
        .unwrap();
    assert!(matches!(pong.unwrap().unwrap(), Message::Pong(_)));
}

#[tokio::test]
async fn strangers_are_refused_at_the_upgrade() {
    let (_place, server) = plain();
    for header in [
        ("origin", "https://evil.example"),
        ("host", "evil.example"),
        ("authorization", "Bearer plo_no"),
    ] {
        let expected = if header.0 == "authorization" { 401 } else { 403 };
        match connect(&server, &[header]).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), expected, "{header:?}"),
            other => panic!("{header:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_connection() {
    let (_place, server) = plain();
    let (mut socket, _) = connect(&server, &[]).await.unwrap();
    let _ = socket.send(Message::text("x".repeat(5 << 20))).await;
    let ended = async {
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Close(_)) {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, ended).await.unwrap();
}
