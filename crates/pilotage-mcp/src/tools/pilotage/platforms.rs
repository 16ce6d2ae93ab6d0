use http::Method;
use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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

const ID: &str = "0198f3a0-0000-7000-8000-000000000004";
const COMMIT: &str = "3f1c2a7be5d94f0a8c6e1d2b7a90c4e58f6d1b23";

fn items() -> Value {
    json!({ "type": "object", "properties": { "items": { "type": "array" } }, "required": ["items"] })
}

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "list-pipeline-artifacts",
        title: "Artifacts of a pipeline run",
        description: "What a run left behind on its platform. `download` is the path in the HTTP API that streams one.",
        toolset: &PIPELINES,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: true,
        input: schema::arguments::<ById>,
        output: items,
        example: Example {
            input: || json!({ "id": ID }),
            output: || {
                json!({ "items": [{ "id": "1001", "name": "report", "file": "report.zip", "sizeBytes": 138, "isExpired": false,
                    "download": format!("/api/v1/pipelines/runs/{ID}/artifacts/1001") }] })
            },
        },
        run: Run::Json(|context, given| typed(context, given, artifacts)),
    },
    Tool {
        name: "list-pipeline-approvals",
        title: "What a pipeline run waits for",
        description: "The environments, jobs or questions that a waiting run asks people about.",
        toolset: &PIPELINES,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: true,
        input: schema::arguments::<ById>,
        output: items,
        example: Example {
            input: || json!({ "id": ID }),
            output: || json!({ "items": [{ "id": "501", "name": "production", "mayDecide": true }] }),
        },
        run: Run::Json(|context, given| typed(context, given, approvals)),
    },
    Tool {
        name: "approve-pipeline-run",
        title: "Let a pipeline run go on",
        description: "Lets what waits go on, or with `reject` not. It may deploy, so a person is asked first.",
        toolset: &PIPELINES,
        effect: Effect::Destructive,
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<Approve>,
        output: items,
        example: Example {
            input: || json!({ "id": ID, "name": "production", "dry_run": true }),
            output: || json!({ "items": [{ "id": "501", "name": "production", "mayDecide": true }] }),
        },
        run: Run::Json(|context, given| typed(context, given, approve)),
    },
    Tool {
        name: "mark-commit",
        title: "Mark a commit",
        description: "Says on a commit in one line how something stands; the platform shows it beside the commit.",
        toolset: &PIPELINES,
        effect: Effect::Change { idempotent: true },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<Mark>,
        output: || facts::object(&[("commit", "string"), ("context", "string"), ("state", "string")]),
        example: Example {
            input: || json!({ "platform": "github", "commit": COMMIT, "state": "success", "context": "pilotage/gates" }),
            output: || json!({ "commit": COMMIT, "context": "pilotage/gates", "state": "success", "description": "", "url": null }),
        },
        run: Run::Json(|context, given| typed(context, given, mark)),
    },
    Tool {
        name: "check-commit",
        title: "Write a check on a commit",
        description: "Writes what was found on a commit and where. GitHub shows it as a check run; elsewhere, or without an App's token, it becomes a mark, and `remark` says why.",
        toolset: &PIPELINES,
        effect: Effect::Change { idempotent: true },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<Check>,
        output: || facts::object(&[("kind", "string"), ("url", "string?"), ("remark", "string?")]),
        example: Example {
            input: || {
                json!({ "platform": "github", "commit": COMMIT, "name": "lint", "state": "failure", "title": "1 finding",
                    "annotations": [{ "path": "src/a.rs", "line": 3, "level": "failure", "message": "unused" }] })
            },
            output: || json!({ "kind": "check", "url": "https://github.com/acme/shop/runs/7", "remark": null }),
        },
        run: Run::Json(|context, given| typed(context, given, check)),
    },
    Tool {
        name: "list-platform-deployments",
        title: "Deployments of a platform",
        description: "The newest deployments that a CI platform keeps, with where they stand.",
        toolset: &PIPELINES,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: true,
        input: schema::arguments::<Deployments>,
        output: items,
        example: Example {
            input: || json!({ "platform": "github", "limit": 5 }),
            output: || json!({ "items": [{ "id": "1001", "environment": "production", "state": "succeeded", "word": "success" }] }),
        },
        run: Run::Json(|context, given| typed(context, given, deployments)),
    },
];

fn run_path(id: &str, rest: &str) -> String {
    format!("{}/{rest}", api::path("/api/v1/pipelines/runs/{}", &[id]))
}

async fn artifacts(context: &Context, asked: ById) -> ToolAnswer {
    let path = run_path(&asked.id, "artifacts");
    let mut left = context.api().get(&path).await?;
    for item in left["items"].as_array_mut().into_iter().flatten() {
        let id = item["id"].as_str().unwrap_or_default().to_owned();
        item["download"] = json!(format!("{path}/{}", api::path("{}", &[&id])));
    }
    Ok(Answer::json(left).untrusted())
}

