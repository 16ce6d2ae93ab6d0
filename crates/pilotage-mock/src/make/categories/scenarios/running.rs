//! Starting, stopping and running scenarios.

use std::time::Duration;

use serde_json::{Value, json};

use super::view::{hook, scheduling};
use crate::make::{
    call::Call,
    model::{Delivery, Effect},
    reply::{Content, Refusal, Reply},
    runs::{self, Trigger, note},
    state::{Row, field},
};

/// How long a responsive run is waited for (developers.make.com, "Run a scenario").
const RESPONSIVE_MS: u64 = 40_000;

pub(super) fn start(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = call.row("scenarios")?;
    if field(&scenario, "isActive") == true {
        return Err(Refusal::invalid_input("Scenario is already running"));
    }
    if field(&scenario, "isinvalid") == true {
        return Err(Refusal::invalid_input("Scenario is not valid."));
    }
    let kind = scheduling(&scenario)["type"].clone();
    if kind == "indefinitely" && !hook(field(&scenario, "blueprint")).is_null() {
        return Err(Refusal::invalid_input("Invalid interval."));
    }
    let reply = switch(call, &scenario, true);
    // At intervals the first run is at once.
    if kind == "indefinitely" {
        let trigger = Trigger {
            kind: "auto",
            instant: false,
            input: json!({}),
        };
        runs::run(call, &scenario, &trigger);
    }
    Ok(reply)
}

pub(super) fn stop(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = call.row("scenarios")?;
    if field(&scenario, "isActive") != true {
        return Err(Refusal::invalid_input("Scenario is not running"));
    }
    Ok(switch(call, &scenario, false))
}

fn switch(call: &mut Call<'_>, scenario: &Row, on: bool) -> Reply {
    let id = field(scenario, "id");
    call.change("scenarios", json!({"isActive": on}));
    let kind = if on { "start" } else { "stop" };
    note(call.state, call.now, id, kind, &call.caller.short());
    Reply::json(json!({"scenario": {"id": id, "isActive": on, "islinked": on}}))
}

/// A scenario that can be run now.
fn runnable(call: &Call<'_>) -> Result<Row, Refusal> {
    let scenario = call.row("scenarios")?;
    if field(&scenario, "isActive") != true {
        return Err(Refusal::invalid_input("Scenario is not activated"));
    }
    if runs::is_running(call.state, field(&scenario, "id"), call.now) {
        return Err(Refusal::invalid_input("Scenario is already being executed"));
    }
    Ok(scenario)
}

pub(super) fn run(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = runnable(call)?;
    let input = call.object()?.get("data").cloned().unwrap_or_else(|| json!({}));
    require_inputs(&scenario, &input)?;
    let responsive = call.body["responsive"] == true;
    let trigger = Trigger {
        kind: "manual",
        instant: false,
        input,
    };
    let run = runs::run(call, &scenario, &trigger);
    let path = format!(
        "/api/v2/scenarios/{}/executions/{}",
        field(&scenario, "id"),
        run.execution
    );
    let status_url = format!("{}{path}", call.base);
    let in_time = responsive && run.running_ms <= RESPONSIVE_MS;
    if !in_time {
        call_back(call, &run.execution, &status_url, run.running_ms);
    }
    let mut reply = match (responsive, in_time) {
        (false, _) => Reply::json(json!({"executionId": run.execution, "statusUrl": status_url})),
        (true, true) => {
            Reply::json(json!({"executionId": run.execution, "status": run.status, "outputs": run.outputs}))
        }
        (true, false) => Refusal::new(408, "Request Timeout", "The scenario did not end in time.").reply(),
    };
    if responsive {
        reply.delay = Duration::from_millis(run.running_ms.min(RESPONSIVE_MS));
    }
    Ok(reply)
}

/// Tells the address that the caller named, if he did, once the run has ended.
fn call_back(call: &mut Call<'_>, execution: &str, status_url: &str, delay_ms: u64) {
    let Some(url) = call.body["callbackUrl"].as_str() else {
        return;
    };
    let url = url.to_owned();
    call.effects.push(Effect::Deliver(Delivery {
        url,
        headers: Vec::new(),
        body: json!({"executionId": execution, "statusUrl": status_url}).to_string(),
        delay_ms,
    }));
}

fn require_inputs(scenario: &Row, input: &Value) -> Result<(), Refusal> {
    let inputs = field(scenario, "interface")["input"].as_array();
    let absent = inputs.into_iter().flatten().filter(|field| {
        let name = field["name"].as_str().unwrap_or_default();
        field["required"] == true && field["default"].is_null() && input[name].is_null()
    });
    let reasons: Vec<String> = absent
        .map(|field| {
            format!(
                "Missing value of required parameter '{}'.",
                field["name"].as_str().unwrap_or_default()
            )
        })
        .collect();
    if reasons.is_empty() {
        Ok(())
    } else {
        Err(Refusal::invalid(reasons))
    }
}

/// Runs a scenario with the input of an earlier run; only the first that is named.
pub(super) fn replay(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let scenario = runnable(call)?;
    let named = call.body["executionIds"]
        .as_array()
        .or_else(|| call.body.as_array());
    let first = named
        .and_then(|ids| ids.first()?.as_str())
        .unwrap_or_default()
        .to_owned();
    let earlier = call.row_by("logs", &first)?;
    let trigger = Trigger {
        kind: "manual",
        instant: false,
        input: earlier.get("_input").cloned().unwrap_or_else(|| json!({})),
    };
    let run = runs::run(call, &scenario, &trigger);
    call.change_by("logs", &run.execution, json!({"replayOfExecutionId": first}));
    Ok(Reply::new(202, Content::Empty))
}
