//! What changes rules.

use std::fmt::Write as _;

use http::Method;
use pilotage_core::{
    config,
    rule::{Rule, RuleSet},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    facts::{self, ById},
    rules::{CHANGED, fetch},
};
use crate::{
    answer::{Answer, ToolAnswer, ToolError},
    api,
    context::Context,
};

/// What `get-rule` shows beside the rule itself: it is passed over, so that what was read can be changed and put.
const READ_ONLY: [&str; 5] = ["origin", "digest", "inForce", "problems", "statistics"];
/// Problems told at once.
const MOST_PROBLEMS: usize = 10;

#[derive(Deserialize, JsonSchema)]
pub(super) struct PutRule {
    /// `{id, name?, enabled?, trigger: {source, eventTypes?, conditions?, when?}, actions: [{type, target, parameters?, retryPolicy?}], concurrency?}`
    rule: Map<String, Value>,
}

pub(super) async fn enable(context: &Context, asked: ById) -> ToolAnswer {
    set_enabled(context, &asked.id, true).await
}

pub(super) async fn disable(context: &Context, asked: ById) -> ToolAnswer {
    set_enabled(context, &asked.id, false).await
}

async fn set_enabled(context: &Context, id: &str, enabled: bool) -> ToolAnswer {
    let mut rule = fetch(context, id).await?;
    if rule["origin"] == "file" {
        return Err(in_the_file(id));
    }
    if rule["enabled"] == enabled {
        facts::keep(&mut rule, CHANGED);
        return Ok(Answer::json(rule));
    }
    if context.is_dry_run() {
        let word = if enabled { "enable" } else { "disable" };
        let facts = json!({ "before": { "enabled": !enabled }, "after": { "enabled": enabled } });
        return Ok(Answer::would(&format!("{word} the rule `{id}`"), &facts));
    }
    rule["enabled"] = enabled.into();
    store(context, id, &rule).await
}

pub(super) async fn put(context: &Context, asked: PutRule) -> ToolAnswer {
    let compiled = checked(asked.rule)?;
    let now = serde_json::to_value(&compiled).unwrap_or_default();
    if !context.is_dry_run() {
        return store(context, &compiled.id, &now).await;
    }
    let Ok(before) = fetch(context, &compiled.id).await else {
        let what = format!("create the rule `{}`", compiled.id);
        return Ok(Answer::would(&what, &json!({ "rule": now })));
    };
    if before["origin"] == "file" {
        return Err(in_the_file(&compiled.id));
    }
    let what = format!("replace the rule `{}`", compiled.id);
    Ok(Answer::would(
        &what,
        &json!({ "changes": differences(&before, &now) }),
    ))
}

/// A rule that holds by itself. Targets, sources and parameters are checked when it is put.
fn checked(mut rule: Map<String, Value>) -> Result<Rule, ToolError> {
    rule.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    let read: Rule = config::read(&Value::Object(rule)).map_err(|problem| refused(&[problem]))?;
    RuleSet::compile(vec![read.clone()]).map_err(|problems| refused(&problems))?;
    Ok(read)
}

fn refused(problems: &[config::Problem]) -> ToolError {
    let mut what = "the rule does not hold".to_owned();
    for problem in problems.iter().take(MOST_PROBLEMS) {
        let pointer = problem.pointer.strip_prefix("/0").unwrap_or(&problem.pointer);
        let _ = write!(what, "; at `{pointer}`: {}", problem.message);
    }
    ToolError::new(
        what,
        "Correct it and call again; `get-rule` shows one that holds.",
    )
}

fn in_the_file(id: &str) -> ToolError {
    ToolError::new(
        format!("the rule `{id}` is written in the configuration file"),
        "Nothing was changed. Ask a person to change the file; the server notices it within a second.",
    )
}

/// The parts of a rule that are not as before.
fn differences(before: &Value, now: &Value) -> Value {
    let names = ["name", "enabled", "trigger", "actions", "concurrency", "debounce"];
    let differing = names.iter().filter(|name| before.get(**name) != now.get(**name));
    let changes = differing.map(|name| {
        let change = json!({ "before": before.get(*name), "after": now.get(*name) });
        ((*name).to_owned(), change)
    });
    Value::Object(changes.collect())
}

async fn store(context: &Context, id: &str, rule: &Value) -> ToolAnswer {
    let path = api::path("/api/v1/rules/{}", &[id]);
    let mut stored = context.api().change(Method::PUT, &path, Some(rule)).await?;
    facts::keep(&mut stored, CHANGED);
    Ok(Answer::json(stored))
}

pub(super) async fn delete(context: &Context, asked: ById) -> ToolAnswer {
    let rule = fetch(context, &asked.id).await?;
    if rule["origin"] == "file" {
        return Err(in_the_file(&asked.id));
    }
    if context.is_dry_run() {
        let what = format!("delete the rule `{}`", asked.id);
        return Ok(Answer::would(&what, &json!({ "rule": rule })));
    }
    let path = api::path("/api/v1/rules/{}", &[&asked.id]);
    context.api().change(Method::DELETE, &path, None).await?;
    Ok(Answer::json(json!({ "deleted": asked.id })))
}
