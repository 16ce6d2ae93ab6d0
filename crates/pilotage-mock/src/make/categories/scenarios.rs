//! Scenarios with their blueprints, versions, scheduling and interface.

mod blueprints;
mod running;
mod scheduling;
mod view;
mod writing;

use serde_json::{Value, json};

use super::{Category, usage};
use crate::make::{
    call::{Call, missing},
    paging::Defaults,
    reply::{Refusal, Reply},
    routing::own,
    state::{Row, field, id_of},
};
pub(crate) use blueprints::add_version;
use view::view;

const READ: &str = "scenarios:read";
const WRITE: &str = "scenarios:write";

pub(crate) const CATEGORY: Category = Category {
    name: "scenarios",
    routes: &[
        own("GET", "/scenarios", READ, list),
        own("POST", "/scenarios", WRITE, writing::create),
        own("GET", "/scenarios/{}", READ, show),
        own("PATCH", "/scenarios/{}", WRITE, writing::change),
        own("DELETE", "/scenarios/{}", WRITE, delete),
        own("POST", "/scenarios/{}/start", WRITE, running::start),
        own("POST", "/scenarios/{}/stop", WRITE, running::stop),
        own("POST", "/scenarios/{}/run", "scenarios:run", running::run),
        own("POST", "/scenarios/{}/replay", "scenarios:run", running::replay),
        own("POST", "/scenarios/{}/clone", WRITE, writing::clone),
        own("GET", "/scenarios/{}/interface", READ, interface),
        own("PATCH", "/scenarios/{}/interface", WRITE, writing::set_interface),
        own("GET", "/scenarios/{}/blueprint", READ, blueprints::show),
        own("GET", "/scenarios/{}/blueprints", READ, blueprints::versions),
        own("GET", "/scenarios/{}/usage", READ, usage::of_scenario),
        own("GET", "/scenarios/{}/custom-properties", READ, properties),
        own("POST", "/scenarios/{}/custom-properties", WRITE, add_properties),
        own(
            "PUT",
            "/scenarios/{}/custom-properties",
            WRITE,
            replace_properties,
        ),
        own(
            "PATCH",
            "/scenarios/{}/custom-properties",
            WRITE,
            change_properties,
        ),
        own(
            "DELETE",
            "/scenarios/{}/custom-properties",
            WRITE,
            delete_properties,
        ),
    ],
};

/// The parameters of a list that keep only equal scenarios.
const FILTERS: [&str; 7] = [
    "id", "folderId", "isActive", "islinked", "concept", "type", "name",
];

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let teams = teams(call)?;
    let rows = call.state.rows("scenarios").iter();
    let rows = rows.filter(|row| {
        field(row, "teamId")
            .as_u64()
            .is_some_and(|team| teams.contains(&team))
    });
    let rows = rows.map(|row| view(call, row)).filter(|row| {
        let mut filters = FILTERS.iter();
        filters.all(|name| {
            let wanted = call.request.many(name);
            let own = row[name]
                .as_str()
                .map_or_else(|| row[name].to_string(), str::to_owned);
            wanted.is_empty() || wanted.contains(&own.as_str())
        })
    });
    // Make's own order, by what was worked on last.
    let rows = rows.map(|mut row| {
        row["proprietal"] = row["lastEdit"].clone();
        row
    });
    let mut rows: Vec<Value> = rows.collect();
    let defaults = Defaults::by("proprietal", 10_000).descending();
    let page = crate::make::paging::Page::of(call.request, defaults)?;
    rows = page.take(rows);
    for row in &mut rows {
        row.as_object_mut().map(|row| row.remove("proprietal"));
        *row = crate::make::paging::columns(call.request, row.take());
    }
    Ok(Reply::json(json!({"scenarios": rows, "pg": page.echo()})))
}

