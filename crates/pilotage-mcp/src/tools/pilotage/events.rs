use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    answer::{Answer, ToolAnswer},
    api,
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::PILOTAGE,
};

pub(crate) static TOOLS: &[Tool] = &[Tool {
    name: "list-events",
    title: "List events",
    description: "Deliveries that came in, newest first. `unhandled: true` gives those that no rule matched.",
    toolset: &PILOTAGE,
    effect: Effect::ReadOnly,
    role: Role::Viewer,
    open_world: false,
    input: schema::arguments::<ListEvents>,
    output: || {
        json!({ "type": "object", "properties": {
            "items": { "type": "array", "items": { "type": "object" } },
            "next": { "type": ["string", "null"], "description": "Pass as `after` for the next page" },
        }, "required": ["items", "next"] })
    },
    example: Example {
        input: || json!({ "source": "github", "limit": 20 }),
        output: || json!({ "items": [{ "id": "0198f3a0-0000-7000-8000-000000000001", "source": "github", "type": "push", "executions": 1 }], "next": "41" }),
    },
    run: Run::Json(|context, given| typed(context, given, list)),
}];

#[derive(Deserialize, JsonSchema)]
struct ListEvents {
    /// Exactly this source
    source: Option<String>,
    /// Exactly this type
    r#type: Option<String>,
    /// Only those that no rule matched
    unhandled: Option<bool>,
    /// Received at or after (RFC 3339)
    since: Option<String>,
    /// Received before (RFC 3339)
    until: Option<String>,
    /// `next` of the page before
    after: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u16>,
}

async fn list(context: &Context, asked: ListEvents) -> ToolAnswer {
    let limit = asked.limit.unwrap_or(20);
    let parameters = [
        ("source", asked.source),
        ("type", asked.r#type),
        ("unhandled", asked.unhandled.map(|only| only.to_string())),
        ("since", asked.since),
        ("until", asked.until),
        ("after", asked.after),
        ("limit", Some(limit.to_string())),
    ];
    let page = context
        .api()
        .get(&api::query("/api/v1/events", &parameters))
        .await?;
    Ok(Answer::json(page).untrusted())
}
