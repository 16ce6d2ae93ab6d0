//! The description of every route, `OpenAPI` 3.1. Paths and shapes come from the handlers; what all routes share is added
//! here.

use pilotage_core::{gate::GateFile, rule::Rule};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{OpenApi, ToSchema};

use crate::problem::ProblemDocument;

/// Stands for the schema of a rule, which comes from where rules are defined.
#[derive(ToSchema)]
#[schema(as = Rule)]
#[expect(dead_code, reason = "only its name is used")]
pub(super) struct RuleSchema {
    id: String,
}

/// Stands for the schema of a gate, which comes from where gates are defined.
#[derive(ToSchema)]
#[schema(as = Gate)]
#[expect(dead_code, reason = "only its name is used")]
pub(super) struct GateSchema {
    id: String,
}

/// Why a rule matches an event, or why it does not.
#[derive(ToSchema)]
#[schema(as = Explanation)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct ExplanationSchema {
    /// The rule.
    rule: String,
    /// Whether it matches.
    matches: bool,
    /// Every part of its trigger, in the order in which people write them.
    parts: Vec<ExplainedPartSchema>,
}

/// One part of a trigger.
#[derive(ToSchema)]
#[schema(as = ExplainedPart)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct ExplainedPartSchema {
    /// Which part: `source`, `conditions.ref`, `when`.
    part: String,
    /// What the rule asks for.
    expected: String,
    /// What the event has; cut after 200 characters.
    found: String,
    /// Whether that is what is asked for.
    holds: bool,
    /// It stands below a `not`, so that holding is nothing good by itself.
    negated: bool,
}

/// What intake answers once a delivery is durable.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Received {
    /// Always true.
    #[serde(rename = "received")]
    stored: bool,
    /// The event that the delivery became.
    #[schema(format = Uuid)]
    event_id: String,
    /// True where the same delivery had come before.
    duplicate: Option<bool>,
}

/// Takes a delivery of a built-in source: `github`, `gitlab`, `make`, `kubernetes`, `jenkins`, `azure-devops`,
/// `alertmanager`.
#[utoipa::path(
    post, path = "/webhooks/{kind}", tag = "webhooks", security(()),
    params(("kind" = String, Path, description = "The source")),
    request_body(content = Value, description = "As the source sends it"),
    responses(
        (status = 202, description = "Stored", body = Received),
        (status = 200, description = "Stored before", body = Received),
        (status = 400, description = "Not the source's format", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "Signature, token or password missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No such source", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "Not a type that the source sends", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "Over the limit of the source or the address", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Cannot be stored now", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
#[expect(dead_code, reason = "describes the route; `intake::receive` answers it")]
fn built_in() {}

/// Takes a delivery of a source from the configuration. The answers are those of the built-in sources.
#[utoipa::path(
    post, path = "/webhooks/custom/{source}", tag = "webhooks", security(()),
    params(("source" = String, Path, description = "Name of the source")),
    request_body(content = Value, description = "As the source sends it"),
    responses(
        (status = 202, description = "Stored", body = Received),
        (status = 200, description = "Stored before", body = Received),
        (status = "default", description = "Not stored", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
#[expect(dead_code, reason = "describes the route; `intake::receive` answers it")]
fn custom() {}

/// Metrics for Prometheus, as `OpenMetrics` text.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Metrics", body = String, content_type = "application/openmetrics-text"))
)]
#[expect(dead_code, reason = "describes the route; `health::metrics` answers it")]
fn metrics() {}

/// This document.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "stats",
    responses((status = 200, description = "OpenAPI 3.1", body = Value))
)]
#[expect(dead_code, reason = "describes the route; `routes` answers it")]
fn openapi() {}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pilotage",
        description = "Webhooks come in, rules decide, actions run, and every step is on an audit trail. A collection is read \
                       page by page: pass `next` as `after`. Whatever is no success is an RFC 9457 problem document.",
    ),
    paths(built_in, custom, metrics, openapi),
    components(schemas(ProblemDocument<'_>))
)]
struct Shared;

