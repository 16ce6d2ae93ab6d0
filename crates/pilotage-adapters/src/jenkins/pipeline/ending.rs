//! Jobs that run after a failure, or however things ended: the `post` of the pipeline.

use pilotage_core::{
    pipeline::{Job, Os, Pipeline, Status},
    ports::RenderError,
};

use super::{
    Place,
    groovy::{Groovy, single},
    refuse, steps, when,
};
use crate::pipelines::Notes;

pub(super) fn post(pipeline: &Pipeline, out: &mut Groovy, notes: &Notes) -> Result<(), RenderError> {
    let late: Vec<&Job> = pipeline
        .jobs
        .iter()
        .filter(|job| job.when.status != Status::Success)
        .collect();
    if late.is_empty() {
        return Ok(());
    }
    for job in &late {
        check(pipeline, job)?;
        notes.job(
            job,
            "it runs at the end of the whole build and looks at how all of it ended",
        );
    }
    out.gap();
    out.block("post", |out| {
        for (status, name) in [
            (Status::Always, "always"),
            (Status::Failure, "failure"),
            (Status::UnlessFailed, "success"),
        ] {
            let jobs: Vec<&&Job> = late.iter().filter(|job| job.when.status == status).collect();
            if !jobs.is_empty() {
                out.block(name, |out| {
                    jobs.iter().try_for_each(|job| ending(pipeline, job, out, notes))
                })?;
            }
        }
        Ok(())
    })
}

fn check(pipeline: &Pipeline, job: &Job) -> Result<(), RenderError> {
    if pipeline.jobs.iter().any(|other| other.needs.contains(&job.id)) {
        return Err(refuse(
            job,
            "no job can wait there for one that runs after a failure",
        ));
    }
    if job.matrix.is_some() || !job.services.is_empty() || job.concurrency.is_some() {
        return Err(refuse(
            job,
            "a job that runs after a failure has no matrix, no services and no `concurrency` there",
        ));
    }
    Ok(())
}

fn ending(pipeline: &Pipeline, job: &Job, out: &mut Groovy, notes: &Notes) -> Result<(), RenderError> {
    let place = Place {
        pipeline,
        job,
        combination: None,
    };
    let mut heads = Vec::new();
    if let Some(expression) = when::expression(&job.when) {
        heads.push("script".to_owned());
        heads.push(format!("if ({expression})"));
    }
    if job.retries > 0 {
        heads.push(format!("retry({})", job.retries + 1));
    }
    heads.push(node(job));
    heads.push(format!("timeout(time: {}, unit: 'MINUTES')", job.timeout_minutes));
    if job.allow_failure {
        heads.push("catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE')".to_owned());
    }
    let general = pipeline
        .variables
        .iter()
        .filter(|(_, value)| value.as_literal().is_none());
    let variables: Vec<String> = general
        .chain(&job.variables)
        .map(|(name, value)| format!("\"{name}={}\"", place.inner(value)))
        .collect();
    if !variables.is_empty() {
        heads.push(format!("withEnv([{}])", variables.join(", ")));
    }
    out.comment(&job.name);
    for head in &heads {
        out.open(head);
    }
    if steps::checks_out(job) {
        out.line("checkout scm");
    }
    for step in &job.steps {
        steps::step(&place, step, out, notes)?;
    }
    for _ in &heads {
        out.close();
    }
    Ok(())
}

/// There is no agent left at the end.
fn node(job: &Job) -> String {
    let mut labels = job.runner.labels.clone();
    labels.insert(
        0,
        match job.runner.os {
            Os::Linux => "linux",
            Os::Windows => "windows",
            Os::Macos => "macos",
        }
        .to_owned(),
    );
    format!("node({})", single(&labels.join(" && ")))
}
