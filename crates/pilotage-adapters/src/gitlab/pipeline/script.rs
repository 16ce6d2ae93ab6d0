//! Steps as lines of a script. A job is one shell here, so a step that would change it for the next stands in brackets.

use std::collections::BTreeSet;

use pilotage_core::pipeline::{Action, Container, Job, Pipeline, Status, Step, script};

use super::word;
use crate::pipelines::Notes;

/// The lines of a job: those of `script`, and those of `after_script`.
pub(super) struct Lines {
    pub(super) main: Vec<String>,
    pub(super) after: Vec<String>,
}

pub(super) fn lines(job: &Job, notes: &Notes) -> Lines {
    let mut lines = Lines {
        main: Vec::new(),
        after: Vec::new(),
    };
    for step in &job.steps {
        let own = of_step(job, step, notes);
        match (step.when, own) {
            (_, own) if own.is_empty() => {}
            (Status::Success | Status::UnlessFailed, own) => lines.main.extend(own),
            (Status::Always, own) => lines.after.extend(own),
            (Status::Failure, own) => lines.after.push(format!(
                "if [ \"$CI_JOB_STATUS\" = failed ]; then\n{}\nfi",
                indent(&own.join("\n"))
            )),
        }
    }
    if !lines.after.is_empty() {
        notes.job(
            job,
            "steps that run after a failure stand in `after_script`, where their own failing changes nothing",
        );
    }
    if lines.main.is_empty() {
        lines.main.push("true".to_owned());
    }
    lines
}

fn of_step(job: &Job, step: &Step, notes: &Notes) -> Vec<String> {
    match &step.action {
        Action::Run(text) | Action::Deploy(text) => vec![enclosed(step, text)],
        Action::Gate(environment) => {
            notes.job(job, "`pilotage` has to be in the image of the job");
            vec![enclosed(step, &script::gate(environment))]
        }
        // The address of the run has another name here.
        Action::Notify(notify) => vec![script::notify(notify).replace("$RUN_URL", "$CI_PIPELINE_URL")],
        Action::Coverage(coverage) => coverage
            .threshold
            .map(|threshold| script::coverage(&coverage.file, threshold))
            .into_iter()
            .collect(),
        Action::Container(container) => self::container(container),
        Action::Checkout(_)
        | Action::Setup(..)
        | Action::Cache(_)
        | Action::Upload(_)
        | Action::Download(_)
        | Action::Tests(_)
        | Action::Sarif(_) => Vec::new(),
    }
}

/// A step of its own folder, or one that changes the shell, is a shell of its own.
fn enclosed(step: &Step, text: &str) -> String {
    const CHANGES: [&str; 6] = ["cd", "export", "source", ".", "trap", "exit"];
    let changes = text.lines().any(|line| {
        let first = line.split_whitespace().next().unwrap_or_default();
        CHANGES.contains(&first)
            || line.trim_start().starts_with("set -")
            || first.contains('=')
            || line.contains("; exit")
            || line.contains("&& exit")
    });
    match &step.directory {
        Some(directory) => format!("(\n  cd {}\n{}\n)", script::quote(directory), indent(text)),
        None if changes => format!("(\n{}\n)", indent(text)),
        None => text.to_owned(),
    }
}

/// Lines of a here-document must stay where they are, so such a script is left alone.
fn indent(text: &str) -> String {
    if text.contains("<<") {
        return text.to_owned();
    }
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("  {line}")
            }
        })
        .collect();
    lines.join("\n")
}

fn container(container: &Container) -> Vec<String> {
    let mut lines = Vec::new();
    let (user, password) = match &container.login {
        Some(login) => (login.user_secret.as_str(), login.key_secret.as_str()),
        None => ("CI_REGISTRY_USER", "CI_REGISTRY_PASSWORD"),
    };
    if container.push {
        lines.push(script::sign_in(user, password, container.registry()));
    }
    let image = word(&container.image);
    let image = image.trim_matches('"');
    let names: Vec<String> = container
        .tags
        .iter()
        .map(|tag| format!("\"{image}:{}\"", word(tag).trim_matches('"')))
        .collect();
    lines.extend(script::image(container, &names));
    lines
}

/// Every secret that a step names.
pub(super) fn secrets(pipeline: &Pipeline) -> BTreeSet<String> {
    let steps = pipeline.jobs.iter().flat_map(|job| &job.steps);
    steps
        .flat_map(|step| {
            let more = match &step.action {
                Action::Notify(notify) => vec![notify.webhook_secret.clone()],
                Action::Container(container) => container
                    .login
                    .iter()
                    .flat_map(|login| [login.user_secret.clone(), login.key_secret.clone()])
                    .collect(),
                _ => Vec::new(),
            };
            step.secrets.iter().cloned().chain(more).collect::<Vec<_>>()
        })
        .collect()
}
