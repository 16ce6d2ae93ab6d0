//! Incomplete executions. A retry runs with the blueprint as it was at the failure, unless that was changed here.

use serde_json::{Value, json};

use super::{Category, executions::shown};
use crate::make::{
    call::{Call, missing},
    ids,
    paging::Defaults,
    reply::{Refusal, Reply},
    routing::own,
    runs::{self, Trigger},
    state::{Row, field, id_of, row},
};

const READ: &str = "dlqs:read";
const WRITE: &str = "dlqs:write";

pub(crate) const CATEGORY: Category = Category {
    name: "incomplete executions",
    routes: &[
        own("GET", "/dlqs", READ, list),
        own("DELETE", "/dlqs", WRITE, delete),
        own("POST", "/dlqs/retry", WRITE, retry_many),
        own("GET", "/dlqs/{}", READ, show),
        own("PATCH", "/dlqs/{}", WRITE, change),
        own("GET", "/dlqs/{}/bundle", READ, bundle),
        own("GET", "/dlqs/{}/blueprint", READ, blueprint),
        own("POST", "/dlqs/{}/retry", WRITE, retry),
        own("GET", "/dlqs/{}/logs", READ, logs),
        own("GET", "/dlqs/{}/logs/{}", READ, log),
    ],
};

/// The scenario that a list or a change of many is about.
fn scenario(call: &Call<'_>) -> Result<Row, Refusal> {
    let id = call
        .request
        .one("scenarioId")
        .ok_or_else(|| missing("scenarioId"))?;
    call.row_by("scenarios", id)
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = scenario(call)?;
    let rows = call.state.rows_with("dlqs", "scenarioId", field(&scenario, "id"));
    let rows = rows.map(|row| {
        let own = |name: &str| field(row, name);
        json!({
            "id": own("id"),
            "reason": own("reason"),
            "created": own("created"),
            "size": own("size"),
            "resolved": own("resolved") == true,
            "retry": own("retry") == true,
            "attempts": own("attempts").as_u64().unwrap_or(0),
        })
    });
    let rows = rows.collect();
    call.page("dlqs", rows, Defaults::by("created", 50).descending())
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("dlqs")?;
    let scenario = call.row_by("scenarios", &field(&row, "scenarioId").to_string())?;
    let team = field(&scenario, "teamId");
    let team_row = call.row_by("teams", &team.to_string()).unwrap_or_default();
    let mut shown = shown(&row);
    shown["scenarioName"] = field(&scenario, "name").clone();
    shown["companyId"] = team.clone();
    shown["companyName"] = field(&team_row, "name").clone();
    shown["executionId"] = field(&row, "executionId").clone();
    Ok(Reply::json(json!({"dlq": shown})))
}

fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.row("dlqs")?;
    let failer = call.object()?.get("failer").cloned().unwrap_or_default();
    let text = call.body["blueprint"]
        .as_str()
        .ok_or_else(|| missing("blueprint"))?;
    let blueprint: Value =
        serde_json::from_str(text).map_err(|_| Refusal::invalid_input("The blueprint is not valid JSON."))?;
    call.change("dlqs", json!({"_blueprint": blueprint, "_failer": failer}));
    Ok(Reply::json(
        json!({"dlq": {"failer": failer, "blueprint": blueprint}}),
    ))
}

fn bundle(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("dlqs")?;
    Ok(Reply::json(
        json!({"code": "OK", "response": field(&row, "_bundle")}),
    ))
}

fn blueprint(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("dlqs")?;
    Ok(Reply::json(
        json!({"code": "OK", "response": {"blueprint": field(&row, "_blueprint")}}),
    ))
}

fn retry(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("dlqs")?;
    attempt(call, &row)?;
    Ok(Reply::json(json!({"dlq": field(&row, "id")})))
}

fn attempt(call: &mut Call<'_>, dlq: &Row) -> Result<(), Refusal> {
    if field(dlq, "resolved") == true {
        return Err(Refusal::invalid_input(
            "The incomplete execution is resolved already.",
        ));
    }
    let mut scenario = call.row_by("scenarios", &field(dlq, "scenarioId").to_string())?;
    let mut frozen = field(dlq, "_blueprint").clone();
    // A retry that fails stays the incomplete execution that it is.
    if let Some(settings) = frozen["metadata"]["scenario"].as_object_mut() {
        settings.insert("dlq".to_owned(), false.into());
    }
    scenario.insert("blueprint".to_owned(), frozen);
    let trigger = Trigger {
        kind: "manual",
        instant: false,
        input: field(dlq, "_bundle")["1"].clone(),
    };
    let run = runs::run(call, &scenario, &trigger);
    let attempts = field(dlq, "attempts").as_u64().unwrap_or(0) + 1;
    let changes = json!({"attempts": attempts, "retry": true, "resolved": run.status != 3});
    call.change_by("dlqs", &id_of(dlq), changes);
    let log = call.row_by("logs", &run.execution)?;
    keep_log(call, dlq, &log);
    Ok(())
}

fn keep_log(call: &mut Call<'_>, dlq: &Row, log: &Row) {
    let mut kept = log.clone();
    let number = call.state.next_number("dlq-logs");
    kept.insert("id".to_owned(), ids::hexadecimal("dlq log", number).into());
    kept.remove("scenarioId");
    kept.extend(row(json!({"_dlq": field(dlq, "id"), "_number": number})));
    call.state.log("dlq-logs", kept);
}

/// The ones that the body names: `{ids}`, or `{all: true, exceptIds}`.
fn chosen(call: &Call<'_>, scenario: &Row) -> Result<Vec<Row>, Refusal> {
    let list = |name: &str| call.body[name].as_array().cloned().unwrap_or_default();
    let (ids, except, all) = (
        list("ids"),
        list("exceptIds"),
        call.object()?.get("all") == Some(&true.into()),
    );
    let rows = call.state.rows_with("dlqs", "scenarioId", field(scenario, "id"));
    let is_chosen = |row: &&Row| {
        let id = field(row, "id");
        if all {
            !except.contains(id)
        } else {
            ids.contains(id)
        }
    };
    Ok(rows.filter(is_chosen).cloned().collect())
}

fn retry_many(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = scenario(call)?;
    for dlq in chosen(call, &scenario)? {
        if field(&dlq, "resolved") != true {
            attempt(call, &dlq)?;
        }
    }
    Ok(Reply::json(json!({"ok": true})))
}

fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = scenario(call)?;
    let rows = chosen(call, &scenario)?;
    if call.body["all"] == true {
        call.require_confirmation("All incomplete executions of the scenario would be deleted.")?;
    }
    for row in &rows {
        call.state.remove_by_id("dlqs", &id_of(row));
    }
    let ids: Vec<&Value> = rows.iter().map(|row| field(row, "id")).collect();
    Ok(Reply::json(json!({"dlqs": ids})))
}

fn logs(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let dlq = call.row("dlqs")?;
    let rows = call.state.rows_with("dlq-logs", "_dlq", field(&dlq, "id"));
    let rows = rows.map(shown).collect();
    call.page("dlqLogs", rows, Defaults::by("imtId", 50).descending())
}

fn log(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.row("dlqs")?;
    let row = call.row_by("dlq-logs", &call.parameter(1))?;
    Ok(Reply::json(json!({"dlqLog": shown(&row)})))
}
