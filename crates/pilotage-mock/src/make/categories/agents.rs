//! Agents on somebody's own premises, and the systems that are reached through them. What is unknown is answered 400 here.

use serde_json::{Value, json};

use super::{Category, enums::CONNECTED_SYSTEM_APPS};
use crate::make::{
    call::Call,
    ids,
    reply::{Refusal, Reply},
    resource::{Field, Kind, optional, read, required, text_of},
    routing::own,
    state::{Row, field, row},
};

const READ: &str = "agents:read";
const WRITE: &str = "agents:write";

pub(crate) const CATEGORY: Category = Category {
    name: "agents and connected systems",
    routes: &[
        own("POST", "/agent/register", WRITE, register),
        own("GET", "/agents", READ, list),
        own("GET", "/agents/{}", READ, show),
        own("PATCH", "/agents/{}", WRITE, change),
        own("DELETE", "/agents/{}", WRITE, delete),
        own("GET", "/agents/{}/apps/{}/config", READ, app_config),
        own("GET", "/connected-systems", READ, list_systems),
        own("POST", "/connected-systems", WRITE, create_system),
        own("GET", "/connected-systems/{}", READ, show_system),
        own("PATCH", "/connected-systems/{}", WRITE, change_system),
        own("DELETE", "/connected-systems/{}", WRITE, delete_system),
    ],
};

/// The row of the path, if it is of the organization that the query names.
fn find(call: &Call<'_>, table: &str, what: &str) -> Result<Row, Refusal> {
    let organization = call.organization()?;
    let found = call.row(table).ok();
    let found = found.filter(|row| field(row, "organizationId") == organization);
    found.ok_or_else(|| Refusal::bad(format!("The {what} does not exist.")))
}

fn agent(call: &Call<'_>, row: &Row) -> Value {
    let systems = call
        .state
        .rows_with("connected-systems", "agentId", field(row, "id"))
        .count();
    json!({
        "id": field(row, "id"),
        "tenantId": format!("tenant-{}", field(row, "organizationId")),
        "name": field(row, "name"),
        "status": field(row, "status").as_str().unwrap_or("REGISTERED"),
        "alerted": false,
        "connected": field(row, "connected") == true,
        "version": "1.2.3",
        "systemConnectionsCount": systems,
    })
}

fn register(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let organization = call.organization()?;
    let name = text_of(call, "name")?.to_owned();
    let number = call.state.next_number("agents");
    let id = ids::uuid("agent", number);
    let own = row(json!({"id": id, "_number": number, "organizationId": organization, "name": name}));
    call.state.insert("agents", own.clone())?;
    let mut answer = agent(call, &own);
    // Shown this once.
    answer["clientSecret"] = ids::hexadecimal("agent secret", number).into();
    Ok(Reply::json(json!({"agent": answer})))
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let organization = Value::from(call.organization()?);
    let rows = call.state.rows_with("agents", "organizationId", &organization);
    let rows: Vec<Value> = rows.map(|row| agent(call, row)).collect();
    Ok(Reply::json(json!({"agents": rows})))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = find(call, "agents", "agent")?;
    Ok(Reply::json(json!({"agent": agent(call, &row)})))
}

fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    find(call, "agents", "agent")?;
    let changes = read(call, &[optional("name", Kind::Text(128))], false)?;
    call.change("agents", Value::Object(changes));
    show(call)
}

fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = find(call, "agents", "agent")?;
    let id = field(&row, "id");
    call.state
        .remove("connected-systems", |system| field(system, "agentId") == id);
    call.state.remove_by_id("agents", &call.parameter(0));
    Ok(Reply::json(json!({"agent": id})))
}

fn app_config(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    find(call, "agents", "agent")?;
    let fields: &[&str] = match call.parameter(1).as_str() {
        "http" => &["baseUrl"],
        "sap-agent" => &["ashost", "sysnr"],
        _ => return Err(Refusal::bad("The app does not exist.")),
    };
    let spec = fields
        .iter()
        .map(|name| json!({"name": name, "label": name, "required": true}));
    let spec: Vec<Value> = spec.collect();
    Ok(Reply::json(json!({
        "inputs": [{"name": "inputs", "label": "Inputs", "type": "collection", "spec": spec}],
    })))
}

const SYSTEM: &[Field] = &[
    required("name", Kind::Text(128)),
    required("agentId", Kind::Text(36)),
    required("appName", Kind::Text(50)),
    required("inputs", Kind::Any),
];

fn check_system(call: &Call<'_>, system: &Row) -> Result<(), Refusal> {
    let agent = field(system, "agentId").as_str().unwrap_or_default();
    let app = field(system, "appName").as_str().unwrap_or_default();
    let is_app = CONNECTED_SYSTEM_APPS.iter().any(|(name, _)| *name == app);
    if call.state.find("agents", agent).is_none() || !is_app {
        return Err(Refusal::bad("The agent or the app does not exist."));
    }
    Ok(())
}

/// Make keeps inputs as a list of names and values, whichever way they come.
fn system(row: &Row) -> Value {
    let inputs = match field(row, "inputs") {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect(),
        other => other.clone(),
    };
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "agentId": field(row, "agentId"),
        "appName": field(row, "appName"),
        "inputs": inputs,
    })
}

fn list_systems(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let organization = call.organization()?;
    let agents = call.request.many("agentId");
    let rows = call.state.rows("connected-systems").iter().filter(|row| {
        let agent = field(row, "agentId").as_str().unwrap_or_default();
        field(row, "organizationId") == organization && (agents.is_empty() || agents.contains(&agent))
    });
    let rows: Vec<Value> = rows.map(system).collect();
    Ok(Reply::json(json!({"connectedSystems": rows})))
}

fn create_system(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let organization = call.organization()?;
    let mut own = read(call, SYSTEM, true)?;
    check_system(call, &own)?;
    let number = call.state.next_number("connected-systems");
    let id = ids::uuid("connected system", number);
    own.extend(row(
        json!({"id": id, "_number": number, "organizationId": organization}),
    ));
    call.state.insert("connected-systems", own.clone())?;
    Ok(Reply::json(json!({"connectedSystem": system(&own)})))
}

fn show_system(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = find(call, "connected-systems", "connected system")?;
    Ok(Reply::json(json!({"connectedSystem": system(&row)})))
}

fn change_system(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut own = find(call, "connected-systems", "connected system")?;
    let changes = read(call, SYSTEM, false)?;
    own.extend(changes.clone());
    check_system(call, &own)?;
    call.change("connected-systems", Value::Object(changes));
    show_system(call)
}

fn delete_system(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = find(call, "connected-systems", "connected system")?;
    call.state.remove_by_id("connected-systems", &call.parameter(0));
    Ok(Reply::json(json!({"connectedSystem": field(&row, "id")})))
}
