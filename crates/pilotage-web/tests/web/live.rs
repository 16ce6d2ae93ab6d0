//! The stream of live status over a real store.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, extract::ConnectInfo};
use http::Response;
use http_body_util::BodyExt as _;
use pilotage_core::ports::Role;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{
    answers::Answer,
    dashboard,
    house::{House, Plan, local, peer, rule},
};

/// A deadline that no test reaches unless it hangs.
const LONG: Duration = Duration::from_mins(1);
const STREAM: &str = "/api/v1/stream";
/// What a reader is told who would not be let in any more.
const OVER: &str = ": the token was revoked, or the session ended\n\n";

/// One event, or a comment, as a browser would understand it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    id: Option<i64>,
    data: Value,
}

impl Event {
    fn parse(text: &str) -> Self {
        let mut event = Self::default();
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("id", id)) => event.id = Some(id.parse().unwrap()),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                _ => {}
            }
        }
        event
    }

    fn deliveries(&self) -> Vec<&str> {
        let updates = self.data["updates"].as_array().unwrap().iter();
        updates
            .map(|update| update["metadata"]["deliveryId"].as_str().unwrap())
            .collect()
    }
}

struct Reader(Body);

impl Reader {
    async fn open(house: &House, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = local("GET", &format!("{STREAM}{query}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = send(house, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut reader = Self(response.into_body());
        assert!(reader.text().await.unwrap().starts_with("retry: "));
        reader
    }

    async fn text(&mut self) -> Option<String> {
        let frame = tokio::time::timeout(LONG, self.0.frame())
            .await
            .unwrap()?
            .unwrap();
        Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
    }

    /// The next event with a name.
    async fn event(&mut self) -> Event {
        loop {
            let text = self.text().await.unwrap();
            assert!(text.ends_with("\n\n"), "{text}");
            let event = Event::parse(&text);
            if !event.name.is_empty() {
                return event;
            }
        }
    }
}

async fn send(house: &House, mut request: http::Request<Body>) -> Response<Body> {
    request
        .extensions_mut()
        .insert(ConnectInfo::<SocketAddr>(peer("127.0.0.1")));
    house.main.clone().oneshot(request).await.unwrap()
}

async fn house_with_rule() -> House {
    let house = House::usual().await;
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "push"))
        .await
        .is(201);
    house
}

/// Schedules an execution, which is an operation that waits to be run.
async fn operation(house: &House, delivery: &str) {
    house.deliver("push", delivery).await;
    house.matcher.match_next().await.unwrap();
}

#[tokio::test]
async fn a_reader_sees_what_there_is_and_then_what_changes() {
    let house = house_with_rule().await;
    operation(&house, "d1").await;
    let mut reader = Reader::open(&house, "", None).await;
    let snapshot = reader.event().await;
    assert_eq!(
        (snapshot.name.as_str(), snapshot.deliveries()),
        ("snapshot", vec!["d1"])
    );
    assert_eq!(
        (snapshot.id, &snapshot.data["truncated"]),
        (Some(1), &Value::Bool(false))
    );
    let first = &snapshot.data["updates"][0];
    assert_eq!(
        (&first["type"], &first["status"], &first["metadata"]["rule"]),
        (&"execution".into(), &"pending".into(), &"r".into())
    );
    operation(&house, "d2").await;
    let updates = reader.event().await;
    assert_eq!(
        (updates.name.as_str(), updates.deliveries()),
        ("updates", vec!["d2"])
    );
    assert_eq!(updates.id, Some(2));
    house.door.stopping();
    assert_eq!(reader.text().await.unwrap(), ": the server stops\n\n");
    assert_eq!(reader.text().await, None);
    house.leave().await;
}

