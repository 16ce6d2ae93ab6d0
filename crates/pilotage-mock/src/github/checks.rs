//! Check runs: written by whoever holds a token of an App, one after the other under one name.

use serde_json::{Value, json};

use super::{
    not_found, said,
    shapes::{self, Place, second},
};
use crate::ci::{Call, Reply, World};

/// GitHub takes so many annotations at once.
const MOST_AT_ONCE: usize = 50;
/// Most checks that are kept; the oldest go first.
const MOST_CHECKS: usize = 1_000;
/// Where a check keeps its annotations until somebody asks for them.
const ANNOTATIONS: &str = "annotations";

const CONCLUSIONS: [&str; 8] = [
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "skipped",
    "stale",
    "success",
    "timed_out",
];

pub(super) fn create(world: &mut World, call: &Call) -> Reply {
    let body = call.json();
    if !(body["name"].is_string() && body["head_sha"].is_string()) {
        return said(
            422,
            "Invalid request.\n\n\"name\", \"head_sha\" weren't supplied.",
        );
    }
    if let Some(refusal) = refused(&body) {
        return refusal;
    }
    let id = world.id();
    let mut check = json!({
        "id": id, "name": body["name"], "head_sha": body["head_sha"], "external_id": "", "details_url": null,
        "status": "queued", "conclusion": null, "started_at": second(world.now), "completed_at": null,
        "output": {"title": null, "summary": null, "text": null}, ANNOTATIONS: [],
    });
    write(&mut check, &body, world);
    if world.checks.len() >= MOST_CHECKS {
        world.checks.remove(0);
    }
    world.checks.push(check.clone());
    Reply::json(201, &view(call, &check))
}

pub(super) fn change(world: &mut World, call: &Call, id: &str) -> Reply {
    let body = call.json();
    if let Some(refusal) = refused(&body) {
        return refusal;
    }
    let Some(at) = place(world, id) else {
        return not_found();
    };
    let mut check = world.checks[at].clone();
    write(&mut check, &body, world);
    world.checks[at] = check.clone();
    Reply::json(200, &view(call, &check))
}

/// The newest of each name, or all of them.
pub(super) fn list(world: &World, call: &Call, commit: &str) -> Reply {
    let wanted = |name: &str| call.query.get(name).map(String::as_str);
    let mut found: Vec<&Value> = Vec::new();
    for check in world
        .checks
        .iter()
        .rev()
        .filter(|check| check["head_sha"] == commit)
    {
        let is_named = wanted("check_name").is_none_or(|name| check["name"] == name);
        let is_newest = found.iter().all(|known| known["name"] != check["name"]);
        if is_named && (is_newest || wanted("filter") == Some("all")) {
            found.push(check);
        }
    }
    let shown: Vec<Value> = found.into_iter().map(|check| view(call, check)).collect();
    Reply::json(200, &json!({"total_count": shown.len(), "check_runs": shown}))
}

pub(super) fn annotations(world: &World, id: &str) -> Reply {
    let found = place(world, id).map(|at| &world.checks[at]);
    // Jobs have a check each on GitHub; those of the model found nothing.
    let none = json!([]);
    let all = found.map_or(&none, |check| &check[ANNOTATIONS]);
    let all = all.as_array().into_iter().flatten().map(|one| {
        let mut shown = json!({
            "blob_href": "", "start_column": null, "end_column": null, "title": null, "raw_details": null,
        });
        merge(&mut shown, one);
        shown
    });
    Reply::json(200, &json!(all.collect::<Vec<_>>()))
}

fn place(world: &World, id: &str) -> Option<usize> {
    let id: u64 = id.parse().ok()?;
    world.checks.iter().position(|check| check["id"] == id)
}

fn refused(body: &Value) -> Option<Reply> {
    let is_over = body["status"] == "completed";
    let conclusion = body["conclusion"].as_str();
    if is_over && conclusion.is_none() {
        return Some(said(422, "Invalid request.\n\n\"conclusion\" wasn't supplied."));
    }
    if conclusion.is_some_and(|word| !CONCLUSIONS.contains(&word)) {
        return Some(said(
            422,
            "Invalid request.\n\n\"conclusion\" is not a conclusion.",
        ));
    }
    let output = &body["output"];
    if output.is_object() && !output["summary"].is_string() {
        return Some(said(422, "Invalid request.\n\n\"summary\" wasn't supplied."));
    }
    let count = output[ANNOTATIONS].as_array().map_or(0, Vec::len);
    (count > MOST_AT_ONCE).then(|| said(422, "Invalid request.\n\nNo more than 50 items are allowed."))
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().into_iter().flatten() {
        into[name] = value.clone();
    }
}

/// What is sent again replaces what was there; annotations are added.
fn write(check: &mut Value, body: &Value, world: &World) {
    for name in ["name", "external_id", "details_url", "status", "conclusion"] {
        if !body[name].is_null() {
            check[name] = body[name].clone();
        }
    }
    for name in ["title", "summary", "text"] {
        if !body["output"][name].is_null() {
            check["output"][name] = body["output"][name].clone();
        }
    }
    let more = body["output"][ANNOTATIONS]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if let Some(known) = check[ANNOTATIONS].as_array_mut() {
        known.extend(more);
    }
    if check["status"] == "completed" {
        check["completed_at"] = json!(second(world.now));
    } else {
        (check["completed_at"], check["conclusion"]) = (Value::Null, Value::Null);
    }
}

fn view(call: &Call, check: &Value) -> Value {
    let at = Place::new(&call.base);
    let id = &check["id"];
    let mut shown = check.clone();
    let count = check[ANNOTATIONS].as_array().map_or(0, Vec::len);
    if let Some(members) = shown.as_object_mut() {
        members.remove(ANNOTATIONS);
    }
    shown["output"]["annotations_count"] = json!(count);
    shown["output"]["annotations_url"] = json!(at.api(&format!("/check-runs/{id}/annotations")));
    let more = json!({
        "node_id": format!("CR_{id}"), "url": at.api(&format!("/check-runs/{id}")),
        "html_url": at.page(&format!("/runs/{id}")), "check_suite": {"id": 31}, "pull_requests": [],
        "app": shapes::app(&call.base),
    });
    merge(&mut shown, &more);
    shown
}
