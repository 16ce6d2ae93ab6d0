use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    facts::{self, Nothing},
    operations,
};
use crate::{
    answer::{Answer, ToolAnswer},
    api,
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::PILOTAGE,
};

/// Operations shown.
const SHOWN: &str = "10";

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "get-status",
        title: "Status of Pilotage",
        description: "What is going on now: counts, how far the rules are behind, what runs, the last failures. Begin here.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<Nothing>,
        output: || {
            facts::object(&[
                ("totals", "object"),
                ("cursorLag", "object"),
                ("openCircuits", "integer"),
                ("configError", "string?"),
                ("running", "array"),
                ("failed", "array"),
            ])
        },
        example: Example {
            input: || json!({}),
            output: || json!({ "totals": { "events": 12, "failed": 1 }, "cursorLag": { "events": 0, "seconds": 0.0 }, "running": [], "failed": [] }),
        },
        run: Run::Json(|context, given| typed(context, given, show)),
    },
    Tool {
        name: "get-stats",
        title: "Statistics",
        description: "What each rule has done: matches, successes, failures, durations; with `hours` also what happened over time.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<Stats>,
        output: || facts::object(&[("totals", "object"), ("rules", "array"), ("activity", "object")]),
        example: Example {
            input: || json!({ "hours": 24 }),
            output: || json!({ "totals": { "events": 12 }, "rules": [{ "rule": "deploy", "matched": 12, "failed": 1 }], "activity": { "stepSeconds": 300, "points": [] } }),
        },
        run: Run::Json(|context, given| typed(context, given, stats)),
    },
];

async fn show(context: &Context, _: Nothing) -> ToolAnswer {
    let mut status = context.api().get("/api/v1/stats").await?;
    if let Value::Object(status) = &mut status {
        status.remove("rules");
    }
    status["running"] = in_state(context, "running").await?;
    status["failed"] = in_state(context, "failure").await?;
    // Messages tell what targets answered.
    Ok(Answer::json(status).untrusted())
}

async fn in_state(context: &Context, state: &str) -> Result<Value, crate::answer::ToolError> {
    let parameters = [
        ("status", Some(state.to_owned())),
        ("active", Some("true".to_owned())),
        ("limit", Some(SHOWN.to_owned())),
    ];
    let page = context
        .api()
        .get(&api::query("/api/v1/operations", &parameters))
        .await?;
    Ok(facts::brief(page, operations::BRIEF)["items"].take())
}

#[derive(Deserialize, JsonSchema)]
struct Stats {
    #[schemars(range(min = 1, max = 8784))]
    hours: Option<u16>,
}

async fn stats(context: &Context, asked: Stats) -> ToolAnswer {
    let mut stats = context.api().get("/api/v1/stats").await?;
    if let Some(hours) = asked.hours {
        let path = api::query("/api/v1/metrics/activity", &[("hours", Some(hours.to_string()))]);
        let mut activity = context.api().get(&path).await?;
        if let Some(points) = activity["points"].as_array_mut() {
            points.retain(|point| !is_quiet(point));
        }
        stats["activity"] = activity;
    }
    Ok(Answer::json(stats))
}

/// Whether nothing happened in a stretch of time: those are left out.
fn is_quiet(point: &Value) -> bool {
    let counts = point.as_object().into_iter().flatten();
    counts
        .filter(|(name, _)| *name != "start")
        .all(|(_, count)| count.is_null() || *count == 0)
}
