//! `azure-pipelines.yml`. Source of keys: <https://learn.microsoft.com/en-us/azure/devops/pipelines/yaml-schema/>.

mod condition;
mod steps;
mod words;

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{
    shape,
    view::{JobView, Spot, Text, Used, UsedKind, View, entries, items, texts},
};
use condition::condition;
use words::{JOB, PARAMETER, POOL, ROOT, STAGE, STRATEGY, TYPES};

/// What may be named, and where a job stands.
pub(super) struct Around<'a> {
    pub(super) root: &'a Value,
    pub(super) scope: String,
}

pub(super) fn read(root: &Value, view: &mut View) {
    shape::check(view, root, "", "a pipeline", ROOT);
    let bodies = ["stages", "jobs", "steps", "extends"]
        .iter()
        .filter(|key| root.get(**key).is_some())
        .count();
    if bodies != 1 {
        view.note(
            "shape",
            "",
            "a pipeline has one of `stages`, `jobs`, `steps` and `extends`",
        );
    }
    for (parameter, at) in items(&root["parameters"], "/parameters") {
        self::parameter(parameter, &at, view);
    }
    let around = |scope: &str| Around {
        root,
        scope: scope.to_owned(),
    };
    for (stage, at) in items(&root["stages"], "/stages") {
        self::stage(root, stage, &at, view);
    }
    for (job, at) in items(&root["jobs"], "/jobs") {
        self::job(&around("jobs"), job, &at, view);
    }
    if !root["steps"].is_null() {
        let mut job = new_job("steps", "/steps", "jobs");
        steps::read(&around("jobs"), root, &root["steps"], "/steps", view, &mut job);
        view.jobs.push(job);
    }
}

fn new_job(name: &str, at: &str, scope: &str) -> JobView {
    JobView {
        name: name.to_owned(),
        at: Spot::At(at.to_owned()),
        needs: Vec::new(),
        scope: scope.to_owned(),
        never_runs: false,
        scripts: Vec::new(),
        uses: Vec::new(),
    }
}

fn parameter(parameter: &Value, at: &str, view: &mut View) {
    shape::check(view, parameter, at, "a parameter", PARAMETER);
    shape::one_of(
        view,
        &parameter["type"],
        &format!("{at}/type"),
        "type of a parameter",
        TYPES,
    );
    let (default, values) = (&parameter["default"], &parameter["values"]);
    if let Some(values) = values.as_array()
        && !default.is_null()
        && !values.contains(default)
    {
        view.note(
            "shape",
            &format!("{at}/default"),
            "the default is not one of the values",
        );
    }
    let fits = match parameter["type"].as_str() {
        Some("boolean") => default.is_boolean() || default.is_null(),
        Some("number") => default.is_number() || default.is_null(),
        _ => true,
    };
    if !fits {
        view.note(
            "shape",
            &format!("{at}/default"),
            "the default is not of the type of the parameter",
        );
    }
}

/// Names of stages and jobs are letters, digits and `_`, since expressions name them.
fn name(value: &Value, at: &str, scope: &str, view: &mut View) {
    let Some(text) = value.as_str().filter(|text| !text.contains('$')) else {
        return;
    };
    let plain = text
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !plain || text.starts_with(|letter: char| letter.is_ascii_digit()) {
        view.note(
            "names",
            at,
            format!("`{text}` is no name here: letters, digits and `_`, not beginning with a digit"),
        );
    }
    view.names.push(Text {
        text: format!("{scope}\n{}", text.to_ascii_lowercase()),
        at: Spot::At(at.to_owned()),
    });
}

fn stage(root: &Value, stage: &Value, at: &str, view: &mut View) {
    if is_template(stage, view) {
        return;
    }
    shape::check(view, stage, at, "a stage", STAGE);
    name(&stage["stage"], &format!("{at}/stage"), "stage", view);
    condition(&stage["condition"], &format!("{at}/condition"), view);
    if !stage["stage"].is_string() {
        view.note("shape", at, "the name of the stage is missing");
    }
    let title = stage["stage"].as_str().unwrap_or_default();
    let mut read = new_job(title, at, "stages");
    read.needs = texts(&stage["dependsOn"], &format!("{at}/dependsOn"));
    read.never_runs = stage["condition"] == "false" || stage["condition"] == Value::Bool(false);
    view.jobs.push(read);
    let around = Around {
        root,
        scope: format!("stage {title}"),
    };
    for (job, at) in items(&stage["jobs"], &format!("{at}/jobs")) {
        self::job(&around, job, &at, view);
    }
}

