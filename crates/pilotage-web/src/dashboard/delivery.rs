//! How software is delivered: DORA's figures as people read them. What is not known is said, never guessed.

use std::{fmt::Write as _, time::Duration};

use pilotage_core::time::micros;
use pilotage_engine::dora::{Asked, Day, Figure, Report};

use super::{
    chart::{Chart, Stack, WIDE, plain},
    query::Query,
    shell::Visitor,
    words::{count, cut, duration, plural},
};
use crate::{door::Door, problem::Problem};

/// Days looked back on where nothing is said, and at most.
const DAYS: u16 = 30;
const MOST_DAYS: u16 = 365;
/// Environments offered.
const ENVIRONMENTS: usize = 12;

/// One figure.
pub(super) struct Shown {
    pub(super) name: &'static str,
    /// `None` where there is not enough data.
    pub(super) value: Option<String>,
    /// What it stands on, or why there is none.
    pub(super) note: String,
    pub(super) definition: &'static str,
}

/// The part of the page about deliveries of software.
pub(super) struct Delivery {
    pub(super) figures: Vec<Shown>,
    pub(super) environment: String,
    /// Environments to choose: address and name, with the number of deployments.
    pub(super) environments: Vec<(String, String)>,
    pub(super) chart: Chart,
    pub(super) looked: String,
    pub(super) days: u16,
}

/// The figures that a visitor asks for.
pub(super) async fn of(door: &Door, visitor: &Visitor) -> Result<Delivery, Problem> {
    let query = &visitor.query;
    let days = query.number("days")?.and_then(|days| u16::try_from(days).ok());
    let asked = Asked {
        days: days.unwrap_or(DAYS).clamp(1, MOST_DAYS),
        environment: query.text("environment").map(|name| cut(name, 200)),
    };
    let report = door.dora.report(&asked, visitor.now).await?;
    Ok(Delivery {
        figures: figures(&report),
        environment: match report.environment.as_str() {
            "*" => "all environments".to_owned(),
            name => cut(name, 80),
        },
        environments: environments(&report, query),
        chart: chart(&report.daily),
        looked: looked(&report),
        days: asked.days,
    })
}

fn figures(report: &Report) -> Vec<Shown> {
    let figures = &report.figures;
    vec![
        shown("Deployment frequency", &figures.deployment_frequency),
        shown("Lead time for changes", &figures.lead_time),
        shown("Change failure rate", &figures.change_failure_rate),
        shown(
            "Failed deployment recovery time",
            &figures.failed_deployment_recovery_time,
        ),
        shown("Deployment rework rate", &figures.deployment_rework_rate),
    ]
}

fn shown(name: &'static str, figure: &Figure) -> Shown {
    let from = format!(
        "from {}",
        plural(i64::try_from(figure.sample).unwrap_or(i64::MAX), "fact")
    );
    Shown {
        name,
        value: figure.value.map(|value| in_words(value, figure.unit)),
        note: match (&figure.value, &figure.reason) {
            (None, Some(why)) => cut(why.trim_start_matches("not enough data: "), 300),
            (Some(_), Some(known)) => format!("{from}; {}", cut(known, 300)),
            _ => from,
        },
        definition: figure.definition,
    }
}

fn in_words(value: f64, unit: &str) -> String {
    match unit {
        "seconds" => duration(micros(Duration::try_from_secs_f64(value).unwrap_or_default())),
        "ratio" => format!("{:.1} %", value * 100.0),
        "deployments per day" if value < 1.0 => format!("{:.1} a week", value * 7.0),
        "deployments per day" => format!("{value:.1} a day"),
        unit => format!("{value:.2} {unit}"),
    }
}

fn environments(report: &Report, query: &Query) -> Vec<(String, String)> {
    let all = (query.with("environment", Some("*")), "all".to_owned());
    let named = report
        .environments
        .iter()
        .filter(|one| !one.name.is_empty())
        .take(ENVIRONMENTS);
    let named = named.map(|one| {
        let deployments = i64::try_from(one.deployments).unwrap_or(i64::MAX);
        let name = format!("{} ({})", cut(&one.name, 60), count(deployments));
        (query.with("environment", Some(&one.name)), name)
    });
    if report.environments.is_empty() {
        return Vec::new();
    }
    std::iter::once(all).chain(named).collect()
}

fn chart(days: &[Day]) -> Chart {
    let stacks = days.iter().map(|day| {
        let date = day.start.to_string();
        Stack {
            label: date.get(5..10).unwrap_or_default().to_owned(),
            name: date.get(..10).unwrap_or_default().to_owned(),
            values: vec![day.succeeded.into(), day.failed.into()],
        }
    });
    let series = ["succeeded", "failed"];
    Chart::new("Deployments by day", &series, WIDE, stacks.collect(), None, plain)
}

fn looked(report: &Report) -> String {
    let looked = report.looked;
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut text = format!(
        "Looked at {} about deployments and {}",
        plural(number(looked.deployment_events), "event"),
        match looked.push_events {
            1 => "1 push".to_owned(),
            many => format!("{} pushes", count(number(many))),
        }
    );
    if looked.without_body > 0 {
        // Writing into a string does not fail.
        let _ = write!(
            text,
            ", {} of them without a body",
            count(number(looked.without_body))
        );
    }
    if looked.truncated {
        text.push_str("; there were more, so the figures begin later than asked for");
    }
    text + "."
}
