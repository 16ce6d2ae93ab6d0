//! `stats`: the state of the whole path at one moment.

use clap::Args;
use pilotage_core::{
    Timestamp,
    ports::{RuleStatistics, Totals},
};
use serde::Deserialize;

use crate::{
    cli::Context,
    exit::Done,
    output::{Cell, Style, Table, clean, duration},
};

const EXAMPLES: &str = "\
Examples:
  pilotage stats
  pilotage stats --format json | jq .totals.undecided";

/// Totals, lag and what every rule has done.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Stats {}

/// What the API says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    totals: Totals,
    #[serde(default)]
    rules: Vec<RuleStatistics>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    config_error: Option<String>,
    /// Targets that are left alone because they fail.
    #[serde(default)]
    open_circuits: i64,
}

impl Stats {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let answer = context.client()?.get(&["stats"], &[]).await?;
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
        if let Some(error) = &self.config_error {
            let heading = "The last change of the configuration was refused, the earlier one stays in force:";
            output.line(output.paint(Style::Bad, heading))?;
            for line in error.trim_end().lines() {
                output.line(format_args!("  {}", clean(line)))?;
            }
            output.line("")?;
        }
        output.fields(&self.fields(context))?;
        if !self.rules.is_empty() {
            output.line("")?;
            output.table(&rules(context, &self.rules))?;
        }
        Ok(())
    }

    fn fields(&self, context: &Context) -> Vec<(&'static str, String)> {
        let output = &context.output;
        let Totals {
            events,
            unhandled,
            undecided,
            waiting,
            pending,
            running,
            succeeded,
            failed,
            cancelled,
            ..
        } = self.totals;
        let warn = |count: i64, style: Style| {
            output.paint(if count > 0 { style } else { Style::Plain }, &count.to_string())
        };
        let lag = |count: String, since: Option<Timestamp>| match since {
            Some(since) => format!("{count}, the oldest since {}", output.moment(since)),
            None => count,
        };
        let mut fields = vec![
            ("events", events.to_string()),
            ("unhandled", warn(unhandled, Style::Warning)),
            (
                "undecided",
                lag(undecided.to_string(), self.totals.oldest_undecided),
            ),
            ("waiting", waiting.to_string()),
            ("pending", lag(pending.to_string(), self.totals.oldest_due)),
            ("running", running.to_string()),
            ("succeeded", succeeded.to_string()),
            ("failed", warn(failed, Style::Bad)),
            ("cancelled", cancelled.to_string()),
            ("open circuits", warn(self.open_circuits, Style::Warning)),
        ];
        fields.extend(
            self.version
                .as_deref()
                .map(|version| ("version", output.paint(Style::Plain, version))),
        );
        fields
    }
}

fn rules(context: &Context, statistics: &[RuleStatistics]) -> Table {
    let mut table = Table::new(&[
        "RULE",
        "MATCHED",
        "SUCCEEDED",
        "FAILED",
        "CANCELLED",
        "P50",
        "P95",
        "LAST MATCHED",
    ]);
    for rule in statistics {
        let micros = |value: Option<i64>| Cell::from(value.map_or_else(|| "-".to_owned(), duration));
        let failed = if rule.failed > 0 { Style::Bad } else { Style::Plain };
        let last = rule
            .last_matched_at
            .map_or_else(|| "never".to_owned(), |at| context.output.age(at));
        table.row([
            Cell::id(&rule.rule),
            rule.matched.to_string().into(),
            rule.succeeded.to_string().into(),
            Cell::styled(failed, &rule.failed.to_string()),
            rule.cancelled.to_string().into(),
            micros(rule.p50_us),
            micros(rule.p95_us),
            last.into(),
        ]);
    }
    table
}
