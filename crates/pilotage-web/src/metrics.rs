//! What Prometheus reads. Labels come from the configuration and from closed lists, never from what was sent.

use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use pilotage_core::{ExecutionStatus, Timestamp, ports::Totals};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{door::Door, health, live::Meters};

/// Content type of the text that `text` gives.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every status that intake answers.
const ANSWERS: [(StatusCode, &str); 12] = [
    (StatusCode::ACCEPTED, "202"),
    (StatusCode::OK, "200"),
    (StatusCode::BAD_REQUEST, "400"),
    (StatusCode::UNAUTHORIZED, "401"),
    (StatusCode::NOT_FOUND, "404"),
    (StatusCode::METHOD_NOT_ALLOWED, "405"),
    (StatusCode::REQUEST_TIMEOUT, "408"),
    (StatusCode::PAYLOAD_TOO_LARGE, "413"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "415"),
    (StatusCode::TOO_MANY_REQUESTS, "429"),
    (StatusCode::INTERNAL_SERVER_ERROR, "500"),
    (StatusCode::SERVICE_UNAVAILABLE, "503"),
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IntakeLabels {
    source: String,
    answer: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

/// The deliveries of one source by answer, found without a look-up.
pub(crate) struct SourceCounters([Counter; ANSWERS.len()]);

impl SourceCounters {
    pub(crate) fn count(&self, status: StatusCode) {
        let counters = ANSWERS.iter().zip(&self.0);
        if let Some((_, counter)) = counters.into_iter().find(|((answer, _), _)| *answer == status) {
            counter.inc();
        }
    }
}

/// Everything measured here or copied here when somebody asks.
pub(crate) struct Metrics {
    /// Of live status.
    pub(crate) live: Meters,
    registry: Registry,
    deliveries: Family<IntakeLabels, Counter>,
    unknown: SourceCounters,
    /// From the head of a delivery to its answer.
    pub(crate) intake_seconds: Histogram,
    events: Counter<u64, AtomicU64>,
    lag_events: Gauge,
    lag_seconds: Gauge<f64, AtomicU64>,
    executions: Family<StatusLabel, Gauge>,
    oldest_waiting_seconds: Gauge<f64, AtomicU64>,
    attempts: Family<ResultLabel, Counter>,
    leases_lost: Counter<u64, AtomicU64>,
    open_circuits: Gauge,
    config_reload_failed: Gauge,
    ready: Gauge,
    resident_bytes: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let deliveries = Family::default();
        let mut registry = Registry::default();
        let mut metrics = Self {
            live: Meters::registered(&mut registry),
            registry,
            unknown: counters_of(&deliveries, "unknown"),
            deliveries,
            // 100 us to 6.5 s, doubling.
            intake_seconds: Histogram::new((0..17_u32).map(|power| 0.000_1 * f64::from(1 << power))),
            events: Counter::default(),
            lag_events: Gauge::default(),
            lag_seconds: Gauge::default(),
            executions: Family::default(),
            oldest_waiting_seconds: Gauge::default(),
            attempts: Family::default(),
            leases_lost: Counter::default(),
            open_circuits: Gauge::default(),
            config_reload_failed: Gauge::default(),
            ready: Gauge::default(),
            resident_bytes: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    /// The registry adds `_total` to the names of counters.
    fn register(&mut self) {
        let registry = &mut self.registry;
        let deliveries = self.deliveries.clone();
        registry.register(
            "pilotage_intake_deliveries",
            "Deliveries by source and answer",
            deliveries,
        );
        let seconds = self.intake_seconds.clone();
        registry.register(
            "pilotage_intake_seconds",
            "From the head of a delivery to its answer",
            seconds,
        );
        registry.register("pilotage_events", "Events in the log", self.events.clone());
        let lag = self.lag_events.clone();
        registry.register(
            "pilotage_cursor_lag_events",
            "Events that no rule was asked about yet",
            lag,
        );
        let lag = self.lag_seconds.clone();
        registry.register("pilotage_cursor_lag_seconds", "Age of the oldest of those", lag);
        registry.register(
            "pilotage_executions",
            "Executions by status",
            self.executions.clone(),
        );
        let oldest = self.oldest_waiting_seconds.clone();
        registry.register(
            "pilotage_oldest_waiting_execution_seconds",
            "How long the first due execution is overdue",
            oldest,
        );
        let attempts = self.attempts.clone();
        registry.register(
            "pilotage_attempts",
            "Attempts at actions of this process, by result",
            attempts,
        );
        registry.register(
            "pilotage_leases_lost",
            "Leases found lost",
            self.leases_lost.clone(),
        );
        let circuits = self.open_circuits.clone();
        registry.register(
            "pilotage_open_circuits",
            "Targets left alone because they fail",
            circuits,
        );
        let failed = self.config_reload_failed.clone();
        registry.register(
            "pilotage_config_reload_failed",
            "1 while the last configuration is refused",
            failed,
        );
        let ready = self.ready.clone();
        registry.register("pilotage_ready", "1 while /ready answers 200", ready);
        let resident = self.resident_bytes.clone();
        registry.register("process_resident_memory_bytes", "Memory of the process", resident);
        let start = Gauge::<f64, AtomicU64>::default();
        start.set(seconds_of(Timestamp::now()));
        registry.register(
            "process_start_time_seconds",
            "Start of the process, as Unix time",
            start,
        );
    }

    /// The counters of a source from the configuration.
    pub(crate) fn of_source(&self, name: &str) -> SourceCounters {
        counters_of(&self.deliveries, name)
    }

    /// The counters of all paths that are no source's.
    pub(crate) const fn unknown_source(&self) -> &SourceCounters {
        &self.unknown
    }

    fn copy_totals(&self, totals: &Totals, now: Timestamp) {
        self.events
            .inner()
            .store(totals.events.unsigned_abs(), Ordering::Relaxed);
        self.lag_events.set(totals.undecided);
        self.lag_seconds.set(age(totals.oldest_undecided, now));
        self.oldest_waiting_seconds.set(age(totals.oldest_due, now));
        for status in ExecutionStatus::ALL {
            let labels = StatusLabel {
                status: status.as_str(),
            };
            self.executions
                .get_or_create(&labels)
                .set(count_of(totals, status));
        }
    }

    fn copy_process(&self, door: &Door) {
        let counters = door.executor.counters();
        let results = [
            ("success", &counters.attempts_succeeded),
            ("failure", &counters.attempts_failed),
        ];
        for (result, count) in results {
            let counter = self.attempts.get_or_create_owned(&ResultLabel { result });
            counter
                .inner()
                .store(count.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.leases_lost
            .inner()
            .store(counters.leases_lost.load(Ordering::Relaxed), Ordering::Relaxed);
        self.open_circuits
            .set(i64::try_from(door.executor.open_circuits()).unwrap_or(i64::MAX));
        self.config_reload_failed
            .set(i64::from(door.config_error.load().is_some()));
        self.resident_bytes.set(resident_bytes().unwrap_or(0));
    }
}

fn counters_of(deliveries: &Family<IntakeLabels, Counter>, source: &str) -> SourceCounters {
    SourceCounters(ANSWERS.map(|(_, answer)| {
        deliveries.get_or_create_owned(&IntakeLabels {
            source: source.to_owned(),
            answer,
        })
    }))
}

/// Everything as `OpenMetrics` text. When the store does not answer, what it would have said stays as it was.
pub(crate) async fn text(door: &Door) -> String {
    match door.ports.history.totals().await {
        Ok(totals) => door.metrics.copy_totals(&totals, Timestamp::now()),
        Err(error) => tracing::warn!(%error, "metrics show what the store said last"),
    }
    let ready = health::is_ready(door).await;
    door.metrics.ready.set(i64::from(ready));
    door.metrics.copy_process(door);
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = encode(&mut text, &door.metrics.registry);
    text
}

/// Executions in one state.
pub(crate) const fn count_of(totals: &Totals, status: ExecutionStatus) -> i64 {
    match status {
        ExecutionStatus::Waiting => totals.waiting,
        ExecutionStatus::Pending => totals.pending,
        ExecutionStatus::Running => totals.running,
        ExecutionStatus::Succeeded => totals.succeeded,
        ExecutionStatus::Failed => totals.failed,
        ExecutionStatus::Cancelled => totals.cancelled,
    }
}

/// Seconds since `moment`; zero where there is none or it is still to come.
pub(crate) fn age(moment: Option<Timestamp>, now: Timestamp) -> f64 {
    moment.map_or(0.0, |moment| now.since(moment).as_secs_f64())
}

fn seconds_of(moment: Timestamp) -> f64 {
    moment.since(Timestamp::default()).as_secs_f64()
}

/// Resident memory as Linux tells it (proc(5), `VmRSS`); other systems do not say.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1_024)
}
