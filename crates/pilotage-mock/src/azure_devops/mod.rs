//! Azure DevOps' REST API 7.1 for the pipelines of one project, and the tokens that Microsoft Entra hands out for it.

mod locations;
mod shapes;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::ci::{Call, Phase, READER, Reply, Run, Start, TOKEN, World, archive};

/// The only pipeline.
const PIPELINE: u64 = 12;
/// The service principal that Entra knows.
const CLIENT: (&str, &str) = ("mock-client", "mock-client-secret");

/// Answers a request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let (method, path) = call.route();
    match (method, path.as_slice()) {
        ("POST", ["mock-tenant", "oauth2", "v2.0", "token"]) => entra(call),
        (_, ["acme", "_apis", rest @ ..]) => behind_the_door(call, || in_organization(call, rest)),
        (_, ["acme", "shop", "_apis", rest @ ..]) => behind_the_door(call, || in_project(world, call, rest)),
        ("GET", ["storage", "artifacts", _]) => Reply::text(archive()).ranged(call),
        (_, ["acme", ..]) => said(
            404,
            "TF200016: The following project does not exist: it may have been deleted.",
        ),
        _ => said(404, "Page not found."),
    }
}

fn said(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({"$id": "1", "innerException": null, "message": message, "typeKey": "MockException", "eventId": 3000}),
    )
}

/// The token of a service principal (RFC 6749, section 4.4).
fn entra(call: &Call) -> Reply {
    let fields: BTreeMap<String, String> = form_urlencoded::parse(&call.body).into_owned().collect();
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if (field("client_id"), field("client_secret")) != CLIENT || field("grant_type") != "client_credentials" {
        let description = "AADSTS7000215: Invalid client secret provided.";
        return Reply::json(
            401,
            &json!({"error": "invalid_client", "error_description": description}),
        );
    }
    Reply::json(
        200,
        &json!({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN}),
    )
}

fn behind_the_door(call: &Call, inside: impl FnOnce() -> Reply) -> Reply {
    let authorization = call.header("authorization");
    let basic = authorization.strip_prefix("Basic ");
    let decoded = basic
        .and_then(|text| STANDARD.decode(text).ok())
        .unwrap_or_default();
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    let token = decoded
        .strip_prefix(':')
        .or_else(|| authorization.strip_prefix("Bearer "))
        .unwrap_or_default();
    if token != TOKEN && token != READER {
        return to_sign_in(call);
    }
    // What a client learns routes from is of no version.
    if call.method != "OPTIONS" && !is_of_version(call) {
        return said(400, "No api-version was supplied for the request.");
    }
    if !["GET", "OPTIONS"].contains(&call.method.as_str()) && token == READER {
        let reason = "TF401027: You need the Queue builds permission to perform this action.";
        return said(403, reason);
    }
    inside()
}

/// The answer to a token that is not valid: no error, and the page where people sign in; to who asks not to be led there, an
/// error, as Microsoft's own clients do.
fn to_sign_in(call: &Call) -> Reply {
    let is_suppressed = call
        .header("x-tfs-fedauthredirect")
        .eq_ignore_ascii_case("suppress");
    let reply = Reply::empty(if is_suppressed { 401 } else { 203 });
    let page = "<html>Azure DevOps Services | Sign In</html>";
    reply.with("content-type", "text/html; charset=utf-8").body(page)
}

/// Whether it asks for 7.1, in the query or beside the type that it accepts; a preview of it is as good.
fn is_of_version(call: &Call) -> bool {
    let accepted = call.header("accept").split(';');
    let mut accepted = accepted.filter_map(|part| part.trim().strip_prefix("api-version="));
    let in_query = call.query.get("api-version").map(String::as_str);
    let version = in_query.or_else(|| accepted.next()).unwrap_or_default();
    let (number, preview) = version
        .split_once('-')
        .map_or((version, None), |(number, rest)| (number, Some(rest)));
    number == "7.1" && preview.is_none_or(|preview| preview.starts_with("preview"))
}

fn in_organization(call: &Call, path: &[&str]) -> Reply {
    match (call.method.as_str(), path) {
        ("OPTIONS", []) => list(&locations::all()),
        ("GET", ["resourceAreas"]) => list(&locations::areas(&call.base)),
        _ => said(404, "Page not found."),
    }
}

