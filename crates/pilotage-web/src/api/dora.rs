use std::sync::Arc;

use axum::{Json, extract::State};
use pilotage_core::Timestamp;
use pilotage_engine::dora::{Asked, Day, Environment, Figure, Looked, Report};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request::Parameters;
use crate::{door::Door, problem::Problem};

/// For how many days back, 1 to 366.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
struct Days(u16);

impl Days {
    const MOST: u16 = 366;
}

impl Default for Days {
    fn default() -> Self {
        Self(30)
    }
}

impl TryFrom<u16> for Days {
    type Error = String;

    fn try_from(days: u16) -> Result<Self, String> {
        if (1..=Self::MOST).contains(&days) {
            Ok(Self(days))
        } else {
            Err(format!("`days` is 1 to {}", Self::MOST))
        }
    }
}

/// Which deployments.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DoraQuery {
    /// For how many days back.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 366, default = 30)]
    days: Days,
    /// Deployments to this environment, whatever the case of its letters, or `*` for all. Without it those to production,
    /// by what the senders say of their environments or by the names `production` and `prod`.
    environment: Option<String>,
}

/// One figure, or why there is none.
#[derive(Serialize, ToSchema)]
struct FigureView {
    /// The value; `null` where there is not enough data.
    value: Option<f64>,
    /// What it counts in: `deployments per day`, `seconds`, or `ratio` (0 to 1).
    unit: &'static str,
    /// How many facts it is computed from.
    sample: usize,
    /// Why there is no value, or what is to be known about it; `null` where nothing is to be said.
    reason: Option<String>,
    /// What exactly is computed.
    definition: &'static str,
}

impl From<Figure> for FigureView {
    fn from(figure: Figure) -> Self {
        Self {
            value: figure.value,
            unit: figure.unit,
            sample: figure.sample,
            reason: figure.reason,
            definition: figure.definition,
        }
    }
}

/// How many deployments ended on a day.
#[derive(Serialize, ToSchema)]
struct DayView {
    /// When it begins, in UTC.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// Deployments that succeeded.
    succeeded: u32,
    /// Deployments that failed.
    failed: u32,
}

impl From<Day> for DayView {
    fn from(day: Day) -> Self {
        Self {
            start: day.start,
            succeeded: day.succeeded,
            failed: day.failed,
        }
    }
}

/// An environment that deployments went to.
#[derive(Serialize, ToSchema)]
struct EnvironmentView {
    /// Its name; empty where the sender does not say one.
    name: String,
    /// Deployments to it that ended.
    deployments: usize,
}

impl From<Environment> for EnvironmentView {
    fn from(environment: Environment) -> Self {
        Self {
            name: environment.name,
            deployments: environment.deployments,
        }
    }
}

/// What was looked at.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LookedView {
    /// Events about deployments.
    deployment_events: usize,
    /// Pushes, for the times of commits.
    push_events: usize,
    /// Among both, those whose body is pruned or too long to be looked into.
    without_body: usize,
    /// Events of one type that are looked at, at most: the newest.
    limit: usize,
    /// Whether there were more about deployments; then the figures begin later than asked for.
    truncated: bool,
}

impl From<Looked> for LookedView {
    fn from(looked: Looked) -> Self {
        Self {
            deployment_events: looked.deployment_events,
            push_events: looked.push_events,
            without_body: looked.without_body,
            limit: looked.limit,
            truncated: looked.truncated,
        }
    }
}

/// The figures of DORA and what they stand on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DoraView {
    /// From when on: as asked for, or later where nothing is stored from before.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Which environment: a name, `production` or `*`.
    environment: String,
    /// All environments that were found, the one with most deployments first; at most 50.
    environments: Vec<EnvironmentView>,
    /// How often.
    deployment_frequency: FigureView,
    /// How long from commit to running.
    lead_time: FigureView,
    /// How many fail.
    change_failure_rate: FigureView,
    /// How long a failure lasts.
    failed_deployment_recovery_time: FigureView,
    /// How many only make good what went wrong.
    deployment_rework_rate: FigureView,
    /// Deployments by day, oldest first, days without any too.
    daily: Vec<DayView>,
    /// What was looked at.
    looked: LookedView,
}

impl From<Report> for DoraView {
    fn from(report: Report) -> Self {
        let figures = report.figures;
        Self {
            since: report.since,
            until: report.until,
            environment: report.environment,
            environments: report.environments.into_iter().map(Into::into).collect(),
            deployment_frequency: figures.deployment_frequency.into(),
            lead_time: figures.lead_time.into(),
            change_failure_rate: figures.change_failure_rate.into(),
            failed_deployment_recovery_time: figures.failed_deployment_recovery_time.into(),
            deployment_rework_rate: figures.deployment_rework_rate.into(),
            daily: report.daily.into_iter().map(Into::into).collect(),
            looked: report.looked.into(),
        }
    }
}

/// How software is delivered, from the stored events of deployments and pushes: the five figures of DORA. A figure that
/// these do not give is `null`, with the reason. The answer may be some seconds old.
#[utoipa::path(
    get, path = "/api/v1/metrics/dora", tag = "metrics", params(DoraQuery),
    responses((status = 200, description = "The figures and what they stand on", body = DoraView))
)]
pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<DoraQuery>,
) -> Result<Json<DoraView>, Problem> {
    let asked = Asked {
        days: query.days.0,
        environment: query.environment.filter(|name| !name.is_empty()),
    };
    let report = door.dora.report(&asked, Timestamp::now()).await?;
    Ok(Json(Report::clone(&report).into()))
}
