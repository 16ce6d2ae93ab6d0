use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    Event, EventId, ExecutionStatus,
    ports::{EventFilter, ExecutionFilter, Role},
    rule::{CompiledRule, Rule},
};
use pilotage_engine::rule_book::{Origin, RuleBookError};
use serde_json::Value;

use super::{
    chart::Chart,
    event,
    events::EventRow,
    executions::ExecutionRow,
    figures,
    query::link,
    rules::{self, Done},
    shell::{Shell, Visitor, page},
    verdicts::Verdict,
    words::cut,
    yaml,
};
use crate::{
    api::Name,
    door::Door,
    problem::{Kind, Problem},
};

/// Events offered for a dry run.
const OFFERED: usize = 25;
/// Executions shown with a rule.
const EXECUTIONS: usize = 10;
/// Characters of the definition that are shown.
const LONGEST_DEFINITION: usize = 20_000;

/// The outcome of a dry run.
struct DryRun {
    event: String,
    event_href: String,
    verdict: Verdict,
}

#[derive(Template)]
#[template(path = "rule.html")]
struct RulePage {
    shell: Shell,
    id: String,
    name: String,
    enabled: bool,
    in_file: bool,
    may_change: bool,
    when: Vec<String>,
    then: Vec<String>,
    limits: Vec<String>,
    done: Option<Done>,
    chart: Option<Chart>,
    yaml: String,
    json: String,
    digest: String,
    offered: Vec<EventRow>,
    asked: String,
    dry_run: Option<DryRun>,
    dry_run_error: Option<String>,
    executions: Vec<ExecutionRow>,
    executions_href: String,
    dead_letters_href: String,
}

pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let (compiled, origin) = find(&door, &id)?;
    let rule = &compiled.rule;
    let (dry_run, dry_run_error) = match dry_run(&door, &compiled, visitor.query.text("event")).await {
        Ok(outcome) => (outcome, None),
        Err(problem) => (None, Some(problem.detail().to_owned())),
    };
    let offered = offered(&door, rule, &visitor).await?;
    let filter = ExecutionFilter {
        rule: Some(id.clone()),
        ..ExecutionFilter::default()
    };
    let executions = door.ports.history.executions(&filter, None, EXECUTIONS).await?;
    let statistics = rules::statistics(&door).await?;
    let chart = figures::latency(&door.ports.history.rule_latency(&id).await?);
    let value: Value = serde_json::from_str(&compiled.json).unwrap_or_default();
    let name = cut(rule.name.as_deref().unwrap_or(&rule.id), 200);
    page(&RulePage {
        shell: visitor.shell(format!("Rule {}", cut(&rule.id, 80)), "/rules"),
        enabled: rule.enabled,
        in_file: origin == Origin::File,
        may_change: visitor.may(Role::Admin) && origin == Origin::Api,
        when: when(rule),
        then: then(rule),
        limits: limits(rule),
        done: statistics.get(&id).map(|one| Done::new(&visitor, one)),
        yaml: cut(&yaml::write(&value), LONGEST_DEFINITION),
        json: cut(
            &serde_json::to_string_pretty(&*compiled.rule).unwrap_or_default(),
            LONGEST_DEFINITION,
        ),
        digest: compiled.digest.to_string(),
        asked: visitor.query.field("event"),
        executions: executions
            .items
            .iter()
            .map(|one| ExecutionRow::new(&visitor, one))
            .collect(),
        executions_href: link("/executions", "rule", &id),
        dead_letters_href: format!(
            "{}&status={}",
            link("/executions", "rule", &id),
            ExecutionStatus::Failed.as_str()
        ),
        name,
        chart,
        offered,
        dry_run,
        dry_run_error,
        id,
    })
}

/// A rule in force.
pub(super) fn find(door: &Door, id: &str) -> Result<(Arc<CompiledRule>, Origin), Problem> {
    let loaded = door.rules.current();
    if let Some((rule, origin)) = loaded.rule(id) {
        return Ok((rule.clone(), origin));
    }
    Err(match loaded.set_aside.get(id) {
        Some(problems) => Problem::new(
            Kind::Conflict,
            "the rule does not fit the configuration file of today and is set aside",
        )
        .with_errors(problems.clone()),
        None => RuleBookError::NotFound(id.to_owned()).into(),
    })
}

