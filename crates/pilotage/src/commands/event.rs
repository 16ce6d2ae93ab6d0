//! `event`: look at what came in, and act on it again.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use pilotage_core::{EventId, Timestamp, event::EventFacts, execution::Execution, ports::RuleFault};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use uuid::Uuid;

use super::{
    execution, identity,
    listing::{Listing, Paging},
};
use crate::{
    cli::Context,
    exit::Done,
    output::{Cell, Style, clean, indent_json, parse_moment},
};

const EXAMPLES: &str = "\
Examples:
  pilotage event list --source github --type push --since 2h
  pilotage event list --unhandled
  pilotage event show 01930000-0000-7000-8000-000000000000 --raw | jq .
  pilotage event replay 01930000-0000-7000-8000-000000000000";

/// Look at what came in, and act on it again.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum EventCommand {
    /// List events, newest first.
    List(List),
    /// Show one event: facts, what the rules said, executions and data.
    Show(Show),
    /// Act on an event again; the new executions say who replayed it.
    Replay(Replay),
}

impl EventCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Replay(replay) => replay.run(context).await,
        }
    }
}

/// Filters; all that are given must hold.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only of this source.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only of this type.
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only with this delivery id.
    #[arg(long, value_name = "ID")]
    delivery_id: Option<String>,
    /// Only those that no rule matched.
    #[arg(long)]
    unhandled: bool,
    /// Received at or after: a time like 2026-11-22T18:30:00Z or a span like 2h.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    since: Option<Timestamp>,
    /// Received before.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    until: Option<Timestamp>,
    #[command(flatten)]
    paging: Paging,
}

/// An event in a list.
#[derive(Deserialize)]
struct Summary {
    #[serde(flatten)]
    facts: EventFacts,
    /// How many executions it caused; missing while it is undecided.
    executions: Option<i64>,
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let filters = [
            ("source", self.source),
            ("type", self.event_type),
            ("deliveryId", self.delivery_id),
            ("unhandled", self.unhandled.then(|| "true".to_owned())),
            ("since", self.since.map(|at| at.to_string())),
            ("until", self.until.map(|at| at.to_string())),
        ];
        let listing = Listing {
            path: &["events"],
            query: filters
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            heading: &["RECEIVED", "ID", "SOURCE", "TYPE", "EXECUTIONS", "DELIVERY"],
            row: summary_row,
            empty: "No event matches.",
        };
        listing.print(context, &self.paging).await
    }
}

fn summary_row(context: &Context, summary: &Summary) -> Vec<Cell> {
    let facts = &summary.facts;
    let executions = match summary.executions {
        None => Cell::styled(Style::Warning, "undecided"),
        Some(0) if facts.is_ping() => Cell::styled(Style::Good, "ping"),
        Some(0) => Cell::styled(Style::Warning, "unhandled"),
        Some(count) => Cell::styled(Style::Good, &count.to_string()),
    };
    vec![
        context.output.age(facts.received_at).into(),
        Cell::id(&facts.id.to_string()),
        facts.source.as_str().into(),
        facts.event_type.as_str().into(),
        executions,
        Cell::styled(Style::Faint, &facts.delivery_id),
    ]
}

/// Which event.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The event's id, as `event list` shows it.
    #[arg(value_parser = identity::event)]
    id: Uuid,
    /// Only the data, as JSON, exactly as it was stored.
    #[arg(long)]
    raw: bool,
}

/// An event with everything known about it.
#[derive(Deserialize)]
pub(super) struct Detail {
    #[serde(flatten)]
    facts: EventFacts,
    /// Length of the data in bytes; missing once pruned.
    #[serde(default)]
    size: Option<i64>,
    #[serde(default)]
    decision: Option<Decision>,
    #[serde(default)]
    executions: Vec<Execution>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    decided_at: Timestamp,
    #[serde(default)]
    faults: Vec<RuleFault>,
}