/// What stands in another file, or is made when the file is read, cannot be looked at.
fn is_template(value: &Value, view: &mut View) -> bool {
    let made = entries(value, "").iter().any(|(key, ..)| key.starts_with("${{"));
    let is_template = value["template"].is_string() || made;
    view.is_open |= is_template;
    is_template
}

fn job(around: &Around<'_>, job: &Value, at: &str, view: &mut View) {
    if is_template(job, view) {
        return;
    }
    shape::check(view, job, at, "a job", JOB);
    let key = if job["deployment"].is_null() {
        "job"
    } else {
        "deployment"
    };
    name(&job[key], &format!("{at}/{key}"), &around.scope, view);
    condition(&job["condition"], &format!("{at}/condition"), view);
    if job[key].as_str().is_none() {
        view.note("shape", at, "the name of the job is missing");
    }
    let mut read = new_job(job[key].as_str().unwrap_or_default(), at, &around.scope);
    read.needs = texts(&job["dependsOn"], &format!("{at}/dependsOn"));
    read.never_runs = job["condition"] == "false" || job["condition"] == Value::Bool(false);
    strategy(job, key == "deployment", at, view);
    let pool = &job["pool"];
    if pool.is_object() {
        shape::check(view, pool, &format!("{at}/pool"), "a pool", POOL);
    }
    container(
        around.root,
        &job["container"],
        &format!("{at}/container"),
        view,
        &mut read,
    );
    for (_, service, at) in entries(&job["services"], &format!("{at}/services")) {
        container(around.root, service, &at, view, &mut read);
    }
    if key == "deployment" {
        for (way, hooks, at) in entries(&job["strategy"], &format!("{at}/strategy")) {
            if !["runOnce", "rolling", "canary"].contains(&way.as_str()) {
                continue;
            }
            for (hook, body, at) in entries(hooks, &at) {
                let bodies = if hook == "on" {
                    entries(body, &at)
                } else {
                    vec![(hook, body, at)]
                };
                for (_, body, at) in bodies {
                    steps::read(
                        around,
                        job,
                        &body["steps"],
                        &format!("{at}/steps"),
                        view,
                        &mut read,
                    );
                }
            }
        }
    } else {
        steps::read(
            around,
            job,
            &job["steps"],
            &format!("{at}/steps"),
            view,
            &mut read,
        );
    }
    view.jobs.push(read);
}

fn strategy(job: &Value, deploys: bool, at: &str, view: &mut View) {
    let (strategy, at) = (&job["strategy"], format!("{at}/strategy"));
    if deploys
        && ["runOnce", "rolling", "canary"]
            .iter()
            .all(|way| strategy.get(way).is_none())
    {
        view.note(
            "shape",
            &at,
            "a deployment has a `strategy`: runOnce, rolling or canary",
        );
    }
    if !strategy.is_object() {
        return;
    }
    shape::check(view, strategy, &at, "a strategy", STRATEGY);
    for (name, values, at) in entries(&strategy["matrix"], &format!("{at}/matrix")) {
        let plain = name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !plain || name.starts_with(|letter: char| letter.is_ascii_digit()) {
            view.note(
                "names",
                &at,
                format!("`{name}` is no name here: letters, digits and `_`, not beginning with a digit"),
            );
        }
        if !values.is_object() {
            view.note("shape", &at, "a combination is a mapping of variables");
        }
    }
}

fn container(root: &Value, value: &Value, at: &str, view: &mut View, job: &mut JobView) {
    let Some(text) = value.as_str().or(value["image"].as_str()) else {
        return;
    };
    let declared: BTreeSet<&str> = items(&root["resources"]["containers"], "")
        .into_iter()
        .filter_map(|(container, _)| container["container"].as_str())
        .collect();
    if declared.contains(text) {
        return;
    }
    if !text.contains([':', '/', '$']) && !view.is_open {
        view.warn(
            "pinning",
            at,
            format!("`{text}` is no declared container, and an image without a tag"),
        );
        return;
    }
    job.uses.push(Used {
        text: Text {
            text: text.to_owned(),
            at: Spot::At(at.to_owned()),
        },
        kind: UsedKind::Image,
    });
}
