//! `rule test`: why each rule matches an event or does not, condition by condition.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use pilotage_core::{
    Digest, Event, EventId, Timestamp,
    config::nearest,
    event::EventFacts,
    rule::{ExplainedPart, Explanation, Rule, RuleSet, explain},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{payload, server_rules};
use crate::{
    cli::Context,
    client::Client,
    exit::{Done, usage},
    output::{Cell, Output, Style, Table, clean},
    settings::Settings,
};

/// Longest event that is read.
const MAX_EVENT_BYTES: u64 = 256 << 20;

/// Which event, and which rules.
#[derive(Debug, Args)]
#[command(after_help = super::TEST_EXAMPLES)]
pub(crate) struct Test {
    /// JSON file with an event as `event show --format json` prints it, or with a bare payload; `-` is the standard input;
    /// or the id of an event of the server.
    #[arg(long, value_name = "FILE|ID")]
    event: String,
    /// Only this rule.
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// The rules of this file; where it is left out, those of pilotage.yaml, or those of the server for an event of the
    /// server.
    #[arg(long, value_name = "FILE", env = "PILOTAGE_CONFIG")]
    config: Option<PathBuf>,
    /// The file is a bare payload of this source
    ///
    /// A built-in source reads type, attributes and data out of it as it does with a delivery; the payload of a custom
    /// source is taken as it is, without attributes
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// What the payload stands for, where only a header says it (github, gitlab) and for custom sources
    #[arg(long = "type", value_name = "TYPE", requires = "source")]
    event_type: Option<String>,
}

/// What every rule says about the event.
#[derive(Serialize)]
struct Tested {
    matches: bool,
    rules: Vec<Explanation>,
}

impl Test {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let (event, set) = match self.stored_event() {
            Some(id) => {
                let client = context.client()?;
                let event = fetch(&client, id).await?;
                let set = match &self.config {
                    Some(config) => rules_of_file(config)?,
                    None => rules_of_server(&client).await?,
                };
                (event, set)
            }
            None => (
                self.read_event()?,
                rules_of_file(self.config.as_deref().unwrap_or(Path::new("pilotage.yaml")))?,
            ),
        };
        let tested = self.test(&event, &set)?;
        tested.print(&context.output)?;
        Ok(Done::when(tested.matches))
    }

    /// The id, if it is one and no file has this name.
    fn stored_event(&self) -> Option<EventId> {
        let id = Uuid::parse_str(&self.event).ok()?;
        (!Path::new(&self.event).exists()).then_some(EventId(id))
    }

    fn read_event(&self) -> anyhow::Result<Event> {
        let text = read(&self.event).map_err(|error| self.unreadable(&error))?;
        let value: Value = serde_json::from_slice(&text)
            .map_err(|error| usage(format!("{} is not JSON: {error}", self.event)))?;
        match &self.source {
            Some(source) => event(payload::event(source, self.event_type.as_deref(), &text)?),
            None => event(value),
        }
    }

    fn unreadable(&self, error: &io::Error) -> anyhow::Error {
        let name = &self.event;
        let neither = if error.kind() == io::ErrorKind::NotFound {
            "; it is no id from `pilotage event list` either"
        } else {
            ""
        };
        usage(format!("cannot read {name}: {error}{neither}"))
    }

    fn test(&self, event: &Event, set: &RuleSet) -> anyhow::Result<Tested> {
        let rules = match &self.rule {
            None => set.rules().iter().map(|rule| explain(rule, event)).collect(),
            Some(id) => vec![explain(set.get(id).ok_or_else(|| unknown(id, set))?, event)],
        };
        Ok(Tested {
            matches: rules.iter().any(|rule: &Explanation| rule.matches),
            rules,
        })
    }
}

fn unknown(id: &str, set: &RuleSet) -> anyhow::Error {
    let names = set.rules().iter().map(|rule| rule.rule.id.as_str());
    let meant = nearest(id, names)
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default();
    usage(format!("there is no rule `{id}`{meant}"))
}

fn read(name: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if name == "-" {
        io::stdin().lock().take(MAX_EVENT_BYTES).read_to_end(&mut text)?;
    } else {
        std::fs::File::open(name)?
            .take(MAX_EVENT_BYTES)
            .read_to_end(&mut text)?;
    }
    Ok(text)
}

