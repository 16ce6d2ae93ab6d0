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

/// What a list shows of an operation.
pub(super) const BRIEF: &[(&str, &str)] = &[
    ("id", "string"),
    ("type", "string"),
    ("status", "string"),
    ("message", "string"),
    ("timestamp", "string"),
];

const ID: &str = "0198f3a0-0000-7000-8000-000000000002";

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "list-operations",
        title: "List operations",
        description: "What is going on or has ended, newest first: executions, gate runs, tests, deployments.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ListOperations>,
        output: || facts::page(BRIEF),
        example: Example {
            input: || json!({ "active": true }),
            output: || json!({ "items": [{ "id": ID, "type": "execution", "status": "running", "message": "action 1 of 2" }], "next": null }),
        },
        run: Run::Json(|context, given| typed(context, given, list)),
    },
    Tool {
        name: "get-operation",
        title: "Operation",
        description: "How far one thing has come: status, progress, message and what it belongs to.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ById>,
        output: || {
            facts::object(&[
                ("id", "string"),
                ("type", "string"),
                ("status", "string"),
                ("progress", "object"),
                ("message", "string"),
                ("metadata", "object"),
            ])
        },
        example: Example {
            input: || json!({ "id": ID }),
            output: || json!({ "id": ID, "type": "execution", "status": "success", "progress": { "current": 2, "total": 2, "percentage": 100 } }),
        },
        run: Run::Json(|context, given| typed(context, given, show)),
    },
];

#[derive(Deserialize, JsonSchema)]
struct ListOperations {
    status: Option<Status>,
    r#type: Option<String>,
    /// Leave out what ended a while ago
    active: Option<bool>,
    after: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u16>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pending,
    Running,
    Success,
    Failure,
    Cancelled,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
        }
    }
}

async fn list(context: &Context, asked: ListOperations) -> ToolAnswer {
    let parameters = [
        ("status", asked.status.map(|status| status.as_str().to_owned())),
        ("type", asked.r#type),
        ("active", asked.active.map(|active| active.to_string())),
        ("after", asked.after),
        ("limit", Some(asked.limit.unwrap_or(20).to_string())),
    ];
    let page = context
        .api()
        .get(&api::query("/api/v1/operations", &parameters))
        .await?;
    Ok(Answer::json(facts::brief(page, BRIEF)).untrusted())
}

/// An operation as the interface shows it.
pub(crate) async fn fetch(context: &Context, id: &str) -> Result<Value, ToolError> {
    context
        .api()
        .get(&api::path("/api/v1/operations/{}", &[id]))
        .await
}

async fn show(context: &Context, asked: ById) -> ToolAnswer {
    Ok(Answer::json(fetch(context, &asked.id).await?).untrusted())
}

/// Ids of operations that begin with `typed`, among the newest.
pub(crate) async fn complete(context: &Context, typed: &str) -> Vec<String> {
    let page = context.api().get("/api/v1/operations?limit=500").await;
    facts::ids(page.ok().as_ref(), typed)
}