/// The teams whose scenarios are asked for.
fn teams(call: &Call<'_>) -> Result<Vec<u64>, Refusal> {
    let asked = |name: &str| call.request.one(name).is_some();
    match (asked("teamId"), asked("organizationId")) {
        (true, true) => Err(Refusal::bad("teamId and organizationId cannot be used together")),
        (false, false) => Err(Refusal::bad(
            "Missing required parameter teamId or organizationId",
        )),
        (true, false) => Ok(vec![call.team()?]),
        (false, true) => {
            let organization = Value::from(call.organization()?);
            let teams = call.state.rows_with("teams", "organizationId", &organization);
            Ok(teams.filter_map(|team| field(team, "id").as_u64()).collect())
        }
    }
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("scenarios")?;
    Ok(call.one("scenario", view(call, &row)))
}

fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("scenarios")?;
    let id = field(&row, "id");
    call.state.remove_by_id("scenarios", &id_of(&row));
    for (table, name) in [
        ("blueprints", "scenarioId"),
        ("dlqs", "scenarioId"),
        ("logs", "scenarioId"),
        ("logs", "_scenarioId"),
    ] {
        call.state.remove(table, |row| row.get(name) == Some(id));
    }
    Ok(Reply::json(json!({"scenario": id})))
}

fn interface(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("scenarios")?;
    Ok(Reply::json(json!({"interface": view::interface(&row)})))
}

fn properties(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("scenarios")?;
    let own = row.get("customProperties").cloned().unwrap_or_else(|| json!({}));
    Ok(Reply::json(
        json!({"customProperties": own, "scenarioId": field(&row, "id")}),
    ))
}

fn add_properties(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("scenarios")?;
    let has_some = field(&row, "customProperties").as_object();
    if has_some.is_some_and(|own| !own.is_empty()) {
        return Err(Refusal::invalid_input(
            "The scenario has custom properties already.",
        ));
    }
    replace_properties(call)
}

fn replace_properties(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let given = check_properties(call)?;
    keep_properties(call, &given)
}

fn change_properties(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let given = check_properties(call)?;
    let row = call.row("scenarios")?;
    let mut own = field(&row, "customProperties")
        .as_object()
        .cloned()
        .unwrap_or_default();
    own.extend(given);
    keep_properties(call, &own)
}

fn delete_properties(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    keep_properties(call, &Row::new())?;
    Ok(Reply::json(json!({"ok": 1})))
}

fn keep_properties(call: &mut Call<'_>, properties: &Row) -> Result<Reply, Refusal> {
    call.row("scenarios")?;
    call.change("scenarios", json!({"customProperties": properties}));
    self::properties(call)
}

/// Every property has to be in the structure of the organization.
fn check_properties(call: &Call<'_>) -> Result<Row, Refusal> {
    call.row("scenarios")?;
    let given = call.object()?;
    let items = call.state.rows("custom-property-structure-items");
    let is_known = |name: &str| items.iter().any(|item| field(item, "name") == name);
    let unknown = given.keys().find(|name| !is_known(name));
    match unknown {
        Some(name) => Err(Refusal::invalid_input(format!(
            "There is no custom property '{name}'."
        ))),
        None => Ok(given.clone()),
    }
}

/// A text of the body that has to be there and to hold JSON, as blueprints and schedulings are sent.
fn embedded(call: &Call<'_>, name: &str) -> Result<Option<Value>, Refusal> {
    let Some(value) = call.object()?.get(name) else {
        return Ok(None);
    };
    let parsed = value
        .as_str()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    match parsed.filter(Value::is_object) {
        Some(parsed) => Ok(Some(parsed)),
        None => Err(Refusal::invalid(vec![format!(
            "Invalid value of parameter '{name}'. It must be a string with a JSON object."
        )])),
    }
}

fn required_embedded(call: &Call<'_>, name: &str) -> Result<Value, Refusal> {
    embedded(call, name)?.ok_or_else(|| missing(name))
}

/// The hook that starts a scenario; null without one.
pub(super) fn hook_of(scenario: &Row) -> Value {
    view::hook(field(scenario, "blueprint"))
}
