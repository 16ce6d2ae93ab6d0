use std::time::Duration;

use axum::body::Body;
use http::Request;
use pilotage_web::ReadyLimits;
use tower::ServiceExt as _;

use crate::{answers::Answer, house::House};

/// From anywhere, with any host: the health listener asks for nothing.
async fn ask(house: &House, path: &str) -> Answer {
    let request = Request::get(path)
        .header("host", "10.0.0.7")
        .body(Body::empty())
        .unwrap();
    Answer::read(house.health.clone().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn a_new_process_lives_before_it_has_started() {
    let house = House::usual().await;
    let fresh = House::over_unstarted(&house).await;
    ask(&fresh, "/health").await.is(200);
    ask(&fresh, "/startup").await.is(503);
    assert_eq!(
        ask(&fresh, "/ready").await.is(503).at("/checks/running/detail"),
        "starting"
    );
    fresh.door.started();
    ask(&fresh, "/startup").await.is(200);
    assert_eq!(ask(&fresh, "/ready").await.is(200).at("/status"), "ready");
    house.leave().await;
}

#[tokio::test]
async fn a_process_that_stops_is_not_sent_more() {
    let house = House::usual().await;
    ask(&house, "/ready").await.is(200);
    house.door.stopping();
    assert_eq!(
        ask(&house, "/ready").await.is(503).at("/checks/running/detail"),
        "stopping"
    );
    ask(&house, "/health").await.is(200);
    house
        .deliver("push", "a delivery that was on its way is still taken")
        .await;
    house.leave().await;
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_named() {
    let house = House::usual().await;
    house.store.close().await;
    let answer = ask(&house, "/ready").await.is(503);
    assert_eq!(
        (answer.at("/status"), answer.at("/checks/store/ok")),
        ("not ready".into(), "false".into())
    );
    ask(&house, "/health").await.is(200);
    ask(&house, "/metrics").await.is(200);
}

#[tokio::test]
async fn a_cursor_that_lags_is_named() {
    let house = House::usual().await;
    house.deliver("push", "d1").await;
    house.door.set_ready_limits(ReadyLimits {
        max_cursor_lag: Duration::ZERO,
    });
    let answer = ask(&house, "/ready").await.is(503);
    assert_eq!(
        (answer.at("/checks/cursor/ok"), answer.at("/checks/store/ok")),
        ("false".into(), "true".into())
    );
    house.door.set_ready_limits(ReadyLimits::default());
    ask(&house, "/ready").await.is(200);
    house.leave().await;
}

#[tokio::test]
async fn a_refused_configuration_is_loud_but_no_reason_to_stop() {
    let house = House::usual().await;
    house
        .door
        .config_error(Some("line 3: `sources.secret-project`".into()));
    let answer = ask(&house, "/ready").await.is(200);
    assert_eq!(
        (answer.at("/status"), answer.at("/degraded").contains("refused")),
        ("degraded".into(), true)
    );
    assert!(!answer.text.contains("secret-project"), "{}", answer.text);
    let failed = |text: &str| text.lines().any(|line| line == "pilotage_config_reload_failed 1");
    assert!(failed(&ask(&house, "/metrics").await.is(200).text));
    house.door.config_error(None);
    assert_eq!(ask(&house, "/ready").await.is(200).at("/status"), "ready");
    assert!(!failed(&ask(&house, "/metrics").await.is(200).text));
    house.leave().await;
}

#[tokio::test]
async fn metrics_have_the_promised_names() {
    let house = House::usual().await;
    house.deliver("push", "d1").await;
    let answer = ask(&house, "/metrics").await.is(200);
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    for name in [
        "pilotage_intake_deliveries_total{",
        "pilotage_intake_seconds_bucket{",
        "pilotage_events_total 1",
        "pilotage_cursor_lag_events 1",
        "pilotage_cursor_lag_seconds ",
        r#"pilotage_executions{status="pending"} 0"#,
        "pilotage_oldest_waiting_execution_seconds 0",
        r#"pilotage_attempts_total{result="success"} 0"#,
        "pilotage_open_circuits 0",
        "pilotage_config_reload_failed 0",
        "pilotage_ready 1",
        "process_resident_memory_bytes ",
        "process_start_time_seconds ",
        "# EOF",
    ] {
        assert!(
            answer.text.lines().any(|line| line.starts_with(name)),
            "{name} is not in\n{}",
            answer.text
        );
    }
    house.leave().await;
}