/// An event from its JSON form; facts that rules seldom ask for may be missing.
fn event(mut value: Value) -> anyhow::Result<Event> {
    let fields = value
        .as_object_mut()
        .filter(|fields| fields.contains_key("source") && fields.contains_key("data"));
    let Some(fields) = fields else {
        return Err(usage(
            "this is a bare payload: say with --source whose it is, and with --type what it stands for where only a header says that",
        ));
    };
    let data = fields.remove("data").unwrap_or(Value::Null);
    let facts = with_defaults(std::mem::take(fields), &data);
    let facts = serde_json::from_value(Value::Object(facts))
        .map_err(|error| usage(format!("this is no event: {error}")))?;
    Ok(Event { facts, data })
}

fn with_defaults(given: Map<String, Value>, data: &Value) -> Map<String, Value> {
    let now = Timestamp::now().to_string();
    let defaults = [
        ("id", json!(EventId::fresh())),
        ("tenant", json!("default")),
        ("deliveryId", json!("test")),
        ("timestamp", json!(now)),
        ("receivedAt", json!(now)),
        ("verified", json!(false)),
        ("digest", json!(Digest::of(data.to_string().as_bytes()))),
    ];
    let mut fields: Map<String, Value> = defaults
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
    fields.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
    fields
}

async fn fetch(client: &Client, id: EventId) -> anyhow::Result<Event> {
    let answer = client.get(&["events", &id.to_string()], &[]).await?;
    let facts: EventFacts = answer.read()?;
    let mut value: Value = answer.read()?;
    match value.get_mut("data").map(Value::take) {
        Some(data) if !data.is_null() => Ok(Event { facts, data }),
        _ => Err(usage(format!(
            "retention has pruned the body of event {id}: there is nothing to test"
        ))),
    }
}

fn rules_of_file(path: &Path) -> anyhow::Result<RuleSet> {
    let settings = Settings::read(path)?;
    RuleSet::compile(settings.file.rules.clone()).map_err(|problems| {
        let problems: Vec<_> = problems
            .into_iter()
            .map(|problem| problem.under("/rules"))
            .collect();
        settings.problems(&problems).into()
    })
}

async fn rules_of_server(client: &Client) -> anyhow::Result<RuleSet> {
    let rules: Vec<Rule> = server_rules(client).await?;
    RuleSet::compile(rules).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        anyhow::anyhow!("the rules of the server cannot be read by this version: {first}")
    })
}

impl Tested {
    fn print(&self, output: &Output) -> anyhow::Result<()> {
        if output.is_json() {
            return output.json(self);
        }
        for rule in &self.rules {
            print_rule(rule, output)?;
        }
        let matching = self.rules.iter().filter(|rule| rule.matches).count();
        let style = if self.matches { Style::Good } else { Style::Warning };
        let text = format!(
            "{matching} of {} rules would act on this event.",
            self.rules.len()
        );
        Ok(output.line(output.paint(style, &text))?)
    }
}

fn print_rule(rule: &Explanation, output: &Output) -> anyhow::Result<()> {
    let (style, verdict) = if rule.matches {
        (Style::Good, "✓ matches")
    } else {
        (Style::Bad, "✗ does not match")
    };
    let name = output.paint(Style::Strong, &clean(&rule.rule));
    output.line(format_args!("{name}  {}", output.paint(style, verdict)))?;
    let mut table = Table::new(&["", "PART", "EXPECTED", "FOUND"]);
    for ExplainedPart {
        part,
        expected,
        found,
        holds,
        negated,
    } in &rule.parts
    {
        let mark = match (negated, holds) {
            // Below a `not`, neither is good or bad by itself.
            (true, true) => Cell::styled(Style::Faint, "  yes"),
            (true, false) => Cell::styled(Style::Faint, "  no"),
            (false, true) => Cell::styled(Style::Good, "✓ yes"),
            (false, false) => Cell::styled(Style::Bad, "✗ no"),
        };
        table.row([mark, part.into(), expected.into(), found.into()]);
    }
    output.table(&table)?;
    Ok(output.line("")?)
}
