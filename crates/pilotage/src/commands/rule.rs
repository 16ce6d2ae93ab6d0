//! `rule`: look at the rules, test and change them.

mod apply;
mod payload;
mod test;

use clap::{Args, Subcommand};
use pilotage_core::{ports::RuleStatistics, rule::Rule};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::listing::{Listing, Paging};
use crate::{
    cli::Context,
    client::{Client, Fault},
    exit::Done,
    output::{Cell, Style, clean, duration, indent_json},
};

const EXAMPLES: &str = "\
Examples:
  pilotage rule list
  pilotage rule test --event push.json --source github --type push
  pilotage rule apply deploy.yaml
  pilotage rule delete deploy";

const TEST_EXAMPLES: &str = "\
Examples:
  pilotage rule test --event push.json --source github --type push   with the rules of pilotage.yaml
  pilotage rule test --event run.json --source make                  the payload says what happened
  pilotage rule test --event 01930000-0000-7000-8000-000000000000    with the rules of the server
  pilotage event show ID --format json | pilotage rule test --event - --config new.yaml

Exit codes: 0 a rule matches, 1 none does.";

/// What the API tells about a rule beside what people write.
const READ_ONLY: [&str; 5] = ["origin", "digest", "inForce", "problems", "statistics"];

/// Look at the rules, test and change them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum RuleCommand {
    /// List the rules with what they have done.
    List(List),
    /// Show one rule as it is written, and what it has done.
    Show(One),
    /// Say why rules match an event or do not, condition by condition.
    Test(test::Test),
    /// Create or replace a rule of the server from a file.
    Apply(apply::Apply),
    /// Delete a rule that was made through the API.
    Delete(One),
}

impl RuleCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(one) => one.show(context).await,
            Self::Test(test) => test.run(context).await,
            Self::Apply(apply) => apply.run(context).await,
            Self::Delete(one) => one.delete(context).await,
        }
    }
}

/// Which part of the rules.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    paging: Paging,
}

/// A rule as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    id: String,
    enabled: bool,
    /// `file` or `api`.
    origin: String,
    in_force: bool,
    #[serde(default)]
    problems: Vec<Fault>,
    statistics: Option<RuleStatistics>,
    #[serde(flatten)]
    written: Map<String, Value>,
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let listing = Listing {
            path: &["rules"],
            query: Vec::new(),
            heading: &[
                "ID", "STATE", "ORIGIN", "SOURCE", "TYPES", "MATCHED", "FAILED", "P95",
            ],
            row,
            empty: "There is no rule. Write one in pilotage.yaml, or apply one with `pilotage rule apply FILE`.",
        };
        listing.print(context, &self.paging).await
    }
}

fn row(_: &Context, rule: &View) -> Vec<Cell> {
    let (style, state) = rule.state();
    let count = |of: fn(&RuleStatistics) -> i64| rule.statistics.as_ref().map_or(0, of);
    let p95 = rule
        .statistics
        .as_ref()
        .and_then(|statistics| statistics.p95_us)
        .map(duration);
    let failed = count(|statistics| statistics.failed);
    vec![
        Cell::id(&rule.id),
        Cell::styled(style, state),
        rule.origin.as_str().into(),
        rule.source().into(),
        rule.types().into(),
        count(|statistics| statistics.matched).to_string().into(),
        Cell::styled(
            if failed > 0 { Style::Bad } else { Style::Plain },
            &failed.to_string(),
        ),
        p95.as_deref().unwrap_or("-").into(),
    ]
}

impl View {
    const fn state(&self) -> (Style, &'static str) {
        match (self.in_force, self.enabled) {
            (false, _) => (Style::Bad, "set aside"),
            (true, true) => (Style::Good, "enabled"),
            (true, false) => (Style::Faint, "disabled"),
        }
    }

    fn trigger(&self, name: &str) -> Option<&Value> {
        self.written.get("trigger")?.get(name)
    }

    fn source(&self) -> &str {
        self.trigger("source").and_then(Value::as_str).unwrap_or_default()
    }

    fn types(&self) -> String {
        let types = self
            .trigger("eventTypes")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        match types {
            [] => "any".to_owned(),
            types => types
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

/// Which rule.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The rule's id.
    id: String,
}

impl One {
    async fn show(self, context: &Context) -> anyhow::Result<Done> {
        let answer = context.client()?.get(&["rules", &self.id], &[]).await?;
        if context.output.is_json() {
            context.output.json_text(&answer.text)?;
            return Ok(Done::Yes);
        }
        answer.read::<View>()?.print(context)?;
        let written = written(answer.read()?)?;
        context.output.line("")?;
        context
            .output
            .line(indent_json(&serde_json::to_string(&written)?))?;
        Ok(Done::Yes)
    }

    async fn delete(self, context: &Context) -> anyhow::Result<Done> {
        let answer = context
            .client()?
            .change::<()>(Method::DELETE, &["rules", &self.id], None)
            .await?;
        if context.output.is_json() && !answer.text.is_empty() {
            context.output.json_text(&answer.text)?;
        } else if context.output.is_json() {
            context
                .output
                .json(&serde_json::json!({ "id": self.id, "deleted": true }))?;
        } else {
            context
                .output
                .line(format_args!("deleted rule {}", clean(&self.id)))?;
        }
        Ok(Done::Yes)
    }
}

impl View {
    fn print(&self, context: &Context) -> anyhow::Result<()> {
        let output = &context.output;
        let (style, state) = self.state();
        let mut fields = vec![
            ("rule", output.paint(Style::Strong, &self.id)),
            ("state", output.paint(style, state)),
            ("origin", clean(&self.origin)),
        ];
        let problems: Vec<_> = self
            .problems
            .iter()
            .map(|problem| clean(&problem.to_string()))
            .collect();
        if !problems.is_empty() {
            fields.push(("problems", problems.join("\n")));
        }
        if let Some(statistics) = &self.statistics {
            let RuleStatistics {
                matched,
                succeeded,
                failed,
                cancelled,
                p50_us,
                p95_us,
                ..
            } = statistics;
            let percentile = |value: &Option<i64>| value.map_or_else(|| "-".to_owned(), duration);
            fields.extend([
                (
                    "matched",
                    format!("{matched}: {succeeded} succeeded, {failed} failed, {cancelled} cancelled"),
                ),
                (
                    "latency",
                    format!("p50 {}, p95 {}", percentile(p50_us), percentile(p95_us)),
                ),
            ]);
            fields.extend(
                statistics
                    .last_matched_at
                    .map(|at| ("last matched", output.moment(at))),
            );
        }
        Ok(output.fields(&fields)?)
    }
}

/// The part of a rule that people write.
fn written(mut rule: Map<String, Value>) -> Result<Rule, serde_json::Error> {
    rule.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    serde_json::from_value(Value::Object(rule))
}

/// Every rule in force on the server.
async fn server_rules(client: &Client) -> anyhow::Result<Vec<Rule>> {
    #[derive(Deserialize)]
    struct Page {
        items: Vec<Map<String, Value>>,
        next: Option<String>,
    }
    let mut rules = Vec::new();
    let mut after = None;
    loop {
        let mut query = vec![("limit", "500".to_owned())];
        query.extend(after.map(|after: String| ("after", after)));
        let page: Page = client.get(&["rules"], &query).await?.read()?;
        for item in page.items {
            if item.get("inForce") != Some(&Value::Bool(false)) {
                rules.push(written(item)?);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(rules);
        }
    }
}
