//! Figures over time, from stored facts.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use pilotage_core::{Timestamp, ports::Activity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request::Parameters;
use crate::{door::Door, problem::Problem};

/// Points that a chart of it has at most.
const POINTS_AT_MOST: u64 = 300;

/// Lengths of a stretch, in minutes: those that people read off a clock or a calendar.
const STEPS_MINUTES: [u64; 11] = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880];

/// For how long back, 1 hour to a year.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
struct Hours(u16);

impl Hours {
    const MOST: u16 = 8_784;
}

impl Default for Hours {
    fn default() -> Self {
        Self(24)
    }
}

impl TryFrom<u16> for Hours {
    type Error = String;

    fn try_from(hours: u16) -> Result<Self, String> {
        if (1..=Self::MOST).contains(&hours) {
            Ok(Self(hours))
        } else {
            Err(format!("`hours` is 1 to {}", Self::MOST))
        }
    }
}

/// Which stretch of time.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ActivityQuery {
    /// For how many hours back.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 8784, default = 24)]
    hours: Hours,
}

/// What happened in one stretch of time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivityPoint {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// Deliveries accepted.
    deliveries: i64,
    /// Events decided that no rule matched.
    unhandled: i64,
    /// Executions that succeeded.
    succeeded: i64,
    /// Executions that failed, each time that they did.
    failed: i64,
    /// Executions that were cancelled, dropped or coalesced.
    cancelled: i64,
    /// Attempts that failed, whether they were repeated or not.
    attempts_failed: i64,
    /// Mean time from scheduled to ended of those that succeeded or failed, in microseconds; `null` where there are none.
    mean_us: Option<i64>,
}

impl From<Activity> for ActivityPoint {
    fn from(activity: Activity) -> Self {
        Self {
            start: activity.start,
            deliveries: activity.deliveries,
            unhandled: activity.unhandled,
            succeeded: activity.succeeded,
            failed: activity.failed,
            cancelled: activity.cancelled,
            attempts_failed: activity.attempts_failed,
            mean_us: activity.duration_us.checked_div(activity.timed),
        }
    }
}

/// What happened over time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivityView {
    /// When the first stretch begins.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// The present moment, in the last stretch.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// How long a stretch is.
    step_seconds: u64,
    /// The stretches, oldest first, the empty ones too; at most 300.
    points: Vec<ActivityPoint>,
}

/// The shortest step with which there are not too many points. The first and the last stretch may be cut.
fn step(hours: Hours) -> Duration {
    let minutes = u64::from(hours.0) * 60;
    let fits = |step: &&u64| minutes.div_ceil(**step) < POINTS_AT_MOST;
    let step = STEPS_MINUTES.iter().find(fits).copied();
    Duration::from_mins(step.unwrap_or(minutes))
}

/// What happened over time: deliveries, executions, failures.
#[utoipa::path(
    get, path = "/api/v1/metrics/activity", tag = "metrics", params(ActivityQuery),
    responses((status = 200, description = "The stretches of time, oldest first", body = ActivityView))
)]
pub(super) async fn activity(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<ActivityQuery>,
) -> Result<Json<ActivityView>, Problem> {
    let step = step(query.hours);
    let until = Timestamp::now();
    let asked_since = until - Duration::from_hours(query.hours.0.into());
    let points = door.ports.history.activity(asked_since, until, step).await?;
    Ok(Json(ActivityView {
        since: points.first().map_or(asked_since, |first| first.start),
        until,
        step_seconds: step.as_secs(),
        points: points.into_iter().map(ActivityPoint::from).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_time_has_few_enough_points() {
        let step_minutes = |hours| step(Hours(hours)).as_secs() / 60;
        for (hours, expected) in [
            (1, 5),
            (24, 5),
            (25, 10),
            (24 * 7, 60),
            (24 * 30, 180),
            (8_784, 2_880),
        ] {
            assert_eq!(step_minutes(hours), expected, "{hours} h");
        }
        for hours in 1..=Hours::MOST {
            let points = (u64::from(hours) * 60).div_ceil(step_minutes(hours)) + 1;
            assert!(points <= POINTS_AT_MOST, "{hours} h give {points}");
        }
    }
}
