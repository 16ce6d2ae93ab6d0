use http::Method;
use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::facts;
use crate::{
    answer::{Answer, ToolAnswer, ToolError},
    api,
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::GATES,
};

/// What a list shows of a gate.
const BRIEF: &[(&str, &str)] = &[
    ("id", "string"),
    ("type", "string"),
    ("blocking", "boolean"),
    ("inForce", "boolean"),
    ("environments", "array"),
    ("name", "string"),
];
/// What is told of a run beside its report.
const RUN: &[&str] = &[
    "id",
    "environment",
    "commit",
    "status",
    "verdict",
    "score",
    "message",
];
/// What an agent needs of a criterion to mend what it found.
const CRITERION: &[(&str, &str)] = &[
    ("metric", "string"),
    ("state", "string"),
    ("threshold", "string"),
    ("impact", "string"),
    ("reason", "string"),
    ("recommendation", "string"),
];

/// What an agent needs of the proof; the rest is in the run.
const EVIDENCE: [&str; 4] = ["value", "unit", "source", "notes"];

const COMMIT: &str = "5ef27af0c0ffee5ef27af0c0ffee5ef27af0c0ff";
const ID: &str = "0198f3a0-0000-7000-8000-000000000003";

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "list-gates",
        title: "List quality gates",
        description: "The quality gates, of one environment or all: what they are about and whether they block a release.",
        toolset: &GATES,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ListGates>,
        output: || facts::page(BRIEF),
        example: Example {
            input: || json!({ "environment": "production" }),
            output: || json!({ "items": [{ "id": "test-validation", "type": "test", "blocking": true, "inForce": true }], "next": null }),
        },
        run: Run::Json(|context, given| typed(context, given, list)),
    },
    Tool {
        name: "run-gates",
        title: "Judge a commit by the gates",
        description: "Judges from the evidence that is kept or can be collected whether a commit may go to an environment.",
        toolset: &GATES,
        effect: Effect::Change { idempotent: false },
        role: Role::Operator,
        open_world: false,
        input: schema::arguments::<RunGates>,
        output: report_schema,
        example: Example {
            input: || json!({ "environment": "staging", "commit": COMMIT }),
            output: example_report,
        },
        run: Run::Json(|context, given| typed(context, given, run)),
    },
    Tool {
        name: "get-gate-report",
        title: "Verdict of the gates",
        description: "A run's verdict with every criterion that does not hold. Without `id` the newest run that fits.",
        toolset: &GATES,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<GetReport>,
        output: report_schema,
        example: Example {
            input: || json!({ "environment": "staging" }),
            output: example_report,
        },
        run: Run::Json(|context, given| typed(context, given, report)),
    },
    Tool {
        name: "explain-gate",
        title: "Explain a gate",
        description: "What each criterion of a gate asks, what was found last and on what evidence, and how to mend it.",
        toolset: &GATES,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<Explain>,
        output: || facts::object(&[("gate", "object"), ("judged", "object?")]),
        example: Example {
            input: || json!({ "gate": "test-validation" }),
            output: || json!({ "gate": { "id": "test-validation", "criteria": [] }, "judged": null }),
        },
        run: Run::Json(|context, given| typed(context, given, explain)),
    },
];

fn report_schema() -> Value {
    facts::object(&[
        ("id", "string"),
        ("verdict", "string?"),
        ("deploymentReady", "boolean"),
        ("score", "integer"),
        ("gates", "array"),
    ])
}

fn example_report() -> Value {
    json!({ "id": ID, "environment": "staging", "verdict": "notReady", "deploymentReady": false, "score": 40,
        "gates": [{ "id": "test-validation", "state": "failed", "blocking": true, "criteria": [
            { "metric": "test_success_rate", "state": "failed", "threshold": ">= 100%", "evidence": { "value": 98, "unit": "percent" } }] }] })
}

#[derive(Deserialize, JsonSchema)]
struct ListGates {
    environment: Option<String>,
    after: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u16>,
}

async fn list(context: &Context, asked: ListGates) -> ToolAnswer {
    let parameters = [
        ("environment", asked.environment),
        ("after", asked.after),
        ("limit", Some(asked.limit.unwrap_or(50).to_string())),
    ];
    let page = context
        .api()
        .get(&api::query("/api/v1/gates", &parameters))
        .await?;
    Ok(Answer::json(facts::brief(page, BRIEF)))
}

#[derive(Deserialize, JsonSchema)]
struct RunGates {
    environment: String,
    /// Full hash
    commit: String,
    #[serde(default)]
    gates: Vec<String>,
    /// `{name, kind: junit|coverage|sarif, content}`
    #[serde(default)]
    reports: Vec<Map<String, Value>>,
}

async fn run(context: &Context, asked: RunGates) -> ToolAnswer {
    if context.is_dry_run() {
        return would_run(context, &asked).await;
    }
    let body = json!({
        "environment": asked.environment, "commit": asked.commit, "gates": asked.gates,
        "evidence": { "reports": asked.reports },
    });
    let run = context
        .api()
        .change(Method::POST, "/api/v1/gates/runs", Some(&body))
        .await?;
    Ok(told(&run))
}

