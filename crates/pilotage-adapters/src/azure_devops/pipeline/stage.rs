//! Stages. A job here can wait only for jobs of its own stage, so needs across stages become needs between stages; and the
//! status is asked by stages, so jobs that run after a failure are a stage of their own.

use std::collections::{BTreeMap, BTreeSet};

use pilotage_core::{
    pipeline::{Job, Pipeline, Status, cycle, needed_by},
    ports::RenderError,
};

use super::{expression, job, refuse};
use crate::pipelines::{Map, Notes, Yaml};

/// Jobs of one stage that ask for one status.
struct Group<'a> {
    name: String,
    status: Status,
    jobs: Vec<&'a Job>,
}

pub(super) fn stages(pipeline: &Pipeline, notes: &Notes) -> Result<Vec<Yaml>, RenderError> {
    let groups = groups(pipeline);
    let home: BTreeMap<&str, &str> = groups
        .iter()
        .flat_map(|group| {
            group
                .jobs
                .iter()
                .map(|job| (job.id.as_str(), group.name.as_str()))
        })
        .collect();
    let edges: BTreeMap<String, Vec<String>> = groups
        .iter()
        .map(|group| (group.name.clone(), depends_on(group, &home)))
        .collect();
    if let Some(way) = cycle(&edges) {
        let name = way.first().map_or("", String::as_str);
        return Err(refuse(
            name,
            format!(
                "its stages would wait for each other ({}); put jobs that run after a failure into a later stage",
                way.join(" -> ")
            ),
        ));
    }
    let mut all = Vec::new();
    for group in &groups {
        let waits = edges.get(&group.name).cloned().unwrap_or_default();
        tell_of_waits(pipeline, group, &waits, &groups, notes);
        all.push(Yaml::Map(stage(pipeline, group, waits, &home, notes)?));
    }
    Ok(all)
}

fn groups(pipeline: &Pipeline) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    for stage in &pipeline.stages {
        let jobs = pipeline.jobs_of(stage);
        let statuses: BTreeSet<Status> = jobs.iter().map(|job| job.when.status).collect();
        for status in &statuses {
            let suffix = match status {
                _ if statuses.len() == 1 => "",
                Status::Success => "",
                Status::Failure => "_after_failure",
                Status::UnlessFailed => "_unless_failed",
                Status::Always => "_always",
            };
            groups.push(Group {
                name: format!("{stage}{suffix}"),
                status: *status,
                jobs: jobs
                    .iter()
                    .filter(|job| job.when.status == *status)
                    .copied()
                    .collect(),
            });
        }
    }
    groups
}

fn depends_on(group: &Group<'_>, home: &BTreeMap<&str, &str>) -> Vec<String> {
    let needs = group.jobs.iter().flat_map(|job| &job.needs);
    let names: BTreeSet<&str> = needs
        .filter_map(|need| home.get(need.as_str()).copied())
        .filter(|name| *name != group.name)
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

/// Says so when a job waits for more than it needs.
fn tell_of_waits(
    pipeline: &Pipeline,
    group: &Group<'_>,
    waits: &[String],
    groups: &[Group<'_>],
    notes: &Notes,
) {
    for job in &group.jobs {
        let needed: BTreeSet<&str> = needed_by(&pipeline.jobs, &job.id)
            .iter()
            .map(|job| job.id.as_str())
            .collect();
        for other in groups.iter().filter(|other| waits.contains(&other.name)) {
            if other
                .jobs
                .iter()
                .any(|before| !needed.contains(before.id.as_str()))
            {
                notes.job(
                    job,
                    format!(
                        "it waits for the whole stage `{}`, since Azure DevOps knows no needs across stages",
                        other.name
                    ),
                );
            }
        }
    }
}

fn stage(
    pipeline: &Pipeline,
    group: &Group<'_>,
    waits: Vec<String>,
    home: &BTreeMap<&str, &str>,
    notes: &Notes,
) -> Result<Map, RenderError> {
    let mut map = Map::new();
    map.set("stage", group.name.as_str());
    map.set("dependsOn", Yaml::Flow(waits));
    map.set_some("condition", expression::stage_condition(group.status));
    for job in &group.jobs {
        if job.concurrency.is_some() {
            notes.job(
                job,
                "one run at a time needs the check `exclusive lock` on its environment in the project",
            );
        }
    }
    if group.jobs.iter().any(|job| job.concurrency.is_some()) {
        map.comment("Runs wait for the lock of the environment in their order.")
            .set("lockBehavior", "sequential");
    }
    let mut jobs = Vec::new();
    for job in &group.jobs {
        let near: Vec<String> = job
            .needs
            .iter()
            .filter(|need| home.get(need.as_str()) == Some(&group.name.as_str()))
            .cloned()
            .collect();
        jobs.extend(job::jobs(pipeline, job, near, notes)?.into_iter().map(Yaml::Map));
    }
    map.set("jobs", jobs);
    Ok(map)
}
