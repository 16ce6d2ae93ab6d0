use std::sync::Arc;

use axum::{Json, extract::State};
use pilotage_core::{
    Timestamp,
    ports::{RuleStatistics, Totals},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{door::Door, metrics::age, problem::Problem};

/// Rules shown in the statistics: those that matched last.
const SHOWN_RULES: usize = 500;

/// What a rule has done.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatisticsView {
    /// The rule.
    rule: String,
    /// Executions scheduled.
    matched: i64,
    /// Executions that succeeded.
    succeeded: i64,
    /// Executions that failed.
    failed: i64,
    /// Executions that were cancelled, dropped or coalesced.
    cancelled: i64,
    /// Those that succeeded among those that succeeded or failed, 0 to 1; `null` when there are none.
    success_rate: Option<f64>,
    /// Median time from scheduled to ended, in microseconds, within 10 %.
    p50_us: Option<i64>,
    /// 95th percentile of the same.
    p95_us: Option<i64>,
    /// When it last matched.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_matched_at: Option<Timestamp>,
}

impl From<RuleStatistics> for StatisticsView {
    fn from(statistics: RuleStatistics) -> Self {
        let RuleStatistics {
            rule,
            matched,
            succeeded,
            failed,
            cancelled,
            p50_us,
            p95_us,
            last_matched_at,
        } = statistics;
        let success_rate = success_rate(succeeded, failed);
        Self {
            rule,
            matched,
            succeeded,
            failed,
            cancelled,
            success_rate,
            p50_us,
            p95_us,
            last_matched_at,
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate needs no more than the 52 bits that stay exact"
)]
fn success_rate(succeeded: i64, failed: i64) -> Option<f64> {
    let ended = succeeded.saturating_add(failed);
    (ended > 0).then(|| succeeded as f64 / ended as f64)
}

/// How many there are of what.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TotalsView {
    /// Events in the log.
    events: i64,
    /// Decided events that no rule matched.
    unhandled: i64,
    /// Events not yet decided.
    undecided: i64,
    /// Executions above their rule's concurrency limit.
    waiting: i64,
    /// Executions to be run.
    pending: i64,
    /// Executions that run.
    running: i64,
    /// Executions that succeeded.
    succeeded: i64,
    /// Executions that failed.
    failed: i64,
    /// Executions that were cancelled.
    cancelled: i64,
    /// The earliest due moment of a pending execution.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_due: Option<Timestamp>,
    /// When the oldest undecided event was received.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_undecided: Option<Timestamp>,
}

impl From<Totals> for TotalsView {
    fn from(totals: Totals) -> Self {
        Self {
            events: totals.events,
            unhandled: totals.unhandled,
            undecided: totals.undecided,
            waiting: totals.waiting,
            pending: totals.pending,
            running: totals.running,
            succeeded: totals.succeeded,
            failed: totals.failed,
            cancelled: totals.cancelled,
            oldest_due: totals.oldest_due,
            oldest_undecided: totals.oldest_undecided,
        }
    }
}

/// How far the rules are behind the log.
#[derive(Serialize, ToSchema)]
struct LagView {
    /// Events not yet decided.
    events: i64,
    /// Age of the oldest of those.
    seconds: f64,
}

/// The state of the whole path.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatsView {
    /// Version of the program.
    version: &'static str,
    /// Since the start of this process.
    uptime_seconds: u64,
    /// Why the last configuration was refused; `null` when it was taken.
    config_error: Option<String>,
    /// How many there are of what.
    totals: TotalsView,
    /// How far the rules are behind the log.
    cursor_lag: LagView,
    /// Targets that are left alone because they fail.
    open_circuits: usize,
    /// Rules that matched, the latest first, at most 500.
    rules: Vec<StatisticsView>,
}

/// The state of the whole path.
#[utoipa::path(
    get, path = "/api/v1/stats", tag = "stats",
    responses((status = 200, description = "The state at this moment", body = StatsView))
)]
pub(super) async fn show(State(door): State<Arc<Door>>) -> Result<Json<StatsView>, Problem> {
    let totals = door.ports.history.totals().await?;
    let mut rules = door.ports.history.rule_statistics().await?;
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.last_matched_at));
    rules.truncate(SHOWN_RULES);
    Ok(Json(StatsView {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: door.opened.elapsed().as_secs(),
        config_error: door
            .config_error
            .load()
            .as_ref()
            .map(|error| error.as_str().to_owned()),
        cursor_lag: LagView {
            events: totals.undecided,
            seconds: age(totals.oldest_undecided, Timestamp::now()),
        },
        totals: totals.into(),
        open_circuits: door.executor.open_circuits(),
        rules: rules.into_iter().map(StatisticsView::from).collect(),
    }))
}
