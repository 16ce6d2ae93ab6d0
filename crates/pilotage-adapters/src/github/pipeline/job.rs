use std::collections::BTreeMap;

use pilotage_core::pipeline::{
    Access, Action, Job, Matrix, Os, Permissions, Pipeline, Runner, Scope, Service,
};

use super::{expression, step, variables};
use crate::pipelines::{Map, Notes, Yaml};

pub(super) fn job(pipeline: &Pipeline, job: &Job, notes: &Notes) -> Map {
    let mut map = Map::new();
    map.set("name", title(job));
    if !job.needs.is_empty() {
        map.set("needs", Yaml::flow(job.needs.clone()));
    }
    map.set_some("if", expression::condition(&job.when));
    map.set("runs-on", runs_on(&job.runner));
    map.set("timeout-minutes", job.timeout_minutes);
    if job.allow_failure {
        map.set("continue-on-error", true);
    }
    set_environment(job, &mut map, notes);
    if let Some(word) = &job.concurrency {
        let mut group = Map::new();
        group.set("group", word.as_str()).set("cancel-in-progress", false);
        map.set("concurrency", group);
    }
    let permissions = permissions(job);
    if permissions.is_empty() {
        map.set("permissions", Yaml::Raw("{}".to_owned()));
    } else {
        map.set("permissions", permissions);
    }
    if let Some(matrix) = &job.matrix {
        map.set("strategy", strategy(matrix));
    }
    let is_container = job.image.is_some();
    if let Some(image) = &job.image {
        map.set("container", expression::text(image, true));
    }
    map.set_full("services", services(&job.services, is_container));
    map.set_full("env", variables(&job.variables, is_container));
    map.set("steps", step::steps(pipeline, job, notes));
    if job.retries > 0 {
        notes.job(
            job,
            "GitHub does not try a failed job again by itself: `retries` has no effect there",
        );
    }
    map
}

fn title(job: &Job) -> String {
    let Some(matrix) = &job.matrix else {
        return job.name.clone();
    };
    let values: Vec<String> = matrix
        .axes
        .keys()
        .map(|axis| format!("${{{{ matrix.{axis} }}}}"))
        .collect();
    format!("{} ({})", job.name, values.join(", "))
}

fn runs_on(runner: &Runner) -> Yaml {
    let os = match runner.os {
        Os::Linux => "linux",
        Os::Windows => "windows",
        Os::Macos => "macOS",
    };
    if !runner.labels.is_empty() {
        let own = ["self-hosted", os].map(str::to_owned).into_iter();
        return Yaml::Flow(own.chain(runner.labels.iter().cloned()).collect());
    }
    Yaml::from(match runner.os {
        Os::Linux => "ubuntu-24.04",
        Os::Windows => "windows-2022",
        Os::Macos => "macos-15",
    })
}

fn set_environment(job: &Job, map: &mut Map, notes: &Notes) {
    let name = match (&job.environment, &job.approval) {
        (Some(environment), _) => environment.name.as_str(),
        (None, Some(_)) => job.id.as_str(),
        (None, None) => return,
    };
    if let Some(approval) = &job.approval {
        let who = if approval.approvers.is_empty() {
            String::new()
        } else {
            format!(" ({})", approval.approvers.join(", "))
        };
        map.comment(format!(
            "The run waits here for the required reviewers of the environment: {}",
            approval.message
        ));
        notes.job(
            job,
            format!("nobody is asked until the environment `{name}` has required reviewers{who} in the settings of the repository"),
        );
    }
    let mut environment = Map::new();
    environment.set("name", name);
    let url = job
        .environment
        .as_ref()
        .and_then(|environment| environment.url.as_ref());
    environment.set_some("url", url.map(|url| expression::text(url, job.image.is_some())));
    map.set("environment", environment);
}

/// What people ask for, and what the steps need.
fn permissions(job: &Job) -> Map {
    let mut all: Permissions = job.permissions.clone();
    let mut need = |scope, access| {
        let known = all.entry(scope).or_insert(access);
        *known = access.max(*known);
    };
    for step in &job.steps {
        match &step.action {
            Action::Checkout(_) => need(Scope::Contents, Access::Read),
            Action::Sarif(_) => need(Scope::SecurityEvents, Access::Write),
            Action::Container(container) if container.push && container.registry() == Some("ghcr.io") => {
                need(Scope::Packages, Access::Write);
            }
            _ => {}
        }
    }
    let mut map = Map::new();
    for (scope, access) in all {
        // The token that proves who runs can be asked for, not looked at.
        let access = if scope == Scope::IdToken {
            Access::Write
        } else {
            access
        };
        map.set(
            scope_name(scope),
            match access {
                Access::Read => "read",
                Access::Write => "write",
            },
        );
        if let Some(why) = reason(scope, access) {
            map.remark(why);
        }
    }
    map
}

const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Actions => "actions",
        Scope::Checks => "checks",
        Scope::Contents => "contents",
        Scope::Deployments => "deployments",
        Scope::IdToken => "id-token",
        Scope::Issues => "issues",
        Scope::Packages => "packages",
        Scope::PullRequests => "pull-requests",
        Scope::SecurityEvents => "security-events",
        Scope::Statuses => "statuses",
    }
}

const fn reason(scope: Scope, access: Access) -> Option<&'static str> {
    match (scope, access) {
        (Scope::SecurityEvents, Access::Write) => Some("to upload what the scan found"),
        (Scope::Packages, Access::Write) => Some("to push the image"),
        (Scope::IdToken, _) => Some("to prove to others who runs"),
        _ => None,
    }
}

fn strategy(matrix: &Matrix) -> Map {
    let mut axes = Map::new();
    for (axis, values) in &matrix.axes {
        axes.set(axis.as_str(), Yaml::flow(values.clone()));
    }
    for (key, entries) in [("include", &matrix.include), ("exclude", &matrix.exclude)] {
        if entries.is_empty() {
            continue;
        }
        let entries = entries.iter().map(|entry| {
            let mut map = Map::new();
            for (axis, value) in entry {
                map.set(axis.as_str(), value.as_str());
            }
            Yaml::Map(map)
        });
        axes.set(key, entries.collect::<Vec<_>>());
    }
    let mut map = Map::new();
    map.set("fail-fast", matrix.fail_fast);
    map.set_some("max-parallel", matrix.max_parallel);
    map.set("matrix", axes);
    map
}

fn services(services: &BTreeMap<String, Service>, is_container: bool) -> Map {
    let mut all = Map::new();
    for (name, service) in services {
        let mut map = Map::new();
        map.set("image", service.image.as_str());
        let mut env = Map::new();
        for (name, value) in &service.variables {
            env.set(name.as_str(), value.as_str());
        }
        map.set_full("env", env);
        if !is_container && !service.ports.is_empty() {
            map.set(
                "ports",
                Yaml::flow(service.ports.iter().map(|port| format!("{port}:{port}"))),
            );
        }
        all.set(name.as_str(), map);
    }
    all
}
