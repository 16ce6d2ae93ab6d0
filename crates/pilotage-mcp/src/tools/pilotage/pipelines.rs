use std::collections::BTreeMap;

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
    toolset::PIPELINES,
};

/// What a list shows of a run.
const BRIEF: &[(&str, &str)] = &[
    ("id", "string"),
    ("platform", "string"),
    ("state", "string"),
    ("message", "string"),
    ("pipeline", "string"),
    ("ref", "string"),
    ("run", "string"),
    ("word", "string"),
    ("url", "string"),
    ("actor", "string"),
    ("createdAt", "string"),
    ("finishedAt", "string"),
];
/// What a run is told by.
const RUN: &[(&str, &str)] = &[
    ("id", "string"),
    ("platform", "string"),
    ("run", "string?"),
    ("state", "string"),
    ("word", "string"),
    ("message", "string"),
    ("jobs", "array"),
];
/// Lines of each log unless more are asked for.
const USUAL_LINES: u16 = 80;

const ID: &str = "0198f3a0-0000-7000-8000-000000000004";

fn example() -> Value {
    json!({ "id": ID, "platform": "github", "run": "1001", "state": "running", "word": "in_progress",
        "message": "running: test; 1 of 3 jobs are over", "jobs": [{ "name": "test", "state": "running", "steps": [] }] })
}

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "list-pipeline-runs",
        title: "List pipeline runs",
        description: "Runs of CI pipelines that were started here, newest first. `get-pipeline-run` shows the jobs.",
        toolset: &PIPELINES,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ListRuns>,
        output: || facts::page(BRIEF),
        example: Example {
            input: || json!({ "state": "failed" }),
            output: || json!({ "items": [{ "id": ID, "platform": "github", "state": "failed", "message": "failed: test; 3 of 3 jobs are over" }], "next": null }),
        },
        run: Run::Json(|context, given| typed(context, given, list)),
    },
    Tool {
        name: "get-pipeline-run",
        title: "Pipeline run",
        description: "A run with its jobs and steps as its platform last told them. Poll it to follow a run to its end.",
        toolset: &PIPELINES,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ById>,
        output: || facts::object(RUN),
        example: Example {
            input: || json!({ "id": ID }),
            output: example,
        },
        run: Run::Json(|context, given| typed(context, given, show)),
    },
    Tool {
        name: "trigger-pipeline",
        title: "Start a pipeline",
        description: "Starts a pipeline on its CI platform (GitHub, GitLab, Jenkins or Azure DevOps). With `key` it is started once, however often this is called.",
        toolset: &PIPELINES,
        effect: Effect::Change { idempotent: false },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<Trigger>,
        output: || facts::object(RUN),
        example: Example {
            input: || json!({ "platform": "github", "pipeline": "ci.yml", "ref": "main", "key": "release-7" }),
            output: example,
        },
        run: Run::Json(|context, given| typed(context, given, trigger)),
    },
    Tool {
        name: "get-pipeline-logs",
        title: "Logs of a pipeline run",
        description: "The last lines of the logs: of the steps that failed, or of one job. `search` picks lines; `after` takes the `next` of an earlier answer.",
        toolset: &PIPELINES,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: true,
        input: schema::arguments::<Logs>,
        output: || facts::object(&[("items", "array"), ("jobs", "array")]),
        example: Example {
            input: || json!({ "id": ID, "job": "test", "tail": 20 }),
            output: || json!({ "items": [{ "name": "test / run tests", "text": "1 of 12 is wrong\n", "next": 412, "isComplete": true }], "jobs": ["lint", "test"] }),
        },
        run: Run::Json(|context, given| typed(context, given, logs)),
    },
    Tool {
        name: "cancel-pipeline-run",
        title: "Stop a pipeline run",
        description: "Asks the platform to stop a run. What its jobs have done already is not undone.",
        toolset: &PIPELINES,
        effect: Effect::Change { idempotent: true },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<ById>,
        output: || facts::object(RUN),
        example: Example {
            input: || json!({ "id": ID, "dry_run": true }),
            output: example,
        },
        run: Run::Json(|context, given| typed(context, given, cancel)),
    },
    Tool {
        name: "retry-pipeline-run",
        title: "Run a pipeline again",
        description: "Runs again what failed, or with `all` the whole run. Only a run that has ended can be run again.",
        toolset: &PIPELINES,
        effect: Effect::Change { idempotent: false },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<Retry>,
        output: || facts::object(RUN),
        example: Example {
            input: || json!({ "id": ID }),
            output: example,
        },
        run: Run::Json(|context, given| typed(context, given, retry)),
    },
];

