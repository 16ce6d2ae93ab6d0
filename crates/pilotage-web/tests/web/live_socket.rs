//! Who may connect to Socket.IO, spoken by hand over long polling (Engine.IO 4). What a real client sees is told in
//! `pilotage`'s tests.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, extract::ConnectInfo};
use http::request::Builder;
use pilotage_core::ports::Role;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    answers::Answer,
    house::{House, Plan, local, peer},
};

/// A deadline that no test reaches unless it hangs.
const LONG: Duration = Duration::from_mins(1);
const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

async fn send(house: &House, request: Builder, body: &str) -> Answer {
    let mut request = request.body(Body::from(body.to_owned())).unwrap();
    request
        .extensions_mut()
        .insert(ConnectInfo::<SocketAddr>(peer("127.0.0.1")));
    Answer::read(house.main.clone().oneshot(request).await.unwrap()).await
}

/// Opens a connection and says `auth`; what the server then says.
async fn connect(house: &House, auth: &Value, token: Option<&str>) -> String {
    open(house, auth, token).await.1
}

/// The same, with the path of the connection.
async fn open(house: &House, auth: &Value, token: Option<&str>) -> (String, String) {
    let with = |request: Builder| match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    let opened = send(house, with(local("GET", HANDSHAKE)), "").await.is(200);
    let opened: Value = serde_json::from_str(opened.text.strip_prefix('0').unwrap()).unwrap();
    let path = format!("{HANDSHAKE}&sid={}", opened["sid"].as_str().unwrap());
    let post = local("POST", &path).header("content-type", "text/plain;charset=UTF-8");
    send(house, with(post), &format!("40{auth}")).await.is(200);
    loop {
        let polled = send(house, with(local("GET", &path)), "");
        let polled = tokio::time::timeout(LONG, polled).await.unwrap().is(200).text;
        // A ping may come before, or together with it.
        let said = polled.split('\u{1e}').find(|packet| packet.starts_with('4'));
        if let Some(said) = said {
            return (path, said.to_owned());
        }
        assert!(!polled.is_empty(), "the connection was closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_ask_as_soon_as_it_is_connected() {
    let house = House::usual().await;
    for _ in 0..50 {
        let (path, connected) = open(&house, &json!({}), None).await;
        assert!(connected.starts_with("40"), "{connected}");
        let post = local("POST", &path).header("content-type", "text/plain;charset=UTF-8");
        send(&house, post, "42[\"subscribe:status\",{}]").await.is(200);
        let polled = send(&house, local("GET", &path), "");
        let mut told = tokio::time::timeout(LONG, polled).await.unwrap().text;
        while !told.contains("status:batch") {
            // The first thing to come may be a ping.
            let polled = send(&house, local("GET", &path), "");
            told = tokio::time::timeout(LONG, polled).await.unwrap().text;
            assert!(!told.is_empty(), "the connection was closed");
        }
    }
    house.door.stopping();
    house.leave().await;
}

#[tokio::test]
async fn a_local_client_connects_as_long_as_there_is_no_token() {
    let house = House::usual().await;
    assert!(connect(&house, &json!({}), None).await.starts_with("40{\"sid\":"));
    house.token("first", Role::Viewer).await;
    let refused = connect(&house, &json!({}), None).await;
    assert!(
        refused.starts_with("44{\"message\":\"a token is needed"),
        "{refused}"
    );
    house.door.stopping();
    house.leave().await;
}

#[tokio::test]
async fn a_token_comes_in_the_header_or_in_the_first_packet() {
    let house = House::usual().await;
    let token = house.token("watcher", Role::Viewer).await;
    assert!(
        connect(&house, &json!({}), Some(&token))
            .await
            .starts_with("40{\"sid\":")
    );
    assert!(
        connect(&house, &json!({ "token": token }), None)
            .await
            .starts_with("40{\"sid\":")
    );
    let wrong = format!("plo_{}", "0".repeat(64));
    for auth in [
        json!({ "token": wrong }),
        json!({ "token": "a\r\nb" }),
        json!({ "token": "" }),
    ] {
        let refused = connect(&house, &auth, None).await;
        assert!(
            refused.starts_with("44{\"message\":\"the token is not known"),
            "{auth}: {refused}"
        );
    }
    for auth in [json!({ "token": 1 }), json!([]), json!("token")] {
        let refused = connect(&house, &auth, None).await;
        assert!(
            refused.starts_with("44{\"message\":\"a token is needed"),
            "{auth}: {refused}"
        );
    }
    let bad = local("GET", HANDSHAKE).header("authorization", format!("Bearer {wrong}"));
    send(&house, bad, "").await.refused(401, "/socket.io/");
    house.door.stopping();
    house.leave().await;
}

#[tokio::test]
async fn pages_of_others_do_not_connect() {
    let house = House::usual().await;
    let foreign = local("GET", HANDSHAKE).header("origin", "http://evil.example");
    send(&house, foreign, "").await.refused(403, "/socket.io/");
    let rebound = http::Request::builder()
        .uri(HANDSHAKE)
        .header("host", "evil.example");
    send(&house, rebound, "").await.refused(403, "/socket.io/");
    let post = local("POST", HANDSHAKE).header("sec-fetch-site", "cross-site");
    send(&house, post, "40").await.refused(403, "/socket.io/");
    house.leave().await;
}

#[tokio::test]
async fn a_full_house_and_a_closed_one_turn_clients_away() {
    let mut plan = Plan::default();
    plan.settings.most_subscribers = 1;
    let house = House::open(plan).await;
    assert!(connect(&house, &json!({}), None).await.starts_with("40"));
    let refused = connect(&house, &json!({}), None).await;
    assert!(
        refused.starts_with("44{\"message\":\"there are too many subscribers"),
        "{refused}"
    );
    house.door.stopping();
    house.leave().await;
}
