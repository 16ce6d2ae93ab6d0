//! What ran, and who changed what: the log of a scenario holds both.

use serde_json::{Map, Value, json};

use super::Category;
use crate::make::{
    call::Call,
    ids::millis,
    paging::Defaults,
    reply::{Refusal, Reply},
    routing::own,
    runs::has_not_ended,
    state::{Row, field, id_of},
};

const READ: &str = "scenarios:read";

pub(crate) const CATEGORY: Category = Category {
    name: "executions",
    routes: &[
        own("GET", "/scenarios/{}/logs", READ, list),
        own("GET", "/scenarios/{}/logs/{}", READ, show),
        own("GET", "/scenarios/{}/executions/{}", READ, detail),
        own("GET", "/scenarios/{}/modules/{}/logs", READ, of_module),
    ],
};

/// As it is shown: without what the mock keeps for itself.
pub(super) fn shown(row: &Row) -> Value {
    let public = row.iter().filter(|(name, _)| !name.starts_with('_'));
    Value::Object(
        public
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>(),
    )
}

/// Entries of the scenario that the path names which can be seen by now.
fn entries<'a>(call: &'a Call<'_>) -> Result<impl Iterator<Item = &'a Row>, Refusal> {
    let scenario = call.row("scenarios")?;
    let id = field(&scenario, "id").clone();
    let logs = call.state.rows("logs").iter();
    Ok(logs.filter(move |row| {
        let own = row.get("scenarioId").or_else(|| row.get("_scenarioId"));
        own == Some(&id) && !has_not_ended(row, call.now)
    }))
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let number = |name: &str| call.request.one(name).and_then(|text| text.parse::<i64>().ok());
    let (from, to) = (number("from"), number("to"));
    let statuses = call.request.many("status");
    let rows = entries(call)?.filter(|row| {
        let at = field(row, "imtId")
            .as_str()
            .and_then(|id| id.split('_').next()?.parse::<i64>().ok());
        let in_time = at.is_none_or(|at| from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to));
        in_time && (statuses.is_empty() || statuses.contains(&&*field(row, "status").to_string()))
    });
    let rows = rows.map(shown).collect();
    call.page("scenarioLogs", rows, Defaults::by("imtId", 50).descending())
}

fn find(call: &Call<'_>) -> Result<Row, Refusal> {
    let id = call.parameter(1);
    let found = entries(call)?.find(|row| id_of(row) == id);
    found.cloned().ok_or_else(Refusal::not_found)
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut log = shown(&find(call)?);
    if log["eventType"] == "EXECUTION_END" {
        log["isReplayable"] = true.into();
    }
    Ok(Reply::json(json!({"scenarioLog": log})))
}

/// How a run stands, also while it is under way.
fn detail(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = call.row("scenarios")?;
    let log = call.row_by("logs", &call.parameter(1))?;
    if field(&log, "scenarioId") != field(&scenario, "id") {
        return Err(Refusal::not_found());
    }
    if has_not_ended(&log, call.now) {
        return Ok(Reply::json(json!({"status": "RUNNING"})));
    }
    let status = match field(&log, "status").as_u64() {
        Some(2) => "WARNING",
        Some(3) => "ERROR",
        _ => "SUCCESS",
    };
    let mut answer = json!({"status": status});
    if !field(&log, "_outputs").is_null() {
        answer["outputs"] = field(&log, "_outputs").clone();
    }
    if let Some(error) = log.get("error") {
        answer["error"] = json!({
            "name": error["name"],
            "message": error["message"],
            "causeModule": error.get("causeModule").cloned().unwrap_or_else(|| json!({"name": "HTTP", "appName": "http"})),
        });
    }
    let most = call
        .request
        .one("maxBytes")
        .and_then(|text| text.parse::<usize>().ok());
    if most.is_some_and(|most| answer.to_string().len() > most) {
        return Err(Refusal::new(
            413,
            "Payload Too Large",
            "The outputs are larger than maxBytes.",
        ));
    }
    Ok(Reply::json(answer))
}

/// One entry for each run: the mock does not look into modules.
fn of_module(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let runs = entries(call)?.filter(|row| row.contains_key("eventType"));
    let rows = runs.map(|row| {
        json!({
            "imtId": field(row, "imtId"),
            "timestamp": field(row, "timestamp"),
            "status": field(row, "status"),
            "error": field(row, "error"),
            "size": field(row, "transfer"),
            "bundles": 1,
            "scenarioId": field(row, "scenarioId"),
            "executionId": field(row, "id"),
        })
    });
    let rows = rows.collect();
    call.page("moduleLogs", rows, Defaults::by("imtId", 50).descending())
}

/// The days of a log: day, operations, transfer and credits.
pub(super) fn daily(call: &Call<'_>, is_counted: impl Fn(&Row) -> bool) -> Vec<Value> {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    const DAYS: i64 = 30;
    let today = millis(call.now).div_euclid(DAY_MS);
    let mut days = vec![(0_u64, 0_u64, 0_u64); 30];
    for log in call
        .state
        .rows("logs")
        .iter()
        .filter(|row| row.contains_key("eventType") && is_counted(row))
    {
        let day = field(log, "_endsMs").as_i64().unwrap_or(0).div_euclid(DAY_MS);
        let index = usize::try_from(day - today + DAYS - 1).ok();
        let number = |name: &str| field(log, name).as_u64().unwrap_or(0);
        if let Some(sum) = index.and_then(|index| days.get_mut(index)) {
            sum.0 += number("operations");
            sum.1 += number("transfer");
            sum.2 += number("centicredits");
        }
    }
    let dated = days.into_iter().zip(today - DAYS + 1..);
    dated
        .map(|((operations, transfer, credits), day)| {
            json!({
                "date": day_text(day * DAY_MS),
                "operations": operations,
                "dataTransfer": transfer,
                "centicredits": credits,
            })
        })
        .collect()
}

/// `DD-MM-YYYY`.
fn day_text(ms: i64) -> String {
    let text = pilotage_core::Timestamp::from_micros(ms.saturating_mul(1_000)).to_string();
    let mut parts = text.split(['-', 'T']);
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    [day, month, year].map(Option::unwrap_or_default).join("-")
}