fn in_project(world: &mut World, call: &Call, path: &[&str]) -> Reply {
    match (call.method.as_str(), path) {
        ("POST", ["pipelines", pipeline, "runs"]) => {
            if *pipeline == PIPELINE.to_string() {
                start(world, call)
            } else {
                said(404, &format!("The pipeline with id {pipeline} does not exist."))
            }
        }
        ("GET", ["pipelines", pipeline, "runs", rest @ ..]) if *pipeline == PIPELINE.to_string() => {
            runs(world, call, rest)
        }
        ("GET", ["pipelines", "approvals"]) => {
            let waiting = world.runs.iter().filter(|run| run.phase == Phase::Waiting);
            list(
                &waiting
                    .map(|run| shapes::approval(&call.base, run))
                    .collect::<Vec<_>>(),
            )
        }
        ("PATCH", ["pipelines", "approvals"]) => decide(world, call),
        ("GET", ["pipelines", "environments"]) => list(&[shapes::environment()]),
        ("GET", ["pipelines", "environments", "1"]) => Reply::json(200, &shapes::environment()),
        ("GET", ["pipelines", "environments", "1", "environmentdeploymentrecords"]) => {
            let begun = world.runs.iter().rev().take(call.number("top", 25));
            list(&begun.filter_map(shapes::deployment_record).collect::<Vec<_>>())
        }
        ("GET", ["build", "builds"]) => builds(world, call),
        (_, ["build", "builds", id, rest @ ..]) => match id.parse() {
            Ok(id) => build(world, call, id, rest),
            Err(_) => said(400, "The value is not valid for a build's id."),
        },
        (_, ["git", "repositories", "shop", "commits", commit, "statuses"]) => marks(world, call, commit),
        _ => said(404, "Page not found."),
    }
}

fn list(items: &[Value]) -> Reply {
    Reply::json(200, &json!({"count": items.len(), "value": items}))
}

