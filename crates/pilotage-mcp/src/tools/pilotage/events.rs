use http::Method;
use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{facts, payload};
use crate::{
    answer::{Answer, ToolAnswer, ToolError},
    api,
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::PILOTAGE,
};

/// What a list shows of an event.
const BRIEF: &[(&str, &str)] = &[
    ("id", "string"),
    ("source", "string"),
    ("type", "string"),
    ("receivedAt", "string"),
    ("size", "integer"),
    ("executions", "integer"),
];
/// What an event shows of its executions.
const EXECUTION: &[(&str, &str)] = &[
    ("id", "string"),
    ("rule", "string"),
    ("status", "string"),
    ("reason", "string"),
];
/// Bytes of a body that are shown unless more are asked for.
const USUAL_BYTES: usize = 4_000;

const ID: &str = "0198f3a0-0000-7000-8000-000000000001";

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "list-events",
        title: "List events",
        description: "Deliveries that came in, newest first. `unhandled: true` gives those that no rule matched.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ListEvents>,
        output: || facts::page(BRIEF),
        example: Example {
            input: || json!({ "source": "github", "limit": 20 }),
            output: || json!({ "items": [{ "id": ID, "source": "github", "type": "push", "executions": 1 }], "next": "41" }),
        },
        run: Run::Json(|context, given| typed(context, given, list)),
    },
    Tool {
        name: "get-event",
        title: "Event",
        description: "A delivery: facts, its payload (an outline where that is long; `path` gives a part), what rules said, and its executions.",
        toolset: &PILOTAGE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<GetEvent>,
        output: || {
            let mut schema = facts::object(&[
                ("id", "string"),
                ("source", "string"),
                ("type", "string"),
                ("outlined", "boolean"),
                ("decision", "object?"),
                ("executions", "array"),
            ]);
            schema["properties"]["data"] = json!({ "description": "The payload or its part" });
            schema
        },
        example: Example {
            input: || json!({ "id": ID, "path": "commits[0]" }),
            output: || json!({ "id": ID, "source": "github", "type": "push", "data": { "message": "Mend" }, "outlined": false, "decision": null, "executions": [] }),
        },
        run: Run::Json(|context, given| typed(context, given, show)),
    },
    Tool {
        name: "replay-event",
        title: "Act on an event again",
        description: "Matches an event anew and runs what matches. Effects that happened before happen again.",
        toolset: &PILOTAGE,
        effect: Effect::Change { idempotent: false },
        role: Role::Operator,
        open_world: true,
        input: schema::arguments::<Replay>,
        output: || {
            facts::object(&[
                ("eventId", "string"),
                ("executions", "array"),
                ("faults", "array"),
            ])
        },
        example: Example {
            input: || json!({ "id": ID, "dry_run": true }),
            output: || json!({ "eventId": ID, "executions": ["0198f3a0-0000-7000-8000-000000000002"], "faults": [] }),
        },
        run: Run::Json(|context, given| typed(context, given, replay)),
    },
];

#[derive(Deserialize, JsonSchema)]
struct ListEvents {
    source: Option<String>,
    r#type: Option<String>,
    delivery_id: Option<String>,
    unhandled: Option<bool>,
    /// RFC 3339
    since: Option<String>,
    /// RFC 3339
    until: Option<String>,
    after: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u16>,
}

async fn list(context: &Context, asked: ListEvents) -> ToolAnswer {
    let limit = asked.limit.unwrap_or(20);
    let parameters = [
        ("source", asked.source),
        ("type", asked.r#type),
        ("deliveryId", asked.delivery_id),
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
    Ok(Answer::json(facts::brief(page, BRIEF)).untrusted())
}

#[derive(Deserialize, JsonSchema)]
struct GetEvent {
    id: String,
    /// Part of the payload, as `commits[0].author`
    path: Option<String>,
    /// Payload above this is outlined; 4,000 if not given
    #[schemars(range(min = 200, max = 90000))]
    max_bytes: Option<usize>,
}

async fn show(context: &Context, asked: GetEvent) -> ToolAnswer {
    let mut event = fetch(context, &asked.id).await?;
    let whole = event["data"].take();
    let data = match &asked.path {
        None => &whole,
        Some(path) => payload::part(&whole, path).ok_or_else(|| nothing_at(path, &whole))?,
    };
    let (data, outlined) = payload::bounded(data, asked.max_bytes.unwrap_or(USUAL_BYTES));
    event["data"] = data;
    event["outlined"] = outlined.into();
    for execution in event["executions"].as_array_mut().into_iter().flatten() {
        facts::keep(execution, EXECUTION);
    }
    let mut text = event.to_string();
    if outlined {
        text.push_str("\n\nThe payload is an outline; `path` gives a part of it, `max_bytes` more of it.");
    }
    Ok(Answer::json(event).with_text(text).untrusted())
}

/// An event as the interface shows it.
pub(crate) async fn fetch(context: &Context, id: &str) -> Result<Value, ToolError> {
    context.api().get(&api::path("/api/v1/events/{}", &[id])).await
}

fn nothing_at(path: &str, whole: &Value) -> ToolError {
    let names = match whole {
        Value::Object(object) => object
            .keys()
            .take(40)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        _ => "nothing: it is pruned, or no object".to_owned(),
    };
    let path = &path[..path.floor_char_boundary(200)];
    ToolError::new(
        format!("the payload has nothing at `{path}`"),
        format!("At its top it has: {names}."),
    )
    .untrusted()
}

#[derive(Deserialize, JsonSchema)]
struct Replay {
    id: String,
    /// Whether the rules of then decide, and not those of today
    same_rules: Option<bool>,
}

async fn replay(context: &Context, asked: Replay) -> ToolAnswer {
    let same = asked.same_rules == Some(true);
    if context.is_dry_run() {
        let mut event = fetch(context, &asked.id).await?;
        if event["pruned"] == true {
            return Err(ToolError::new(
                "the data of this event is pruned, so it cannot be replayed",
                "Ask the sender to deliver it again.",
            ));
        }
        let mut facts = event["executions"].take();
        for execution in facts.as_array_mut().into_iter().flatten() {
            facts::keep(execution, EXECUTION);
        }
        let whose = if same {
            "the rules of then"
        } else {
            "the rules of today"
        };
        let what = format!("act on the event {} again by {whose}", asked.id);
        return Ok(Answer::would(&what, &json!({ "before": facts })));
    }
    let path = api::path("/api/v1/events/{}/replay", &[&asked.id]);
    let body = json!({ "rules": if same { "same" } else { "today" } });
    let done = context.api().change(Method::POST, &path, Some(&body)).await?;
    Ok(Answer::json(done))
}

/// Ids of events that begin with `typed`, among the newest.
pub(crate) async fn complete(context: &Context, typed: &str) -> Vec<String> {
    let page = context.api().get("/api/v1/events?limit=500").await;
    facts::ids(page.ok().as_ref(), typed)
}
