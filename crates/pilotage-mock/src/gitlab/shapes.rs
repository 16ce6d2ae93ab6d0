//! What GitLab says of pipelines, jobs and the like.

use std::fmt::Write as _;

use pilotage_core::Timestamp;
use serde_json::{Value, json};

use super::{PATH, PROJECT};
use crate::ci::{Job, Outcome, Phase, Run, archive};

/// GitLab tells milliseconds.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    format!("{whole}.000Z")
}

/// GitLab's status of a job; that of a pipeline is the same but for the first.
const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued => "created",
        Phase::Waiting => "manual",
        Phase::Running => "running",
        Phase::Done(Outcome::Success) => "success",
        Phase::Done(Outcome::Failure) => "failed",
        Phase::Done(Outcome::Cancelled) => "canceled",
        Phase::Done(Outcome::Skipped) => "skipped",
    }
}

const fn is_over(phase: Phase) -> bool {
    matches!(phase, Phase::Done(_))
}

pub(super) fn user(base: &str) -> Value {
    json!({
        "id": 11, "username": "person", "name": "A. Person", "state": "active", "locked": false,
        "avatar_url": null, "web_url": format!("{base}/person"),
    })
}

pub(super) fn project(base: &str) -> Value {
    json!({
        "id": PROJECT, "name": "shop", "path": "shop", "path_with_namespace": PATH, "default_branch": "main",
        "name_with_namespace": "acme / shop", "visibility": "private", "web_url": format!("{base}/{PATH}"),
    })
}

pub(super) fn pipeline(base: &str, run: &Run) -> Value {
    let status = if run.phase == Phase::Queued {
        "pending"
    } else {
        word(run.phase)
    };
    let began = run.phase != Phase::Queued;
    json!({
        "id": run.id, "iid": run.id - 1_000, "project_id": PROJECT, "name": null, "status": status, "source": "api",
        "ref": run.reference, "sha": run.commit, "before_sha": "0".repeat(40), "tag": false, "yaml_errors": null,
        "user": user(base), "web_url": format!("{base}/{PATH}/-/pipelines/{}", run.id),
        "created_at": time(run.created), "updated_at": time(run.updated), "started_at": began.then(|| time(run.started)),
        "finished_at": is_over(run.phase).then(|| time(run.updated)), "committed_at": null, "duration": null,
        "queued_duration": 1, "coverage": null,
    })
}

pub(super) fn has_artifact(run: &Run, job: &Job) -> bool {
    job.name == "test" && run.has_artifact()
}

pub(super) fn job(base: &str, run: &Run, job: &Job) -> Value {
    let kept = has_artifact(run, job);
    let file = kept.then(|| json!({"filename": "artifacts.zip", "size": archive().len()}));
    let mut shape = json!({
        "id": job.id, "name": job.name, "stage": job.stage, "status": word(job.phase), "ref": run.reference, "tag": false,
        "allow_failure": false, "created_at": time(run.created), "started_at": job.started.map(time),
        "finished_at": job.finished.map(time), "erased_at": null, "duration": null, "queued_duration": 0.5,
        "web_url": format!("{base}/{PATH}/-/jobs/{}", job.id), "user": user(base), "artifacts": [], "tag_list": [],
        "commit": {"id": run.commit, "short_id": &run.commit[..8.min(run.commit.len())], "title": "Change"},
        "pipeline": {"id": run.id, "project_id": PROJECT, "ref": run.reference, "sha": run.commit},
        "project": {"ci_job_token_scope_enabled": false}, "runner": null, "artifacts_expire_at": null,
    });
    if let Some(file) = file {
        shape["artifacts_file"] = file;
    }
    if job.phase == Phase::Done(Outcome::Failure) {
        shape["failure_reason"] = json!("script_failure");
    }
    shape
}

/// As GitLab keeps it: the sections fold on its page by marks that a terminal does not show.
pub(super) fn trace(job: &Job) -> String {
    let mut trace = String::new();
    for step in &job.steps {
        let Some(started) = step.started else {
            continue;
        };
        let at = started.as_micros() / 1_000_000;
        let name = step.name.replace(' ', "_");
        // Writing to a string cannot fail.
        let _ = write!(trace, "section_start:{at}:{name}\r\u{1b}[0K");
        for (_, line) in &step.written {
            let line = line.replacen("error: ", "\u{1b}[31;1mERROR: ", 1);
            let _ = writeln!(trace, "{line}\u{1b}[0;m");
        }
        if step.finished.is_some() {
            let _ = write!(trace, "section_end:{at}:{name}\r\u{1b}[0K");
        }
    }
    trace
}

pub(super) fn mark(base: &str, id: u64, commit: &str, body: &Value, now: Timestamp) -> Value {
    json!({
        "id": id, "sha": commit, "ref": "main", "status": body["state"], "name": body["name"],
        "target_url": body["target_url"], "description": body["description"], "created_at": time(now),
        "started_at": null, "finished_at": null, "allow_failure": false, "coverage": null, "author": user(base),
    })
}

/// The deployment that waits for an approval.
pub(super) fn blocked_deployment(base: &str, run: &Run) -> Option<Value> {
    let waits = run.jobs.iter().find(|job| job.phase == Phase::Waiting)?;
    Some(json!({
        "id": run.id, "iid": 1, "ref": run.reference, "sha": run.commit, "status": "blocked",
        "created_at": time(run.created), "updated_at": time(run.updated), "user": user(base),
        "environment": {"id": 1, "name": waits.environment, "external_url": null},
        "deployable": job(base, run, waits),
    }))
}

/// The deployment of a run, once its job has begun.
pub(super) fn deployment(base: &str, run: &Run) -> Option<Value> {
    let deploys = run
        .jobs
        .iter()
        .find(|job| job.environment.is_some() && job.started.is_some())?;
    Some(json!({
        "id": run.id, "iid": 1, "ref": run.reference, "sha": run.commit, "status": word(deploys.phase),
        "created_at": time(run.created), "updated_at": time(run.updated), "user": user(base),
        "environment": {"id": 1, "name": deploys.environment, "external_url": null},
        "deployable": job(base, run, deploys),
    }))
}
