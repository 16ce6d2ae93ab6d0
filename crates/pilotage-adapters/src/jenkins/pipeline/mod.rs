//! A declarative `Jenkinsfile` for a multibranch project, with Kubernetes agents.
//! Source: <https://www.jenkins.io/doc/book/pipeline/syntax/>.

mod agent;
mod ending;
mod groovy;
mod stage;
mod steps;
mod when;

use pilotage_core::{
    pipeline::{Combination, InputKind, Job, Pipeline, Reference, Status, Template, waves},
    ports::{PipelineRenderer, RenderError, Rendered, RenderedFile},
};

use crate::pipelines::{Notes, heading};
use groovy::{Groovy, single};

/// Writes `Jenkinsfile`.
pub(crate) struct Jenkinsfile;

impl PipelineRenderer for Jenkinsfile {
    fn render(&self, pipeline: &Pipeline) -> Result<Rendered, RenderError> {
        let notes = Notes::default();
        let mut out = Groovy::default();
        out.comment(&heading(pipeline));
        out.block("pipeline", |out| {
            out.comment("Each stage has a pod of its own, made of the containers that it names.");
            out.line("agent none");
            options(pipeline, out);
            triggers(pipeline, out, &notes);
            parameters(pipeline, out);
            environment(pipeline, out);
            out.gap();
            out.block("stages", |out| stages(pipeline, out, &notes))?;
            ending::post(pipeline, out, &notes)
        })?;
        Ok(Rendered {
            files: vec![RenderedFile {
                path: "Jenkinsfile".to_owned(),
                text: out.finish(),
            }],
            warnings: notes.into_warnings(),
        })
    }
}

/// What the steps of a job are about: the pipeline, the job, and the combination where that is known when rendering.
#[derive(Clone, Copy)]
struct Place<'a> {
    pipeline: &'a Pipeline,
    job: &'a Job,
    combination: Option<&'a Combination>,
}

impl Place<'_> {
    /// A Groovy string with the values filled in when it runs.
    fn string(&self, template: &Template) -> String {
        match self.literal(template) {
            Some(text) => single(&text),
            None => format!("\"{}\"", self.inner(template)),
        }
    }

    /// What stands between double quotes.
    fn inner(&self, template: &Template) -> String {
        template.write(groovy::escape_double, |reference| match self.known(reference) {
            Some(text) => groovy::escape_double(&text),
            None => value(reference),
        })
    }

    /// The text where nothing is left to fill in.
    fn literal(&self, template: &Template) -> Option<String> {
        template
            .references()
            .all(|reference| self.known(reference).is_some())
            .then(|| {
                template.write(str::to_owned, |reference| {
                    self.known(reference).unwrap_or_default()
                })
            })
    }

    fn known(&self, reference: &Reference) -> Option<String> {
        match reference {
            // Containers of a pod share its address.
            Reference::ServiceHost(_) => Some("localhost".to_owned()),
            Reference::Matrix(axis) => self.combination?.get(axis).cloned(),
            _ => None,
        }
    }
}

/// The variable that the value of an axis comes in.
fn axis_variable(axis: &str) -> String {
    format!("MATRIX_{}", axis.to_ascii_uppercase())
}

/// Source of the names: the global variables `env` and `params`, and those of multibranch projects.
fn value(reference: &Reference) -> String {
    match reference {
        Reference::Matrix(axis) => format!("${{{}}}", axis_variable(axis)),
        Reference::Input { name, .. } => format!("${{params.{name}}}"),
        Reference::Branch => "${env.CHANGE_BRANCH ?: env.BRANCH_NAME}".to_owned(),
        Reference::Tag => "${env.TAG_NAME ?: ''}".to_owned(),
        Reference::Sha => "${env.GIT_COMMIT}".to_owned(),
        Reference::Title => "${env.CHANGE_TITLE ?: ''}".to_owned(),
        Reference::RunNumber => "${env.BUILD_NUMBER}".to_owned(),
        Reference::RunUrl => "${env.BUILD_URL}".to_owned(),
        Reference::ServiceHost(_) => "localhost".to_owned(),
    }
}

fn options(pipeline: &Pipeline, out: &mut Groovy) {
    out.gap();
    out.section("options", |out| {
        out.line("buildDiscarder(logRotator(numToKeepStr: '50'))");
        match pipeline.concurrency {
            Some(concurrency) if concurrency.cancel_running => {
                out.comment("A newer build of a branch stops the older one.");
                out.line("disableConcurrentBuilds(abortPrevious: true)");
            }
            Some(_) => out.line("disableConcurrentBuilds()"),
            None => {}
        }
    });
}

