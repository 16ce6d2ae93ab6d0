use std::fmt::Write as _;

use http::Method;
use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::facts::{self, ById};
use crate::{
    answer::{Answer, ToolAnswer, ToolError},
    api,
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::PILOTAGE,
};

/// What a list shows of an execution.
const BRIEF: &[(&str, &str)] = &[
    ("id", "string"),
    ("eventId", "string"),
    ("rule", "string"),
    ("status", "string"),
    ("reason", "string"),
    ("createdAt", "string"),
    ("finishedAt", "string"),
];
/// What a change answers.
const CHANGED: &[(&str, &str)] = &[("id", "string"), ("rule", "string"), ("status", "string")];
/// Bytes of an answer of a target that are shown unless more are asked for.
const USUAL_BYTES: usize = 500;

const ID: &str = "0198f3a0-0000-7000-8000-000000000002";

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "list-executions",
        title: "List executions",
        description: "What rules did about events, newest first; failed ones with the reason. `get-execution` shows the attempts.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ListExecutions>,
        output: || facts::page(BRIEF),
        example: Example {
            input: || json!({ "status": "failed" }),
            output: || json!({ "items": [{ "id": ID, "rule": "deploy", "status": "failed", "reason": "action 1: 503" }], "next": null }),
        },
        run: Run::Json(|context, given| typed(context, given, list)),
    },
    Tool {
        name: "get-execution",
        title: "Execution",
        description: "An execution with its last attempts: what was asked of the target, what it answered, and why it failed.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<GetExecution>,
        output: || {
            facts::object(&[
                ("id", "string"),
                ("eventId", "string"),
                ("rule", "string"),
                ("status", "string"),
                ("reason", "string?"),
                ("attempts", "array"),
                ("attemptsInAll", "integer"),
            ])
        },
        example: Example {
            input: || json!({ "id": ID }),
            output: || json!({ "id": ID, "rule": "deploy", "status": "failed", "attempts": [{ "action": 0, "number": 1, "status": 503 }], "attemptsInAll": 5 }),
        },
        run: Run::Json(|context, given| typed(context, given, show)),
    },
    Tool {
        name: "retry-execution",
        title: "Try a failed execution again",
        description: "Goes on from the action that failed, with the same idempotency key; actions that succeeded are not repeated.",
        toolset: &PILOTAGE,
        effect: Effect::Change { idempotent: false },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<ById>,
        output: || facts::object(CHANGED),
        example: Example {
            input: || json!({ "id": ID, "dry_run": true }),
            output: || json!({ "id": ID, "rule": "deploy", "status": "pending" }),
        },
        run: Run::Json(|context, given| typed(context, given, retry)),
    },
    Tool {
        name: "cancel-execution",
        title: "Cancel an execution",
        description: "Stops one that waits or runs. What an action has done already is not undone.",
        toolset: &PILOTAGE,
        effect: Effect::Change { idempotent: true },
        role: Role::Operator,
        open_world: false,
        input: schema::arguments::<ById>,
        output: || facts::object(CHANGED),
        example: Example {
            input: || json!({ "id": ID }),
            output: || json!({ "id": ID, "rule": "deploy", "status": "cancelled" }),
        },
        run: Run::Json(|context, given| typed(context, given, cancel)),
    },
];

