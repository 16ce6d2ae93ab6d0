//! Webhooks, their queues, and what arrives at their addresses.

mod incoming;

use serde_json::{Value, json};

use super::{Category, executions::shown, scenarios};
use crate::make::{
    call::{Call, missing},
    ids,
    paging::Defaults,
    reply::{Refusal, Reply},
    resource::{Kind, Resource, required},
    routing::{Answering, of, own},
    state::{Row, field, id_of},
};
pub(crate) use incoming::receive;

const READ: &str = "hooks:read";
const WRITE: &str = "hooks:write";

/// Deliveries that wait, by the plan; recorded from a free organization.
const USUAL_QUEUE: u64 = 50;

const HOOKS: Resource = Resource {
    confirmed: true,
    fields: &[
        required("name", Kind::Text(128)),
        required("typeName", Kind::Text(100)),
    ],
    filters: &["typeName"],
    view,
    prepare,
    clean_up,
    ..Resource::of_team("hooks", "hook", "hooks")
};

pub(crate) const CATEGORY: Category = Category {
    name: "hooks",
    routes: &[
        own("GET", "/hooks", READ, list),
        of("POST", "/hooks", WRITE, Answering::Create(&HOOKS)),
        of("GET", "/hooks/{}", READ, Answering::Show(&HOOKS)),
        of("PATCH", "/hooks/{}", WRITE, Answering::Change(&HOOKS)),
        of("DELETE", "/hooks/{}", WRITE, Answering::Delete(&HOOKS)),
        own("POST", "/hooks/{}/set-data", WRITE, set_data),
        own("POST", "/hooks/{}/enable", WRITE, |call| {
            switch(call, "enabled", true)
        }),
        own("POST", "/hooks/{}/disable", WRITE, |call| {
            switch(call, "enabled", false)
        }),
        own("POST", "/hooks/{}/learn-start", WRITE, |call| {
            switch(call, "_learning", true)
        }),
        own("POST", "/hooks/{}/learn-stop", WRITE, |call| {
            switch(call, "_learning", false)
        }),
        own("GET", "/hooks/{}/ping", READ, ping),
        own("GET", "/hooks/{}/incomings", READ, incomings),
        own("DELETE", "/hooks/{}/incomings", WRITE, delete_incomings),
        own("GET", "/hooks/{}/incomings/stats", READ, stats),
        own("GET", "/hooks/{}/incomings/{}", READ, one_incoming),
        own("GET", "/hooks/{}/logs", READ, logs),
    ],
};

/// Every delivery that waits for a hook.
fn waiting<'a>(call: &'a Call<'_>, hook: &'a Row) -> impl Iterator<Item = &'a Row> {
    let rows = call.state.rows_with("incomings", "_hookId", field(hook, "id"));
    rows.filter(|row| field(row, "_waiting") == true)
}

/// The scenario that a hook starts.
fn scenario(call: &Call<'_>, hook: &Row) -> Option<Row> {
    let id = field(hook, "id");
    let mut rows = call.state.rows("scenarios").iter();
    rows.find(|row| scenarios::hook_of(row) == *id).cloned()
}

fn queue_limit(call: &Call<'_>, hook: &Row) -> u64 {
    let own = field(hook, "queueLimit").as_u64();
    own.or_else(|| call.licensed(field(hook, "teamId").as_u64()?, "hookQueueLimit"))
        .unwrap_or(USUAL_QUEUE)
}

fn view(call: &Call<'_>, row: &Row) -> Value {
    let scenario = scenario(call, row);
    let of_scenario = |name: &str| {
        scenario
            .as_ref()
            .map_or(&Value::Null, |scenario| field(scenario, name))
    };
    let team = field(row, "teamId");
    let is_mail = field(row, "typeName") == "gateway-mailhook";
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "teamId": team,
        "organizationId": team.as_u64().and_then(|team| call.state.organization_of_team(team)),
        "udid": field(row, "udid"),
        "type": if is_mail { "mail" } else { "web" },
        "packageName": null,
        "theme": "#c73a63",
        "editable": true,
        "flags": {},
        "queueCount": waiting(call, row).count(),
        "queueLimit": queue_limit(call, row),
        "enabled": field(row, "enabled") != false,
        "gone": false,
        "typeName": field(row, "typeName"),
        "typeAppName": null,
        "data": row.get("data").cloned().unwrap_or_else(|| json!({})),
        "scenarioId": of_scenario("id"),
        "scenarioName": of_scenario("name"),
        "scenarioIsActive": of_scenario("isActive") == true,
        "scenarioIsConfidential": false,
        "relay": null,
        "url": address(call, row),
    })
}