/// Asks the rule about a stored event. Nothing runs.
async fn dry_run(
    door: &Door,
    rule: &Arc<CompiledRule>,
    asked: Option<&str>,
) -> Result<Option<DryRun>, Problem> {
    let Some(asked) = asked else { return Ok(None) };
    let id = asked.parse().map(EventId).map_err(|_| {
        Problem::new(
            Kind::BadRequest,
            "This is not the id of an event, which is a UUID.",
        )
    })?;
    let stored = event::find(door, id).await?;
    if stored.data.is_none() {
        return Err(Problem::new(
            Kind::Conflict,
            "Retention has pruned the body of this event.",
        ));
    }
    let rule = rule.clone();
    let verdict = tokio::task::spawn_blocking(move || {
        let event: Event = event::parse(&stored)?;
        Ok::<_, Problem>(Verdict::of(&rule, &event))
    });
    let verdict = verdict
        .await
        .map_err(|error| Problem::broken("a rule could not be asked", &error))??;
    Ok(Some(DryRun {
        event: id.to_string(),
        event_href: format!("/events/{id}"),
        verdict,
    }))
}

/// The latest events that the rule listens to.
async fn offered(door: &Door, rule: &Rule, visitor: &Visitor) -> Result<Vec<EventRow>, Problem> {
    let source = &rule.trigger.source;
    let filter = EventFilter {
        source: (source != "*").then(|| source.clone()),
        ..EventFilter::default()
    };
    let events = door.ports.history.events(&filter, None, OFFERED).await?.items;
    Ok(events
        .into_iter()
        .map(|event| EventRow::new(visitor, event))
        .collect())
}

fn when(rule: &Rule) -> Vec<String> {
    let trigger = &rule.trigger;
    let source = if trigger.source == "*" {
        "any source".to_owned()
    } else {
        format!("the source {}", trigger.source)
    };
    let types = match trigger.event_types.as_slice() {
        [] => "an event of any type".to_owned(),
        types => format!("an event of type {}", types.join(" or ")),
    };
    let mut when = vec![format!("{types} comes from {source}")];
    let conditions = trigger.conditions.iter();
    when.extend(conditions.map(|(path, test)| condition(path, test)));
    when.extend(
        trigger
            .when
            .as_deref()
            .map(|text| format!("the expression {} is true", cut(text, 400))),
    );
    when
}

fn condition(path: &str, test: &Value) -> String {
    let words = match (path, test) {
        ("all" | "any" | "not", test) => {
            let what = match path {
                "all" => "all of these hold",
                "any" => "one of these holds",
                _ => "this does not hold",
            };
            format!("{what}: {test}")
        }
        (path, Value::Object(operators)) => {
            let operators: Vec<String> = operators
                .iter()
                .map(|(operator, value)| format!("{} {}", operator_in_words(operator), in_words(value)))
                .collect();
            format!("{path} {}", operators.join(" and "))
        }
        (path, value) => format!("{path} is {}", in_words(value)),
    };
    cut(&words, 400)
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn operator_in_words(operator: &str) -> &str {
    match operator {
        "eq" => "is",
        "in" => "is one of",
        "notIn" => "is none of",
        "ne" | "not" => "is not",
        "glob" => "looks like",
        "regex" => "matches the pattern",
        "gt" => "is greater than",
        "gte" => "is at least",
        "lt" => "is less than",
        "lte" => "is at most",
        "exists" => "exists:",
        "contains" => "contains",
        other => other,
    }
}

fn then(rule: &Rule) -> Vec<String> {
    let actions = rule.actions.iter().take(50);
    let actions = actions.map(|action| {
        let attempts = match action.retry_policy.max_attempts {
            1 => "one attempt".to_owned(),
            many => format!("up to {many} attempts"),
        };
        cut(&format!("{} {}, {attempts}", action.kind, action.target), 300)
    });
    actions.collect()
}

fn limits(rule: &Rule) -> Vec<String> {
    let concurrency = rule.concurrency.as_ref().map(|limit| {
        let key = limit
            .key
            .as_deref()
            .map_or_else(String::new, |key| format!(" with the same {key}"));
        let above = serde_json::to_value(limit.on_limit).unwrap_or_default();
        let above = match above.as_str() {
            Some("drop") => "further ones are dropped",
            Some("cancel") => "the oldest makes room",
            _ => "further ones wait",
        };
        cut(&format!("at most {} at once{key}; {above}", limit.limit), 300)
    });
    let debounce = rule.debounce.as_ref().map(|burst| {
        let key = burst.key.as_deref().map_or_else(String::new, |key| format!(" with the same {key}"));
        let text = format!(
            "events{key} less than {} ms apart are one burst; its last is acted on, after {} ms at the latest",
            burst.window_ms,
            burst.max_wait_ms()
        );
        cut(&text, 300)
    });
    concurrency.into_iter().chain(debounce).collect()
}
