//! Connections to other services. What they hold is never shown.

use serde_json::{Map, Value, json};

use super::Category;
use crate::make::{
    call::Call,
    paging::Defaults,
    reply::{Refusal, Reply},
    resource::{Kind, Resource, optional, text_of},
    routing::{Answering, of, own},
    state::{Row, field, row},
};

const READ: &str = "connections:read";
const WRITE: &str = "connections:write";

const CONNECTIONS: Resource = Resource {
    confirmed: true,
    defaults: Defaults::BY_NAME,
    fields: &[optional("name", Kind::Text(128))],
    view,
    ..Resource::of_team("connections", "connection", "connections")
};

pub(crate) const CATEGORY: Category = Category {
    name: "connections",
    routes: &[
        own("GET", "/connections", READ, list),
        own("POST", "/connections", WRITE, create),
        of("GET", "/connections/{}", READ, Answering::Show(&CONNECTIONS)),
        of("PATCH", "/connections/{}", WRITE, Answering::Change(&CONNECTIONS)),
        of(
            "DELETE",
            "/connections/{}",
            WRITE,
            Answering::Delete(&CONNECTIONS),
        ),
        own("POST", "/connections/{}/set-data", WRITE, set_data),
        own("POST", "/connections/{}/test", WRITE, test),
        own("POST", "/connections/{}/scoped", WRITE, scoped),
        own("GET", "/connections/{}/editable-data-schema", READ, editable),
    ],
};

fn view(call: &Call<'_>, row: &Row) -> Value {
    let team = field(row, "teamId");
    let scopes = field(row, "scopes").as_array().cloned().unwrap_or_default();
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "accountName": field(row, "accountName"),
        "accountLabel": field(row, "accountLabel").as_str().or(field(row, "accountName").as_str()),
        "packageName": null,
        "expire": null,
        "metadata": field(row, "metadata"),
        "teamId": team,
        "organizationId": team.as_u64().and_then(|team| call.state.organization_of_team(team)),
        "theme": "#6d00cc",
        "upgradeable": false,
        "scopesCnt": scopes.len(),
        "scopes": scopes,
        "scoped": true,
        "accountType": field(row, "accountType").as_str().unwrap_or("basic"),
        "editable": true,
        "uid": null,
        "connectedSystemId": null,
        "scenarioUsages": usages(call, field(row, "id")),
    })
}

/// The scenarios that use a connection.
fn usages(call: &Call<'_>, id: &Value) -> Vec<Value> {
    let uses = |scenario: &&Row| {
        let flow = field(scenario, "blueprint")["flow"]
            .as_array()
            .into_iter()
            .flatten();
        let mut connections = flow.map(|node| &node["parameters"]["__IMTCONN__"]);
        connections.any(|connection| connection == id)
    };
    let scenarios = call.state.rows("scenarios").iter().filter(uses);
    scenarios
        .map(|scenario| json!({"id": field(scenario, "id"), "name": field(scenario, "name")}))
        .collect()
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let team = Value::from(call.team()?);
    let types = call.request.many("type");
    let rows = call
        .state
        .rows_with("connections", "teamId", &team)
        .map(|row| view(call, row));
    let rows = rows
        .filter(|row| types.is_empty() || types.contains(&row["accountName"].as_str().unwrap_or_default()));
    let rows = rows.collect();
    call.page("connections", rows, CONNECTIONS.defaults)
}

/// In the body `accountName` is what people call it and `accountType` the app; answers use the words otherwise.
fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let team = call.team()?;
    let label = text_of(call, "accountName")?.to_owned();
    let app = text_of(call, "accountType")?.to_owned();
    let mut data = call.object()?.clone();
    data.retain(|name, _| !["accountName", "accountType", "scopes"].contains(&name.as_str()));
    let scopes = call.body["scopes"].as_array().into_iter().flatten();
    let scopes = scopes.map(|scope| json!({"id": scope, "name": scope, "account": app}));
    let connection = row(json!({
        "id": call.state.next_number("connections"),
        "teamId": team,
        "name": label,
        "accountName": app,
        "accountType": "basic",
        "scopes": scopes.collect::<Vec<_>>(),
        "_data": data,
    }));
    call.state.insert("connections", connection.clone())?;
    Ok(call.one("connection", view(call, &connection)))
}

fn set_data(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = call.row("connections")?;
    let mut data = field(&own, "_data").as_object().cloned().unwrap_or_default();
    data.extend(call.object()?.clone());
    let changed = field(&own, "_data").as_object() != Some(&data);
    call.change("connections", json!({"_data": data}));
    Ok(Reply::json(json!({"changed": changed})))
}

/// A connection to Make itself is tried with its key; every other one is taken to work.
fn test(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = call.row("connections")?;
    let key = &field(&own, "_data")["apiKey"];
    let is_known = || {
        call.state
            .rows("tokens")
            .iter()
            .any(|token| field(token, "token") == key)
    };
    if field(&own, "accountName") == "make" && !is_known() {
        return Err(Refusal::bad("Access denied: Invalid token header."));
    }
    Ok(Reply::json(json!({"verified": true})))
}

fn scoped(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = call.row("connections")?;
    let has = field(&own, "scopes").as_array().cloned().unwrap_or_default();
    let has = |scope: &Value| has.iter().any(|own| own["id"] == *scope);
    let wanted = call.body["scope"].as_array().into_iter().flatten();
    let scoped = wanted.into_iter().all(has);
    Ok(Reply::json(json!({"connection": {"scoped": scoped}})))
}

fn editable(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = call.row("connections")?;
    let data = field(&own, "_data").as_object().cloned().unwrap_or_else(Map::new);
    let names: Vec<&String> = data.keys().collect();
    Ok(Reply::json(json!({"editableParameters": names})))
}
