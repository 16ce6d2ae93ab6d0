//! Runs of scenarios: what each comes to, what is logged of it, and who is told.

use std::collections::VecDeque;

use pilotage_core::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::Call,
    expressions::evaluate,
    ids::{self, millis, moment},
    model::{Delivery, Effect, Model},
    state::{Row, State, field, id_of, row},
};

/// What the log says about the length of a run, unless a control says otherwise.
const USUAL_DURATION_MS: u64 = 850;

/// How a run ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ending {
    #[default]
    Success,
    Warning,
    Error,
}

impl Ending {
    /// As logs have it.
    const fn number(self) -> u8 {
        match self {
            Self::Success => 1,
            Self::Warning => 2,
            Self::Error => 3,
        }
    }
}

/// What the next runs come to; `POST /__mock/runs`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Outcome {
    /// Only runs of this scenario.
    scenario_id: Option<u64>,
    status: Ending,
    /// What the log says.
    duration_ms: Option<u64>,
    /// How long the run is under way by the clock of the mock.
    running_ms: u64,
    operations: Option<u64>,
    outputs: Option<Value>,
    /// `{name, message}` of a run that fails.
    error: Option<Value>,
    /// Whether a run that fails leaves an incomplete execution behind; without it the scenario's `dlq` decides.
    incomplete: Option<bool>,
    /// How many runs, by default one.
    times: Option<u64>,
}

/// What was prepared, first things first.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(VecDeque<Outcome>);

impl Outcomes {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn push(&mut self, outcome: Outcome) {
        self.0.push_back(outcome);
    }

    fn next(&mut self, scenario: u64) -> Outcome {
        let is_for = |outcome: &Outcome| outcome.scenario_id.is_none_or(|id| id == scenario);
        let Some(at) = self.0.iter().position(is_for) else {
            return Outcome::default();
        };
        let outcome = self.0[at].clone();
        let left = outcome.times.unwrap_or(1).saturating_sub(1);
        if left == 0 {
            self.0.remove(at);
        } else {
            self.0[at].times = Some(left);
        }
        outcome
    }
}

/// What makes a scenario run.
pub(crate) struct Trigger {
    /// `manual` or `auto`.
    pub(crate) kind: &'static str,
    /// Whether a webhook did it.
    pub(crate) instant: bool,
    pub(crate) input: Value,
}

/// What came of a run.
pub(crate) struct Run {
    pub(crate) execution: String,
    pub(crate) status: u8,
    pub(crate) outputs: Value,
    pub(crate) running_ms: u64,
}

/// Whether a run of the scenario is under way.
pub(crate) fn is_running(state: &State, scenario: &Value, now: Timestamp) -> bool {
    let mut logs = state.rows_with("logs", "scenarioId", scenario);
    logs.any(|log| has_not_ended(log, now))
}

/// Whether an entry of the log is of a run that is still under way.
pub(crate) fn has_not_ended(log: &Row, now: Timestamp) -> bool {
    field(log, "_endsMs")
        .as_i64()
        .is_some_and(|ends| ends > millis(now))
}

/// Runs a scenario.
pub(crate) fn run(call: &mut Call<'_>, scenario: &Row, trigger: &Trigger) -> Run {
    let outcome = call.outcomes.next(field(scenario, "id").as_u64().unwrap_or(0));
    let number = call.state.next_number("logs");
    let execution = ids::hexadecimal("execution", number);
    let blueprint = field(scenario, "blueprint");
    let outputs = match &outcome.outputs {
        Some(outputs) => outputs.clone(),
        None if outcome.status == Ending::Error => Value::Null,
        None => returned(blueprint, &trigger.input),
    };
    let error = failure(&outcome);
    let mut log = entry(call, scenario, trigger, &outcome, &execution);
    log.extend(row(
        json!({"id": execution, "_number": number, "_outputs": outputs, "error": error}),
    ));
    if error.is_null() {
        log.remove("error");
    }
    log.insert("imtId".to_owned(), imt_id(call.now, number).into());
    call.state.log("logs", log);
    if outcome.status == Ending::Error {
        fail(call, scenario, trigger, &outcome, &execution, &error);
    }
    tell(call, scenario, &outcome, &execution);
    Run {
        execution,
        status: outcome.status.number(),
        outputs,
        running_ms: outcome.running_ms,
    }
}

