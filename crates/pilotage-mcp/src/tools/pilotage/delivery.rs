use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::facts;
use crate::{
    answer::{Answer, ToolAnswer},
    api,
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::PILOTAGE,
};

pub(crate) static TOOLS: &[Tool] = &[Tool {
    name: "get-dora-metrics",
    title: "DORA figures",
    description: "Deployment frequency, lead time, change failure rate and recovery time; where data lacks, the reason and no figure.",
    toolset: &PILOTAGE,
    effect: Effect::ReadOnly,
    role: Role::Viewer,
    open_world: false,
    input: schema::arguments::<Dora>,
    output: || {
        facts::object(&[
            ("deploymentFrequency", "object"),
            ("leadTime", "object"),
            ("changeFailureRate", "object"),
            ("failedDeploymentRecoveryTime", "object"),
            ("environments", "array"),
        ])
    },
    example: Example {
        input: || json!({ "days": 30, "environment": "production" }),
        output: || json!({ "deploymentFrequency": { "value": 1.5, "unit": "deployments per day", "sample": 45, "reason": null } }),
    },
    run: Run::Json(|context, given| typed(context, given, dora)),
}];

#[derive(Deserialize, JsonSchema)]
struct Dora {
    #[schemars(range(min = 1, max = 366))]
    days: Option<u16>,
    /// `*` for all; production if not given
    environment: Option<String>,
}

async fn dora(context: &Context, asked: Dora) -> ToolAnswer {
    let parameters = [
        ("days", asked.days.map(|days| days.to_string())),
        ("environment", asked.environment),
    ];
    let mut figures = context
        .api()
        .get(&api::query("/api/v1/metrics/dora", &parameters))
        .await?;
    if let Some(figures) = figures.as_object_mut() {
        // A chart's points, day by day.
        figures.remove("days");
    }
    // Names of environments are the senders' words.
    Ok(Answer::json(figures).untrusted())
}
