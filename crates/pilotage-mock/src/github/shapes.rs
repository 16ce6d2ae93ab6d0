//! What GitHub says of runs, jobs and the like, with every field that its description requires.

use std::fmt::Write as _;

use pilotage_core::Timestamp;
use serde_json::{Map, Value, json};

use super::{ENVIRONMENT, OWNER, REPOSITORY, WORKFLOW};
use crate::ci::{Job, Outcome, Phase, Run, Step};

/// Where things lie.
pub(super) struct Place<'a>(&'a str);

impl<'a> Place<'a> {
    pub(super) const fn new(base: &'a str) -> Self {
        Self(base)
    }

    /// Below the repository in the API.
    pub(super) fn api(&self, path: &str) -> String {
        format!("{}/repos/{OWNER}/{REPOSITORY}{path}", self.0)
    }

    /// Below the repository for people.
    pub(super) fn page(&self, path: &str) -> String {
        format!("{}/{OWNER}/{REPOSITORY}{path}", self.0)
    }
}

/// GitHub tells whole seconds.
pub(super) fn second(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    format!("{whole}Z")
}

fn node(kind: &str, id: u64) -> String {
    format!("{kind}_{id:x}")
}

/// GitHub's status and conclusion.
pub(super) const fn words(phase: Phase) -> (&'static str, Option<&'static str>) {
    match phase {
        Phase::Queued => ("queued", None),
        Phase::Waiting => ("waiting", None),
        Phase::Running => ("in_progress", None),
        Phase::Done(Outcome::Success) => ("completed", Some("success")),
        Phase::Done(Outcome::Failure) => ("completed", Some("failure")),
        Phase::Done(Outcome::Cancelled) => ("completed", Some("cancelled")),
        Phase::Done(Outcome::Skipped) => ("completed", Some("skipped")),
    }
}

pub(super) fn user(base: &str) -> Value {
    let mut user = json!({
        "id": 11, "node_id": node("U", 11), "login": OWNER, "type": "User", "site_admin": false, "gravatar_id": "",
        "html_url": format!("{base}/{OWNER}"), "url": format!("{base}/users/{OWNER}"),
    });
    for name in [
        "avatar",
        "events",
        "followers",
        "following",
        "gists",
        "organizations",
        "received_events",
        "repos",
        "starred",
        "subscriptions",
    ] {
        user[format!("{name}_url")] = json!(format!("{base}/users/{OWNER}/{name}"));
    }
    user
}

/// The App whose token everybody holds who may write checks.
pub(super) fn app(base: &str) -> Value {
    json!({
        "id": 41, "node_id": node("A", 41), "slug": "pilotage", "owner": user(base), "name": "Pilotage",
        "description": "", "external_url": base, "html_url": format!("{base}/apps/pilotage"),
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "permissions": {"checks": "write", "actions": "write"}, "events": [],
    })
}

/// The repository, whole or as other things carry it.
pub(super) fn repository(base: &str, whole: bool) -> Value {
    let at = Place::new(base);
    let mut repository = json!({
        "id": 21, "node_id": node("R", 21), "name": REPOSITORY, "full_name": format!("{OWNER}/{REPOSITORY}"),
        "owner": user(base), "private": true, "fork": false, "description": null,
        "html_url": at.page(""), "url": at.api(""),
    });
    for name in [
        "archive",
        "assignees",
        "blobs",
        "branches",
        "collaborators",
        "comments",
        "commits",
        "compare",
        "contents",
        "contributors",
        "deployments",
        "downloads",
        "events",
        "forks",
        "git_commits",
        "git_refs",
        "git_tags",
        "hooks",
        "issue_comment",
        "issue_events",
        "issues",
        "keys",
        "labels",
        "languages",
        "merges",
        "milestones",
        "notifications",
        "pulls",
        "releases",
        "stargazers",
        "statuses",
        "subscribers",
        "subscription",
        "tags",
        "teams",
        "trees",
    ] {
        repository[format!("{name}_url")] = json!(at.api(&format!("/{name}")));
    }
    if whole {
        let more = json!({
            "clone_url": at.page(".git"), "git_url": "git://mock/acme/shop.git", "ssh_url": "git@mock:acme/shop.git",
            "svn_url": at.page(""), "mirror_url": null, "homepage": null, "language": null, "license": null,
            "default_branch": "main", "forks": 0, "forks_count": 0, "has_issues": true, "has_projects": false,
            "has_wiki": false, "has_pages": false, "has_discussions": false, "archived": false, "disabled": false,
            "open_issues": 0, "open_issues_count": 0, "pushed_at": "2026-11-01T00:00:00Z", "size": 1,
            "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "created_at": "2026-11-01T00:00:00Z",
            "updated_at": "2026-11-01T00:00:00Z", "network_count": 0, "subscribers_count": 0,
        });
        extend(&mut repository, more);
    }
    repository
}

fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

pub(super) fn workflow(base: &str, now: Timestamp) -> Value {
    let at = Place::new(base);
    let (id, name, file) = WORKFLOW;
    json!({
        "id": id, "node_id": node("W", id), "name": name, "path": format!(".github/workflows/{file}"), "state": "active",
        "created_at": second(now), "updated_at": second(now), "url": at.api(&format!("/actions/workflows/{id}")),
        "html_url": at.page(&format!("/blob/main/.github/workflows/{file}")),
        "badge_url": at.page(&format!("/workflows/{name}/badge.svg")),
    })
}

pub(super) fn run(base: &str, run: &Run) -> Value {
    let at = Place::new(base);
    let (status, conclusion) = words(run.phase);
    let below = |path: &str| at.api(&format!("/actions/runs/{}{path}", run.id));
    let mut shape = json!({
        "id": run.id, "name": WORKFLOW.1, "node_id": node("WFR", run.id), "head_branch": run.reference,
        "head_sha": run.commit, "path": format!(".github/workflows/{}", WORKFLOW.2), "display_title": run.title,
        "run_number": run.id - 1_000, "run_attempt": run.attempt, "event": "workflow_dispatch", "status": status,
        "conclusion": conclusion, "workflow_id": WORKFLOW.0, "check_suite_id": run.id, "pull_requests": [],
        "check_suite_node_id": node("CS", run.id), "url": below(""),
        "html_url": at.page(&format!("/actions/runs/{}", run.id)), "created_at": second(run.created),
        "updated_at": second(run.updated), "run_started_at": second(run.started), "actor": user(base),
        "triggering_actor": user(base), "jobs_url": below("/jobs"), "logs_url": below("/logs"),
        "check_suite_url": at.api(&format!("/check-suites/{}", run.id)), "artifacts_url": below("/artifacts"),
        "cancel_url": below("/cancel"), "rerun_url": below("/rerun"), "previous_attempt_url": null,
        "workflow_url": at.api(&format!("/actions/workflows/{}", WORKFLOW.0)),
    });
    let person = json!({"name": "A. Person", "email": "person@acme.example"});
    let commit = json!({
        "id": run.commit, "tree_id": run.commit, "message": "Change", "timestamp": second(run.created),
        "author": person, "committer": person,
    });
    let more = json!({
        "head_commit": commit, "repository": repository(base, false), "head_repository": repository(base, false),
    });
    extend(&mut shape, more);
    shape
}

pub(super) fn job(base: &str, run: &Run, job: &Job) -> Value {
    let at = Place::new(base);
    let (status, conclusion) = words(job.phase);
    let ran = job.started.is_some();
    let steps: Vec<Value> = job
        .steps
        .iter()
        .enumerate()
        .map(|(at, one)| step(at + 1, one))
        .collect();
    json!({
        "id": job.id, "run_id": run.id, "run_url": at.api(&format!("/actions/runs/{}", run.id)),
        "run_attempt": run.attempt, "node_id": node("CR", job.id), "head_sha": run.commit, "head_branch": run.reference,
        "url": at.api(&format!("/actions/jobs/{}", job.id)),
        "html_url": at.page(&format!("/actions/runs/{}/job/{}", run.id, job.id)), "status": status,
        "conclusion": conclusion, "created_at": second(run.created),
        "started_at": second(job.started.unwrap_or(run.started)), "completed_at": job.finished.map(second),
        "name": job.name, "steps": if ran { json!(steps) } else { json!([]) },
        "check_run_url": at.api(&format!("/check-runs/{}", job.id)), "labels": ["ubuntu-24.04"],
        "runner_id": ran.then_some(1), "runner_name": ran.then_some("runner 1"), "runner_group_id": ran.then_some(1),
        "runner_group_name": ran.then_some("default"), "workflow_name": WORKFLOW.1,
    })
}