#[derive(Deserialize, JsonSchema)]
struct ListExecutions {
    status: Option<Status>,
    rule: Option<String>,
    event: Option<String>,
    /// RFC 3339
    since: Option<String>,
    /// RFC 3339
    until: Option<String>,
    after: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u16>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Waiting,
    Pending,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

async fn list(context: &Context, asked: ListExecutions) -> ToolAnswer {
    let parameters = [
        ("status", asked.status.map(|status| status.as_str().to_owned())),
        ("rule", asked.rule),
        ("event", asked.event),
        ("since", asked.since),
        ("until", asked.until),
        ("after", asked.after),
        ("limit", Some(asked.limit.unwrap_or(20).to_string())),
    ];
    let page = context
        .api()
        .get(&api::query("/api/v1/executions", &parameters))
        .await?;
    Ok(Answer::json(facts::brief(page, BRIEF)).untrusted())
}

#[derive(Deserialize, JsonSchema)]
struct GetExecution {
    id: String,
    /// How many of the last attempts; 5 if not given
    #[schemars(range(min = 1, max = 1000))]
    attempts: Option<usize>,
    /// Bytes shown of each answer; 500 if not given
    #[schemars(range(min = 0, max = 20000))]
    max_bytes: Option<usize>,
}

async fn show(context: &Context, asked: GetExecution) -> ToolAnswer {
    let mut execution = fetch(context, &asked.id).await?;
    let most_bytes = asked.max_bytes.unwrap_or(USUAL_BYTES);
    let in_all = execution["attempts"].as_array().map_or(0, Vec::len);
    if let Some(attempts) = execution["attempts"].as_array_mut() {
        attempts.drain(..in_all.saturating_sub(asked.attempts.unwrap_or(5)));
        for attempt in attempts {
            shorten(&mut attempt["response"], most_bytes);
        }
    }
    execution["attemptsInAll"] = in_all.into();
    Ok(Answer::json(execution).untrusted())
}

fn shorten(text: &mut Value, most: usize) {
    if let Value::String(text) = text
        && text.len() > most
    {
        let left = text.len();
        text.truncate(text.floor_char_boundary(most));
        let left = left - text.len();
        let _ = write!(text, "… {left} bytes more, see `max_bytes`");
    }
}

/// An execution as the interface shows it.
pub(crate) async fn fetch(context: &Context, id: &str) -> Result<Value, ToolError> {
    context
        .api()
        .get(&api::path("/api/v1/executions/{}", &[id]))
        .await
}

async fn retry(context: &Context, asked: ById) -> ToolAnswer {
    if context.is_dry_run() {
        let execution = fetch(context, &asked.id).await?;
        let status = execution["status"].as_str().unwrap_or_default();
        if status != "failed" {
            return Err(ToolError::new(
                format!("the execution is {status}, and only failed ones are tried again"),
                "`replay-event` acts on its event anew.",
            ));
        }
        let action = execution["action"].as_u64().unwrap_or_default() + 1;
        let what = format!("try action {action} of the execution {} again", asked.id);
        let facts = json!({ "rule": execution["rule"], "reason": execution["reason"], "eventId": execution["eventId"] });
        return Ok(Answer::would(&what, &facts).untrusted());
    }
    change(context, &asked.id, "/api/v1/executions/{}/retry").await
}

async fn cancel(context: &Context, asked: ById) -> ToolAnswer {
    if context.is_dry_run() {
        let execution = fetch(context, &asked.id).await?;
        let status = execution["status"].as_str().unwrap_or_default();
        if matches!(status, "succeeded" | "failed" | "cancelled") {
            return Err(ToolError::new(
                format!("the execution is {status} already"),
                "There is nothing to cancel.",
            ));
        }
        let what = format!("cancel the execution {}, which is {status}", asked.id);
        let facts = json!({ "rule": execution["rule"], "eventId": execution["eventId"] });
        return Ok(Answer::would(&what, &facts));
    }
    change(context, &asked.id, "/api/v1/executions/{}/cancel").await
}

async fn change(context: &Context, id: &str, pattern: &str) -> ToolAnswer {
    let path = api::path(pattern, &[id]);
    let mut execution = context.api().change(Method::POST, &path, None).await?;
    facts::keep(&mut execution, CHANGED);
    Ok(Answer::json(execution))
}

/// Ids of executions that begin with `typed`, among the newest.
pub(crate) async fn complete(context: &Context, typed: &str) -> Vec<String> {
    let page = context.api().get("/api/v1/executions?limit=500").await;
    facts::ids(page.ok().as_ref(), typed)
}