/// Read apart from the rest: a buffering deserializer cannot keep the text of the data as it is.
#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl Show {
    async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let answer = context
            .client()?
            .get(&["events", &self.id.to_string()], &[])
            .await?;
        if context.output.is_json() && !self.raw {
            context.output.json_text(&answer.text)?;
            return Ok(Done::Yes);
        }
        let data: Data<'_> = serde_json::from_str(&answer.text).context("reading the event")?;
        let data = data.data.map(RawValue::get);
        if self.raw {
            let data = data.context("retention has pruned the body of this event")?;
            context.output.json_text(data)?;
            return Ok(Done::Yes);
        }
        let detail: Detail = answer.read()?;
        detail.print(context)?;
        context.output.line("")?;
        context.output.line(context.output.paint(Style::Strong, "Data"))?;
        context
            .output
            .line(data.map_or_else(|| "pruned by retention".to_owned(), indent_json))?;
        Ok(Done::Yes)
    }
}

impl Detail {
    fn print(&self, context: &Context) -> anyhow::Result<()> {
        let output = &context.output;
        let facts = &self.facts;
        let mut fields = vec![
            ("event", output.paint(Style::Strong, &facts.id.to_string())),
            ("source", clean(&facts.source)),
            ("type", clean(&facts.event_type)),
            ("delivery", clean(&facts.delivery_id)),
            ("happened", output.moment(facts.timestamp)),
            ("received", output.moment(facts.received_at)),
            ("verified", self.verified(context)),
            ("digest", format!("sha256:{}", facts.digest)),
            (
                "size",
                self.size
                    .map_or_else(|| "pruned".to_owned(), |size| format!("{size} bytes")),
            ),
            ("decided", self.decided(context)),
        ];
        let attributes: Vec<_> = facts
            .attributes
            .iter()
            .map(|(name, value)| format!("{} = {}", clean(name), clean(value)))
            .collect();
        if !attributes.is_empty() {
            fields.push(("attributes", attributes.join("\n")));
        }
        output.fields(&fields)?;
        if !self.executions.is_empty() {
            output.line("")?;
            output.table(&execution::table(context, &self.executions))?;
        }
        Ok(())
    }

    fn verified(&self, context: &Context) -> String {
        if self.facts.verified {
            context.output.paint(Style::Good, "yes")
        } else {
            context.output.paint(
                Style::Warning,
                "no: the source is configured without verification",
            )
        }
    }

    fn decided(&self, context: &Context) -> String {
        let output = &context.output;
        let Some(decision) = &self.decision else {
            return output.paint(Style::Warning, "not yet");
        };
        let mut text = output.moment(decision.decided_at);
        if self.executions.is_empty() && self.facts.is_ping() {
            text.push_str(", a ping: the sender reaches us");
        } else if self.executions.is_empty() {
            text.push_str(&output.paint(Style::Warning, ", unhandled: no rule matched"));
        }
        for fault in &decision.faults {
            let fault = format!("rule {} could not be asked: {}", fault.rule, fault.reason);
            text.push('\n');
            text.push_str(&output.paint(Style::Bad, &fault));
        }
        text
    }
}

/// Which event, and which rules decide.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The event's id, as `event list` shows it.
    #[arg(value_parser = identity::event)]
    id: Uuid,
    /// Repeat the versions of the rules that matched then, instead of asking the rules of today.
    #[arg(long)]
    same_rules: bool,
}

/// What a replay scheduled.
#[derive(Deserialize)]
struct Replayed {
    executions: Vec<Uuid>,
    #[serde(default)]
    faults: Vec<RuleFault>,
}

impl Replay {
    async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let id = EventId(self.id).to_string();
        let body = json!({ "rules": if self.same_rules { "same" } else { "today" } });
        let answer = context
            .client()?
            .change(Method::POST, &["events", &id, "replay"], Some(&body))
            .await?;
        let replayed: Replayed = answer.read()?;
        if context.output.is_json() {
            context.output.json_text(&answer.text)?;
        } else {
            replayed.print(context)?;
        }
        Ok(Done::when(!replayed.executions.is_empty()))
    }
}

impl Replayed {
    fn print(&self, context: &Context) -> anyhow::Result<()> {
        let output = &context.output;
        for fault in &self.faults {
            let text = format!("rule {} could not be asked: {}", fault.rule, fault.reason);
            output.line(output.paint(Style::Bad, &text))?;
        }
        if self.executions.is_empty() {
            output.line(output.paint(Style::Warning, "No rule matches: nothing was scheduled."))?;
        }
        for id in &self.executions {
            output.line(format_args!("scheduled execution {id}"))?;
        }
        Ok(())
    }
}