fn step(number: usize, step: &Step) -> Value {
    let (status, conclusion) = words(step.phase);
    json!({
        "name": step.name, "number": number, "status": status, "conclusion": conclusion,
        "started_at": step.started.map(second), "completed_at": step.finished.map(second),
    })
}

/// As GitHub keeps it: a mark at its beginning, and a time before every line.
pub(super) fn log(job: &Job) -> String {
    let mut log = String::from("\u{feff}");
    for step in &job.steps {
        for (at, line) in &step.written {
            let at = second(*at);
            let at = at.trim_end_matches('Z');
            let line = line.replacen("error: ", "##[error]", 1);
            // Writing to a string cannot fail.
            let _ = writeln!(log, "{at}.0000000Z {line}");
        }
    }
    log
}

pub(super) fn artifact(base: &str, run: &Run, size: usize) -> Value {
    let at = Place::new(base);
    let id = run.id;
    let url = at.api(&format!("/actions/artifacts/{id}"));
    json!({
        "id": id, "node_id": node("A", id), "name": "report", "size_in_bytes": size, "url": url,
        "archive_download_url": format!("{url}/zip"), "expired": false, "created_at": second(run.updated),
        "updated_at": second(run.updated), "expires_at": "2099-01-01T00:00:00Z", "digest": null,
    })
}

pub(super) fn pending(base: &str, job: &Job) -> Value {
    let at = Place::new(base);
    let name = job.environment.unwrap_or_default();
    json!({
        "environment": {
            "id": ENVIRONMENT, "node_id": node("E", ENVIRONMENT), "name": name,
            "url": at.api(&format!("/environments/{name}")), "html_url": at.page(&format!("/deployments/{name}")),
        },
        "wait_timer": 0, "wait_timer_started_at": null, "current_user_can_approve": true, "reviewers": [],
    })
}

pub(super) fn mark(base: &str, id: u64, commit: &str, body: &Value, now: Timestamp) -> Value {
    let user = user(base);
    json!({
        "url": Place::new(base).api(&format!("/statuses/{commit}")), "avatar_url": user["avatar_url"], "id": id,
        "node_id": node("SC", id), "state": body["state"], "description": body["description"],
        "target_url": body["target_url"], "context": body["context"], "created_at": second(now),
        "updated_at": second(now), "creator": user,
    })
}

/// The job that deploys, once it has begun.
pub(super) fn deploys(run: &Run) -> Option<&Job> {
    run.jobs
        .iter()
        .find(|job| job.environment.is_some() && job.started.is_some())
}

pub(super) fn deployment(base: &str, run: &Run) -> Value {
    let at = Place::new(base);
    json!({
        "id": run.id, "node_id": node("DE", run.id), "sha": run.commit, "ref": run.reference, "task": "deploy",
        "environment": "production", "original_environment": "production", "creator": user(base),
        "payload": Map::new(), "description": null, "created_at": second(run.created), "updated_at": second(run.updated),
        "url": at.api(&format!("/deployments/{}", run.id)), "repository_url": at.api(""),
        "statuses_url": at.api(&format!("/deployments/{}/statuses", run.id)),
    })
}

pub(super) fn deployment_status(base: &str, run: &Run) -> Option<Value> {
    let at = Place::new(base);
    let state = match deploys(run)?.phase {
        Phase::Done(Outcome::Success) => "success",
        Phase::Done(_) => "failure",
        Phase::Queued | Phase::Waiting => "queued",
        Phase::Running => "in_progress",
    };
    Some(json!({
        "id": run.id, "node_id": node("DES", run.id), "state": state, "creator": user(base), "description": "",
        "deployment_url": at.api(&format!("/deployments/{}", run.id)), "target_url": at.page(&format!("/actions/runs/{}", run.id)), "repository_url": at.api(""),
        "url": at.api(&format!("/deployments/{}/statuses/1", run.id)), "created_at": second(run.created),
        "updated_at": second(run.updated), "environment": "production",
    }))
}