#[tokio::test]
async fn a_reader_that_comes_back_sees_what_it_missed_once() {
    let house = house_with_rule().await;
    for delivery in ["d1", "d2", "d3"] {
        operation(&house, delivery).await;
    }
    for (query, header) in [
        ("", Some("1")),
        ("?lastEventId=1", None),
        ("?lastEventId=3", Some("1")),
    ] {
        let mut reader = Reader::open(&house, query, header).await;
        let missed = reader.event().await;
        assert_eq!(
            (missed.name.as_str(), missed.deliveries()),
            ("updates", vec!["d2", "d3"])
        );
        assert_eq!(missed.id, Some(3));
    }
    // The same over another door, as after a start anew.
    let anew = House::over(&house).await;
    let mut reader = Reader::open(&anew, "", Some("2")).await;
    assert_eq!(reader.event().await.deliveries(), ["d3"]);
    operation(&anew, "d4").await;
    assert_eq!(reader.event().await.deliveries(), ["d4"]);
    anew.door.stopping();
    house.door.stopping();
    house.leave().await;
}

#[tokio::test]
async fn an_id_that_is_not_known_begins_anew_and_says_so() {
    let house = house_with_rule().await;
    operation(&house, "d1").await;
    for id in ["2", "99999999999999999999999", "-1", "+1", "one", "1 "] {
        let mut reader = Reader::open(&house, "", Some(id)).await;
        let reset = reader.event().await;
        assert_eq!((reset.name.as_str(), reset.id), ("reset", None), "{id}");
        assert_eq!(reset.data["reason"], "unknown-id", "{id}");
        assert_eq!(reader.event().await.name, "snapshot");
    }
    house.door.stopping();
    house.leave().await;
}

#[tokio::test]
async fn filters_are_asked_and_bad_ones_are_named() {
    let house = house_with_rule().await;
    operation(&house, "d1").await;
    let passes = [
        "?status=pending&type=execution&rule=r",
        "?filter=%7B%22field%22%3A%22deliveryId%22%2C%22operator%22%3A%22regex%22%2C%22value%22%3A%22%5Ed%22%7D",
    ];
    for query in passes {
        let mut reader = Reader::open(&house, query, None).await;
        assert_eq!(reader.event().await.deliveries(), ["d1"], "{query}");
    }
    let mut reader = Reader::open(&house, "?status=failure", None).await;
    assert_eq!(reader.event().await.deliveries(), [""; 0]);
    for (query, part) in [
        ("?filter=1", "filter 1: a filter is"),
        ("?filter=%7B", "`filter` is not JSON"),
        (
            "?rule=r&filter=%7B%22field%22%3A%22a%22%7D",
            "filter 2 (`a`): `operator` is missing",
        ),
        ("?filters=", "unknown field `filters`"),
        (&format!("?{}", "rule=r&".repeat(17)), "at most 16 filters"),
    ] {
        let answer = house.get(&format!("{STREAM}{query}")).await.refused(400, STREAM);
        assert!(answer.at("/detail").contains(part), "{query}: {}", answer.text);
    }
    house.door.stopping();
    house.leave().await;
}

