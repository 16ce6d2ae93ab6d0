//! The mock behind its socket: what only shows on the wire, in files, and at other addresses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{path::Path, sync::Arc, time::Duration};

use pilotage_mock::{Arrival, Endpoint, ListenerOptions, MockMake, Options, StartError, WebhookListener};
use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Nothing here takes longer unless something is broken.
const DEADLINE: Duration = Duration::from_secs(30);

fn options() -> Options {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Options::new().unwrap()
}

fn client(mock: &MockMake) -> Client {
    let builder = Client::builder().no_proxy();
    let builder = match mock.certificate() {
        Some(pem) => builder.tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()]),
        None => builder,
    };
    builder.build().unwrap()
}

async fn send(mock: &MockMake, method: Method, path: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
    let path = if path.starts_with("/__mock") {
        path.to_owned()
    } else {
        format!("/api/v2{path}")
    };
    let request = client(mock).request(method, format!("{}{path}", mock.url()));
    let request = request.header("authorization", format!("Token {}", mock.token()));
    let answer = request.json(body).send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or_default()))
}

async fn get(mock: &MockMake, path: &str) -> Value {
    send(mock, Method::GET, path, &Value::Null).await.unwrap().1
}

async fn control(mock: &MockMake, name: &str, body: Value) {
    let answered = send(mock, Method::POST, &format!("/__mock/{name}"), &body).await;
    assert_eq!(answered.unwrap(), (200, json!({"ok": true})), "{name}");
}

#[tokio::test]
async fn both_protocols_answer_alike() {
    for tls in [false, true] {
        let mock = MockMake::start(Options { tls, ..options() }).await.unwrap();
        assert_eq!(mock.url().starts_with("https"), tls);
        let me = get(&mock, "/users/me").await;
        assert_eq!(me["authUser"]["name"], "Ada Maker");
        let ping = get(&mock, "/hooks/12/ping").await;
        assert!(ping["address"].as_str().unwrap().starts_with(mock.url()));
        mock.stop().await;
    }
}

#[tokio::test]
async fn faults_break_what_they_are_told_to_break() {
    let mock = MockMake::start(options()).await.unwrap();
    control(
        &mock,
        "faults",
        json!({"path": "/users/me", "reset": true, "times": 1}),
    )
    .await;
    let broken = send(&mock, Method::GET, "/users/me", &Value::Null).await;
    assert!(broken.unwrap_err().is_request());
    control(
        &mock,
        "faults",
        json!({"path": "/users/me", "truncate": true, "times": 1}),
    )
    .await;
    let cut = send(&mock, Method::GET, "/users/me", &Value::Null).await;
    let cut = cut.unwrap_err();
    assert!(cut.is_body() || cut.is_decode(), "{cut}");
    control(
        &mock,
        "faults",
        json!({"path": "/users/me", "latencyMs": 60_000, "times": 1}),
    )
    .await;
    // Whoever asks later is answered first.
    let slow = send(&mock, Method::GET, "/users/me", &Value::Null);
    let mut slow = std::pin::pin!(slow);
    let is_waiting = async {
        while calls(&mock, "/api/v2/users/me").await < 3 {}
        get(&mock, "/users/me").await
    };
    tokio::select! {
        _ = slow.as_mut() => panic!("it did not wait"),
        me = is_waiting => assert_eq!(me["authUser"]["id"], 1),
    }
}

/// How often a path was asked for.
async fn calls(mock: &MockMake, path: &str) -> usize {
    let calls = get(mock, "/__mock/calls").await;
    let calls = calls["calls"].as_array().unwrap().iter();
    calls.filter(|call| call["path"] == path).count()
}

