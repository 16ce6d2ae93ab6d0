use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answer::{Answer, ToolAnswer},
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::PILOTAGE,
};

pub(crate) static TOOLS: &[Tool] = &[Tool {
    name: "get-status",
    title: "Status of Pilotage",
    description: "Totals of events and executions, the backlog, and what each rule has done. Begin here when something seems stuck.",
    toolset: &PILOTAGE,
    effect: Effect::ReadOnly,
    role: Role::Viewer,
    open_world: false,
    input: schema::arguments::<Nothing>,
    output: || {
        json!({ "type": "object", "properties": {
            "totals": { "type": "object", "description": "Counts: events, unhandled, undecided, waiting, pending, running, succeeded, failed, cancelled" },
            "rules": { "type": "array", "items": { "type": "object" }, "description": "What each rule has done" },
        }, "required": ["totals"] })
    },
    example: Example {
        input: || json!({}),
        output: || json!({ "totals": { "events": 12, "failed": 1 }, "rules": [] }),
    },
    run: Run::Json(|context, given| typed(context, given, show)),
}];

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

async fn show(context: &Context, _: Nothing) -> ToolAnswer {
    let stats: Value = context.api().get("/api/v1/stats").await?;
    Ok(Answer::json(stats))
}
