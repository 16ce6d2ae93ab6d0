//! From the 202 to the arrival of the action, against a bare route that forwards the delivery at once.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use hdrhistogram::Histogram;
use pilotage_benches::{
    delivery::Delivery,
    load::{self, Connection},
    server::Server,
    table::Row,
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{MissedTickBehavior, interval_at},
};

use crate::{Settings, intake::UNLIMITED, note};

/// Deliveries per second, and how many connections share them.
const LOADS: [(u32, u32); 2] = [(20, 1), (500, 8)];
/// What has not arrived by then counts as missing.
const ARRIVED_WITHIN: Duration = Duration::from_secs(20);

/// When each delivery's action arrived, by delivery id.
type Arrivals = Arc<Mutex<HashMap<String, Instant>>>;

/// When one delivery was sent and answered.
struct Sent {
    id: String,
    answered: Instant,
}

#[derive(Default)]
struct Figures {
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
}

/// Alternates the two servers at each load.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let arrivals = Arrivals::default();
    let receiver = receive(Arc::clone(&arrivals)).await?;
    let url = format!("http://{receiver}/arrived");
    let (bare, pilotage) = (
        Settings::bare(Some(url.clone()))?,
        settings.pilotage(&config(&url))?,
    );
    let mut rows = Vec::new();
    for (rate, connections) in LOADS {
        let (mut reference, mut ours) = (Figures::default(), Figures::default());
        for number in 1..=settings.rounds {
            for (name, program, figures) in [
                ("bare", &bare, &mut reference),
                ("pilotage", &pilotage, &mut ours),
            ] {
                let server = Server::start(program).await?;
                let sent = pace(server.address, rate, connections, settings).await?;
                let (latency, missing) = arrived(&sent, &arrivals).await?;
                say(name, number, rate, &latency, missing);
                figures.p50_ms.push(milliseconds(&latency, 0.50));
                figures.p99_ms.push(milliseconds(&latency, 0.99));
            }
        }
        let what = |share| format!("from 202 to the action's arrival at {rate}/s: {share}");
        rows.push(Row::compared(what("p50"), "ms", &ours.p50_ms, &reference.p50_ms));
        rows.push(Row::compared(what("p99"), "ms", &ours.p99_ms, &reference.p99_ms));
    }
    Ok(rows)
}

fn config(url: &str) -> String {
    let rule = format!(
        "\
outgoing: {{allow: [127.0.0.1]}}
rules:
  - id: forward
    trigger: {{source: github, eventTypes: [push]}}
    actions:
      - {{type: webhook, target: '{url}', parameters: {{body: {{id: '${{event.deliveryId}}'}}}}}}
"
    );
    [UNLIMITED, &rule].concat()
}

/// Starts the receiver of the actions.
async fn receive(arrivals: Arrivals) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/arrived", post(arrive)).with_state(arrivals);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn arrive(State(arrivals): State<Arrivals>, Json(body): Json<Value>) -> StatusCode {
    let now = Instant::now();
    let Some(id) = body.get("id").and_then(Value::as_str) else {
        return StatusCode::BAD_REQUEST;
    };
    // The first arrival counts: a repeated one would only make the figure look better.
    arrivals
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(id.to_owned())
        .or_insert(now);
    StatusCode::NO_CONTENT
}

/// Sends deliveries at a steady rate, whatever becomes of them.
async fn pace(
    address: SocketAddr,
    rate: u32,
    connections: u32,
    settings: &Settings,
) -> anyhow::Result<Vec<Sent>> {
    let period = Duration::from_secs(1) * connections / rate;
    let until = Instant::now() + Duration::from_secs_f64(settings.seconds);
    let mut workers = JoinSet::new();
    for worker in 0..connections {
        let first = tokio::time::Instant::now() + Duration::from_secs(1) * (worker + 1) / rate;
        workers.spawn(keep_pace(address, first, period, until));
    }
    let mut sent = Vec::new();
    while let Some(worker) = workers.join_next().await {
        sent.extend(worker??);
    }
    Ok(sent)
}

async fn keep_pace(
    address: SocketAddr,
    first: tokio::time::Instant,
    period: Duration,
    until: Instant,
) -> anyhow::Result<Vec<Sent>> {
    let mut connection = Connection::open(address).await?;
    let mut delivery = Delivery::push(address)?;
    let mut ticks = interval_at(first, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut sent = Vec::new();
    for counter in 0.. {
        ticks.tick().await;
        if Instant::now() >= until {
            break;
        }
        let status = connection.ask(delivery.numbered(counter)).await?;
        let answered = Instant::now();
        anyhow::ensure!(status == 202, "a delivery was answered with {status}");
        sent.push(Sent {
            id: delivery.id(),
            answered,
        });
    }
    Ok(sent)
}

/// Waits for the arrivals of what was sent; gives the times from 202 to arrival, and how many are missing. An action
/// that arrives before its 202 is read counts as zero.
async fn arrived(sent: &[Sent], arrivals: &Arrivals) -> anyhow::Result<(Histogram<u64>, usize)> {
    let deadline = Instant::now() + ARRIVED_WITHIN;
    let count = || arrivals.lock().unwrap_or_else(PoisonError::into_inner).len();
    while count() < sent.len() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let arrivals = std::mem::take(&mut *arrivals.lock().unwrap_or_else(PoisonError::into_inner));
    let mut latency = load::histogram()?;
    let mut missing = 0;
    for delivery in sent {
        match arrivals.get(&delivery.id) {
            Some(arrival) => {
                latency.saturating_record(load::micros(arrival.saturating_duration_since(delivery.answered)));
            }
            None => missing += 1,
        }
    }
    Ok((latency, missing))
}

fn milliseconds(latency: &Histogram<u64>, share: f64) -> f64 {
    load::count(latency.value_at_quantile(share)) / 1e3
}

fn say(name: &str, number: u32, rate: u32, latency: &Histogram<u64>, missing: usize) {
    let (p50, p99) = (milliseconds(latency, 0.50), milliseconds(latency, 0.99));
    let lost = if missing == 0 {
        String::new()
    } else {
        format!("  MISSING: {missing}")
    };
    let arrived = latency.len();
    note(&format!(
        "  {number} {name:8} {rate}/s: {arrived} arrived, p50 {p50:.2} ms  p99 {p99:.2} ms{lost}"
    ));
}
