//! What Azure DevOps says of runs, builds and their timelines.

use std::fmt::Write as _;

use pilotage_core::Timestamp;
use serde_json::{Value, json};

use super::PIPELINE;
use crate::ci::{Job, Outcome, Phase, Run, Step, archive};

/// Azure DevOps tells ticks of 100 ns.
pub(super) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}0Z", text.trim_end_matches('Z'))
}

/// Ids of a timeline are GUIDs.
fn guid(kind: u64, id: u64) -> String {
    format!("{kind:08x}-0000-4000-8000-{id:012x}")
}

pub(super) fn approval_id(run: u64) -> String {
    guid(9, run)
}

pub(super) fn environment() -> Value {
    json!({"id": 1, "name": "production", "description": "", "createdOn": "2026-01-01T00:00:00Z"})
}

/// The deployment of a run to its environment, once its job has begun.
pub(super) fn deployment_record(run: &Run) -> Option<Value> {
    let deploys = run
        .jobs
        .iter()
        .find(|job| job.environment.is_some() && job.started.is_some())?;
    Some(json!({
        "id": run.id, "environmentId": 1, "jobName": deploys.name, "stageName": deploys.stage,
        "definition": {"id": PIPELINE, "name": "shop"}, "owner": {"id": run.id, "name": run.id.to_string()},
        "result": result(deploys.phase), "queueTime": time(run.created),
        "startTime": deploys.started.map(time), "finishTime": deploys.finished.map(time),
    }))
}

const fn result(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Done(Outcome::Success) => Some("succeeded"),
        Phase::Done(Outcome::Failure) => Some("failed"),
        Phase::Done(Outcome::Cancelled) => Some("canceled"),
        Phase::Done(Outcome::Skipped) => Some("skipped"),
        _ => None,
    }
}

const fn state(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued | Phase::Waiting => "pending",
        Phase::Running => "inProgress",
        Phase::Done(_) => "completed",
    }
}

fn page(base: &str, run: &Run) -> Value {
    json!({"href": format!("{base}/acme/shop/_build/results?buildId={}", run.id)})
}

pub(super) fn started(base: &str, run: &Run) -> Value {
    let is_over = matches!(run.phase, Phase::Done(_));
    let mut started = json!({
        "_links": {"web": page(base, run)}, "id": run.id, "name": format!("20261123.{}", run.id),
        "state": if is_over { "completed" } else { "inProgress" },
        "createdDate": time(run.created), "url": format!("{base}/acme/_apis/pipelines/{PIPELINE}/runs/{}", run.id),
        "pipeline": {"id": PIPELINE, "name": "shop", "folder": "\\", "revision": 1, "url": ""},
        "templateParameters": run.inputs, "resources": {},
    });
    if let Some(result) = result(run.phase) {
        started["result"] = json!(result);
        started["finishedDate"] = json!(time(run.updated));
    }
    started
}

pub(super) fn build(base: &str, run: &Run) -> Value {
    let status = match run.phase {
        Phase::Queued => "notStarted",
        Phase::Waiting | Phase::Running => "inProgress",
        Phase::Done(_) => "completed",
    };
    let mut build = json!({
        "_links": {"web": page(base, run)}, "id": run.id, "buildNumber": format!("20261123.{}", run.id), "status": status,
        "queueTime": time(run.created), "sourceBranch": format!("refs/heads/{}", run.reference),
        "sourceVersion": run.commit, "definition": {"id": PIPELINE, "name": "shop", "type": "build"},
        "project": {"id": guid(1, 1), "name": "shop"}, "reason": "manual", "tags": run.tags, "priority": "normal",
        "templateParameters": run.inputs, "url": format!("{base}/acme/shop/_apis/build/Builds/{}", run.id),
    });
    if run.phase != Phase::Queued {
        build["startTime"] = json!(time(run.started));
    }
    if let Some(result) = result(run.phase) {
        build["result"] = json!(result);
        build["finishTime"] = json!(time(run.updated));
    }
    build
}