#[derive(Deserialize, JsonSchema)]
struct ListRuns {
    platform: Option<String>,
    pipeline: Option<String>,
    /// Branch or tag
    #[serde(rename = "ref")]
    reference: Option<String>,
    state: Option<State>,
    after: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u16>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Queued,
    Running,
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

async fn list(context: &Context, asked: ListRuns) -> ToolAnswer {
    let parameters = [
        ("platform", asked.platform),
        ("pipeline", asked.pipeline),
        ("ref", asked.reference),
        ("state", asked.state.map(|state| state.as_str().to_owned())),
        ("after", asked.after),
        ("limit", Some(asked.limit.unwrap_or(20).to_string())),
    ];
    let path = api::query("/api/v1/pipelines/runs", &parameters);
    let page = context.api().get(&path).await?;
    Ok(Answer::json(facts::brief(page, BRIEF)).untrusted())
}

async fn fetch(context: &Context, id: &str) -> Result<Value, ToolError> {
    let path = api::path("/api/v1/pipelines/runs/{}", &[id]);
    context.api().get(&path).await
}

async fn show(context: &Context, asked: ById) -> ToolAnswer {
    Ok(Answer::json(fetch(context, &asked.id).await?).untrusted())
}

#[derive(Deserialize, JsonSchema)]
struct Trigger {
    /// A name under `platforms:`
    platform: String,
    /// GitHub: a workflow's file; Jenkins: a job; Azure DevOps: an id; GitLab: none
    pipeline: Option<String>,
    /// Branch or tag
    #[serde(rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    inputs: BTreeMap<String, String>,
    key: Option<String>,
}

async fn trigger(context: &Context, asked: Trigger) -> ToolAnswer {
    if context.is_dry_run() {
        return would_trigger(context, &asked).await;
    }
    let body = json!({
        "platform": asked.platform, "pipeline": asked.pipeline, "ref": asked.reference,
        "inputs": asked.inputs, "key": asked.key,
    });
    let path = "/api/v1/pipelines/runs";
    let run = context.api().change(Method::POST, path, Some(&body)).await?;
    Ok(Answer::json(run).untrusted())
}

async fn would_trigger(context: &Context, asked: &Trigger) -> ToolAnswer {
    let all = context.api().get("/api/v1/pipelines/platforms").await?;
    let all = all["items"].as_array().cloned().unwrap_or_default();
    let Some(found) = all.iter().find(|one| one["name"] == asked.platform.as_str()) else {
        let names: Vec<&str> = all.iter().filter_map(|one| one["name"].as_str()).collect();
        return Err(ToolError::new(
            format!("there is no platform `{}`", asked.platform),
            format!("There are: {}.", names.join(", ")),
        ));
    };
    let pipeline = asked.pipeline.as_deref().unwrap_or("its usual pipeline");
    let reference = asked.reference.as_deref().unwrap_or("its usual branch");
    let what = format!("start {pipeline} at {reference} on {}", asked.platform);
    let names: Vec<&String> = asked.inputs.keys().collect();
    let facts =
        json!({ "platform": found["title"], "promise": found["promise"], "inputs": names, "key": asked.key });
    Ok(Answer::would(&what, &facts))
}

#[derive(Deserialize, JsonSchema)]
struct Logs {
    id: String,
    /// Name or id
    job: Option<String>,
    /// Lines; 80 if not given
    #[schemars(range(min = 1, max = 2000))]
    tail: Option<u16>,
    after: Option<u64>,
    search: Option<String>,
}

async fn logs(context: &Context, asked: Logs) -> ToolAnswer {
    let parameters = [
        ("job", asked.job),
        ("tail", Some(asked.tail.unwrap_or(USUAL_LINES).to_string())),
        ("after", asked.after.map(|after| after.to_string())),
        ("search", asked.search),
    ];
    let path = api::path("/api/v1/pipelines/runs/{}/logs", &[&asked.id]);
    let logs = context.api().get(&api::query(&path, &parameters)).await?;
    Ok(Answer::json(logs).untrusted())
}

fn has_ended(run: &Value) -> bool {
    !matches!(run["state"].as_str(), Some("queued" | "running" | "waiting"))
}

fn about(run: &Value) -> Value {
    json!({ "platform": run["platform"], "run": run["run"], "pipeline": run["pipeline"], "state": run["state"],
        "message": run["message"] })
}

async fn cancel(context: &Context, asked: ById) -> ToolAnswer {
    if context.is_dry_run() {
        let run = fetch(context, &asked.id).await?;
        if has_ended(&run) {
            let state = run["state"].as_str().unwrap_or_default();
            return Err(ToolError::new(
                format!("the run has ended: {state}"),
                "There is nothing to stop.",
            ));
        }
        let what = format!("ask the platform to stop the run {}", asked.id);
        return Ok(Answer::would(&what, &about(&run)).untrusted());
    }
    let path = api::path("/api/v1/pipelines/runs/{}/cancel", &[&asked.id]);
    let run = context.api().change(Method::POST, &path, None).await?;
    Ok(Answer::json(run).untrusted())
}

#[derive(Deserialize, JsonSchema)]
struct Retry {
    id: String,
    /// Not only what failed
    #[serde(default)]
    all: bool,
}

async fn retry(context: &Context, asked: Retry) -> ToolAnswer {
    if context.is_dry_run() {
        let run = fetch(context, &asked.id).await?;
        if !has_ended(&run) {
            let state = run["state"].as_str().unwrap_or_default();
            return Err(ToolError::new(
                format!("the run has not ended: {state}"),
                "`cancel-pipeline-run` stops it.",
            ));
        }
        let part = if asked.all { "all of" } else { "what failed of" };
        let what = format!("run {part} {} again", asked.id);
        return Ok(Answer::would(&what, &about(&run)).untrusted());
    }
    let path = api::path("/api/v1/pipelines/runs/{}/retry", &[&asked.id]);
    let body = json!({ "all": asked.all });
    let run = context.api().change(Method::POST, &path, Some(&body)).await?;
    Ok(Answer::json(run).untrusted())
}
