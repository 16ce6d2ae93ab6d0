//! What Jenkins says of queue items, builds and stages.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{html, is_build, parameters};
use crate::ci::{Job, Outcome, Phase, Run};

/// The question that `deploy` asks.
pub(super) const INPUT: &str = "Deploy";

fn millis(at: pilotage_core::Timestamp) -> i64 {
    at.as_micros() / 1_000
}

fn address(base: &str) -> String {
    format!("{base}/job/acme/job/shop/")
}

const fn result(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Done(Outcome::Success) => Some("SUCCESS"),
        Phase::Done(Outcome::Failure) => Some("FAILURE"),
        Phase::Done(Outcome::Cancelled) => Some("ABORTED"),
        Phase::Done(Outcome::Skipped) => Some("NOT_BUILT"),
        _ => None,
    }
}

const fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued | Phase::Running => "IN_PROGRESS",
        Phase::Waiting => "PAUSED_PENDING_INPUT",
        Phase::Done(Outcome::Success) => "SUCCESS",
        Phase::Done(Outcome::Failure) => "FAILED",
        Phase::Done(Outcome::Cancelled) => "ABORTED",
        Phase::Done(Outcome::Skipped) => "NOT_EXECUTED",
    }
}

pub(super) fn queue(base: &str, runs: &[Run]) -> Value {
    let waiting = runs.iter().filter(|run| run.phase == Phase::Queued);
    json!({"_class": "hudson.model.Queue", "items": waiting.map(|run| item(base, run)).collect::<Vec<_>>()})
}

pub(super) fn item(base: &str, run: &Run) -> Value {
    let mut item = json!({
        "_class": "hudson.model.Queue$BuildableItem", "id": run.queue_id, "actions": [parameters(run)], "blocked": false,
        "buildable": true, "stuck": false, "inQueueSince": millis(run.created), "params": "",
        "task": {"name": "shop", "url": address(base), "color": "blue"}, "url": format!("queue/item/{}/", run.queue_id),
        "why": "Waiting for next available executor",
    });
    if run.phase == Phase::Done(Outcome::Cancelled) && run.jobs.iter().all(|job| job.started.is_none()) {
        item["cancelled"] = json!(true);
        item["why"] = Value::Null;
    } else if is_build(run) {
        item["_class"] = json!("hudson.model.Queue$LeftItem");
        item["why"] = Value::Null;
        item["cancelled"] = json!(false);
        item["executable"] = json!({"number": run.id, "url": format!("{}{}/", address(base), run.id)});
    }
    item
}

pub(super) fn job(base: &str, runs: &[Run]) -> Value {
    let builds = runs.iter().rev().filter(|run| is_build(run));
    let builds: Vec<Value> = builds.map(|run| build(base, run)).collect();
    json!({
        "_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob", "name": "shop", "fullName": "acme/shop",
        "url": address(base), "buildable": true, "builds": builds, "lastBuild": builds.first(), "nextBuildNumber": 1,
        "inQueue": runs.iter().any(|run| run.phase == Phase::Queued),
    })
}

pub(super) fn build(base: &str, run: &Run) -> Value {
    let took = millis(run.updated) - millis(run.started);
    let artifacts = if run.has_artifact() {
        json!([{"displayPath": "report.zip", "fileName": "report.zip", "relativePath": "out/report.zip"}])
    } else {
        json!([])
    };
    let revision = json!({"SHA1": run.commit, "branch": [{"SHA1": run.commit, "name": run.reference}]});
    json!({
        "_class": "org.jenkinsci.plugins.workflow.job.WorkflowRun", "number": run.id, "id": run.id.to_string(),
        "actions": [parameters(run), {}, {"_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": revision}],
        "artifacts": artifacts, "building": result(run.phase).is_none(), "displayName": format!("#{}", run.id),
        "duration": if result(run.phase).is_some() { took } else { 0 }, "fullDisplayName": format!("acme » shop #{}", run.id),
        "queueId": run.queue_id, "result": result(run.phase), "timestamp": millis(run.started),
        "url": format!("{}{}/", address(base), run.id),
    })
}

/// Jobs are stages here, numbered by their own ids; their steps by the stage's and their place in it.
pub(super) fn described(run: &Run) -> Value {
    let begun = run.jobs.iter().filter(|job| job.phase != Phase::Queued);
    let stages: Vec<Value> = begun.map(stage_head).collect();
    json!({
        "id": run.id.to_string(), "name": format!("#{}", run.id), "status": status(run.phase),
        "startTimeMillis": millis(run.started), "stages": stages,
    })
}

fn stage_head(job: &Job) -> Value {
    let began = job.started.map_or(0, millis);
    let ended = job.finished.map_or(began, millis);
    json!({
        "id": job.id.to_string(), "name": job.name, "status": status(job.phase), "startTimeMillis": began,
        "durationMillis": (ended - began).max(0), "pauseDurationMillis": 0, "execNode": "",
    })
}

fn node(job: &Job, at: usize) -> String {
    format!("{}{at}", job.id)
}

pub(super) fn stage(run: &Run, id: &str) -> Option<Value> {
    let job = run.jobs.iter().find(|job| job.id.to_string() == id)?;
    let begun = job
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.started.is_some());
    let nodes: Vec<Value> = begun
        .map(|(at, step)| {
            json!({"id": node(job, at), "name": "Shell Script", "status": status(step.phase),
                   "parameterDescription": step.name})
        })
        .collect();
    let mut stage = stage_head(job);
    stage["stageFlowNodes"] = json!(nodes);
    Some(stage)
}

fn lines(step: &crate::ci::Step) -> String {
    let mut lines = String::new();
    for (_, line) in &step.written {
        lines.push_str(line);
        lines.push('\n');
    }
    lines
}

pub(super) fn node_log(run: &Run, id: &str) -> Option<Value> {
    let mut steps = run.jobs.iter().flat_map(|job| {
        job.steps
            .iter()
            .enumerate()
            .map(move |(at, step)| (node(job, at), step))
    });
    let (_, step) = steps.find(|(node, _)| node == id)?;
    let text = html(&lines(step));
    Some(json!({
        "nodeId": id, "nodeStatus": status(step.phase), "length": text.len(), "hasMore": false, "text": text,
        "consoleUrl": "",
    }))
}

pub(super) fn inputs(run: &Run) -> Value {
    let waits = run.jobs.iter().any(|job| job.phase == Phase::Waiting);
    let input = json!({
        "id": INPUT, "message": "Deploy to production?", "proceedText": "Proceed", "inputs": [],
        "proceedUrl": "", "abortUrl": "", "redirectApprovalUrl": "",
    });
    json!(waits.then_some(input).into_iter().collect::<Vec<_>>())
}

/// The log of the whole build.
pub(super) fn console(run: &Run) -> String {
    let mut log = String::from("Started by user A. Person\n");
    for job in run.jobs.iter().filter(|job| job.started.is_some()) {
        // Writing to a string cannot fail.
        let _ = writeln!(log, "[Pipeline] stage\n[Pipeline] {{ ({})", job.name);
        for step in &job.steps {
            log.push_str(&lines(step));
        }
    }
    if let Some(result) = result(run.phase) {
        let _ = writeln!(log, "Finished: {result}");
    }
    log
}