/// The gates that would be asked.
async fn would_run(context: &Context, asked: &RunGates) -> ToolAnswer {
    let in_environment = [
        ("environment", Some(asked.environment.clone())),
        ("limit", Some("500".to_owned())),
    ];
    let page = context
        .api()
        .get(&api::query("/api/v1/gates", &in_environment))
        .await?;
    let all: Vec<&str> = page["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|gate| gate["inForce"] == true)
        .filter_map(|gate| gate["id"].as_str())
        .collect();
    if let Some(unknown) = asked.gates.iter().find(|gate| !all.contains(&gate.as_str())) {
        return Err(no_gate(unknown));
    }
    let asks = |id: &&&str| asked.gates.is_empty() || asked.gates.iter().any(|gate| gate == *id);
    let gates: Vec<_> = all.iter().filter(asks).collect();
    let what = format!(
        "judge {} for {} by {} gates",
        asked.commit,
        asked.environment,
        gates.len()
    );
    Ok(Answer::would(&what, &json!({ "gates": gates })))
}

fn no_gate(id: &str) -> ToolError {
    ToolError::new(
        format!("there is no gate `{id}` for this environment"),
        "`list-gates` names those that there are.",
    )
}

#[derive(Deserialize, JsonSchema)]
struct GetReport {
    id: Option<String>,
    environment: Option<String>,
    /// May be short
    commit: Option<String>,
}

async fn report(context: &Context, asked: GetReport) -> ToolAnswer {
    let id = match asked.id {
        Some(id) => id,
        None => newest(context, asked.environment, asked.commit, None)
            .await?
            .ok_or_else(|| {
                ToolError::new(
                    "no commit was judged yet",
                    "`run-gates` judges one, and so does `pilotage gate run --server` in CI.",
                )
            })?,
    };
    Ok(told(&fetch(context, &id).await?))
}

/// A run with its report, as the interface shows it.
async fn fetch(context: &Context, id: &str) -> Result<Value, ToolError> {
    context
        .api()
        .get(&api::path("/api/v1/gates/runs/{}", &[id]))
        .await
}

/// The id of the newest run that fits.
async fn newest(
    context: &Context,
    environment: Option<String>,
    commit: Option<String>,
    gate: Option<String>,
) -> Result<Option<String>, ToolError> {
    let parameters = [
        ("environment", environment),
        ("commit", commit),
        ("gate", gate),
        ("limit", Some("1".to_owned())),
    ];
    let page = context
        .api()
        .get(&api::query("/api/v1/gates/runs", &parameters))
        .await?;
    Ok(page["items"][0]["id"].as_str().map(str::to_owned))
}

/// The verdict in few words: of gates and criteria that hold, only that they do.
fn told(run: &Value) -> Answer {
    let mut told: Map<String, Value> = RUN
        .iter()
        .map(|name| ((*name).to_owned(), run[*name].clone()))
        .collect();
    told.insert("deploymentReady".to_owned(), run["deploymentReady"].clone());
    let gates = run["report"]["gates"].as_array().into_iter().flatten();
    let gates = gates.map(|gate| {
        json!({ "id": gate["id"], "state": gate["state"], "blocking": gate["blocking"], "criteria": not_held(gate) })
    });
    told.insert("gates".to_owned(), gates.collect());
    // Reasons may quote what tools and reports said.
    Answer::json(Value::Object(told)).untrusted()
}

fn not_held(gate: &Value) -> Value {
    let criteria = gate["criteria"].as_array().into_iter().flatten();
    let failing = criteria.filter(|criterion| criterion["state"] != "passed");
    failing
        .map(|criterion| {
            let mut criterion = criterion.clone();
            let evidence = criterion["evidence"].take();
            facts::keep(&mut criterion, CRITERION);
            if evidence.is_object() {
                criterion["evidence"] = EVIDENCE
                    .iter()
                    .map(|name| (*name, evidence[*name].clone()))
                    .collect();
            }
            criterion
        })
        .collect()
}

#[derive(Deserialize, JsonSchema)]
struct Explain {
    gate: String,
    /// Else the newest
    run: Option<String>,
}

async fn explain(context: &Context, asked: Explain) -> ToolAnswer {
    let explained = explained(context, &asked.gate, asked.run).await?;
    Ok(Answer::json(explained).untrusted())
}

/// A gate, and how a run found it: the named one, or the newest that asked it.
///
/// # Errors
/// There is no such gate or run.
pub(crate) async fn explained(context: &Context, id: &str, run: Option<String>) -> Result<Value, ToolError> {
    let gate = context.api().get(&api::path("/api/v1/gates/{}", &[id])).await?;
    let run = match run {
        Some(run) => Some(run),
        None => newest(context, None, None, Some(id.to_owned())).await?,
    };
    let mut judged = Value::Null;
    if let Some(run) = run {
        let run = fetch(context, &run).await?;
        let mut gates = run["report"]["gates"].as_array().into_iter().flatten();
        if let Some(found) = gates.find(|found| found["id"] == id) {
            judged = json!({
                "run": run["id"], "environment": run["environment"], "commit": run["commit"],
                "state": found["state"], "criteria": found["criteria"],
            });
        }
    }
    Ok(json!({ "gate": gate, "judged": judged }))
}

/// Ids of gates that begin with `typed`.
pub(crate) async fn complete(context: &Context, typed: &str) -> Vec<String> {
    let page = context.api().get("/api/v1/gates?limit=500").await;
    facts::ids(page.ok().as_ref(), typed)
}
