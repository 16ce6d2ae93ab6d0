use std::{io, net::SocketAddr, sync::atomic::Ordering, time::Duration};

use axum::{body::Body, extract::ConnectInfo};
use bytes::Bytes;
use futures::stream;
use http::{Request, Version};
use pilotage_core::{Digest, ports::EventFilter};
use pilotage_web::intake::Limit;

use crate::house::{House, MOST_BYTES, Plan, SIGNATURE, peer, signed, sources};

const FEW: Limit = Limit {
    per_second: 1,
    burst: 2,
};

/// A body that does not say how long it is, as chunks are sent.
fn chunked(chunks: Vec<Vec<u8>>) -> Body {
    Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, io::Error>)))
}

#[tokio::test]
async fn a_delivery_is_durable_when_it_is_answered_202() {
    let house = House::usual().await;
    let body = r#"{ "a" : [1, 2.50] }"#;
    let request = signed("/webhooks/toy")
        .header("x-toy-event", "push")
        .header("x-toy-delivery", "d1");
    let answer = house.send(request.body(Body::from(body)).unwrap()).await.is(202);
    assert_eq!(answer.at("/received"), "true");
    assert_eq!(answer.header("content-type"), "application/json");
    let page = house
        .ports
        .history
        .events(&EventFilter::default(), None, 10)
        .await
        .unwrap();
    let facts = page.items.first().unwrap().event.facts.clone();
    assert_eq!(facts.id.to_string(), answer.at("/eventId"));
    assert_eq!(
        (facts.source.as_str(), facts.event_type.as_str()),
        ("toy", "push")
    );
    assert_eq!(facts.digest, Digest::of(body.as_bytes()));
    assert!(facts.verified);
    let stored = house.ports.history.event(facts.id).await.unwrap().unwrap();
    assert_eq!(stored.data.unwrap(), body);
    house.leave().await;
}

#[tokio::test]
async fn without_a_secret_only_this_machine_delivers_and_only_while_there_is_no_token() {
    let house = House::usual().await;
    house.toy.local.store(true, Ordering::SeqCst);
    let send = async |from: &str, host: &str, version, header: (&str, &str)| {
        let request = Request::post("/webhooks/toy")
            .version(version)
            .header("host", host)
            .header(SIGNATURE, "good")
            .header(header.0, header.1);
        let mut request = request.body(Body::from("{}")).unwrap();
        request
            .extensions_mut()
            .insert::<ConnectInfo<SocketAddr>>(ConnectInfo(peer(from)));
        house.send(request).await
    };
    let (near, host, version, none) = ("127.0.0.1", "127.0.0.1:8080", Version::HTTP_11, ("x-none", ""));
    for (from, host, version, header) in [
        ("192.0.2.9", host, version, none),
        (near, "hooks.example", version, none),
        (near, "192.0.2.9", version, none),
        (near, host, Version::HTTP_10, none),
        (near, host, version, ("x-forwarded-for", "192.0.2.9")),
        (near, host, version, ("via", "1.1 proxy")),
        (near, host, version, ("origin", "http://evil.example")),
        (near, host, version, ("sec-fetch-site", "cross-site")),
    ] {
        let answer = send(from, host, version, header)
            .await
            .refused(401, "/webhooks/toy");
        assert!(
            answer.at("/detail").contains("sources.toy.secrets"),
            "{from} {host} {header:?}: {}",
            answer.text
        );
    }
    assert_eq!((house.events().await, house.asked()), (0, 0));
    send(near, host, version, none).await.is(202);
    house
        .call(
            "POST",
            "/api/v1/tokens",
            &serde_json::json!({ "name": "first", "role": "admin" }),
        )
        .await
        .is(201);
    send(near, host, version, none)
        .await
        .refused(401, "/webhooks/toy");
    house.leave().await;
}

#[tokio::test]
async fn a_redelivery_is_answered_with_the_first_event() {
    let house = House::usual().await;
    let first = house.deliver("push", "same").await;
    for body in [r#"{"n":1}"#, r#"{"n":2}"#] {
        let request = signed("/webhooks/toy")
            .header("x-toy-delivery", "same")
            .body(Body::from(body))
            .unwrap();
        let answer = house.send(request).await.is(200);
        assert_eq!(
            (answer.at("/eventId"), answer.at("/duplicate")),
            (first.clone(), "true".to_owned())
        );
    }
    let other = signed("/webhooks/custom/mine")
        .header("x-toy-delivery", "same")
        .body(Body::from("{}"))
        .unwrap();
    house.send(other).await.is(202);
    assert_eq!(house.events().await, 2);
    house.leave().await;
}