async fn approvals(context: &Context, asked: ById) -> ToolAnswer {
    let waiting = context.api().get(&run_path(&asked.id, "approvals")).await?;
    Ok(Answer::json(waiting).untrusted())
}

#[derive(Deserialize, JsonSchema)]
struct Approve {
    id: String,
    /// Only this environment, job or question
    name: Option<String>,
    #[serde(default)]
    reject: bool,
    #[serde(default)]
    comment: String,
}

async fn approve(context: &Context, asked: Approve) -> ToolAnswer {
    if context.is_dry_run() {
        let waiting = context.api().get(&run_path(&asked.id, "approvals")).await?;
        let items = waiting["items"].as_array().into_iter().flatten();
        let named = |item: &&Value| {
            asked
                .name
                .as_ref()
                .is_none_or(|name| item["name"] == name.as_str())
        };
        let meant: Vec<&Value> = items.filter(named).collect();
        if meant.is_empty() {
            return Err(ToolError::new(
                "the run waits for nothing that can be decided",
                "`get-pipeline-run` shows how it stands.",
            ));
        }
        let word = if asked.reject { "reject" } else { "approve" };
        let what = format!("{word} what the run {} waits for", asked.id);
        return Ok(Answer::would(&what, &json!({ "waiting": meant })).untrusted());
    }
    let body = json!({ "name": asked.name, "reject": asked.reject, "comment": asked.comment });
    let path = run_path(&asked.id, "approve");
    let decided = context.api().change(Method::POST, &path, Some(&body)).await?;
    Ok(Answer::json(decided).untrusted())
}

fn platform_path(platform: &str, rest: &str) -> String {
    let below = api::path("/api/v1/pipelines/platforms/{}", &[platform]);
    format!("{below}/{rest}")
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum MarkState {
    Pending,
    Success,
    Failure,
    Error,
}

#[derive(Deserialize, JsonSchema)]
struct Mark {
    /// A name under `platforms:`
    platform: String,
    /// The full hash
    commit: String,
    state: MarkState,
    /// Tells marks of one commit apart
    context: Option<String>,
    description: Option<String>,
    url: Option<String>,
}

async fn mark(context: &Context, asked: Mark) -> ToolAnswer {
    let state = match asked.state {
        MarkState::Pending => "pending",
        MarkState::Success => "success",
        MarkState::Failure => "failure",
        MarkState::Error => "error",
    };
    let name = asked.context.as_deref().unwrap_or("pilotage");
    if context.is_dry_run() {
        let what = format!("mark {} as {state} on {}", asked.commit, asked.platform);
        return Ok(Answer::would(&what, &json!({ "context": name })));
    }
    let body = json!({
        "commit": asked.commit, "state": state, "context": name, "url": asked.url,
        "description": asked.description.unwrap_or_default(),
    });
    let path = platform_path(&asked.platform, "marks");
    let written = context.api().change(Method::POST, &path, Some(&body)).await?;
    Ok(Answer::json(written))
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Place {
    path: String,
    line: u32,
    end_line: Option<u32>,
    /// notice, warning or failure
    level: String,
    title: Option<String>,
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct Check {
    /// A name under `platforms:`
    platform: String,
    /// The full hash
    commit: String,
    /// Tells checks of one commit apart
    name: Option<String>,
    /// queued, running, success, failure, neutral, cancelled, skipped, timed-out or action-required
    state: String,
    title: Option<String>,
    /// Markdown
    summary: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 500))]
    annotations: Vec<Place>,
    url: Option<String>,
    /// No mark in its place
    #[serde(default)]
    strict: bool,
}

async fn check(context: &Context, asked: Check) -> ToolAnswer {
    let name = asked.name.as_deref().unwrap_or("pilotage");
    if context.is_dry_run() {
        let what = format!("write the check {name} on {} of {}", asked.commit, asked.platform);
        let facts = json!({ "state": asked.state, "annotations": asked.annotations.len() });
        return Ok(Answer::would(&what, &facts));
    }
    let body = json!({
        "commit": asked.commit, "name": name, "state": asked.state, "title": asked.title.unwrap_or_default(),
        "summary": asked.summary.unwrap_or_default(), "annotations": asked.annotations, "url": asked.url,
        "strict": asked.strict,
    });
    let path = platform_path(&asked.platform, "checks");
    let written = context.api().change(Method::POST, &path, Some(&body)).await?;
    Ok(Answer::json(written).untrusted())
}

#[derive(Deserialize, JsonSchema)]
struct Deployments {
    /// A name under `platforms:`
    platform: String,
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u8>,
}

async fn deployments(context: &Context, asked: Deployments) -> ToolAnswer {
    let limit = asked.limit.unwrap_or(20).to_string();
    let path = platform_path(&asked.platform, "deployments");
    let found = context
        .api()
        .get(&api::query(&path, &[("limit", Some(limit))]))
        .await?;
    Ok(Answer::json(found).untrusted())
}