/// Sorts by time, and among entries of one moment by number.
fn imt_id(at: Timestamp, number: u64) -> String {
    format!("{:013}_{number:010}", millis(at))
}

fn failure(outcome: &Outcome) -> Value {
    match (&outcome.error, outcome.status) {
        (Some(error), _) => error.clone(),
        (None, Ending::Error) => {
            json!({"name": "RuntimeError", "message": "The operation failed with an error."})
        }
        (None, _) => Value::Null,
    }
}

fn entry(call: &Call<'_>, scenario: &Row, trigger: &Trigger, outcome: &Outcome, _execution: &str) -> Row {
    let team = field(scenario, "teamId");
    let organization = team
        .as_u64()
        .and_then(|team| call.state.organization_of_team(team));
    let operations = outcome
        .operations
        .unwrap_or_else(|| modules(field(scenario, "blueprint")));
    let manual = trigger.kind == "manual";
    let author = |name: &str| {
        if manual {
            field(&call.caller.user, name).clone()
        } else {
            Value::Null
        }
    };
    let ends = millis(call.now).saturating_add_unsigned(outcome.running_ms.min(u64::from(u32::MAX)));
    row(json!({
        "eventType": "EXECUTION_END",
        "type": trigger.kind,
        "status": outcome.status.number(),
        "duration": outcome.duration_ms.unwrap_or(USUAL_DURATION_MS.max(outcome.running_ms)),
        "operations": operations,
        "centicredits": operations.saturating_mul(100),
        "transfer": trigger.input.to_string().len(),
        "instant": trigger.instant,
        "_input": trigger.input,
        "authorId": author("id"),
        "authorName": author("name"),
        "teamId": team,
        "organizationId": organization,
        "scenarioId": field(scenario, "id"),
        "timestamp": moment(Timestamp::from_micros(ends.saturating_mul(1_000))),
        "_endsMs": ends,
    }))
}

/// One operation for each module of the main flow.
fn modules(blueprint: &Value) -> u64 {
    let count = blueprint["flow"].as_array().map_or(0, Vec::len);
    u64::try_from(count).unwrap_or(u64::MAX).max(1)
}

/// What the module that returns data gives back.
fn returned(blueprint: &Value, input: &Value) -> Value {
    let flow = blueprint["flow"].as_array().into_iter().flatten();
    let mut returning = flow.filter(|node| node["module"] == "scenario-service:ReturnData");
    returning
        .next()
        .map_or_else(|| json!({}), |node| evaluate(&node["mapper"], input))
}

/// An instant scenario is switched off at its first error; what was under way may be kept as incomplete.
fn fail(
    call: &mut Call<'_>,
    scenario: &Row,
    trigger: &Trigger,
    outcome: &Outcome,
    execution: &str,
    error: &Value,
) {
    let scenario_keeps = field(scenario, "blueprint")["metadata"]["scenario"]["dlq"] == true;
    if outcome.incomplete.unwrap_or(scenario_keeps) {
        keep_incomplete(call, scenario, trigger, execution, error);
    }
    if trigger.instant {
        call.change_by("scenarios", &id_of(scenario), json!({"isActive": false}));
        let nobody = json!({"id": null, "name": "Make"});
        note(call.state, call.now, field(scenario, "id"), "stop", &nobody);
    }
}