#[tokio::test]
async fn there_are_only_so_many_readers() {
    let mut plan = Plan::default();
    plan.settings.most_subscribers = 1;
    let house = House::open(plan).await;
    let reader = Reader::open(&house, "", None).await;
    let full = house.get(STREAM).await.refused(503, STREAM);
    assert_eq!(full.header("retry-after"), "5");
    let metrics = house.get("/metrics").await.text;
    for line in [
        "pilotage_live_subscribers{transport=\"sse\"} 1",
        "pilotage_live_subscribers_dropped_total{reason=\"full\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    drop(reader);
    Reader::open(&house, "", None).await;
    assert!(
        house
            .get("/metrics")
            .await
            .text
            .contains("pilotage_live_subscribers{transport=\"sse\"} 0")
    );
    house.door.stopping();
    house.leave().await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_whose_token_is_revoked_is_let_go() {
    let house = House::usual().await;
    let token = house.token("watcher", Role::Viewer).await;
    let admin = house.token("admin", Role::Admin).await;
    let request = local("GET", STREAM).header("authorization", format!("Bearer {token}"));
    let response = send(&house, request.body(Body::empty()).unwrap()).await;
    let mut reader = Reader(response.into_body());
    assert!(reader.text().await.unwrap().starts_with("retry: "));
    assert_eq!(Event::parse(&reader.text().await.unwrap()).name, "snapshot");
    assert_eq!(reader.text().await.unwrap(), ": still here\n\n");
    let revoke = local("DELETE", "/api/v1/tokens/watcher").header("authorization", format!("Bearer {admin}"));
    Answer::read(send(&house, revoke.body(Body::empty()).unwrap()).await)
        .await
        .is(204);
    assert_eq!(reader.text().await.unwrap(), OVER);
    assert_eq!(reader.text().await, None);
    house.door.stopping();
    house.leave().await;
}

/// A reader with this header who was shown how everything stands.
async fn reading(house: &House, name: &str, value: String) -> Reader {
    let request = local("GET", STREAM).header(name, value);
    let response = send(house, request.body(Body::empty()).unwrap()).await;
    let mut reader = Reader(response.into_body());
    assert!(reader.text().await.unwrap().starts_with("retry: "));
    assert_eq!(Event::parse(&reader.text().await.unwrap()).name, "snapshot");
    reader
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_made_anew_under_its_name_lets_go_whom_the_old_one_let_in() {
    let house = House::usual().await;
    let token = house.token("watcher", Role::Viewer).await;
    let admin = house.token("admin", Role::Admin).await;
    let mut reader = reading(&house, "authorization", format!("Bearer {token}")).await;
    let revoke = local("DELETE", "/api/v1/tokens/watcher").header("authorization", format!("Bearer {admin}"));
    Answer::read(send(&house, revoke.body(Body::empty()).unwrap()).await)
        .await
        .is(204);
    house.token("watcher", Role::Viewer).await;
    assert_eq!(reader.text().await.unwrap(), OVER);
    house.door.stopping();
    house.leave().await;
}

#[tokio::test(start_paused = true)]
async fn who_signs_out_is_told_nothing_more() {
    let house = House::usual().await;
    let token = house.token("watcher", Role::Viewer).await;
    let cookie = dashboard::cookie(&house, &token).await;
    let mut reader = reading(&house, "cookie", cookie.clone()).await;
    assert_eq!(reader.text().await.unwrap(), ": still here\n\n");
    let leaving = dashboard::form("/logout").header("cookie", &cookie);
    dashboard::send(&house, leaving, "").await.is(303);
    assert_eq!(reader.text().await.unwrap(), OVER);
    house.door.stopping();
    house.leave().await;
}

/// Lets the clock go on by so much at once.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_revoked_token_is_noticed_also_while_there_is_always_news() {
    let house = house_with_rule().await;
    let token = house.token("watcher", Role::Viewer).await;
    let admin = house.token("admin", Role::Admin).await;
    let request = local("GET", STREAM).header("authorization", format!("Bearer {token}"));
    let response = send(&house, request.body(Body::empty()).unwrap()).await;
    let mut reader = Reader(response.into_body());
    assert_eq!(reader.event().await.name, "snapshot");
    let revoke = local("DELETE", "/api/v1/tokens/watcher").header("authorization", format!("Bearer {admin}"));
    Answer::read(send(&house, revoke.body(Body::empty()).unwrap()).await)
        .await
        .is(204);
    // Something changes every 6 seconds, so the stream never falls silent for long enough to say that it is still there.
    for number in 0..6 {
        operation(&house, &format!("d{number}")).await;
        let text = reader.text().await.unwrap();
        if text == OVER {
            assert_eq!(reader.text().await, None);
            house.door.stopping();
            return house.leave().await;
        }
        pass(Duration::from_secs(6)).await;
    }
    panic!("36 seconds after its token was revoked a reader is still told what changes");
}
