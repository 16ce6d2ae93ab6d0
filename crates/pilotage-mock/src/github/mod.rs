//! GitHub's REST API for Actions, in the shapes of its own description (npm `@octokit/openapi`).

mod checks;
mod shapes;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ci::{Call, Job, Outcome, PERSONAL, Phase, READER, Reply, Start, TOKEN, World, archive};

/// The only repository, its workflow, and its environment.
const OWNER: &str = "acme";
const REPOSITORY: &str = "shop";
const WORKFLOW: (u64, &str, &str) = (101, "CI", "ci.yml");
const ENVIRONMENT: u64 = 501;
/// The App that is installed there.
const INSTALLATION: &str = "7001";

/// Answers a request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let mut path = call.path.iter().map(String::as_str).collect::<Vec<_>>();
    // Where an enterprise server has its API, which is where GitHub's own tool looks for it.
    if path.starts_with(&["api", "v3"]) {
        path.drain(..2);
    }
    let reply = match (call.method.as_str(), path.as_slice()) {
        // What a log's address leads to is opened by the address alone.
        ("GET", ["storage", "logs", job]) => stored_log(world, job).ranged(call),
        ("GET", ["storage", "artifacts", _]) => Reply::text(archive()).ranged(call),
        _ => behind_the_door(world, call, &path),
    };
    let date = httpdate(world);
    reply
        .with("date", date)
        .with("x-github-media-type", "github.v3; format=json")
        .with("x-ratelimit-limit", "5000")
        .with("x-ratelimit-remaining", "4999")
}

fn httpdate(world: &World) -> String {
    let secs = u64::try_from(world.now.as_micros() / 1_000_000).unwrap_or_default();
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(secs))
}

fn said(status: u16, message: &str) -> Reply {
    let docs = "https://docs.github.com/rest";
    Reply::json(
        status,
        &json!({"message": message, "documentation_url": docs, "status": status.to_string()}),
    )
}

fn not_found() -> Reply {
    said(404, "Not Found")
}

fn behind_the_door(world: &mut World, call: &Call, path: &[&str]) -> Reply {
    let authorization = call.header("authorization");
    let token = authorization.split_once(' ').map_or("", |(_, token)| token);
    if let ("POST", ["app", "installations", id, "access_tokens"]) = (call.method.as_str(), path) {
        return installation_token(world, token, id);
    }
    if ![TOKEN, READER, PERSONAL].contains(&token) {
        return said(401, "Bad credentials");
    }
    let ["repos", OWNER, REPOSITORY, rest @ ..] = path else {
        return elsewhere(call, path);
    };
    if call.method != "GET" && token == READER {
        let permissions = match rest.first() {
            Some(&"statuses") => "statuses=write",
            Some(&"check-runs") => "checks=write",
            _ => "actions=write",
        };
        return said(403, "Resource not accessible by personal access token")
            .with("x-accepted-github-permissions", permissions);
    }
    if call.method != "GET" && token == PERSONAL && rest.first() == Some(&"check-runs") {
        return said(403, "You must authenticate via a GitHub App.");
    }
    repository(world, call, rest)
}

/// What is not below the repository: who one is, and which version answers.
fn elsewhere(call: &Call, path: &[&str]) -> Reply {
    match (call.method.as_str(), path) {
        ("GET", ["user"]) => Reply::json(200, &shapes::user(&call.base)),
        ("GET", ["meta"]) => Reply::json(200, &json!({"verifiable_password_authentication": false})),
        _ => not_found(),
    }
}

/// An App's statement is signed with its key, which the model does not have: that it has three parts is all that is asked.
fn installation_token(world: &World, statement: &str, id: &str) -> Reply {
    if statement.split('.').count() != 3 {
        return said(401, "A JSON web token could not be decoded");
    }
    if id != INSTALLATION {
        return not_found();
    }
    let expires = world.now.max(pilotage_core::Timestamp::now()) + std::time::Duration::from_hours(1);
    Reply::json(
        201,
        &json!({
            "token": TOKEN, "expires_at": shapes::second(expires), "permissions": {"actions": "write"},
            "repository_selection": "selected",
        }),
    )
}

