//! Blueprints and their versions. There is no call that restores a version: it is read and written back.

use pilotage_core::Timestamp;
use serde_json::{Value, json};

use super::view;
use crate::make::{
    call::Call,
    ids::moment,
    paging::Defaults,
    reply::{Refusal, Reply},
    state::{Row, State, field, row, says},
};

/// Versions older than this are no longer listed (developers.make.com, "Get blueprint versions").
const LISTED_MICROS: i64 = 60 * 24 * 60 * 60 * 1_000_000;

/// Keeps a version of a scenario's blueprint.
pub(crate) fn add_version(state: &mut State, now: Timestamp, scenario: &Value, blueprint: &Value) {
    let versions = state.rows_with("blueprints", "scenarioId", scenario);
    let highest = versions
        .filter_map(|version| field(version, "version").as_u64())
        .max();
    let version = row(json!({
        "id": state.next_number("blueprints"),
        "created": moment(now),
        "_createdMicros": now.as_micros(),
        "version": highest.unwrap_or(0) + 1,
        "scenarioId": scenario,
        "draft": false,
        "_blueprint": blueprint,
    }));
    state.log("blueprints", version);
}

pub(super) fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = call.row("scenarios")?;
    let (blueprint, created) = match call.request.one("blueprintId") {
        Some(version) => {
            let version = version_of(call, &scenario, version).ok_or_else(Refusal::not_found)?;
            (
                field(version, "_blueprint").clone(),
                field(version, "created").clone(),
            )
        }
        None => (
            field(&scenario, "blueprint").clone(),
            field(&scenario, "created").clone(),
        ),
    };
    let interface = view::interface(&scenario);
    let response = json!({
        "idSequence": next_module(&blueprint),
        "blueprint": blueprint,
        "scheduling": view::scheduling(&scenario),
        "concept": field(&scenario, "concept") == true,
        "created": created,
        "last_edit": field(&scenario, "lastEdit"),
        "metadata": {"input_spec": interface["input"], "output_spec": interface["output"]},
    });
    Ok(Reply::json(json!({"code": "OK", "response": response})))
}

fn version_of<'a>(call: &'a Call<'_>, scenario: &'a Row, version: &str) -> Option<&'a Row> {
    let mut versions = call
        .state
        .rows_with("blueprints", "scenarioId", field(scenario, "id"));
    versions.find(|row| says(row, "version", version))
}

/// The id that the next module would get.
fn next_module(blueprint: &Value) -> u64 {
    let flow = blueprint["flow"].as_array().into_iter().flatten();
    let highest = flow.filter_map(|node| node["id"].as_u64()).max();
    highest.unwrap_or(0).saturating_add(1)
}

pub(super) fn versions(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = call.row("scenarios")?;
    let now = call.now.as_micros();
    let versions = call
        .state
        .rows_with("blueprints", "scenarioId", field(&scenario, "id"));
    let versions = versions.filter(|version| {
        let created = field(version, "_createdMicros").as_i64();
        created.is_none_or(|created| now.saturating_sub(created) <= LISTED_MICROS)
    });
    let versions = versions.map(|version| {
        let own = |name: &str| field(version, name);
        json!({
            "created": own("created"),
            "version": own("version"),
            "scenarioId": own("scenarioId"),
            "draft": own("draft") == true,
        })
    });
    let versions = versions.collect();
    call.page(
        "scenariosBlueprints",
        versions,
        Defaults::by("version", 100).descending(),
    )
}