/// Every job is a stage of its own, with a phase between the two.
pub(super) fn timeline(run: &Run) -> Value {
    let mut records = Vec::new();
    for (at, job) in run.jobs.iter().enumerate() {
        let (stage, phase) = (guid(2, job.id), guid(3, job.id));
        let mut one = record(&stage, None, "Stage", job.stage, job.phase, at);
        one["identifier"] = json!(job.stage);
        records.push(one);
        if job.phase == Phase::Waiting {
            let checkpoint = guid(4, job.id);
            records.push(record(
                &checkpoint,
                Some(&stage),
                "Checkpoint",
                "Checkpoint",
                Phase::Running,
                1,
            ));
            let name = "Checkpoint.Approval";
            records.push(record(
                &guid(5, job.id),
                Some(&checkpoint),
                name,
                name,
                Phase::Running,
                1,
            ));
        }
        if job.started.is_some() {
            records.push(record(&phase, Some(&stage), "Phase", job.name, job.phase, 1));
            records.push(of_job(job, &phase));
            records.extend(
                job.steps
                    .iter()
                    .enumerate()
                    .map(|(at, step)| of_step(job, at, step)),
            );
        }
    }
    json!({"records": records, "id": guid(7, run.id), "changeId": 1, "lastChangedOn": time(run.updated)})
}

fn record(id: &str, parent: Option<&str>, kind: &str, name: &str, phase: Phase, order: usize) -> Value {
    json!({
        "id": id, "parentId": parent, "type": kind, "name": name, "state": state(phase), "result": result(phase),
        "order": order, "startTime": null, "finishTime": null, "log": null, "attempt": 1, "identifier": null,
        "errorCount": 0, "warningCount": 0, "percentComplete": null, "previousAttempts": [],
    })
}

fn of_job(job: &Job, phase: &str) -> Value {
    let mut one = record(&guid(6, job.id), Some(phase), "Job", job.name, job.phase, 1);
    one["startTime"] = json!(job.started.map(time));
    one["finishTime"] = json!(job.finished.map(time));
    one
}

/// The number of a step's log: the job's, and the step's place in it.
fn log_id(job: &Job, at: usize) -> u64 {
    job.id * 10 + at as u64
}

fn of_step(job: &Job, at: usize, step: &Step) -> Value {
    let id = guid(8, log_id(job, at));
    let mut one = record(&id, Some(&guid(6, job.id)), "Task", step.name, step.phase, at);
    one["startTime"] = json!(step.started.map(time));
    one["finishTime"] = json!(step.finished.map(time));
    if step.started.is_some() {
        one["log"] = json!({"id": log_id(job, at), "type": "Container", "url": ""});
    }
    one
}

/// Every log there is.
pub(super) fn logs(base: &str, run: &Run) -> Vec<Value> {
    let steps = run.jobs.iter().flat_map(|job| {
        let steps = job.steps.iter().enumerate();
        steps.filter_map(move |(at, step)| Some((log_id(job, at), step, step.started?)))
    });
    let told = |(id, step, started): (u64, &Step, Timestamp)| {
        json!({
            "id": id, "type": "Container", "lineCount": step.written.len(), "createdOn": time(started),
            "lastChangedOn": time(step.finished.unwrap_or(run.updated)),
            "url": format!("{base}/acme/shop/_apis/build/builds/{}/logs/{id}", run.id),
        })
    };
    steps.map(told).collect()
}

/// Lines with their times, as Azure DevOps keeps them.
pub(super) fn log(run: &Run, id: u64) -> Option<String> {
    let mut steps = run.jobs.iter().flat_map(|job| {
        job.steps
            .iter()
            .enumerate()
            .map(move |(at, step)| (log_id(job, at), step))
    });
    let (_, step) = steps.find(|(known, step)| *known == id && step.started.is_some())?;
    let mut log = String::new();
    for (at, line) in &step.written {
        let line = line.replacen("error: ", "##[error]", 1);
        // Writing to a string cannot fail.
        let _ = write!(log, "{} {line}\r\n", time(*at));
    }
    Some(log)
}

pub(super) fn artifact(base: &str, run: &Run) -> Value {
    json!({
        "id": run.id, "name": "report", "source": guid(6, run.id),
        "resource": {
            "type": "PipelineArtifact", "data": "", "url": "",
            "properties": {"artifactsize": archive().len().to_string()},
            "downloadUrl": format!("{base}/storage/artifacts/{}?format=zip", run.id),
        },
    })
}

pub(super) fn approval(base: &str, run: &Run) -> Value {
    let status = if run.phase == Phase::Waiting {
        "pending"
    } else {
        "approved"
    };
    json!({
        "id": approval_id(run.id), "status": status, "steps": [], "instructions": "Deploy to production?",
        "createdOn": time(run.created), "lastModifiedOn": time(run.updated), "executionOrder": "anyOrder",
        "minRequiredApprovers": 1, "blockedApprovers": [], "_links": {},
        "pipeline": {"id": PIPELINE.to_string(), "name": "shop", "owner": {"id": run.id, "name": "run", "_links": {"web": page(base, run)}}},
    })
}