fn repository(world: &mut World, call: &Call, rest: &[&str]) -> Reply {
    match (call.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &shapes::repository(&call.base, true)),
        ("GET", ["actions", "workflows"]) => Reply::json(
            200,
            &json!({"total_count": 1, "workflows": [shapes::workflow(&call.base, world.now)]}),
        ),
        ("GET", ["actions", "workflows", workflow]) if is_workflow(workflow) => {
            Reply::json(200, &shapes::workflow(&call.base, world.now))
        }
        ("POST", ["actions", "workflows", workflow, "dispatches"]) if is_workflow(workflow) => {
            dispatch(world, call)
        }
        ("GET", ["actions", "workflows", workflow, "runs"]) if is_workflow(workflow) => runs(world, call),
        ("GET", ["actions", "runs"]) => runs(world, call),
        (_, ["actions", "runs", id, rest @ ..]) => match id.parse() {
            Ok(id) => run(world, call, id, rest),
            Err(_) => not_found(),
        },
        ("GET", ["actions", "jobs", id, rest @ ..]) => job(world, call, id, rest),
        ("POST", ["actions", "jobs", id, "rerun"]) => {
            let of = id
                .parse()
                .ok()
                .and_then(|id| world.job(id))
                .map(|(run, _)| run.id);
            of.map_or_else(not_found, |run| rerun(world, run, true))
        }
        ("GET", ["actions", "artifacts", id, "zip"]) => {
            let there = format!("{}/storage/artifacts/{id}?signature=mock", call.base);
            Reply::empty(302).with("location", there)
        }
        ("POST", ["check-runs"]) => checks::create(world, call),
        ("PATCH", ["check-runs", id]) => checks::change(world, call, id),
        ("GET", ["check-runs", id, "annotations"]) => checks::annotations(world, id),
        ("GET", ["commits", commit, "check-runs"]) => checks::list(world, call, commit),
        ("POST", ["statuses", commit]) => mark(world, call, commit),
        ("GET", ["deployments"]) => deployments(world, call),
        ("GET", ["deployments", id, "statuses"]) => deployment_statuses(world, call, id),
        _ => not_found(),
    }
}

fn is_workflow(named: &str) -> bool {
    named == WORKFLOW.2 || named == WORKFLOW.0.to_string()
}

fn dispatch(world: &mut World, call: &Call) -> Reply {
    let body = call.json();
    let Some(reference) = body["ref"].as_str() else {
        return said(422, "Invalid request.\n\n\"ref\" wasn't supplied.");
    };
    if reference == "gone" {
        return said(422, "No ref found for: gone");
    }
    let inputs: BTreeMap<String, String> = match body.get("inputs") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(inputs) => serde_json::from_value(inputs.clone()).unwrap_or_default(),
    };
    let known = ["fail", "fail-always", "approval", "lines", "key"];
    if let Some(odd) = inputs.keys().find(|name| !known.contains(&name.as_str())) {
        return said(422, &format!("Unexpected inputs provided: [\"{odd}\"]"));
    }
    // As a workflow with `run-name: CI ${{ inputs.key }}` would show it.
    let title = inputs
        .get("key")
        .map_or("CI".to_owned(), |key| format!("CI {key}"));
    let run = world.start(Start {
        reference: reference.to_owned(),
        inputs,
        title,
    });
    if body["return_run_details"] != true {
        return Reply::empty(204);
    }
    let at = shapes::Place::new(&call.base);
    Reply::json(
        200,
        &json!({
            "workflow_run_id": run.id, "run_url": at.api(&format!("/actions/runs/{}", run.id)),
            "html_url": at.page(&format!("/actions/runs/{}", run.id)),
        }),
    )
}

/// Newest first, by page, of one branch or event or status if that is asked for.
fn runs(world: &World, call: &Call) -> Reply {
    let wanted = |name: &str| call.query.get(name).map(String::as_str);
    let found: Vec<_> = world
        .runs
        .iter()
        .rev()
        .filter(|run| wanted("branch").is_none_or(|branch| branch == run.reference))
        .filter(|_| wanted("event").is_none_or(|event| event == "workflow_dispatch"))
        .filter(|run| {
            let (status, conclusion) = shapes::words(run.phase);
            wanted("status").is_none_or(|wanted| wanted == status || conclusion == Some(wanted))
        })
        .collect();
    let total = found.len();
    let size = call.number("per_page", 30).clamp(1, 100);
    let page = call.number("page", 1).max(1) - 1;
    let shown = found.into_iter().skip(page * size).take(size);
    let shown: Vec<Value> = shown.map(|run| shapes::run(&call.base, run)).collect();
    Reply::json(200, &json!({"total_count": total, "workflow_runs": shown}))
}