/// Where deliveries go. Make has a host of its own for that; the mock has a path.
fn address(call: &Call<'_>, row: &Row) -> String {
    format!(
        "{}/hook/{}",
        call.base,
        field(row, "udid").as_str().unwrap_or_default()
    )
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let team = Value::from(call.team()?);
    let types = call.request.many("typeName");
    let assigned = call.request.one("assigned").map(|text| text == "true");
    let rows = call
        .state
        .rows_with("hooks", "teamId", &team)
        .map(|row| view(call, row));
    let rows = rows.filter(|row| {
        let is_of_type = types.is_empty() || types.contains(&row["typeName"].as_str().unwrap_or_default());
        is_of_type && assigned.is_none_or(|assigned| assigned != row["scenarioId"].is_null())
    });
    let rows = rows.collect();
    call.page("hooks", rows, HOOKS.defaults)
}

/// Whatever is not said about the hook itself is the data of its type.
fn prepare(call: &mut Call<'_>, row: &mut Row) -> Result<(), Refusal> {
    let mut data = call.object()?.clone();
    data.retain(|name, _| !["name", "typeName", "teamId"].contains(&name.as_str()));
    let defaults = call.request.one("useDefaults") == Some("requiredOnly");
    if field(row, "typeName") == "gateway-webhook" {
        for name in ["method", "headers", "stringify"] {
            match data.get(name) {
                Some(Value::Bool(_)) => {}
                None if defaults => drop(data.insert(name.to_owned(), false.into())),
                _ => return Err(missing(name)),
            }
        }
    }
    let number = field(row, "id").as_u64().unwrap_or(0);
    row.insert("udid".to_owned(), ids::address(number).into());
    row.insert("enabled".to_owned(), true.into());
    row.insert("data".to_owned(), Value::Object(data));
    Ok(())
}

fn clean_up(call: &mut Call<'_>, row: &Row) {
    let id = field(row, "id");
    call.state
        .remove("incomings", |incoming| incoming.get("_hookId") == Some(id));
}

fn set_data(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let hook = call.row("hooks")?;
    let mut data = field(&hook, "data").as_object().cloned().unwrap_or_default();
    data.extend(call.object()?.clone());
    let changed = field(&hook, "data").as_object() != Some(&data);
    call.change("hooks", json!({"data": data}));
    Ok(Reply::json(json!({"changed": changed})))
}

fn switch(call: &mut Call<'_>, name: &str, on: bool) -> Result<Reply, Refusal> {
    call.row("hooks")?;
    call.change("hooks", json!({name: on}));
    Ok(Reply::json(json!({"success": true})))
}

fn ping(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let hook = call.row("hooks")?;
    Ok(Reply::json(json!({
        "address": address(call, &hook),
        "attached": scenario(call, &hook).is_some(),
        "learning": field(&hook, "_learning") == true,
        "gone": false,
    })))
}

fn incomings(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let hook = call.row("hooks")?;
    let rows = waiting(call, &hook).map(|row| {
        let mut shown = shown(row);
        shown.as_object_mut().map(|shown| shown.remove("data"));
        shown
    });
    let rows = rows.collect();
    call.page("incomings", rows, Defaults::by("created", 10_000))
}

fn one_incoming(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.row("hooks")?;
    let row = call.row_by("incomings", &call.parameter(1))?;
    Ok(Reply::json(json!({"incoming": shown(&row)})))
}

fn stats(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let hook = call.row("hooks")?;
    let count = waiting(call, &hook).count();
    Ok(Reply::json(
        json!({"incomings": {"count": count, "limit": queue_limit(call, &hook)}}),
    ))
}

fn delete_incomings(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let hook = call.row("hooks")?;
    let list = |name: &str| call.body[name].as_array().cloned().unwrap_or_default();
    let (ids, except, all) = (
        list("ids"),
        list("exceptIds"),
        call.object()?.get("all") == Some(&true.into()),
    );
    if all {
        call.require_confirmation("All deliveries that wait would be deleted.")?;
    }
    let is_chosen = |row: &&Row| {
        let id = field(row, "id");
        if all {
            !except.contains(id)
        } else {
            ids.contains(id)
        }
    };
    let goes: Vec<String> = waiting(call, &hook).filter(is_chosen).map(id_of).collect();
    for id in &goes {
        call.state.remove_by_id("incomings", id);
    }
    Ok(Reply::json(json!({"incomings": goes})))
}

fn logs(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let hook = call.row("hooks")?;
    let rows = call.state.rows_with("incomings", "_hookId", field(&hook, "id"));
    let rows = rows.map(|row| {
        json!({
            "id": field(row, "id"),
            "timestamp": field(row, "created"),
            "status": 1,
            "size": field(row, "size"),
            "replayable": true,
        })
    });
    let rows = rows.collect();
    call.page("hookLogs", rows, Defaults::by("timestamp", 50).descending())
}