#[tokio::test]
async fn a_reset_is_one_on_the_wire() {
    let mock = MockMake::start(options()).await.unwrap();
    control(&mock, "faults", json!({"reset": true})).await;
    let mut stream = TcpStream::connect(mock.zone()).await.unwrap();
    stream
        .write_all(b"GET /api/v2/users/me HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let error = stream.read(&mut [0; 64]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    mock.stop().await;
}

#[tokio::test]
async fn what_is_kept_in_a_file_is_there_again() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("mock.json");
    let with_state = || Options {
        state: Some(file.clone()),
        ..options()
    };
    let mock = MockMake::start(with_state()).await.unwrap();
    let made = send(
        &mock,
        Method::POST,
        "/functions?teamId=5",
        &json!({"name": "f", "code": "function f() {}"}),
    )
    .await;
    let id = made.unwrap().1["function"]["id"].clone();
    mock.stop().await;
    let again = MockMake::start(with_state()).await.unwrap();
    assert_eq!(
        get(&again, &format!("/functions/{id}")).await["function"]["name"],
        "f"
    );
    again.stop().await;
    assert_eq!(files(place.path()), ["mock.json"], "nothing half-written is left");
    std::fs::write(&file, "{").unwrap();
    let refused = MockMake::start(with_state()).await.unwrap_err();
    assert!(matches!(refused, StartError::State { .. }), "{refused}");
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

async fn arrived(listener: &WebhookListener) -> Arc<Arrival> {
    let arrived = tokio::time::timeout(DEADLINE, listener.arrived_after(0)).await;
    arrived.unwrap()[0].clone()
}

#[tokio::test]
async fn the_end_of_a_run_is_delivered() {
    let mock = MockMake::start(options()).await.unwrap();
    let listener = WebhookListener::local().await.unwrap();
    let url = format!("{}/make", listener.url());
    control(&mock, "subscriptions", json!({"url": url, "secret": "sesame"})).await;
    let run = send(
        &mock,
        Method::POST,
        "/scenarios/925/run",
        &json!({"data": {"name": "Ada"}}),
    )
    .await;
    let delivered = arrived(&listener).await;
    assert_eq!(delivered.header("x-make-secret"), Some("sesame"));
    let body = delivered.json();
    assert_eq!(body["eventType"], "scenario.executed");
    assert_eq!(body["data"]["executionId"], run.unwrap().1["executionId"]);
    mock.stop().await;
}

#[tokio::test]
async fn an_event_is_fired_and_its_answer_told() {
    let mock = MockMake::start(options()).await.unwrap();
    let listener = ListenerOptions {
        endpoints: vec![Endpoint {
            name: "make".to_owned(),
            source: None,
        }],
        ..ListenerOptions::default()
    };
    let listener = WebhookListener::start(listener).await.unwrap();
    let fire = |path: &str| json!({"url": format!("{}{path}", listener.url()), "event": {"eventType": "scenario.failed"}});
    let told = async |path| {
        let told = send(&mock, Method::POST, "/__mock/webhooks", &fire(path)).await;
        told.unwrap()
    };
    assert_eq!(told("/make").await, (200, json!({"status": 200, "body": ""})));
    let elsewhere = json!({"status": 404, "body": "no such endpoint"});
    assert_eq!(told("/other").await, (200, elsewhere));
    let bodies = listener
        .arrivals()
        .into_iter()
        .map(|arrival| arrival.body.clone());
    assert!(bodies.eq([r#"{"eventType":"scenario.failed"}"#; 2]));
    let elsewhere = json!({"url": "http://192.0.2.1/"});
    let (status, refused) = send(&mock, Method::POST, "/__mock/webhooks", &elsewhere)
        .await
        .unwrap();
    assert_eq!(status, 502);
    assert!(
        refused["error"].as_str().unwrap().contains("--allow-outgoing"),
        "{refused}"
    );
    mock.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let mock = MockMake::start(options()).await.unwrap();
    let request = client(&mock).post(format!("{}/hook/9xr2c4uh0vb7ywq1n8mzd5tk3pfa6ejl", mock.url()));
    let answer = request.body(vec![b'x'; (5 << 20) + 1]).send().await;
    // The connection may break while the rest is still being sent; the answer is 413 where it arrives.
    assert!(answer.is_err() || answer.unwrap().status() == 413);
    assert_eq!(get(&mock, "/hooks/12").await["hook"]["queueCount"], 0);
    mock.stop().await;
}

#[tokio::test]
async fn many_at_once_are_all_answered() {
    let mock = MockMake::start(options()).await.unwrap();
    let calls = (0..50).map(|_| send(&mock, Method::GET, "/scenarios?teamId=5", &Value::Null));
    let answers = futures::future::join_all(calls).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().0 == 200));
    control(&mock, "rate-limit", json!({"requests": 5, "perMs": 3_600_000})).await;
    let calls = (0..20).map(|_| send(&mock, Method::GET, "/scenarios?teamId=5", &Value::Null));
    let answers = futures::future::join_all(calls).await.into_iter();
    let statuses: Vec<u16> = answers.map(|answer| answer.unwrap().0).collect();
    let count = |status: u16| statuses.iter().filter(|own| **own == status).count();
    assert_eq!((count(200), count(429)), (5, 15));
    mock.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let mock = MockMake::start(options()).await.unwrap();
    let listen = mock.zone().parse().unwrap();
    let refused = MockMake::start(Options { listen, ..options() })
        .await
        .unwrap_err();
    assert!(refused.to_string().contains(mock.zone()), "{refused}");
    mock.stop().await;
}
