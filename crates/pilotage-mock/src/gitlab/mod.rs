//! GitLab's REST API for the pipelines of one project, in the shapes of its documents (docs.gitlab.com/api).

mod shapes;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ci::{Call, Outcome, Phase, READER, Reply, Run, Start, TOKEN, TRIGGER, World, archive};

/// The only project.
const PROJECT: u64 = 7;
const PATH: &str = "acme/shop";

/// Answers a request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let (method, path) = call.route();
    match (method, path.as_slice()) {
        // What an archive's address leads to is opened by the address alone.
        ("GET", ["storage", "artifacts", _]) => Reply::text(archive()).ranged(call),
        (_, ["api", "v4", rest @ ..]) => behind_the_door(world, call, rest),
        _ => Reply::empty(302).with("location", format!("{}/users/sign_in", call.base)),
    }
}

fn said(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "message": message }))
}

fn not_found(what: &str) -> Reply {
    said(404, &format!("404 {what} Not Found"))
}

fn behind_the_door(world: &mut World, call: &Call, path: &[&str]) -> Reply {
    if let ("POST", ["projects", project, "trigger", "pipeline"]) = (call.method.as_str(), path) {
        return trigger(world, call, project);
    }
    let bearer = call.header("authorization").strip_prefix("Bearer ");
    let token = [call.header("private-token"), call.header("job-token")]
        .into_iter()
        .find(|token| !token.is_empty())
        .or(bearer)
        .unwrap_or_default();
    if token != TOKEN && token != READER {
        return said(401, "401 Unauthorized");
    }
    if call.method != "GET" && token == READER {
        return Reply::json(
            403,
            &json!({
                "error": "insufficient_scope", "scope": "api",
                "error_description": "The request requires higher privileges than provided by the access token.",
            }),
        );
    }
    match path {
        ["user"] => Reply::json(200, &shapes::user(&call.base)),
        ["version"] => Reply::json(200, &json!({"version": "19.5.0", "revision": "mock"})),
        ["projects", project, rest @ ..] if is_project(project) => in_project(world, call, rest),
        ["projects", ..] => not_found("Project"),
        _ => not_found("Page"),
    }
}

fn is_project(named: &str) -> bool {
    named == PATH || named == PROJECT.to_string()
}

/// Starts with a trigger token in the body, which stands for a person (docs.gitlab.com/api, "Pipeline trigger tokens").
fn trigger(world: &mut World, call: &Call, project: &str) -> Reply {
    if !is_project(project) {
        return not_found("Project");
    }
    let body = call.json();
    if body.is_object() {
        let variables = serde_json::from_value(body["variables"].clone()).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        return triggered(world, call, text("token"), text("ref"), variables);
    }
    let fields: BTreeMap<String, String> = form_urlencoded::parse(&call.body).into_owned().collect();
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let inner = |name: &str| Some(name.strip_prefix("variables[")?.strip_suffix(']')?.to_owned());
    let variables = fields
        .iter()
        .filter_map(|(name, value)| Some((inner(name)?, value.clone())))
        .collect();
    triggered(world, call, field("token"), field("ref"), variables)
}

fn triggered(
    world: &mut World,
    call: &Call,
    token: &str,
    reference: &str,
    variables: BTreeMap<String, String>,
) -> Reply {
    if token != TRIGGER {
        return not_found("Not Found");
    }
    start(world, call, reference, variables)
}

fn in_project(world: &mut World, call: &Call, rest: &[&str]) -> Reply {
    match (call.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &shapes::project(&call.base)),
        ("POST", ["pipeline"]) => {
            let body = call.json();
            let pairs = body["variables"].as_array().into_iter().flatten();
            let pair =
                |one: &Value| Some((one["key"].as_str()?.to_owned(), one["value"].as_str()?.to_owned()));
            let mut variables: BTreeMap<String, String> = pairs.filter_map(pair).collect();
            let inputs = body["inputs"].as_object().into_iter().flatten();
            variables
                .extend(inputs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))));
            start(world, call, body["ref"].as_str().unwrap_or_default(), variables)
        }
        ("GET", ["pipelines"]) => {
            let all: Vec<Value> = world
                .runs
                .iter()
                .rev()
                .map(|run| shapes::pipeline(&call.base, run))
                .collect();
            paged(call, &all)
        }
        (_, ["pipelines", id, rest @ ..]) => match id.parse() {
            Ok(id) => pipeline(world, call, id, rest),
            Err(_) => said(400, "pipeline_id is invalid"),
        },
        (_, ["jobs", id, rest @ ..]) => match id.parse() {
            Ok(id) => job(world, call, id, rest),
            Err(_) => said(400, "job_id is invalid"),
        },
        ("POST", ["statuses", commit]) => mark(world, call, commit),
        ("GET", ["deployments"]) if call.query.get("status").is_some_and(|status| status == "blocked") => {
            let waiting = world.runs.iter().rev().filter(|run| is_blocked(run));
            let all: Vec<Value> = waiting
                .filter_map(|run| shapes::blocked_deployment(&call.base, run))
                .collect();
            paged(call, &all)
        }
        ("POST", ["deployments", id, "approval"]) => approve(world, call, id.parse().unwrap_or_default()),
        ("GET", ["deployments"]) => {
            let begun = world.runs.iter().rev();
            let all: Vec<Value> = begun
                .filter_map(|run| shapes::deployment(&call.base, run))
                .collect();
            paged(call, &all)
        }
        _ => not_found("Page"),
    }
}

