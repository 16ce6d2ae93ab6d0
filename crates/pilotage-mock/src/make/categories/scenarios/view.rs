//! What a scenario is shown as.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::make::{
    call::Call,
    ids::{millis, moment},
    runs::has_not_ended,
    state::{Row, field},
};

/// With the fields that the live service was recorded to show. `islinked` is the older name of `isActive`.
pub(super) fn view(call: &Call<'_>, row: &Row) -> Value {
    let id = field(row, "id");
    let modules = modules(field(row, "blueprint"));
    let packages: BTreeSet<&str> = modules.iter().map(|module| package(module)).collect();
    let used: Vec<Value> = modules
        .iter()
        .map(|module| json!({"moduleName": module, "packageName": package(module)}))
        .collect();
    let (operations, credits, transfer) = consumed(call, id);
    let waiting = call.state.rows_with("dlqs", "scenarioId", id);
    let waiting = waiting.filter(|dlq| field(dlq, "resolved") != true).count();
    let is_active = field(row, "isActive") == true;
    json!({
        "id": id,
        "name": field(row, "name"),
        "teamId": field(row, "teamId"),
        "hookId": hook(field(row, "blueprint")),
        "devices": [],
        "deviceId": null,
        "deviceScope": null,
        "concept": field(row, "concept") == true,
        "description": field(row, "description").as_str().unwrap_or_default(),
        "folderId": field(row, "folderId"),
        "slots": null,
        "isinvalid": field(row, "isinvalid") == true,
        "islinked": is_active,
        "isActive": is_active,
        "islocked": field(row, "islocked") == true,
        "isPaused": field(row, "isPaused") == true,
        "usedPackages": packages,
        "usedModules": used,
        "lastEdit": edited(call, row, "lastEdit"),
        "scheduling": scheduling(row),
        "iswaiting": false,
        "dlqCount": waiting,
        "allDlqCount": waiting,
        "createdByUser": author(call, row, "createdByUser"),
        "updatedByUser": author(call, row, "updatedByUser"),
        "nextExec": next(call, row),
        "created": edited(call, row, "created"),
        "chainingRole": null,
        "type": field(row, "type").as_str().unwrap_or("scenario"),
        "isShared": false,
        "operations": operations,
        "centicredits": credits,
        "transfer": transfer,
        "customProperties": row.get("customProperties").cloned().unwrap_or_else(|| json!({})),
    })
}

/// The scheduling, as it is shown: an object.
pub(super) fn scheduling(row: &Row) -> Value {
    let own = field(row, "scheduling");
    if own.is_object() {
        own.clone()
    } else {
        json!({"type": "on-demand"})
    }
}

/// `{input, output}`, each null where nothing was ever said.
pub(super) fn interface(row: &Row) -> Value {
    let own = field(row, "interface");
    json!({"input": own["input"], "output": own["output"]})
}

/// The hook that starts a scenario, named by the first module.
pub(super) fn hook(blueprint: &Value) -> Value {
    let parameters = &blueprint["flow"][0]["parameters"];
    let mut named = ["hook", "__IMTHOOK__"].iter().map(|name| &parameters[*name]);
    named.find(|id| id.is_u64()).cloned().unwrap_or_default()
}

fn edited(call: &Call<'_>, row: &Row, name: &str) -> String {
    field(row, name)
        .as_str()
        .map_or_else(|| call.moment(), str::to_owned)
}

fn author(call: &Call<'_>, row: &Row, name: &str) -> Value {
    row.get(name).cloned().unwrap_or_else(|| call.caller.short())
}

/// Modules of a flow and of all that hangs below it, each once, in order.
pub(super) fn modules(blueprint: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    let mut waiting = vec![&blueprint["flow"]];
    while let Some(flow) = waiting.pop() {
        for node in flow.as_array().into_iter().flatten() {
            let module = node["module"].as_str().unwrap_or_default();
            if !module.is_empty() && !found.contains(&module) {
                found.push(module);
            }
            let branches = [&node["routes"], &node["branches"]];
            let branches = branches.into_iter().filter_map(Value::as_array).flatten();
            waiting.extend(branches.map(|branch| &branch["flow"]));
            waiting.extend([&node["flow"], &node["onerror"]]);
        }
    }
    found
}

/// The app of a module: what stands before the colon.
pub(super) fn package(module: &str) -> &str {
    module.split(':').next().unwrap_or(module)
}

fn consumed(call: &Call<'_>, scenario: &Value) -> (u64, u64, u64) {
    let logs = call.state.rows_with("logs", "scenarioId", scenario);
    let logs = logs.filter(|log| !has_not_ended(log, call.now));
    logs.fold((0, 0, 0), |sum, log| {
        let number = |name: &str| field(log, name).as_u64().unwrap_or(0);
        (
            sum.0 + number("operations"),
            sum.1 + number("centicredits"),
            sum.2 + number("transfer"),
        )
    })
}

/// When a scenario that runs at intervals is due; the mock does not run it by itself.
fn next(call: &Call<'_>, row: &Row) -> Value {
    let scheduling = scheduling(row);
    let interval = scheduling["interval"]
        .as_i64()
        .filter(|_| field(row, "isActive") == true);
    let Some(interval_ms) = interval
        .map(|secs| secs.saturating_mul(1_000))
        .filter(|ms| *ms > 0)
    else {
        return Value::Null;
    };
    let due_ms = millis(call.now)
        .div_euclid(interval_ms)
        .saturating_add(1)
        .saturating_mul(interval_ms);
    moment(pilotage_core::Timestamp::from_micros(
        due_ms.saturating_mul(1_000),
    ))
    .into()
}
