use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::facts;
use crate::{
    answer::{Answer, ToolAnswer, ToolError},
    api,
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::PILOTAGE,
};

/// Records read at once.
const PAGE: i64 = 500;
/// Records that one call looks through at most.
const MOST_LOOKED_THROUGH: i64 = 20 * PAGE;

const BRIEF: &[(&str, &str)] = &[
    ("sequence", "integer"),
    ("at", "string"),
    ("actor", "string"),
    ("kind", "string"),
    ("subject", "string"),
    ("facts", "object"),
];

pub(crate) static TOOLS: &[Tool] = &[Tool {
    name: "query-audit",
    title: "Ask the audit trail",
    description: "Who did what, newest first. Looks through 10,000 records a call; `next` as `before` goes on.",
    toolset: &PILOTAGE,
    effect: Effect::ReadOnly,
    role: Role::Viewer,
    open_world: false,
    input: schema::arguments::<Query>,
    output: || facts::page(BRIEF),
    example: Example {
        input: || json!({ "actor": "token:agent", "kind": "tool.called" }),
        output: || json!({ "items": [{ "sequence": 7, "at": "2026-11-23T01:00:00Z", "actor": "token:agent", "kind": "tool.called", "subject": "retry-execution" }], "next": null }),
    },
    run: Run::Json(|context, given| typed(context, given, query)),
}];

#[derive(Deserialize, JsonSchema)]
struct Query {
    /// `local` or `token:NAME`
    actor: Option<String>,
    /// Whole or its beginning, as `rule.`
    kind: Option<String>,
    /// Part of the subject: a tool, rule, event
    subject: Option<String>,
    /// `next` of the page before
    before: Option<String>,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
}

impl Query {
    fn wants(&self, record: &Value) -> bool {
        let text = |name: &str| record[name].as_str().unwrap_or_default();
        let is_wanted =
            |wanted: &Option<String>, holds: fn(&str, &str) -> bool, has: &str| match wanted.as_deref() {
                Some(wanted) => holds(has, wanted),
                None => true,
            };
        is_wanted(&self.actor, |has, wanted| has == wanted, text("actor"))
            && is_wanted(&self.kind, |has, wanted| has.starts_with(wanted), text("kind"))
            && is_wanted(&self.subject, |has, wanted| has.contains(wanted), text("subject"))
    }
}

async fn query(context: &Context, asked: Query) -> ToolAnswer {
    let before = match &asked.before {
        Some(before) => before.parse::<i64>().map_err(|_| no_place(before))?,
        None => last(context).await?.saturating_add(1),
    };
    let limit = asked.limit.unwrap_or(20);
    let mut found = Vec::new();
    let mut end = before.saturating_sub(1).max(0);
    let stop = end.saturating_sub(MOST_LOOKED_THROUGH);
    while end > stop.max(0) && found.len() < limit {
        let begin = (end - PAGE).max(0);
        for mut record in page(context, begin, end).await?.into_iter().rev() {
            end = record["sequence"].as_i64().unwrap_or(begin + 1) - 1;
            if asked.wants(&record) {
                tidy(&mut record);
                found.push(record);
            }
            if found.len() == limit {
                break;
            }
        }
        if found.len() < limit {
            end = begin;
        }
    }
    let next = (end > 0).then(|| (end + 1).to_string());
    Ok(Answer::json(json!({ "items": found, "next": next })).untrusted())
}

async fn last(context: &Context) -> Result<i64, ToolError> {
    let head = context.api().get("/api/v1/audit/head").await?;
    Ok(head["sequence"].as_i64().unwrap_or_default())
}

/// The records above `after` up to `end`, oldest first.
async fn page(context: &Context, after: i64, end: i64) -> Result<Vec<Value>, ToolError> {
    let parameters = [
        ("after", Some(after.to_string())),
        ("limit", Some((end - after).to_string())),
    ];
    let mut page = context
        .api()
        .get(&api::query("/api/v1/audit", &parameters))
        .await?;
    match page["items"].take() {
        Value::Array(records) => Ok(records),
        _ => Ok(Vec::new()),
    }
}

/// The facts as JSON and not as text of JSON, without what only verifying needs.
fn tidy(record: &mut Value) {
    if let Some(facts) = record["facts"]
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok())
    {
        record["facts"] = facts;
    }
    facts::keep(record, BRIEF);
    if let Some(facts) = record.get_mut("facts").filter(|facts| !facts.is_object()) {
        *facts = json!({ "value": facts.take() });
    }
}

fn no_place(before: &str) -> ToolError {
    let before = &before[..before.floor_char_boundary(50)];
    ToolError::new(
        format!("`{before}` is no place in the audit trail"),
        "`before` is the `next` of the page before.",
    )
}