/// Its deployment goes to a protected environment, and waits for an approval.
fn is_blocked(run: &Run) -> bool {
    run.phase == Phase::Waiting && run.inputs.get("protected").is_some_and(|text| text == "true")
}

/// docs.gitlab.com/api/deployments, "Approve or reject a blocked deployment".
fn approve(world: &mut World, call: &Call, id: u64) -> Reply {
    let now = world.now;
    let status = call.json()["status"].as_str().unwrap_or_default().to_owned();
    let Some(run) = world.run(id).filter(|run| is_blocked(run)) else {
        return said(
            400,
            "400 Bad request - This deployment is not waiting for approvals.",
        );
    };
    if !["approved", "rejected"].contains(&status.as_str()) {
        return Reply::json(400, &json!({"error": "status does not have a valid value"}));
    }
    run.decide(status == "approved", now);
    Reply::json(
        201,
        &json!({"user": {"id": 1, "username": "person"}, "status": status, "comment": call.json()["comment"]}),
    )
}

fn start(world: &mut World, call: &Call, reference: &str, inputs: BTreeMap<String, String>) -> Reply {
    if reference.is_empty() {
        return Reply::json(400, &json!({"error": "ref is missing"}));
    }
    if reference == "gone" {
        return Reply::json(400, &json!({"message": {"base": ["Reference not found"]}}));
    }
    let run = world.start(Start {
        reference: reference.to_owned(),
        inputs,
        title: String::new(),
    });
    Reply::json(201, &shapes::pipeline(&call.base, run))
}

/// A page, and where the next one is (docs.gitlab.com/api/rest, "Pagination").
fn paged(call: &Call, all: &[Value]) -> Reply {
    let size = call.number("per_page", 20).clamp(1, 100);
    let page = call.number("page", 1).max(1);
    let shown: Vec<&Value> = all.iter().skip((page - 1) * size).take(size).collect();
    let next = if page * size < all.len() {
        (page + 1).to_string()
    } else {
        String::new()
    };
    Reply::json(200, &json!(shown))
        .with("x-page", page.to_string())
        .with("x-per-page", size.to_string())
        .with("x-total", all.len().to_string())
        .with("x-total-pages", all.len().div_ceil(size).max(1).to_string())
        .with("x-next-page", next)
}

fn pipeline(world: &mut World, call: &Call, id: u64, rest: &[&str]) -> Reply {
    let now = world.now;
    let Some(run) = world.run(id) else {
        return not_found("Not found");
    };
    match (call.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &shapes::pipeline(&call.base, run)),
        ("GET", ["variables"]) => {
            let variables = run.inputs.iter();
            let variables: Vec<Value> = variables
                .map(|(key, value)| json!({"key": key, "value": value, "variable_type": "env_var", "raw": false}))
                .collect();
            Reply::json(200, &json!(variables))
        }
        ("GET", ["jobs"]) => {
            let jobs = run.jobs.iter().rev();
            let jobs: Vec<Value> = jobs.map(|job| shapes::job(&call.base, run, job)).collect();
            paged(call, &jobs)
        }
        ("GET", ["bridges"]) => paged(call, &[]),
        ("POST", ["cancel"]) => {
            // One that is over stays as it is, and that is no error.
            run.cancel(now);
            Reply::json(200, &shapes::pipeline(&call.base, run))
        }
        ("POST", ["retry"]) => {
            if run.phase == Phase::Done(Outcome::Failure) || run.phase == Phase::Done(Outcome::Cancelled) {
                world.retry(id, true);
            }
            let run = world.run(id).map(|run| shapes::pipeline(&call.base, run));
            Reply::json(201, &run.unwrap_or_default())
        }
        _ => not_found("Page"),
    }
}

fn job(world: &mut World, call: &Call, id: u64, rest: &[&str]) -> Reply {
    let Some((run, job)) = world.job(id) else {
        return not_found("Not found");
    };
    let (run_id, phase) = (run.id, job.phase);
    let blocked = is_blocked(run);
    match (call.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &shapes::job(&call.base, run, job)),
        ("GET", ["trace"]) => Reply::text(shapes::trace(job)).ranged(call),
        ("GET", ["artifacts"]) if shapes::has_artifact(run, job) => {
            Reply::empty(302).with("location", format!("{}/storage/artifacts/{id}", call.base))
        }
        ("POST", [verb @ ("play" | "cancel")]) => {
            let now = world.now;
            let decided = phase == Phase::Waiting
                && !blocked
                && world
                    .run(run_id)
                    .is_some_and(|run| run.decide(*verb == "play", now));
            match world.job(id) {
                Some((run, job)) if decided => Reply::json(200, &shapes::job(&call.base, run, job)),
                _ => said(400, "400 Bad request - Unplayable Job"),
            }
        }
        _ => not_found("Not found"),
    }
}

fn mark(world: &mut World, call: &Call, commit: &str) -> Reply {
    let body = call.json();
    let state = body["state"].as_str().unwrap_or_default();
    if !["pending", "running", "success", "failed", "canceled", "skipped"].contains(&state) {
        return Reply::json(400, &json!({"error": "state does not have a valid value"}));
    }
    let is_same = |mark: &Value| mark["sha"] == *commit && mark["name"] == body["name"];
    let before = world.marks.iter().rev().find(|mark| is_same(mark));
    if before.is_some_and(|before| before["status"] == *state) {
        return said(
            400,
            &format!("Cannot transition status via :{state} from :{state}"),
        );
    }
    let id = world.id();
    let mark = shapes::mark(&call.base, id, commit, &body, world.now);
    world.marks.push(mark.clone());
    Reply::json(201, &mark)
}