fn keep_incomplete(call: &mut Call<'_>, scenario: &Row, trigger: &Trigger, execution: &str, error: &Value) {
    let number = call.state.next_number("dlqs");
    let kept = row(json!({
        "id": ids::hexadecimal("dlq", number),
        "scenarioId": field(scenario, "id"),
        "reason": error["message"],
        "created": call.moment(),
        "size": trigger.input.to_string().len(),
        "resolved": false,
        "deleted": false,
        "retry": false,
        "attempts": 0,
        "index": number,
        "executionId": execution,
        "_blueprint": field(scenario, "blueprint"),
        "_bundle": {"1": trigger.input, "2": {"error": error}},
    }));
    call.state.log("dlqs", kept);
}

/// Logs who started, stopped or modified a scenario. This is how a change that nobody announced is found.
pub(crate) fn note(state: &mut State, now: Timestamp, scenario: &Value, kind: &str, author: &Value) {
    let number = state.next_number("logs");
    let event = row(json!({
        "imtId": imt_id(now, number),
        "id": number.to_string(),
        "_number": number,
        "type": kind,
        "authorId": author["id"],
        "authorName": author["name"],
        "detail": {"author": {"name": author["name"], "staff": false}},
        "timestamp": moment(now),
        "_scenarioId": scenario,
    }));
    state.log("logs", event);
}

/// Tells everybody who subscribed.
fn tell(call: &mut Call<'_>, scenario: &Row, outcome: &Outcome, execution: &str) {
    let name = match outcome.status {
        Ending::Success => "success",
        Ending::Warning => "warning",
        Ending::Error => "error",
    };
    let body = json!({
        "eventType": "scenario.executed",
        "timestamp": call.moment(),
        "data": {
            "scenarioId": field(scenario, "id"),
            "scenarioName": field(scenario, "name"),
            "teamId": field(scenario, "teamId"),
            "executionId": execution,
            "status": name,
            "operations": outcome.operations.unwrap_or_else(|| modules(field(scenario, "blueprint"))),
            "durationMs": outcome.duration_ms.unwrap_or(USUAL_DURATION_MS),
        },
    });
    for to in &call.settings.subscriptions {
        call.effects.push(Effect::Deliver(Delivery {
            url: to.url.clone(),
            headers: to
                .secret
                .iter()
                .map(|secret| ("x-make-secret".to_owned(), secret.clone()))
                .collect(),
            body: body.to_string(),
            delay_ms: outcome.running_ms,
        }));
    }
}

/// What is sent where only an address is given.
pub(crate) fn sample_event(now: Timestamp) -> Value {
    json!({"eventType": "scenario.executed", "timestamp": moment(now), "data": {
        "scenarioId": 925, "scenarioName": "A scenario", "teamId": 5, "executionId": ids::hexadecimal("sample", 1),
        "status": "success", "operations": 1, "durationMs": USUAL_DURATION_MS,
    }})
}

/// A change of a scenario by somebody else; `POST /__mock/edits`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Edit {
    scenario_id: u64,
    /// `{id, name}`.
    author: Value,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    blueprint: Option<Value>,
    #[serde(default)]
    scheduling: Option<Value>,
}

/// # Errors
/// There is no such scenario.
pub(crate) fn edit(model: &mut Model, edit: Edit) -> Result<(), String> {
    let id = edit.scenario_id.to_string();
    let now = model.now;
    let found = model.state.find_mut("scenarios", &id);
    let scenario = found.ok_or_else(|| format!("there is no scenario {id}"))?;
    let changes = [
        ("name", edit.name.map(Value::from)),
        ("blueprint", edit.blueprint.clone()),
        ("scheduling", edit.scheduling),
    ];
    for (name, value) in changes {
        scenario.extend(value.map(|value| (name.to_owned(), value)));
    }
    scenario.insert("lastEdit".to_owned(), moment(now).into());
    scenario.insert("updatedByUser".to_owned(), edit.author.clone());
    if let Some(blueprint) = edit.blueprint {
        super::categories::add_version(&mut model.state, now, &edit.scenario_id.into(), &blueprint);
    }
    note(
        &mut model.state,
        now,
        &edit.scenario_id.into(),
        "modify",
        &edit.author,
    );
    Ok(())
}