#[tokio::test]
async fn what_is_refused_says_why_and_is_not_stored() {
    let house = House::usual().await;
    let good = || signed("/webhooks/toy");
    let long = vec![b' '; MOST_BYTES + 1];
    let cases: Vec<(u16, Request<Body>)> = vec![
        (400, good().body(Body::from("{")).unwrap()),
        (400, good().body(Body::empty()).unwrap()),
        (
            401,
            Request::post("/webhooks/toy").body(Body::from("{}")).unwrap(),
        ),
        (404, signed("/webhooks/other").body(Body::from("{}")).unwrap()),
        (404, signed("/webhooks/mine").body(Body::from("{}")).unwrap()),
        (
            404,
            signed("/webhooks/custom/toy").body(Body::from("{}")).unwrap(),
        ),
        (
            413,
            good()
                .header("content-length", long.len())
                .body(Body::from(long.clone()))
                .unwrap(),
        ),
        (413, good().body(chunked(vec![long])).unwrap()),
        (413, good().body(chunked(vec![vec![b' '; 600_000]; 2])).unwrap()),
        (
            413,
            good()
                .header("content-length", "99999999999999999999")
                .body(Body::from("{}"))
                .map(liar)
                .unwrap(),
        ),
    ];
    for (status, request) in cases {
        let path = request.uri().path().to_owned();
        house.send(request).await.refused(status, &path);
    }
    let mut typed = good().body(Body::from("{}")).unwrap();
    typed
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    house.send(typed).await.refused(415, "/webhooks/toy");
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = Request::builder()
            .method(method)
            .uri("/webhooks/toy")
            .body(Body::empty())
            .unwrap();
        let answer = house.send(request).await.refused(405, "/webhooks/toy");
        assert_eq!(answer.header("allow"), "POST");
    }
    assert_eq!(house.events().await, 0);
    house.leave().await;
}

/// A length that no machine has is not a number to us, so the body's own bounds decide.
fn liar(mut request: Request<Body>) -> Request<Body> {
    *request.body_mut() = Body::from(vec![b' '; MOST_BYTES + 1]);
    request
}

#[tokio::test]
async fn tricks_with_paths_find_no_source() {
    let house = House::usual().await;
    let tricks = [
        "/webhooks/%74oy",
        "/webhooks/toy%2e",
        "/webhooks/toy/",
        "/webhooks//toy",
        "/webhooks/toy%00",
        "/webhooks/toy%0d%0ax",
        "/webhooks/%ff",
        "/webhooks/toy;a=b",
        "/webhooks/custom/",
        "/webhooks/custom//mine",
        "/webhooks/custom/../toy",
        "/webhooks/custom/%2e%2e/toy",
        "/webhooks/custom/..%2ftoy",
        "/webhooks/custom/mine%00",
        "/webhooks/custom/%c0%ae",
        "/webhooks/custom/mine/x",
        "/webhooks/TOY",
    ];
    for path in tricks {
        let answer = house.send(signed(path).body(Body::from("{}")).unwrap()).await;
        answer.refused(404, path);
    }
    assert_eq!((house.events().await, house.asked()), (0, 0));
    house.leave().await;
}

#[tokio::test]
async fn limits_come_before_any_verification() {
    let house = House::open(Plan {
        source_limit: Some(FEW),
        ..Plan::default()
    })
    .await;
    let forged = |path| Request::post(path).body(Body::from("{}")).unwrap();
    for _ in 0..2 {
        house.send(forged("/webhooks/toy")).await.is(401);
    }
    let answer = house
        .send(forged("/webhooks/toy"))
        .await
        .refused(429, "/webhooks/toy");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(house.asked(), 2);
    house.send(forged("/webhooks/custom/mine")).await.is(401);
    house.leave().await;
}

#[tokio::test]
async fn a_reload_with_the_same_limit_keeps_its_count_and_one_with_another_begins_anew() {
    let house = House::open(Plan {
        source_limit: Some(FEW),
        ..Plan::default()
    })
    .await;
    let send = async || {
        house
            .send(signed("/webhooks/toy").body(Body::from("{}")).unwrap())
            .await
            .status
            .as_u16()
    };
    assert_eq!([send().await, send().await, send().await], [202, 200, 429]);
    house.door.replace_sources(sources(&house.toy, Some(FEW)));
    assert_eq!(send().await, 429);
    house.door.replace_sources(sources(
        &house.toy,
        Some(Limit {
            per_second: 1,
            burst: 3,
        }),
    ));
    assert_eq!(send().await, 200);
    house.door.replace_sources([].into());
    assert_eq!(send().await, 404);
    house.leave().await;
}

