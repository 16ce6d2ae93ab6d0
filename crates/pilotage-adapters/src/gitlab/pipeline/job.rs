use std::collections::BTreeSet;

use pilotage_core::{
    pipeline::{Action, Job, Matrix, Os, Pipeline, Status, Tool},
    ports::RenderError,
};

use super::{axis_variable, name, rules, script, text, variables};
use crate::pipelines::{Map, Notes, Yaml};

/// The image that builds images, and the service that it talks to.
const DOCKER: &str = "docker:28";

pub(super) fn job(pipeline: &Pipeline, job: &Job, notes: &Notes) -> Result<Map, RenderError> {
    let mut map = Map::new();
    map.set("stage", job.stage.as_str());
    set_needs(pipeline, job, &mut map)?;
    if let Some(rules) = rules::job(pipeline, job) {
        if let Some(approval) = &job.approval {
            map.comment(format!("Somebody starts it by hand: {}", approval.message));
        }
        map.set("rules", rules);
    }
    set_runner(job, &mut map, notes);
    set_image(job, &mut map)?;
    map.set("timeout", format!("{}m", job.timeout_minutes));
    if job.retries > 0 {
        map.set("retry", job.retries);
    }
    if job.allow_failure {
        map.set("allow_failure", true);
    } else if job.approval.is_some() {
        map.comment("What comes after waits.").set("allow_failure", false);
    }
    if let Some(matrix) = &job.matrix {
        map.set("parallel", parallel(job, matrix, notes));
    }
    map.set_full("variables", own_variables(job));
    set_services(job, &mut map);
    set_environment(job, &mut map, notes);
    let cache = cache(job);
    if !cache.is_empty() {
        map.set("cache", cache);
    }
    let lines = script::lines(job, notes);
    map.set("script", Yaml::lines(lines.main));
    if !lines.after.is_empty() {
        map.set("after_script", Yaml::lines(lines.after));
    }
    if has_threshold(job) {
        map.comment("Read from what the script prints.")
            .set("coverage", r"/(\d+\.\d+) % of the lines are covered/");
    }
    map.set_full("artifacts", artifacts(job, notes));
    if !job.permissions.is_empty() {
        notes.job(job, "GitLab keeps what a job may do in the settings of the project: `permissions` has no effect there");
    }
    Ok(map)
}

fn has_threshold(job: &Job) -> bool {
    job.steps
        .iter()
        .any(|step| matches!(&step.action, Action::Coverage(coverage) if coverage.threshold.is_some()))
}

/// `needs` is always said: without it a job waits for every stage before.
fn set_needs(pipeline: &Pipeline, job: &Job, map: &mut Map) -> Result<(), RenderError> {
    if job.needs.len() > 50 {
        return Err(refuse(job, "it takes at most 50 jobs in `needs`".to_owned()));
    }
    let wanted: BTreeSet<&str> = job
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Download(download) => Some(download.name.as_str()),
            _ => None,
        })
        .collect();
    let mut needs = Vec::new();
    for need in &job.needs {
        let gives = pipeline
            .job(need)
            .is_some_and(|before| gives_any(before, &wanted));
        let optional = job.when.status != Status::Success;
        let mut entry = Map::new();
        entry.set("job", name(need));
        if !gives {
            entry.set("artifacts", false);
        }
        if optional {
            entry.set("optional", true);
        }
        needs.push(Yaml::Map(entry));
    }
    if needs.is_empty() {
        map.set("needs", Yaml::Raw("[]".to_owned()));
    } else {
        map.set("needs", needs);
    }
    Ok(())
}

fn gives_any(job: &Job, wanted: &BTreeSet<&str>) -> bool {
    job.steps.iter().any(|step| match &step.action {
        Action::Upload(upload) => {
            let beginning = upload.name.0.iter().find_map(|part| match part {
                pilotage_core::pipeline::Part::Literal(text) => Some(text.as_str()),
                pilotage_core::pipeline::Part::Value(_) => None,
            });
            wanted
                .iter()
                .any(|name| beginning.is_some_and(|beginning| name.starts_with(beginning)))
        }
        _ => false,
    })
}