/// The whole document, given what the handlers say about themselves.
pub(crate) fn document(handlers: utoipa::openapi::OpenApi) -> Value {
    let mut whole = Shared::openapi();
    whole.merge(handlers);
    let mut document = serde_json::to_value(whole).unwrap_or_default();
    add_schema(&mut document, "Rule", schemars::schema_for!(Rule).to_value());
    add_schema(&mut document, "Gate", schemars::schema_for!(GateFile).to_value());
    add_security(&mut document);
    add_shared_answers(&mut document);
    name_operations(&mut document);
    document
}

fn object<'a>(document: &'a mut Value, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    document.pointer_mut(pointer).and_then(Value::as_object_mut)
}

/// A schema of what people write, with the schemas that it refers to.
fn add_schema(document: &mut Value, name: &str, mut schema: Value) {
    move_references(&mut schema);
    let definitions = schema.as_object_mut().and_then(|schema| {
        schema.remove("$schema");
        // Answers show more than people write, and are described as that and more.
        schema.remove("additionalProperties");
        schema.remove("$defs")
    });
    let Some(schemas) = object(document, "/components/schemas") else {
        return;
    };
    schemas.insert(name.to_owned(), schema);
    if let Some(Value::Object(definitions)) = definitions {
        schemas.extend(definitions);
    }
}

fn move_references(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref") {
                *target = target.replace("#/$defs/", "#/components/schemas/");
            }
            members.values_mut().for_each(move_references);
        }
        Value::Array(items) => items.iter_mut().for_each(move_references),
        _ => {}
    }
}

fn add_security(document: &mut Value) {
    if let Some(components) = object(document, "/components") {
        let bearer = json!({
            "type": "http",
            "scheme": "bearer",
            "description": "A token from `pilotage token create`. On loopback none is needed until the first one is made, unless configured otherwise.",
        });
        components.insert("securitySchemes".to_owned(), json!({ "token": bearer }));
    }
    if let Some(root) = document.as_object_mut() {
        root.insert("security".to_owned(), json!([{ "token": [] }, {}]));
    }
}

/// Handlers are called `list` in every room of the API; an operation's id must be its own: `listEvents`.
fn name_operations(document: &mut Value) {
    let items = object(document, "/paths").into_iter().flat_map(Map::values_mut);
    for operation in items.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let tag = operation
            .pointer("/tags/0")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let mut letters = tag.chars();
        let capital = letters.next().map(|first| first.to_ascii_uppercase());
        let room: String = capital.into_iter().chain(letters).collect();
        if let Some(Value::String(id)) = operation.get_mut("operationId") {
            id.push_str(&room);
        }
    }
}

/// What `auth` and the reading of requests may answer on every route but those of deliveries.
fn add_shared_answers(document: &mut Value) {
    let shared = [
        (
            "400",
            "The request is not understood; the detail names the parameter",
        ),
        ("401", "A token is needed, or is not known"),
        (
            "403",
            "The role does not allow it, or the Host or Origin is not ours",
        ),
        ("500", "Something went wrong here"),
        ("503", "The store does not answer now"),
    ];
    let Some(paths) = object(document, "/paths") else {
        return;
    };
    let guarded = paths
        .iter_mut()
        .filter(|(path, _)| !path.starts_with("/webhooks/"));
    for operation in guarded
        .filter_map(|(_, item)| item.as_object_mut())
        .flat_map(Map::values_mut)
    {
        let has_body = operation.get("requestBody").is_some();
        let Some(responses) = object(operation, "/responses") else {
            continue;
        };
        for (status, description) in shared {
            responses.entry(status).or_insert_with(|| answer(description));
        }
        if has_body {
            responses
                .entry("413")
                .or_insert_with(|| answer("The body is longer than 1 MiB"));
            responses
                .entry("415")
                .or_insert_with(|| answer("The body is not sent as `application/json`"));
        }
    }
}

fn answer(description: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}
