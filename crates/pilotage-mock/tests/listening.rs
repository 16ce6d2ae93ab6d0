//! The listener for webhooks, on the wire.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{sync::Arc, time::Duration};

use pilotage_core::{
    Digest,
    ports::{Delivery, Received, Refusal, WebhookSource},
};
use pilotage_mock::{Answers, Endpoint, ListenerOptions, Verdict, WebhookListener};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const DEADLINE: Duration = Duration::from_secs(30);

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(DEADLINE)
        .build()
        .unwrap()
}

async fn post(url: String, body: &str) -> (u16, String) {
    let answer = client().post(url).body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Takes what says that it is right.
struct Honest;

impl WebhookSource for Honest {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        match delivery.body {
            b"right" => Ok(Received {
                event_type: "push".into(),
                delivery_id: "d-1".into(),
                timestamp: None,
                verified: true,
                data: b"{}".as_slice().into(),
                attributes: std::collections::BTreeMap::default(),
            }),
            b"wrong" => Err(Refusal::Unverified("it is wrong".to_owned())),
            b"type" => Err(Refusal::UnsupportedType("another type".to_owned())),
            _ => Err(Refusal::Malformed("it is nothing".to_owned())),
        }
    }

    fn verifies(&self) -> bool {
        true
    }
}

fn endpoints() -> Vec<Endpoint> {
    let endpoint = |name: &str, source| Endpoint {
        name: name.to_owned(),
        source,
    };
    vec![
        endpoint("judged", Some(Arc::new(Honest))),
        endpoint("open/one", None),
    ]
}

#[tokio::test]
async fn arrivals_are_judged_remembered_in_order_and_answered_as_the_source_says() {
    let options = ListenerOptions {
        endpoints: endpoints(),
        ..ListenerOptions::default()
    };
    let listener = WebhookListener::start(options).await.unwrap();
    let at = |path: &str| format!("{}{path}", listener.url());
    let cases = [
        ("/judged", "right", 200, ""),
        ("/judged/", "wrong", 401, "it is wrong"),
        ("/judged", "type", 415, "another type"),
        ("/judged?token=x", "", 400, "it is nothing"),
        ("/open/one", "anything", 200, ""),
        ("/nowhere", "anything", 404, "no such endpoint"),
    ];
    for (path, body, status, text) in cases {
        assert_eq!(
            post(at(path), body).await,
            (status, text.to_owned()),
            "{path} {body}"
        );
    }
    let arrivals = listener.arrivals();
    assert_eq!(arrivals.len(), cases.len());
    for (number, (arrival, (path, body, status, _))) in arrivals.iter().zip(cases).enumerate() {
        assert_eq!(arrival.number, number as u64 + 1);
        assert_eq!((arrival.target.as_str(), arrival.status), (path, status));
        assert_eq!(arrival.digest, Digest::of(body.as_bytes()));
        assert_eq!(arrival.method, "POST");
    }
    let Verdict::Accepted(accepted) = &arrivals[0].verdict else {
        panic!("{:?}", arrivals[0]);
    };
    assert_eq!((&*accepted.event_type, &*accepted.delivery_id), ("push", "d-1"));
    assert_eq!(arrivals[4].endpoint.as_deref(), Some("open/one"));
    assert_eq!(
        (&arrivals[4].verdict, &arrivals[5].verdict),
        (&Verdict::Unchecked, &Verdict::NoEndpoint)
    );
    listener.stop().await;
}

#[tokio::test]
async fn it_fails_as_often_as_told_and_then_answers_as_told() {
    let options = ListenerOptions {
        endpoints: endpoints(),
        answers: Answers {
            status: 204,
            fail_times: 2,
            ..Answers::default()
        },
        ..ListenerOptions::default()
    };
    let listener = WebhookListener::start(options).await.unwrap();
    let status = async |body| post(format!("{}/judged", listener.url()), body).await.0;
    // What is down does not look at signatures.
    assert_eq!([status("wrong").await, status("right").await], [503, 503]);
    assert_eq!([status("wrong").await, status("right").await], [401, 204]);
    listener.answer(&[410, 429]);
    assert_eq!(
        [
            status("right").await,
            status("wrong").await,
            status("right").await,
            status("right").await
        ],
        [410, 401, 429, 204]
    );
    listener.always(Some(500));
    assert_eq!([status("right").await, status("right").await], [500, 500]);
    listener.always(None);
    assert_eq!(status("right").await, 204);
}

#[tokio::test]
async fn who_waits_sees_an_arrival_before_its_sender_is_answered_and_a_stop_keeps_nobody_waiting() {
    let listener = WebhookListener::local().await.unwrap();
    listener.takes(Duration::from_hours(1));
    let sent = tokio::spawn(post(listener.url(), "slow"));
    let arrived = tokio::time::timeout(DEADLINE, listener.arrived_after(0))
        .await
        .unwrap();
    assert_eq!((&*arrived[0].body, arrived.len()), (b"slow".as_slice(), 1));
    assert!(!sent.is_finished());
    tokio::time::timeout(DEADLINE, listener.stop()).await.unwrap();
    assert_eq!(sent.await.unwrap().0, 200);
}

#[tokio::test]
async fn many_at_once_are_numbered_without_gaps() {
    let options = ListenerOptions {
        most_arrivals: 10,
        ..ListenerOptions::default()
    };
    let listener = WebhookListener::start(options).await.unwrap();
    let client = client();
    let sends = (0..50).map(|_| client.post(listener.url()).body("{}").send());
    let answers = futures::future::join_all(sends).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().status() == 200));
    let numbers: Vec<u64> = listener.arrivals().iter().map(|arrival| arrival.number).collect();
    assert_eq!(numbers, (41..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_no_request_or_too_long_leaves_nothing_behind() {
    let listener = WebhookListener::local().await.unwrap();
    for hostile in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab",
    ] {
        let mut stream = TcpStream::connect(listener.address()).await.unwrap();
        stream.write_all(hostile).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // How it ends is the listener's affair: it ends.
        let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer))
            .await
            .unwrap();
    }
    let long = client()
        .post(listener.url())
        .body(vec![b'x'; (26 << 20) + 1])
        .send()
        .await;
    // The connection may break while the rest is still being sent; the answer is 413 where it arrives.
    assert!(long.is_err() || long.unwrap().status() == 413);
    assert!(listener.arrivals().is_empty());
    assert_eq!(post(listener.url(), "{}").await.0, 200);
    // Header values that are no text are remembered as far as they are.
    let raw = reqwest::header::HeaderValue::from_bytes(b"odd\xe9").unwrap();
    client()
        .post(listener.url())
        .header("x-odd", raw)
        .send()
        .await
        .unwrap();
    assert_eq!(listener.arrivals()[1].header("x-odd"), Some("odd\u{fffd}"));
}