fn refuse(job: &Job, reason: String) -> RenderError {
    RenderError {
        platform: "GitLab CI",
        job: job.id.clone(),
        reason,
    }
}

fn set_runner(job: &Job, map: &mut Map, notes: &Notes) {
    let hosted = match job.runner.os {
        Os::Linux => None,
        Os::Windows => Some("saas-windows-medium-amd64"),
        Os::Macos => Some("saas-macos-medium-m1"),
    };
    if job.runner.os != Os::Linux {
        notes.job(
            job,
            "its script is for bash: the runner has to use that, and `image` is for runners with containers",
        );
    }
    if !job.runner.labels.is_empty() {
        map.set("tags", Yaml::flow(job.runner.labels.clone()));
    } else if let Some(tag) = hosted {
        map.set("tags", Yaml::flow([tag]));
    }
}

fn set_image(job: &Job, map: &mut Map) -> Result<(), RenderError> {
    let name = image(job)?;
    if job.image.is_none() {
        map.set("image", name);
        return Ok(());
    }
    let mut image = Map::new();
    image.set("name", name);
    image
        .comment("What the image would start by itself stays away.")
        .set("entrypoint", Yaml::flow([""]));
    map.set("image", image);
    Ok(())
}

/// Toolchains come in the image here.
fn image(job: &Job) -> Result<String, RenderError> {
    if let Some(image) = &job.image {
        return Ok(text(image));
    }
    let mut found: Vec<(Tool, String)> = Vec::new();
    for step in &job.steps {
        if let Action::Setup(tool, version) = &step.action {
            found.push((*tool, text(version)));
        }
    }
    match found.as_slice() {
        [] if builds_images(job) => Ok(DOCKER.to_owned()),
        [] => Ok("buildpack-deps:bookworm".to_owned()),
        _ if builds_images(job) => Err(refuse(
            job,
            "an image is built in a container of its own there: set toolchains up in another job".to_owned(),
        )),
        [(Tool::Java, version)] => Ok(format!("eclipse-temurin:{version}")),
        [(Tool::Go, version)] => Ok(format!("golang:{version}")),
        [(tool, version)] => Ok(format!("{}:{version}", tool.name())),
        _ => Err(refuse(
            job,
            "toolchains come in one container image there; name one with all of them in `image`".to_owned(),
        )),
    }
}

fn parallel(job: &Job, matrix: &Matrix, notes: &Notes) -> Map {
    if matrix.max_parallel.is_some() {
        notes.job(
            job,
            "GitLab does not limit how many combinations run at once: `maxParallel` has no effect there",
        );
    }
    if matrix.fail_fast {
        notes.job(
            job,
            "GitLab lets the other combinations go on when one fails: `failFast` has no effect there",
        );
    }
    let mut entries = Vec::new();
    if matrix.include.is_empty() && matrix.exclude.is_empty() {
        let mut entry = Map::new();
        for (axis, values) in &matrix.axes {
            entry.set(axis_variable(axis), Yaml::flow(values.clone()));
        }
        entries.push(Yaml::Map(entry));
    } else {
        for combination in matrix.combinations() {
            let mut entry = Map::new();
            for (axis, value) in &combination {
                entry.set(axis_variable(axis), value.as_str());
            }
            entries.push(Yaml::Map(entry));
        }
    }
    let mut map = Map::new();
    map.set("matrix", entries);
    map
}

fn own_variables(job: &Job) -> Map {
    let mut map = variables(&job.variables);
    let checkout = job.steps.iter().find_map(|step| match &step.action {
        Action::Checkout(checkout) => Some(checkout),
        _ => None,
    });
    match checkout {
        None => {
            map.comment("It needs no code.").set("GIT_STRATEGY", "none");
        }
        Some(checkout) => {
            map.set("GIT_DEPTH", checkout.depth.unwrap_or(1).to_string());
            if checkout.submodules {
                map.set("GIT_SUBMODULE_STRATEGY", "recursive");
            }
        }
    }
    if builds_images(job) {
        map.comment("Client and daemon find each other's certificates there.")
            .set("DOCKER_TLS_CERTDIR", "/certs");
    }
    map
}