fn run(world: &mut World, call: &Call, id: u64, rest: &[&str]) -> Reply {
    let now = world.now;
    let Some(run) = world.run(id) else {
        return not_found();
    };
    match (call.method.as_str(), rest) {
        ("GET", [] | ["attempts", _]) => Reply::json(200, &shapes::run(&call.base, run)),
        ("GET", ["jobs"] | ["attempts", _, "jobs"]) => {
            let jobs: Vec<Value> = run
                .jobs
                .iter()
                .map(|job| shapes::job(&call.base, run, job))
                .collect();
            Reply::json(200, &json!({"total_count": jobs.len(), "jobs": jobs}))
        }
        ("POST", ["cancel"]) => {
            if run.cancel(now) {
                Reply::json(202, &json!({}))
            } else {
                said(409, "Cannot cancel a workflow run that is completed.")
            }
        }
        ("POST", ["rerun"]) => rerun(world, id, false),
        ("POST", ["rerun-failed-jobs"]) => rerun(world, id, true),
        ("GET", ["artifacts"]) => {
            let artifacts: Vec<Value> = run
                .has_artifact()
                .then(|| shapes::artifact(&call.base, run, archive().len()))
                .into_iter()
                .collect();
            Reply::json(
                200,
                &json!({"total_count": artifacts.len(), "artifacts": artifacts}),
            )
        }
        ("GET", ["pending_deployments"]) => {
            let waits = run.jobs.iter().filter(|job| job.phase == Phase::Waiting);
            let pending: Vec<Value> = waits.map(|job| shapes::pending(&call.base, job)).collect();
            Reply::json(200, &json!(pending))
        }
        ("POST", ["pending_deployments"]) => decide(world, call, id),
        _ => not_found(),
    }
}

fn rerun(world: &mut World, id: u64, failed_only: bool) -> Reply {
    if world.retry(id, failed_only) {
        Reply::json(201, &json!({}))
    } else {
        said(403, "This workflow run cannot be rerun: it is already running.")
    }
}

fn decide(world: &mut World, call: &Call, id: u64) -> Reply {
    let body = call.json();
    let approve = match body["state"].as_str() {
        Some("approved") => true,
        Some("rejected") => false,
        _ => {
            return said(
                422,
                "Invalid request.\n\n\"state\" is not one of approved, rejected.",
            );
        }
    };
    if body["environment_ids"] != json!([ENVIRONMENT]) || !body["comment"].is_string() {
        return said(422, "Invalid request.");
    }
    let now = world.now;
    let Some(run) = world.run(id) else {
        return not_found();
    };
    if !run.decide(approve, now) {
        return said(422, "No pending deployment requests to approve or reject");
    }
    Reply::json(200, &json!([shapes::deployment(&call.base, run)]))
}

fn job(world: &World, call: &Call, id: &str, rest: &[&str]) -> Reply {
    let found = id.parse().ok().and_then(|id| world.job(id));
    let Some((run, job)) = found else {
        return not_found();
    };
    match rest {
        [] => Reply::json(200, &shapes::job(&call.base, run, job)),
        // There is none before the job has ended, nor of a job that never began.
        ["logs"] if has_log(job) => {
            let there = format!("{}/storage/logs/{id}?signature=mock", call.base);
            Reply::empty(302).with("location", there)
        }
        _ => not_found(),
    }
}

fn has_log(job: &Job) -> bool {
    matches!(job.phase, Phase::Done(outcome) if outcome != Outcome::Skipped) && job.started.is_some()
}

fn stored_log(world: &World, job: &str) -> Reply {
    let found = job.parse().ok().and_then(|id| world.job(id));
    found.map_or_else(|| Reply::empty(404), |(_, job)| Reply::text(shapes::log(job)))
}

fn mark(world: &mut World, call: &Call, commit: &str) -> Reply {
    let body = call.json();
    if !["error", "failure", "pending", "success"].contains(&body["state"].as_str().unwrap_or_default()) {
        return said(422, "Validation Failed");
    }
    let id = world.id();
    let mark = shapes::mark(&call.base, id, commit, &body, world.now);
    world.marks.push(mark.clone());
    Reply::json(201, &mark)
}

fn deployments(world: &World, call: &Call) -> Reply {
    let size = call.number("per_page", 30).clamp(1, 100);
    let begun = world
        .runs
        .iter()
        .rev()
        .filter(|run| shapes::deploys(run).is_some());
    let found: Vec<Value> = begun
        .take(size)
        .map(|run| shapes::deployment(&call.base, run))
        .collect();
    Reply::json(200, &json!(found))
}

fn deployment_statuses(world: &World, call: &Call, id: &str) -> Reply {
    let run = world.runs.iter().find(|run| run.id.to_string() == id);
    run.and_then(|run| shapes::deployment_status(&call.base, run))
        .map_or_else(not_found, |status| Reply::json(200, &json!([status])))
}