fn triggers(pipeline: &Pipeline, out: &mut Groovy, notes: &Notes) {
    let triggers = &pipeline.triggers;
    let mut built = Vec::new();
    if let Some(push) = &triggers.push {
        built.extend(
            push.branches
                .iter()
                .map(|pattern| format!("branch {}", pattern.written())),
        );
        built.extend(
            push.tags
                .iter()
                .map(|pattern| format!("tag {}", pattern.written())),
        );
    }
    if triggers.pull_request.is_some() {
        built.push("pull requests".to_owned());
    }
    if !built.is_empty() {
        notes.whole(format!(
            "Jenkins keeps what is built in the settings of the multibranch project: make it build {}",
            built.join(", ")
        ));
    }
    if triggers.schedules.is_empty() {
        return;
    }
    out.gap();
    out.section("triggers", |out| {
        let times: Vec<&str> = triggers
            .schedules
            .iter()
            .map(|schedule| schedule.cron.as_str())
            .collect();
        out.comment("Times are in the zone of the controller.");
        out.line(&format!("cron({})", single(&times.join("\n"))));
    });
    notes.whole("Jenkins starts every branch that has this file at the times of `cron`, in the zone of the controller");
}

fn parameters(pipeline: &Pipeline, out: &mut Groovy) {
    if pipeline.triggers.inputs().next().is_none() {
        return;
    }
    out.gap();
    out.section("parameters", |out| {
        for (name, input) in pipeline.triggers.inputs() {
            let (kind, default) = match input.kind {
                InputKind::Boolean => ("booleanParam", format!("defaultValue: {}", input.default)),
                InputKind::Choice => {
                    // The first choice is the default.
                    let first = std::iter::once(&input.default);
                    let others = input.options.iter().filter(|option| **option != input.default);
                    let choices: Vec<String> = first.chain(others).map(|option| single(option)).collect();
                    ("choice", format!("choices: [{}]", choices.join(", ")))
                }
                InputKind::String | InputKind::Number => {
                    ("string", format!("defaultValue: {}", single(&input.default)))
                }
            };
            out.line(&format!(
                "{kind}(name: {}, {default}, description: {})",
                single(name),
                single(&input.description)
            ));
        }
    });
}

/// What is the same everywhere; the rest is said by stages, which know their commit.
fn environment(pipeline: &Pipeline, out: &mut Groovy) {
    let literal: Vec<(&String, &str)> = pipeline
        .variables
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_literal()?)))
        .collect();
    if literal.is_empty() {
        return;
    }
    out.gap();
    out.section("environment", |out| {
        for (name, value) in literal {
            out.line(&format!("{name} = {}", single(value)));
        }
    });
}

fn stages(pipeline: &Pipeline, out: &mut Groovy, notes: &Notes) -> Result<(), RenderError> {
    let mut before: Vec<&Job> = Vec::new();
    for name in &pipeline.stages {
        let jobs: Vec<&Job> = pipeline
            .jobs_of(name)
            .into_iter()
            .filter(|job| job.when.status == Status::Success)
            .collect();
        tell_of_waits(pipeline, &before, &jobs, notes);
        let waves = waves(&jobs);
        match waves.as_slice() {
            [] => {}
            [only] => stage::wave(pipeline, name, only, out, notes)?,
            many => {
                out.block(&format!("stage({})", single(name)), |out| {
                    out.block("stages", |out| {
                        for (number, wave) in many.iter().enumerate() {
                            stage::wave(pipeline, &format!("{name} {}", number + 1), wave, out, notes)?;
                        }
                        Ok(())
                    })
                })?;
            }
        }
        before.extend(jobs);
    }
    Ok(())
}

/// Stages run one after the other, whatever is needed.
fn tell_of_waits(pipeline: &Pipeline, before: &[&Job], jobs: &[&Job], notes: &Notes) {
    for job in jobs {
        let needed = pilotage_core::pipeline::needed_by(&pipeline.jobs, &job.id);
        if before
            .iter()
            .any(|other| needed.iter().all(|needed| needed.id != other.id))
        {
            notes.job(
                job,
                "it waits for all stages before it, since Jenkins runs stages one after the other",
            );
        }
    }
}

fn refuse(job: &Job, reason: impl Into<String>) -> RenderError {
    RenderError {
        platform: "Jenkins",
        job: job.id.clone(),
        reason: reason.into(),
    }
}
