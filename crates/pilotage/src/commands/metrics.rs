//! `metrics`: how software is delivered, from stored events.

use clap::Args;
use pilotage_core::Timestamp;
use serde::Deserialize;

use crate::{
    cli::Context,
    exit::Done,
    output::{Cell, Style, Table, clean, remark},
};

const EXAMPLES: &str = "\
Examples:
  pilotage metrics                              the last 30 days of production
  pilotage metrics --days 90 --environment eu   another stretch, another environment
  pilotage metrics --environment '*' --format json";

/// How software is delivered: the five figures of DORA, from the deployments and pushes that are stored.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Metrics {
    /// For how many days back.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// Deployments to this environment, or `*` for all; production where it is not given.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

/// What the API says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    since: Timestamp,
    environment: String,
    #[serde(default)]
    environments: Vec<Environment>,
    deployment_frequency: Figure,
    lead_time: Figure,
    change_failure_rate: Figure,
    failed_deployment_recovery_time: Figure,
    deployment_rework_rate: Figure,
    looked: Looked,
}

#[derive(Deserialize)]
struct Environment {
    name: String,
    deployments: u64,
}

#[derive(Deserialize)]
struct Figure {
    value: Option<f64>,
    unit: String,
    sample: u64,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Looked {
    deployment_events: u64,
    push_events: u64,
    without_body: u64,
    limit: u64,
    truncated: bool,
}

impl Metrics {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let mut query = vec![("days", self.days.to_string())];
        query.extend(self.environment.map(|name| ("environment", name)));
        let answer = context.client()?.get(&["metrics", "dora"], &query).await?;
        if context.output.is_json() {
            context.output.json_text(&answer.text)?;
        } else {
            answer.read::<Answer>()?.print(context)?;
        }
        Ok(Done::Yes)
    }
}

impl Answer {
    fn print(&self, context: &Context) -> anyhow::Result<()> {
        let output = &context.output;
        let environment = match self.environment.as_str() {
            "*" => "every environment".to_owned(),
            name => clean(name),
        };
        let since = output.moment(self.since);
        output.line(format_args!("Deployments to {environment} since {since}"))?;
        output.line("")?;
        let mut table = Table::new(&["FIGURE", "VALUE", "FROM", "REMARK"]);
        for (name, figure) in [
            ("deployment frequency", &self.deployment_frequency),
            ("lead time for changes", &self.lead_time),
            ("change failure rate", &self.change_failure_rate),
            (
                "failed deployment recovery",
                &self.failed_deployment_recovery_time,
            ),
            ("deployment rework rate", &self.deployment_rework_rate),
        ] {
            table.row(figure.row(name));
        }
        output.table(&table)?;
        self.remarks();
        Ok(())
    }

    /// What the figures stand on.
    fn remarks(&self) {
        let Looked {
            deployment_events,
            push_events,
            without_body,
            limit,
            truncated,
        } = self.looked;
        remark(format_args!(
            "Looked at {deployment_events} events about deployments and {push_events} pushes."
        ));
        if without_body > 0 {
            remark(format_args!(
                "{without_body} of them say nothing: their bodies are pruned or too long."
            ));
        }
        if truncated {
            remark(format_args!(
                "There were more: of each type the newest {limit} were looked at, so the figures begin later."
            ));
        }
        if !self.environments.is_empty() {
            let names = self.environments.iter().map(|environment| {
                let name = match environment.name.as_str() {
                    "" => "(no name)".to_owned(),
                    name => clean(name),
                };
                format!("{name} {}", environment.deployments)
            });
            let names: Vec<_> = names.collect();
            remark(format_args!("Deployments by environment: {}.", names.join(", ")));
        }
    }
}

impl Figure {
    fn row(&self, name: &str) -> [Cell; 4] {
        let value = match self.value {
            Some(value) => Cell::styled(Style::Strong, &shown(value, &self.unit)),
            None => Cell::styled(Style::Faint, "-"),
        };
        let sample = match self.value {
            Some(_) => self.sample.to_string(),
            None => "-".to_owned(),
        };
        let reason = self.reason.as_deref().unwrap_or_default();
        [name.into(), value, sample.into(), reason.into()]
    }
}

fn shown(value: f64, unit: &str) -> String {
    match unit {
        "seconds" => lasting(value),
        "ratio" => format!("{:.1} %", value * 100.0),
        "deployments per day" => format!("{value:.2} a day"),
        other => format!("{value} {other}"),
    }
}

/// Two units, since half of one may be much.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float that does not fit becomes the nearest integer that does"
)]
fn lasting(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_their_units() {
        for (value, unit, expected) in [
            (0.2, "seconds", "0 s"),
            (59.4, "seconds", "59 s"),
            (60.0, "seconds", "1 min 0 s"),
            (5_400.0, "seconds", "1 h 30 min"),
            (100_000.0, "seconds", "1 d 3 h"),
            (-1.0, "seconds", "0 s"),
            (0.125, "ratio", "12.5 %"),
            (1.366_6, "deployments per day", "1.37 a day"),
            (3.0, "moons", "3 moons"),
        ] {
            assert_eq!(shown(value, unit), expected, "{value} {unit}");
        }
    }
}
