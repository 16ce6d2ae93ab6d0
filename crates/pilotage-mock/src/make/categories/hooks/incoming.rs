//! What arrives at the address of a webhook. The sender learns nothing of the scenario: it is `Accepted` also while the
//! scenario is off, and waits in the queue then.

use serde_json::{Map, Value, json};

use super::{queue_limit, scenario, waiting};
use crate::make::{
    call::Call,
    ids::{self, millis},
    reply::{Content, Reply},
    request::text,
    runs::{self, Trigger},
    state::{Row, field, id_of, row},
};

/// 300 deliveries in each ten seconds (help.make.com, "Webhooks").
const MOST_IN_WINDOW: usize = 300;
const WINDOW_MS: i64 = 10_000;

/// Answers a delivery.
pub(crate) fn receive(call: &mut Call<'_>) -> Reply {
    let address = call.parameter(0);
    let hook = call
        .state
        .rows("hooks")
        .iter()
        .find(|hook| field(hook, "udid") == address.as_str());
    let Some(hook) = hook.filter(|hook| field(hook, "enabled") != false).cloned() else {
        // The only answer without the header that lets browsers read it.
        return Reply::new(410, Content::Text("Webhook not found.".to_owned()));
    };
    if call.request.method == "OPTIONS" {
        return gateway(200, "ok");
    }
    let data = bundle(call, &hook);
    if is_too_often(call, &hook) {
        return gateway(429, "Too many requests");
    }
    if let Some(reason) = mismatch(call, &hook, &data) {
        return gateway(400, &reason);
    }
    take(call, &hook, data)
}

fn gateway(status: u16, said: &str) -> Reply {
    Reply::new(status, Content::Text(said.to_owned()))
        .with_header("access-control-allow-origin", "*")
        .with_header("x-powered-by", "Make Gateway/production")
        .with_header("make-actual-status", status)
}

fn take(call: &mut Call<'_>, hook: &Row, data: Value) -> Reply {
    let scenario = scenario(call, hook);
    let active = scenario.filter(|scenario| field(scenario, "isActive") == true);
    let limit = usize::try_from(queue_limit(call, hook)).unwrap_or(usize::MAX);
    if active.is_none() && waiting(call, hook).count() >= limit {
        return gateway(400, "Queue is full");
    }
    if field(hook, "_learning") == true {
        call.change_by(
            "hooks",
            &id_of(hook),
            json!({"_learning": false, "_learnt": data}),
        );
    }
    keep(call, hook, &data, active.is_none());
    if let Some(scenario) = active {
        let trigger = Trigger {
            kind: "auto",
            instant: true,
            input: data,
        };
        runs::run(call, &scenario, &trigger);
    }
    gateway(200, "Accepted")
}

fn keep(call: &mut Call<'_>, hook: &Row, data: &Value, waits: bool) {
    let number = call.state.next_number("incomings");
    let kept = row(json!({
        "id": ids::hexadecimal("incoming", number),
        "scope": "hook",
        "size": data.to_string().len(),
        "created": call.moment(),
        "data": data,
        "_hookId": field(hook, "id"),
        "_waiting": waits,
        "_number": number,
        "_atMs": millis(call.now),
    }));
    call.state.log("incomings", kept);
}

fn is_too_often(call: &Call<'_>, hook: &Row) -> bool {
    let since = millis(call.now).saturating_sub(WINDOW_MS);
    let latest = call
        .state
        .rows_with("incomings", "_hookId", field(hook, "id"))
        .rev();
    let latest = latest.take(MOST_IN_WINDOW);
    let is_recent = |row: &&Row| field(row, "_atMs").as_i64().is_some_and(|at| at > since);
    latest.take_while(is_recent).count() >= MOST_IN_WINDOW
}

/// Query, form or JSON in one bundle, in which the query wins; any other body is its `value`.
fn bundle(call: &Call<'_>, hook: &Row) -> Value {
    let request = call.request;
    let is_form = request
        .content_type
        .starts_with("application/x-www-form-urlencoded");
    let mut bundle = match request.json() {
        _ if is_form => form(&request.body),
        Some(Value::Object(fields)) => fields,
        Some(other) => Map::from_iter([("value".to_owned(), other)]),
        None => Map::from_iter([("value".to_owned(), text(&request.body).into())]),
    };
    if let Value::Object(query) = request.query_object() {
        bundle.extend(query);
    }
    let data = field(hook, "data");
    if data["headers"] == true {
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| json!({"name": name, "value": value}));
        bundle.insert("__IMTHEADERS__".to_owned(), headers.collect());
    }
    if data["method"] == true {
        bundle.insert("__IMTMETHOD__".to_owned(), request.method.as_str().into());
    }
    Value::Object(bundle)
}

fn form(body: &[u8]) -> Map<String, Value> {
    let mut fields: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let value = Value::from(value.into_owned());
        match fields.get_mut(&*name) {
            None => drop(fields.insert(name.into_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    fields
}

/// What the data structure of the hook asks for and the delivery lacks.
fn mismatch(call: &Call<'_>, hook: &Row, data: &Value) -> Option<String> {
    let structure = field(hook, "data")["udt"].as_u64()?;
    let structure = call.state.find("data-structures", &structure.to_string())?;
    let fields = field(structure, "spec").as_array().into_iter().flatten();
    let mut absent = fields
        .filter(|field| field["required"] == true)
        .filter_map(|field| {
            let name = field["name"].as_str()?;
            data[name].is_null().then_some(name)
        });
    absent
        .next()
        .map(|name| format!("Missing value of required parameter '{name}'."))
}