#[tokio::test]
async fn one_address_does_not_use_up_what_others_may_send() {
    let mut plan = Plan::default();
    plan.settings.address_limit = FEW;
    let house = House::open(plan).await;
    let send = async |address: &str| {
        let mut request = signed("/webhooks/toy").body(Body::from("{}")).unwrap();
        request
            .extensions_mut()
            .insert::<ConnectInfo<SocketAddr>>(ConnectInfo(peer(address)));
        house.send(request).await.status.as_u16()
    };
    assert_eq!([send("192.0.2.1").await, send("192.0.2.1").await], [202, 200]);
    assert_eq!(send("192.0.2.1").await, 429);
    assert_eq!(send("::ffff:192.0.2.1").await, 429);
    assert_eq!(send("192.0.2.2").await, 200);
    assert_eq!(house.asked(), 3);
    house.leave().await;
}

#[tokio::test]
async fn bodies_beyond_the_budget_are_refused_for_now() {
    let mut plan = Plan::default();
    plan.settings.max_inflight_bytes = 1_000_000;
    let house = House::open(plan).await;
    // A quarter of it is for one address.
    let body = vec![b' '; 250_001];
    let promised = signed("/webhooks/toy")
        .header("content-length", body.len())
        .body(Body::from(body.clone()));
    for request in [
        promised.unwrap(),
        signed("/webhooks/toy").body(chunked(vec![body])).unwrap(),
    ] {
        let answer = house.send(request).await.refused(503, "/webhooks/toy");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(house.asked(), 0);
    // What was refused holds no part of the budget.
    let fits = format!("[{}]", " ".repeat(249_998));
    house
        .send(
            signed("/webhooks/toy")
                .body(chunked(vec![fits.into_bytes()]))
                .unwrap(),
        )
        .await
        .is(202);
    house.leave().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_in_is_given_up() {
    let house = House::usual().await;
    // It would be whole within half a minute, and good.
    let trickle = futures::StreamExt::then(stream::iter(*b"[1234567890]"), |byte| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok::<_, io::Error>(Bytes::copy_from_slice(&[byte]))
    });
    house
        .send(signed("/webhooks/toy").body(Body::from_stream(trickle)).unwrap())
        .await
        .refused(408, "/webhooks/toy");
    assert_eq!((house.events().await, house.asked()), (0, 0));
    house.leave().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_to_its_end_is_given_up() {
    let house = House::usual().await;
    let begun = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"{"))]);
    let body = Body::from_stream(futures::StreamExt::chain(begun, stream::pending()));
    house
        .send(signed("/webhooks/toy").body(body).unwrap())
        .await
        .refused(408, "/webhooks/toy");
    assert_eq!((house.events().await, house.asked()), (0, 0));
    house.leave().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_stored() {
    let house = House::usual().await;
    let broken = [Ok(Bytes::from_static(b"{}")), Err(io::Error::other("gone"))];
    let body = Body::from_stream(stream::iter(broken));
    house
        .send(signed("/webhooks/toy").body(body).unwrap())
        .await
        .refused(400, "/webhooks/toy");
    assert_eq!((house.events().await, house.asked()), (0, 0));
    house.leave().await;
}

#[tokio::test]
async fn large_bodies_are_taken_whole() {
    let house = House::usual().await;
    let body = format!("[{:?}]", "x".repeat(900_000));
    let chunks = body.as_bytes().chunks(7_919).map(<[u8]>::to_vec).collect();
    let answer = house
        .send(signed("/webhooks/toy").body(chunked(chunks)).unwrap())
        .await
        .is(202);
    let id = pilotage_core::EventId(answer.at("/eventId").parse().unwrap());
    let stored = house.ports.history.event(id).await.unwrap().unwrap();
    assert_eq!(stored.data.unwrap(), body);
    house.leave().await;
}

#[tokio::test]
async fn without_a_store_nothing_is_accepted() {
    let house = House::usual().await;
    house.store.close().await;
    let request = signed("/webhooks/toy").body(Body::from("{}")).unwrap();
    let answer = house.send(request).await.refused(503, "/webhooks/toy");
    assert_eq!(answer.header("retry-after"), "2");
}

#[tokio::test]
async fn deliveries_are_counted_by_source_and_answer() {
    let house = House::usual().await;
    house.deliver("push", "1").await;
    house
        .send(Request::post("/webhooks/toy").body(Body::from("{}")).unwrap())
        .await
        .is(401);
    house
        .send(
            Request::post("/webhooks/made-up-by-a-sender")
                .body(Body::from("{}"))
                .unwrap(),
        )
        .await
        .is(404);
    let text = house.get("/metrics").await.is(200).text;
    for line in [
        r#"pilotage_intake_deliveries_total{source="toy",answer="202"} 1"#,
        r#"pilotage_intake_deliveries_total{source="toy",answer="401"} 1"#,
        r#"pilotage_intake_deliveries_total{source="mine",answer="202"} 0"#,
        r#"pilotage_intake_deliveries_total{source="unknown",answer="404"} 1"#,
        "pilotage_intake_seconds_count 3",
        "pilotage_events_total 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(!text.contains("made-up"), "what a sender writes becomes no label");
    house.leave().await;
}