fn start(world: &mut World, call: &Call) -> Reply {
    let body = call.json();
    let branch = body.pointer("/resources/repositories/self/refName");
    let branch = branch.and_then(Value::as_str).unwrap_or("refs/heads/main");
    if branch == "refs/heads/gone" {
        return said(400, "Could not resolve the ref refs/heads/gone.");
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut inputs = BTreeMap::new();
    for (name, value) in body["templateParameters"].as_object().into_iter().flatten() {
        inputs.insert(name.clone(), text(value));
    }
    for (name, value) in body["variables"].as_object().into_iter().flatten() {
        inputs.insert(name.clone(), text(&value["value"]));
    }
    let known = ["fail", "fail-always", "approval", "lines"];
    if let Some(odd) = inputs.keys().find(|name| !known.contains(&name.as_str())) {
        return said(400, &format!("Unexpected parameter '{odd}'"));
    }
    let reference = branch.trim_start_matches("refs/heads/").to_owned();
    let run = world.start(Start {
        reference,
        inputs,
        title: String::new(),
    });
    Reply::json(200, &shapes::started(&call.base, run))
}

fn runs(world: &World, call: &Call, rest: &[&str]) -> Reply {
    let told = |run| shapes::started(&call.base, run);
    let mut newest = world.runs.iter().rev();
    match rest {
        [] => list(&newest.map(told).collect::<Vec<_>>()),
        [id] => newest.find(|run| run.id.to_string() == *id).map_or_else(
            || said(404, &format!("The run with id {id} does not exist.")),
            |run| Reply::json(200, &told(run)),
        ),
        _ => said(404, "Page not found."),
    }
}

/// What is written on a commit, and what was written on it, newest first.
fn marks(world: &mut World, call: &Call, commit: &str) -> Reply {
    if call.method == "GET" {
        let here = world.marks.iter().rev().filter(|kept| kept["commit"] == commit);
        return list(&here.map(|kept| kept["mark"].clone()).collect::<Vec<_>>());
    }
    let mut mark = call.json();
    mark["id"] = json!(world.id());
    mark["creationDate"] = json!(shapes::time(world.now));
    mark["updatedDate"] = mark["creationDate"].clone();
    world.marks.push(json!({"commit": commit, "mark": mark}));
    Reply::json(201, &mark)
}

/// Newest first; where more follow, a header tells what names the next page.
fn builds(world: &World, call: &Call) -> Reply {
    let most = call.number("$top", 50);
    let tag = call.query.get("tagFilters");
    let pipeline = PIPELINE.to_string();
    let is_asked_for = call
        .query
        .get("definitions")
        .is_none_or(|asked| asked.split(',').any(|one| one == pipeline));
    // The token is the number of the next page's first run.
    let from = call.query.get("continuationToken");
    let from = from.and_then(|token| token.parse().ok()).unwrap_or(u64::MAX);
    let mut found = world
        .runs
        .iter()
        .rev()
        .filter(|run| is_asked_for && run.id <= from && tag.is_none_or(|tag| run.tags.contains(tag)));
    let page: Vec<Value> = found
        .by_ref()
        .take(most)
        .map(|run| shapes::build(&call.base, run))
        .collect();
    let reply = list(&page);
    match found.next() {
        Some(next) => reply.with("x-ms-continuationtoken", next.id.to_string()),
        None => reply,
    }
}

fn build(world: &mut World, call: &Call, id: u64, rest: &[&str]) -> Reply {
    let now = world.now;
    let Some(run) = world.run(id) else {
        return said(404, &format!("The requested build {id} could not be found."));
    };
    match (call.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &shapes::build(&call.base, run)),
        ("PATCH", []) => {
            if call.json()["status"] != "cancelling" {
                return said(400, "The build cannot be changed in this way.");
            }
            run.cancel(now);
            Reply::json(200, &shapes::build(&call.base, run))
        }
        ("PUT", ["tags", tag]) => {
            run.tags.push((*tag).to_owned());
            list(&run.tags.iter().map(|tag| json!(tag)).collect::<Vec<_>>())
        }
        ("GET", ["timeline"]) if run.phase == Phase::Queued => Reply::empty(204),
        ("GET", ["timeline"]) => Reply::json(200, &shapes::timeline(run)),
        ("GET", ["tags"]) => list(&run.tags.iter().map(|tag| json!(tag)).collect::<Vec<_>>()),
        ("GET", ["logs"]) => list(&shapes::logs(&call.base, run)),
        ("GET", ["logs", log]) => match log.parse().ok().and_then(|log| shapes::log(run, log)) {
            // Lines as JSON for who wants it, else text.
            Some(log) if accepts(call, "application/json") => {
                list(&log.lines().map(|line| json!(line)).collect::<Vec<_>>())
            }
            Some(log) => Reply::text(log),
            None => said(404, "The log could not be found."),
        },
        ("GET", ["artifacts"]) => artifacts(call, run),
        ("PATCH", ["stages", _]) => {
            if call.json()["state"] == "retry" && world.retry(id, true) {
                Reply::empty(204)
            } else {
                said(409, "The stage is not in a state in which it can be retried.")
            }
        }
        _ => said(404, "Page not found."),
    }
}

fn accepts(call: &Call, kind: &str) -> bool {
    call.header("accept").starts_with(kind)
}

fn artifacts(call: &Call, run: &Run) -> Reply {
    let found = run.has_artifact().then(|| shapes::artifact(&call.base, run));
    match (call.query.get("artifactName"), found) {
        (None, found) => list(found.as_slice()),
        (Some(_), Some(_)) if accepts(call, "application/zip") => Reply::empty(200)
            .with("content-type", "application/zip")
            .body(archive()),
        (Some(_), Some(one)) => Reply::json(200, &one),
        (Some(name), None) => said(
            404,
            &format!("Artifact {name} was not found for build {}.", run.id),
        ),
    }
}

fn decide(world: &mut World, call: &Call) -> Reply {
    let now = world.now;
    let body = call.json();
    let asked = &body[0];
    let approve = match asked["status"].as_str() {
        Some("approved") => true,
        Some("rejected") => false,
        _ => return said(400, "The status of an approval is approved or rejected."),
    };
    let id = asked["approvalId"].as_str().unwrap_or_default();
    let run = world
        .runs
        .iter_mut()
        .find(|run| shapes::approval_id(run.id) == id);
    match run.map(|run| (run.decide(approve, now), run)) {
        Some((true, run)) => list(&[shapes::approval(&call.base, run)]),
        _ => said(400, "The approval is not pending."),
    }
}
