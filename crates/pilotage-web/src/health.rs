//! For whoever keeps the process alive: does it live, may it be sent work, has it begun.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use pilotage_core::{
    Timestamp,
    ports::{StoreError, Totals},
};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{door::Door, metrics};

/// How long an answer of the store's is good.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// For the store to answer.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the store said last, so that a crowd of probes costs one write a second.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, StoreState)>>);

#[derive(Clone)]
struct StoreState {
    writable: Result<(), String>,
    totals: Option<Totals>,
}

/// One condition of being ready.
#[derive(Serialize)]
struct Check {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Check {
    fn unless(problem: Option<String>) -> Self {
        Self {
            ok: problem.is_none(),
            detail: problem,
        }
    }
}

#[derive(Serialize)]
struct Checks {
    store: Check,
    cursor: Check,
    running: Check,
}

impl Checks {
    async fn of(door: &Door) -> Self {
        let store = door.readiness.state(door).await;
        Self {
            store: Check::unless(store.writable.err()),
            cursor: Check::unless(behind(store.totals.as_ref(), door)),
            running: Check::unless(not_running(door)),
        }
    }

    const fn all_hold(&self) -> bool {
        self.store.ok && self.cursor.ok && self.running.ok
    }
}

/// What `/ready` would say, for the metrics.
pub(crate) async fn is_ready(door: &Door) -> bool {
    Checks::of(door).await.all_hold()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadyAnswer {
    status: &'static str,
    checks: Checks,
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<&'static str>,
}

/// 200 as long as the process answers at all.
pub(crate) async fn health() -> Response {
    answer(
        true,
        &json!({ "status": "alive", "version": env!("CARGO_PKG_VERSION") }),
    )
}

/// 200 once everything has been opened.
pub(crate) async fn startup(State(door): State<Arc<Door>>) -> Response {
    let started = door.has_started();
    answer(
        started,
        &json!({ "status": if started { "started" } else { "starting" } }),
    )
}

/// 200 while a delivery that comes now would be stored and soon decided.
pub(crate) async fn ready(State(door): State<Arc<Door>>) -> Response {
    let checks = Checks::of(&door).await;
    let ready = checks.all_hold();
    let degraded = door
        .config_error
        .load()
        .as_ref()
        .map(|_| "the last configuration was refused; the log and `pilotage stats` say why");
    let status = match (ready, &degraded) {
        (false, _) => "not ready",
        (true, None) => "ready",
        (true, Some(_)) => "degraded",
    };
    answer(
        ready,
        &ReadyAnswer {
            status,
            checks,
            degraded,
        },
    )
}

/// Metrics for both listeners.
pub(crate) async fn metrics(State(door): State<Arc<Door>>) -> Response {
    let content_type = HeaderValue::from_static(metrics::CONTENT_TYPE);
    ([(header::CONTENT_TYPE, content_type)], metrics::text(&door).await).into_response()
}

fn answer(good: bool, body: &impl Serialize) -> Response {
    let status = if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let no_store = HeaderValue::from_static("no-store");
    (status, [(header::CACHE_CONTROL, no_store)], Json(body)).into_response()
}

fn not_running(door: &Door) -> Option<String> {
    match (door.has_started(), door.is_stopping()) {
        (_, true) => Some("stopping".to_owned()),
        (false, false) => Some("starting".to_owned()),
        (true, false) => None,
    }
}

fn behind(totals: Option<&Totals>, door: &Door) -> Option<String> {
    let Some(totals) = totals else {
        return Some("the store did not say".to_owned());
    };
    let lag = Timestamp::now().since(totals.oldest_undecided?);
    let most = door.ready_limits.load().max_cursor_lag;
    let undecided = totals.undecided;
    (lag > most).then(|| {
        let (lag, most) = (lag.as_secs(), most.as_secs());
        format!("{undecided} events are undecided, the oldest for {lag} s; the limit is {most} s")
    })
}

impl Readiness {
    async fn state(&self, door: &Door) -> StoreState {
        let mut last = self.0.lock().await;
        if let Some((at, state)) = last.as_ref()
            && at.elapsed() < GOOD_FOR
        {
            return state.clone();
        }
        let state = ask(door).await;
        *last = Some((Instant::now(), state.clone()));
        state
    }
}

async fn ask(door: &Door) -> StoreState {
    let asked = async {
        (
            door.ports.registry.probe().await,
            door.ports.history.totals().await,
        )
    };
    match tokio::time::timeout(STORE_TIMEOUT, asked).await {
        Ok((probe, totals)) => StoreState {
            writable: probe.map_err(|error| in_words(&error)),
            totals: totals.ok(),
        },
        Err(_) => StoreState {
            writable: Err("the store does not answer".to_owned()),
            totals: None,
        },
    }
}

/// The health listener has no authentication, so it says nothing that only the log should.
fn in_words(error: &StoreError) -> String {
    tracing::warn!(%error, "the store takes no write");
    match error {
        StoreError::Unavailable(_) => "the store takes no write".to_owned(),
        StoreError::Corrupt(_) => "the store is damaged".to_owned(),
    }
}
