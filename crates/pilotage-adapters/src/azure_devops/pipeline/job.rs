use std::collections::BTreeSet;

use pilotage_core::{
    pipeline::{Action, Job, Matrix, Os, Pipeline},
    ports::RenderError,
};

use super::{container_name, expression, refuse, step};
use crate::pipelines::{Map, Notes, Yaml};

/// The job, and before it the one that waits for a person.
pub(super) fn jobs(
    pipeline: &Pipeline,
    job: &Job,
    mut near: Vec<String>,
    notes: &Notes,
) -> Result<Vec<Map>, RenderError> {
    check_macros(pipeline, job)?;
    let mut all = Vec::new();
    if job.approval.is_some() {
        let name = format!("approve_{}", job.id);
        all.push(approval(pipeline, job, &name, &near));
        near.push(name);
    }
    let mut map = Map::new();
    let deploys = job.environment.is_some();
    map.set(if deploys { "deployment" } else { "job" }, job.id.as_str());
    map.set("displayName", job.name.as_str());
    if !near.is_empty() {
        map.set("dependsOn", Yaml::Flow(near));
    }
    map.set_some("condition", expression::condition(pipeline, job));
    map.set("pool", pool(job));
    map.set("timeoutInMinutes", job.timeout_minutes);
    if job.allow_failure {
        map.set("continueOnError", true);
    }
    set_containers(job, &mut map)?;
    if let Some(matrix) = &job.matrix {
        map.set("strategy", strategy(job, matrix, notes));
    }
    map.set_full("variables", variables(job));
    let steps = step::steps(job, notes);
    match &job.environment {
        None => {
            map.set("steps", steps);
        }
        Some(environment) => {
            map.set("environment", environment.name.as_str());
            if environment.url.is_some() {
                notes.job(
                    job,
                    "Azure DevOps shows no address of an environment: `url` has no effect there",
                );
            }
            let mut deploy = Map::new();
            deploy.set("steps", steps);
            let nest = |key: &str, inner: Map| {
                let mut outer = Map::new();
                outer.set(key, inner);
                outer
            };
            map.set("strategy", nest("runOnce", nest("deploy", deploy)));
        }
    }
    tell(job, notes);
    all.push(map);
    Ok(all)
}

fn tell(job: &Job, notes: &Notes) {
    if job.retries > 0 {
        notes.job(
            job,
            "Azure DevOps tries single commands of a job again, not the job",
        );
    }
    if !job.permissions.is_empty() {
        notes.job(job, "Azure DevOps keeps what a job may do in the settings of the project: `permissions` has no effect there");
    }
}

/// `$(NAME)` in a script is filled in by Azure DevOps before the shell sees it, whoever wrote the value.
fn check_macros(pipeline: &Pipeline, job: &Job) -> Result<(), RenderError> {
    let mut names: BTreeSet<String> = pipeline
        .variables
        .keys()
        .chain(job.variables.keys())
        .cloned()
        .collect();
    names.extend(
        job.matrix
            .iter()
            .flat_map(|matrix| matrix.axes.keys().map(|axis| expression::axis_variable(axis))),
    );
    names.extend(job.steps.iter().flat_map(|step| step.secrets.iter().cloned()));
    for step in &job.steps {
        let (Action::Run(script) | Action::Deploy(script)) = &step.action else {
            continue;
        };
        for after in script.split("$(").skip(1) {
            let inner = after.split(')').next().unwrap_or_default();
            let taken = names.iter().any(|name| name.eq_ignore_ascii_case(inner));
            let predefined = ["build.", "system.", "agent.", "pipeline.", "environment."]
                .iter()
                .any(|prefix| inner.to_ascii_lowercase().starts_with(prefix));
            if taken || predefined {
                let reason = format!(
                    "it would put the value of `{inner}` into the script for `$({inner})`; call the variable or the command something else"
                );
                return Err(refuse(&job.id, reason));
            }
        }
    }
    Ok(())
}

fn approval(pipeline: &Pipeline, job: &Job, name: &str, near: &[String]) -> Map {
    let mut map = Map::new();
    map.set("job", name);
    map.set("displayName", format!("Approve {}", job.name));
    if !near.is_empty() {
        map.set("dependsOn", Yaml::Flow(near.to_vec()));
    }
    map.set_some("condition", expression::condition(pipeline, job));
    map.comment("It waits without a machine.").set("pool", "server");
    map.set("timeoutInMinutes", 1440);
    let mut inputs = Map::new();
    let (message, approvers) = job
        .approval
        .as_ref()
        .map(|approval| (approval.message.clone(), approval.approvers.join("\n")))
        .unwrap_or_default();
    inputs.set("notifyUsers", approvers);
    inputs.set("instructions", message);
    inputs.set("onTimeout", "reject");
    let mut step = Map::new();
    step.set("task", "ManualValidation@0")
        .set("timeoutInMinutes", 1440)
        .set("inputs", inputs);
    map.set("steps", vec![Yaml::Map(step)]);
    map
}

fn pool(job: &Job) -> Yaml {
    let mut map = Map::new();
    if let Some((name, demands)) = job.runner.labels.split_first() {
        map.set("name", name.as_str());
        if !demands.is_empty() {
            map.set("demands", Yaml::lines(demands.to_vec()));
        }
        return Yaml::Map(map);
    }
    map.set(
        "vmImage",
        match job.runner.os {
            Os::Linux => "ubuntu-24.04",
            Os::Windows => "windows-2022",
            Os::Macos => "macOS-15",
        },
    );
    Yaml::Map(map)
}

fn set_containers(job: &Job, map: &mut Map) -> Result<(), RenderError> {
    if let Some(image) = &job.image {
        let Some(image) = image.as_literal() else {
            return Err(refuse(
                &job.id,
                "its container image has to be the same for every run; use `setup` for versions",
            ));
        };
        map.set("container", image);
    }
    let mut services = Map::new();
    for name in job.services.keys() {
        services.set(name.as_str(), container_name(&job.id, name));
    }
    map.set_full("services", services);
    Ok(())
}

fn strategy(job: &Job, matrix: &Matrix, notes: &Notes) -> Map {
    if matrix.fail_fast {
        notes.job(
            job,
            "Azure DevOps lets the other combinations go on when one fails: `failFast` has no effect there",
        );
    }
    let mut names = BTreeSet::new();
    let mut combinations = Map::new();
    for combination in matrix.combinations() {
        let plain = |value: &String| -> String {
            value
                .chars()
                .map(|letter| {
                    if letter.is_ascii_alphanumeric() {
                        letter
                    } else {
                        '_'
                    }
                })
                .collect()
        };
        let parts = combination
            .iter()
            .map(|(axis, value)| format!("{axis}_{}", plain(value)));
        let mut name = parts.collect::<Vec<_>>().join("_");
        while !names.insert(name.clone()) {
            name.push('x');
        }
        let mut values = Map::new();
        for (axis, value) in &combination {
            values.set(expression::axis_variable(axis), value.as_str());
        }
        combinations.set(name, values);
    }
    let mut map = Map::new();
    map.set_some("maxParallel", matrix.max_parallel);
    map.set("matrix", combinations);
    map
}

fn variables(job: &Job) -> Map {
    let mut map = Map::new();
    for (name, value) in &job.variables {
        map.set(name.as_str(), expression::text(value, job.image.is_some()));
    }
    map
}
