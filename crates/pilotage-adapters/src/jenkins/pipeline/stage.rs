//! A job as a stage.

use pilotage_core::{
    pipeline::{Job, Matrix, Pipeline},
    ports::RenderError,
};

use super::{
    Place, agent, axis_variable,
    groovy::{Groovy, single},
    steps, when,
};
use crate::pipelines::Notes;

/// Jobs that run side by side.
pub(super) fn wave(
    pipeline: &Pipeline,
    name: &str,
    jobs: &[&Job],
    out: &mut Groovy,
    notes: &Notes,
) -> Result<(), RenderError> {
    match jobs {
        [only] => match &only.matrix {
            None => stage(&whole(pipeline, only), &title(pipeline, only), out, notes),
            Some(matrix) if is_native(matrix) => native_matrix(pipeline, only, matrix, out, notes),
            Some(_) => parallel(pipeline, name, jobs, out, notes),
        },
        many => parallel(pipeline, name, many, out, notes),
    }
}

fn whole<'a>(pipeline: &'a Pipeline, job: &'a Job) -> Place<'a> {
    Place {
        pipeline,
        job,
        combination: None,
    }
}

/// Jenkins wants every stage beside others to have a name of its own, so jobs of one name carry their id.
fn title(pipeline: &Pipeline, job: &Job) -> String {
    let taken = pipeline
        .jobs
        .iter()
        .any(|other| other.id != job.id && other.name == job.name);
    let is_other_stage = job.stage != job.name && pipeline.stages.contains(&job.name);
    if taken || is_other_stage {
        return format!("{} ({})", job.name, job.id);
    }
    job.name.clone()
}

/// Jenkins knows axes and what is left out of them, but nothing to add, and no bound on how many run at once.
fn is_native(matrix: &Matrix) -> bool {
    matrix.include.is_empty()
}

/// In `parallel` there can be no matrix, so every combination becomes a branch of its own.
fn parallel(
    pipeline: &Pipeline,
    name: &str,
    jobs: &[&Job],
    out: &mut Groovy,
    notes: &Notes,
) -> Result<(), RenderError> {
    let fail_fast = jobs
        .iter()
        .any(|job| job.matrix.as_ref().is_some_and(|matrix| matrix.fail_fast));
    out.block(&format!("stage({})", single(name)), |out| {
        if fail_fast {
            out.line("failFast true");
        }
        out.block("parallel", |out| {
            for job in jobs {
                let title = title(pipeline, job);
                let Some(matrix) = &job.matrix else {
                    stage(&whole(pipeline, job), &title, out, notes)?;
                    continue;
                };
                tell_of_limit(job, matrix, notes);
                for combination in matrix.combinations() {
                    let values: Vec<&str> = combination.values().map(String::as_str).collect();
                    let place = Place {
                        pipeline,
                        job,
                        combination: Some(&combination),
                    };
                    stage(&place, &format!("{title} ({})", values.join(", ")), out, notes)?;
                }
            }
            Ok(())
        })
    })
}

fn tell_of_limit(job: &Job, matrix: &Matrix, notes: &Notes) {
    if matrix.max_parallel.is_some() {
        notes.job(
            job,
            "Jenkins does not limit how many combinations run at once: `maxParallel` has no effect there",
        );
    }
}

fn native_matrix(
    pipeline: &Pipeline,
    job: &Job,
    matrix: &Matrix,
    out: &mut Groovy,
    notes: &Notes,
) -> Result<(), RenderError> {
    tell_of_limit(job, matrix, notes);
    let axis = |name: &str, values: &[String]| {
        let values: Vec<String> = values.iter().map(|value| single(value)).collect();
        format!(
            "axis {{ name {}; values {} }}",
            single(&axis_variable(name)),
            values.join(", ")
        )
    };
    out.block(&format!("stage({})", single(&title(pipeline, job))), |out| {
        if matrix.fail_fast {
            out.line("failFast true");
        }
        out.block("matrix", |out| {
            out.section("axes", |out| {
                for (name, values) in &matrix.axes {
                    out.line(&axis(name, values));
                }
            });
            if !matrix.exclude.is_empty() {
                out.section("excludes", |out| {
                    for entry in &matrix.exclude {
                        out.section("exclude", |out| {
                            for (name, value) in entry {
                                out.line(&axis(name, std::slice::from_ref(value)));
                            }
                        });
                    }
                });
            }
            out.block("stages", |out| {
                stage(&whole(pipeline, job), &job.name, out, notes)
            })
        })
    })
}

fn stage(place: &Place<'_>, title: &str, out: &mut Groovy, notes: &Notes) -> Result<(), RenderError> {
    let job = place.job;
    out.block(&format!("stage({})", single(title)), |out| {
        if let Some(environment) = &job.environment {
            out.comment(&format!("Deploys to {}.", environment.name));
            notes.job(
                job,
                "Jenkins knows no environments: `environment` is a comment there",
            );
        }
        agent::agent(place, out, notes)?;
        when::when(place.pipeline, job, out);
        input(job, out);
        options(job, out, notes);
        environment(place, out);
        steps::steps(place, out, notes)
    })?;
    if !job.permissions.is_empty() {
        notes.job(
            job,
            "Jenkins keeps what a job may do in its credentials: `permissions` has no effect there",
        );
    }
    Ok(())
}

fn input(job: &Job, out: &mut Groovy) {
    let Some(approval) = &job.approval else { return };
    out.section("input", |out| {
        out.line(&format!("message {}", single(&approval.message)));
        out.line("ok 'Go on'");
        if !approval.approvers.is_empty() {
            out.line(&format!("submitter {}", single(&approval.approvers.join(","))));
        }
    });
}

fn options(job: &Job, out: &mut Groovy, notes: &Notes) {
    let mut lines = vec![format!("timeout(time: {}, unit: 'MINUTES')", job.timeout_minutes)];
    if job.approval.is_some() {
        // Options hold while a person is waited for; the time of the job itself is bounded around its steps.
        lines.clear();
    }
    if job.retries > 0 {
        lines.push(format!("retry({})", job.retries + 1));
    }
    if let Some(word) = &job.concurrency {
        notes.job(job, "one at a time needs the plugin Lockable Resources");
        lines.push(format!("lock(resource: {})", single(word)));
    }
    if !steps::checks_out(job) {
        lines.push("skipDefaultCheckout()".to_owned());
    }
    if !lines.is_empty() {
        out.section("options", |out| lines.iter().for_each(|line| out.line(line)));
    }
}

fn environment(place: &Place<'_>, out: &mut Groovy) {
    let mut lines = Vec::new();
    for (axis, value) in place.combination.into_iter().flatten() {
        lines.push(format!("{} = {}", axis_variable(axis), single(value)));
    }
    let general = place
        .pipeline
        .variables
        .iter()
        .filter(|(_, value)| value.as_literal().is_none());
    for (name, value) in general.chain(&place.job.variables) {
        lines.push(format!("{name} = {}", place.string(value)));
    }
    if !lines.is_empty() {
        out.section("environment", |out| lines.iter().for_each(|line| out.line(line)));
    }
}
