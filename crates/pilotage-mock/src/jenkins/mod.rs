//! Jenkins' remote API for one job, with the REST API of the plugin Pipeline: Stage View (`wfapi`).

mod shapes;

use std::{collections::BTreeMap, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::ci::{Call, Phase, READER, Reply, Run, Start, TOKEN, World, archive};

/// What is answered to a change whose crumb is not right.
const CRUMB: &str = "mock-crumb";
const SESSION: &str = "JSESSIONID.mock=1";
/// The password of the user `person`, whose changes need a crumb.
pub(crate) const PASSWORD: &str = "mock-password";

/// Answers a request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    inside(world, call).with("x-jenkins", "2.479.1")
}

fn page(status: u16, message: &str) -> Reply {
    Reply::empty(status)
        .with("content-type", "text/html;charset=utf-8")
        .with("x-error", message)
        .body(format!(
            "<html><head><title>Error {status}</title></head><body>{message}</body></html>"
        ))
}

fn not_found() -> Reply {
    page(404, "Not Found")
}

fn inside(world: &mut World, call: &Call) -> Reply {
    let basic = call.header("authorization").strip_prefix("Basic ");
    let decoded = basic
        .and_then(|text| STANDARD.decode(text).ok())
        .unwrap_or_default();
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    let secret = decoded.split_once(':').map_or("", |(_, secret)| secret);
    if ![TOKEN, READER, PASSWORD].contains(&secret) {
        return page(401, "Invalid password/token for user");
    }
    if call.method == "POST" && secret == PASSWORD {
        let is_right = call.header("jenkins-crumb") == CRUMB && call.header("cookie").contains(SESSION);
        if !is_right {
            return page(403, "No valid crumb was included in the request");
        }
    }
    if call.method == "POST" && secret == READER {
        return page(403, "reader is missing the Job/Build permission")
            .with("x-required-permission", "hudson.model.Item.Build");
    }
    route(world, call)
}

fn route(world: &mut World, call: &Call) -> Reply {
    let (method, path) = call.route();
    match (method, path.as_slice()) {
        ("GET", ["crumbIssuer", "api", "json"]) => Reply::json(
            200,
            &json!({"_class": "hudson.security.csrf.DefaultCrumbIssuer", "crumb": CRUMB,
                    "crumbRequestField": "Jenkins-Crumb"}),
        )
        .with("set-cookie", format!("{SESSION}; Path=/; HttpOnly")),
        ("GET", ["api", "json"]) => Reply::json(
            200,
            &json!({"_class": "hudson.model.Hudson", "mode": "NORMAL", "jobs": [{"name": "acme"}]}),
        ),
        ("GET", ["queue", "api", "json"]) => Reply::json(200, &shapes::queue(&call.base, &world.runs)),
        ("GET", ["queue", "item", id, "api", "json"]) => {
            let run = world.runs.iter().find(|run| run.queue_id.to_string() == **id);
            run.map_or_else(not_found, |run| Reply::json(200, &shapes::item(&call.base, run)))
        }
        ("POST", ["queue", "cancelItem"]) => {
            let id = call.query.get("id").cloned().unwrap_or_default();
            let now = world.now;
            let run = world.runs.iter_mut().find(|run| run.queue_id.to_string() == id);
            // What has left the queue is not in it.
            if run.is_some_and(|run| run.phase == Phase::Queued && run.cancel(now)) {
                Reply::empty(204)
            } else {
                not_found()
            }
        }
        (_, ["job", "acme", "job", "shop", rest @ ..]) => job(world, call, rest),
        _ => not_found(),
    }
}

fn job(world: &mut World, call: &Call, rest: &[&str]) -> Reply {
    match (call.method.as_str(), rest) {
        ("GET", ["api", "json"]) => Reply::json(200, &shapes::job(&call.base, &world.runs)),
        // It takes parameters, and is not built without them.
        ("POST", ["build"]) => page(400, "Nothing is submitted"),
        ("POST", ["buildWithParameters"]) => {
            let mut inputs: BTreeMap<String, String> = call.query.clone().into_iter().collect();
            inputs.extend(form_urlencoded::parse(&call.body).into_owned());
            inputs.remove("token");
            let reference = inputs.get("branch").cloned().unwrap_or_else(|| "main".to_owned());
            let run = world.start(Start {
                reference,
                inputs,
                title: String::new(),
            });
            let place = format!("{}/queue/item/{}/", call.base, run.queue_id);
            Reply::empty(201).with("location", place)
        }
        (_, [number, rest @ ..]) => match number.parse::<u64>() {
            Ok(number) => build(world, call, number, rest),
            Err(_) => not_found(),
        },
        _ => not_found(),
    }
}

/// A run is a build once it has left the queue.
fn is_build(run: &Run) -> bool {
    run.phase != Phase::Queued
}

fn build(world: &mut World, call: &Call, number: u64, rest: &[&str]) -> Reply {
    let now = world.now;
    let Some(run) = world.run(number).filter(|run| is_build(run)) else {
        return not_found();
    };
    match (call.method.as_str(), rest) {
        // The page that a stopped build leads to.
        ("GET", []) => Reply::text("acme, shop"),
        ("GET", ["api", "json"]) => Reply::json(200, &shapes::build(&call.base, run)),
        ("GET", ["consoleText"]) => Reply::text(shapes::console(run)),
        ("GET", ["logText", "progressiveText"]) => progress(call, run),
        ("GET", ["wfapi", "describe"]) => Reply::json(200, &shapes::described(run)),
        ("GET", ["wfapi", "pendingInputActions"]) => Reply::json(200, &shapes::inputs(run)),
        ("GET", ["execution", "node", id, "wfapi", "describe"]) => {
            shapes::stage(run, id).map_or_else(not_found, |stage| Reply::json(200, &stage))
        }
        ("GET", ["execution", "node", id, "wfapi", "log"]) => {
            shapes::node_log(run, id).map_or_else(not_found, |log| Reply::json(200, &log))
        }
        ("GET", ["artifact", "out", "report.zip"]) if run.has_artifact() => {
            Reply::text(archive()).ranged(call)
        }
        ("POST", ["input", shapes::INPUT, verb @ ("proceedEmpty" | "abort")]) => {
            if run.decide(*verb == "proceedEmpty", now) {
                Reply::empty(200)
            } else {
                not_found()
            }
        }
        ("POST", ["stop"]) => {
            run.cancel(now);
            Reply::empty(302).with("location", format!("{}/job/acme/job/shop/{number}/", call.base))
        }
        _ => not_found(),
    }
}

/// What was written behind a place, and whether more will be.
fn progress(call: &Call, run: &Run) -> Reply {
    let log = shapes::console(run);
    let from = call.number("start", 0).min(log.len());
    let reply = Reply::text(log.as_bytes()[from..].to_vec()).with("x-text-size", log.len().to_string());
    if matches!(run.phase, Phase::Done(_)) {
        reply
    } else {
        reply.with("x-more-data", "true")
    }
}

/// Text as Jenkins puts it into a page.
fn html(text: &str) -> String {
    let mut html = String::new();
    for character in text.chars() {
        match character {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            other => {
                // Writing to a string cannot fail.
                let _ = html.write_char(other);
            }
        }
    }
    html
}

fn parameters(run: &Run) -> Value {
    let parameters = run.inputs.iter();
    let parameters: Vec<Value> = parameters
        .map(|(name, value)| json!({"_class": "hudson.model.StringParameterValue", "name": name, "value": value}))
        .collect();
    json!({"_class": "hudson.model.ParametersAction", "parameters": parameters})
}