fn builds_images(job: &Job) -> bool {
    job.steps
        .iter()
        .any(|step| matches!(step.action, Action::Container(_)))
}

fn set_services(job: &Job, map: &mut Map) {
    let mut services = Vec::new();
    for (name, service) in &job.services {
        let mut entry = Map::new();
        entry
            .set("name", service.image.as_str())
            .set("alias", name.as_str());
        let mut variables = Map::new();
        for (name, value) in &service.variables {
            variables.set(name.as_str(), value.as_str());
        }
        entry.set_full("variables", variables);
        services.push(Yaml::Map(entry));
    }
    if builds_images(job) {
        let mut entry = Map::new();
        entry.set("name", format!("{DOCKER}-dind")).set("alias", "docker");
        services.push(Yaml::Map(entry));
    }
    if !services.is_empty() {
        map.set("services", services);
    }
}

fn set_environment(job: &Job, map: &mut Map, notes: &Notes) {
    if let Some(environment) = &job.environment {
        let mut entry = Map::new();
        entry.set("name", environment.name.as_str());
        entry.set_some("url", environment.url.as_ref().map(text));
        map.set("environment", entry);
    }
    if let Some(word) = &job.concurrency {
        map.set("resource_group", word.as_str());
    }
    if let Some(approval) = &job.approval
        && !approval.approvers.is_empty()
    {
        notes.job(
            job,
            format!(
                "everybody who may run jobs may start it: protect the environment for {} in the settings of the project",
                approval.approvers.join(", ")
            ),
        );
    }
}

fn cache(job: &Job) -> Vec<Yaml> {
    job.steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Cache(cache) => Some(cache),
            _ => None,
        })
        .map(|cache| {
            let mut key = Map::new();
            key.set("files", Yaml::lines(cache.key_files.clone()));
            key.set("prefix", cache.name.as_str());
            let mut map = Map::new();
            map.set("key", key).set("paths", Yaml::lines(cache.paths.clone()));
            Yaml::Map(map)
        })
        .collect()
}

fn artifacts(job: &Job, notes: &Notes) -> Map {
    let mut paths: Vec<String> = Vec::new();
    let mut reports = Map::new();
    let (mut artifact_name, mut keep_days, mut always) = (None, None, false);
    for step in &job.steps {
        let reported = match &step.action {
            Action::Upload(upload) => {
                if artifact_name.is_some() {
                    notes.job(
                        job,
                        "GitLab keeps one archive for each job: the artifacts of this job are kept together",
                    );
                }
                artifact_name.get_or_insert_with(|| text(&upload.name));
                keep_days = keep_days.max(upload.keep_days);
                paths.extend(upload.paths.clone());
                true
            }
            Action::Tests(tests) => {
                reports.set("junit", Yaml::lines(tests.files.clone()));
                true
            }
            Action::Coverage(coverage) => {
                let mut report = Map::new();
                report
                    .set("coverage_format", "cobertura")
                    .set("path", coverage.file.as_str());
                reports.set("coverage_report", report);
                true
            }
            Action::Sarif(sarif) => {
                notes.job(job, "GitLab shows no SARIF: the file is kept as an artifact");
                paths.push(sarif.file.clone());
                true
            }
            Action::Download(download) if download.path.is_some() => {
                notes.job(job, "GitLab puts files where they were when they were kept: `path` of a download has no effect there");
                false
            }
            _ => false,
        };
        always |= reported && step.when == Status::Always;
    }
    let mut map = Map::new();
    if paths.is_empty() && reports.is_empty() {
        return map;
    }
    map.set_some("name", artifact_name);
    if always {
        map.set("when", "always");
    }
    if !paths.is_empty() {
        map.set("paths", Yaml::lines(paths));
    }
    map.set_some("expire_in", keep_days.map(|days: u32| format!("{days} days")));
    map.set_full("reports", reports);
    map
}
