use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    facts::{self, ById},
    rules_change::{PutRule, delete, disable, enable, put},
};
use crate::{
    answer::{Answer, ToolAnswer, ToolError},
    api,
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::PILOTAGE,
};

/// What a list shows of a rule.
const BRIEF: &[(&str, &str)] = &[
    ("id", "string"),
    ("name", "string"),
    ("enabled", "boolean"),
    ("inForce", "boolean"),
    ("origin", "string"),
    ("trigger", "object"),
    ("statistics", "object"),
];
/// What is told of a rule that was changed.
pub(super) const CHANGED: &[(&str, &str)] = &[("id", "string"), ("enabled", "boolean"), ("digest", "string")];

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "list-rules",
        title: "List rules",
        description: "The rules by id: when each matches, whether it is enabled and in force, and what it has done.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ListRules>,
        output: || facts::page(BRIEF),
        example: Example {
            input: || json!({}),
            output: || json!({ "items": [{ "id": "deploy", "enabled": true, "inForce": true, "origin": "file" }], "next": null }),
        },
        run: Run::Json(|context, given| typed(context, given, list)),
    },
    Tool {
        name: "get-rule",
        title: "Rule",
        description: "A rule whole, in the form that `put-rule` takes, with its origin, digest and statistics.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ById>,
        output: || {
            facts::object(&[
                ("id", "string"),
                ("enabled", "boolean"),
                ("trigger", "object"),
                ("actions", "array"),
                ("origin", "string"),
                ("problems", "array"),
            ])
        },
        example: Example {
            input: || json!({ "id": "deploy" }),
            output: || json!({ "id": "deploy", "enabled": true, "trigger": { "source": "github" }, "actions": [], "origin": "file", "problems": [] }),
        },
        run: Run::Json(|context, given| typed(context, given, show)),
    },
    Tool {
        name: "test-rule",
        title: "Test a rule",
        description: "Says part by part why a rule matches a stored event, or why not. Nothing runs.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<TestRule>,
        output: || facts::object(&[("rule", "string"), ("matches", "boolean"), ("parts", "array")]),
        example: Example {
            input: || json!({ "id": "deploy", "event_id": "0198f3a0-0000-7000-8000-000000000001" }),
            output: || json!({ "rule": "deploy", "matches": false, "parts": [{ "part": "conditions.ref", "expected": "refs/heads/main", "found": "refs/heads/x", "holds": false }] }),
        },
        run: Run::Json(|context, given| typed(context, given, test)),
    },
    Tool {
        name: "enable-rule",
        title: "Enable a rule",
        description: "From now on the rule is asked about new events.",
        toolset: &PILOTAGE,
        effect: Effect::Change { idempotent: true },
        role: Role::Admin,
        open_world: false,
        input: schema::arguments::<ById>,
        output: || facts::object(CHANGED),
        example: Example {
            input: || json!({ "id": "deploy" }),
            output: || json!({ "id": "deploy", "enabled": true }),
        },
        run: Run::Json(|context, given| typed(context, given, enable)),
    },
    Tool {
        name: "disable-rule",
        title: "Disable a rule",
        description: "The rule is not asked any more; its executions under way end as they began.",
        toolset: &PILOTAGE,
        effect: Effect::Change { idempotent: true },
        role: Role::Admin,
        open_world: false,
        input: schema::arguments::<ById>,
        output: || facts::object(CHANGED),
        example: Example {
            input: || json!({ "id": "deploy" }),
            output: || json!({ "id": "deploy", "enabled": false }),
        },
        run: Run::Json(|context, given| typed(context, given, disable)),
    },
    Tool {
        name: "put-rule",
        title: "Create or replace a rule",
        description: "The dry run checks it and says what differs. Rules of the configuration file are changed there.",
        toolset: &PILOTAGE,
        effect: Effect::Change { idempotent: true },
        role: Role::Admin,
        open_world: false,
        input: schema::arguments::<PutRule>,
        output: || facts::object(CHANGED),
        example: Example {
            input: || {
                json!({ "rule": { "id": "deploy", "trigger": { "source": "github", "eventTypes": ["push"] },
                "actions": [{ "type": "webhook", "target": "https://example.com/", "parameters": { "body": { "ref": "${event.data.ref}" } } }] } })
            },
            output: || json!({ "id": "deploy", "enabled": true, "digest": "9f86d081884c7d65" }),
        },
        run: Run::Json(|context, given| typed(context, given, put)),
    },
    Tool {
        name: "delete-rule",
        title: "Delete a rule",
        description: "For good; what it has done stays in the history. `disable-rule` can be undone.",
        toolset: &PILOTAGE,
        effect: Effect::Destructive,
        role: Role::Admin,
        open_world: false,
        input: schema::arguments::<ById>,
        output: || facts::object(&[("deleted", "string")]),
        example: Example {
            input: || json!({ "id": "deploy", "dry_run": true }),
            output: || json!({ "deleted": "deploy" }),
        },
        run: Run::Json(|context, given| typed(context, given, delete)),
    },
];

#[derive(Deserialize, JsonSchema)]
struct ListRules {
    after: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u16>,
}

async fn list(context: &Context, asked: ListRules) -> ToolAnswer {
    let parameters = [
        ("after", asked.after),
        ("limit", Some(asked.limit.unwrap_or(50).to_string())),
    ];
    let page = context
        .api()
        .get(&api::query("/api/v1/rules", &parameters))
        .await?;
    Ok(Answer::json(facts::brief(page, BRIEF)))
}

/// A rule as the interface shows it.
pub(crate) async fn fetch(context: &Context, id: &str) -> Result<Value, ToolError> {
    context.api().get(&api::path("/api/v1/rules/{}", &[id])).await
}

async fn show(context: &Context, asked: ById) -> ToolAnswer {
    Ok(Answer::json(fetch(context, &asked.id).await?))
}

#[derive(Deserialize, JsonSchema)]
struct TestRule {
    id: String,
    event_id: String,
}

async fn test(context: &Context, asked: TestRule) -> ToolAnswer {
    let path = api::path("/api/v1/rules/{}/test", &[&asked.id]);
    let explanation = context
        .api()
        .ask(&path, &json!({ "eventId": asked.event_id }))
        .await?;
    Ok(Answer::json(explanation).untrusted())
}

/// Ids of rules that begin with `typed`.
pub(crate) async fn complete(context: &Context, typed: &str) -> Vec<String> {
    let page = context.api().get("/api/v1/rules?limit=500").await;
    facts::ids(page.ok().as_ref(), typed)
}
