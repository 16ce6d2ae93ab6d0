//! The requests under `/__mock/`.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{Canned, Control, Fault, MOST_PREPARED, Subscription};
use crate::make::{
    limits::Rate,
    model::{Delivery, Effect, Model},
    reply::{Content, Reply},
    request::Request,
    runs::{self, Outcome},
};

/// Shortest window of a rate that makes sense; below it a clock's tick decides.
const LEAST_PER_MS: u64 = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewRate {
    requests: u64,
    per_ms: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSettings {
    #[serde(default)]
    keep_interface: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fire {
    url: String,
    #[serde(default)]
    event: Value,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
}

/// Answers a request under `/__mock/`.
pub(crate) fn respond(model: &mut Model, request: &Request, effects: &mut Vec<Effect>) -> Reply {
    let answered = match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/__mock/reset") => {
            model.reset();
            Ok(done())
        }
        ("GET", "/__mock/calls") => Ok(Reply::json(model.control.calls())),
        ("GET", "/__mock/state") => Ok(Reply::json(json!(model.state))),
        ("POST", "/__mock/responses") => read::<Canned>(request).and_then(|canned| prepare(model, canned)),
        ("POST", "/__mock/faults") => read::<Fault>(request).and_then(|fault| break_at(model, fault)),
        ("POST", "/__mock/runs") => read::<Outcome>(request).and_then(|outcome| decide(model, outcome)),
        ("POST", "/__mock/rate-limit") => read::<NewRate>(request).and_then(|rate| limit(model, &rate)),
        ("POST", "/__mock/settings") => read::<NewSettings>(request).map(|settings| set(model, &settings)),
        ("POST", "/__mock/subscriptions") => {
            read::<Subscription>(request).and_then(|to| subscribe(model, to))
        }
        ("POST", "/__mock/webhooks") => read::<Fire>(request).map(|fire| webhook(model, fire, effects)),
        ("POST", "/__mock/edits") => {
            read::<runs::Edit>(request).and_then(|edit| runs::edit(model, edit).map(|()| done()))
        }
        _ => {
            return problem(
                404,
                "there is no such control; GET calls, GET state, POST reset, responses, faults, rate-limit, runs, settings, subscriptions, webhooks, edits",
            );
        }
    };
    answered.unwrap_or_else(|reason| problem(400, &reason))
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}

fn problem(status: u16, reason: &str) -> Reply {
    Reply::new(status, Content::Json(json!({"error": reason})))
}

fn done() -> Reply {
    Reply::json(json!({"ok": true}))
}

fn require_room(count: usize) -> Result<(), String> {
    let full = || format!("there are {MOST_PREPARED} already; POST /__mock/reset forgets them");
    (count < MOST_PREPARED).then_some(()).ok_or_else(full)
}

fn require_status(status: u16) -> Result<(), String> {
    let is_final = (200..=599).contains(&status);
    is_final
        .then_some(())
        .ok_or_else(|| "status must be between 200 and 599".to_owned())
}

fn prepare(model: &mut Model, canned: Canned) -> Result<Reply, String> {
    require_room(model.control.canned.len())?;
    require_status(canned.status)?;
    model.control.canned.push(canned);
    Ok(done())
}

fn break_at(model: &mut Model, fault: Fault) -> Result<Reply, String> {
    require_room(model.control.faults.len())?;
    fault.status.map_or(Ok(()), require_status)?;
    model.control.faults.push(fault);
    Ok(done())
}

fn decide(model: &mut Model, outcome: Outcome) -> Result<Reply, String> {
    require_room(model.outcomes.len())?;
    model.outcomes.push(outcome);
    Ok(done())
}

fn limit(model: &mut Model, rate: &NewRate) -> Result<Reply, String> {
    if rate.per_ms < LEAST_PER_MS {
        return Err(format!("perMs must be at least {LEAST_PER_MS}"));
    }
    model.control.rate = Some(Rate {
        requests: rate.requests,
        per_ms: rate.per_ms,
    });
    model.limits.clear();
    Ok(done())
}

fn set(model: &mut Model, settings: &NewSettings) -> Reply {
    let own = &mut model.control.settings;
    own.keep_interface = settings.keep_interface.unwrap_or(own.keep_interface);
    done()
}

fn subscribe(model: &mut Model, to: Subscription) -> Result<Reply, String> {
    require_room(model.control.settings.subscriptions.len())?;
    model.control.settings.subscriptions.push(to);
    Ok(done())
}

/// The reply is put in place of this one once the receiver has answered.
fn webhook(model: &Model, fire: Fire, effects: &mut Vec<Effect>) -> Reply {
    let mut headers = Vec::new();
    headers.extend(fire.secret.map(|secret| ("x-make-secret".to_owned(), secret)));
    let own = fire.headers.into_iter();
    headers.extend(own.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))));
    let body = match fire.event {
        Value::Null => runs::sample_event(model.now),
        event => event,
    };
    effects.push(Effect::Tell(Delivery {
        url: fire.url,
        headers,
        body: body.to_string(),
        delay_ms: 0,
    }));
    done()
}

impl Control {
    /// As at the start.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
