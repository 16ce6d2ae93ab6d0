//! Conditions of stages.

use pilotage_core::pipeline::{Asked, Job, Pattern, Pipeline, Trigger, When, asked_before};

use super::groovy::{Groovy, single};

/// A stage that was skipped holds nothing up here, so what holds for the jobs before is asked again.
pub(super) fn when(pipeline: &Pipeline, job: &Job, out: &mut Groovy) {
    let asked: Vec<Vec<String>> = asked_before(&pipeline.jobs, job).iter().map(choices).collect();
    if asked.is_empty() {
        return;
    }
    out.section("when", |out| {
        out.line("beforeAgent true");
        if job.approval.is_some() {
            out.line("beforeInput true");
        }
        for part in asked {
            match part.as_slice() {
                [only] => out.line(only),
                many => out.section("anyOf", |out| many.iter().for_each(|one| out.line(one))),
            }
        }
    });
}

fn choices(asked: &Asked) -> Vec<String> {
    match asked {
        Asked::Refs { branches, tags } => [refs("branch", branches), refs("tag", tags)].concat(),
        Asked::Events(events) => events.iter().map(|event| trigger(*event).to_owned()).collect(),
    }
}

fn refs(kind: &str, patterns: &[Pattern]) -> Vec<String> {
    patterns
        .iter()
        .map(|pattern| match pattern {
            Pattern::Exact(name) => format!("{kind} {}", single(name)),
            Pattern::Prefix(prefix) => {
                let pattern = format!("{}.*", prefix.replace('.', "\\."));
                format!("{kind} pattern: {}, comparator: 'REGEXP'", single(&pattern))
            }
        })
        .collect()
}

const fn trigger(event: Trigger) -> &'static str {
    match event {
        Trigger::Push => {
            "not { anyOf { changeRequest(); triggeredBy 'TimerTrigger'; triggeredBy cause: 'UserIdCause' } }"
        }
        Trigger::PullRequest => "changeRequest()",
        Trigger::Schedule => "triggeredBy 'TimerTrigger'",
        Trigger::Manual => "triggeredBy cause: 'UserIdCause'",
    }
}

/// The same conditions as an expression, for the end of the pipeline, where there is no `when`.
pub(super) fn expression(when: &When) -> Option<String> {
    let refs: Vec<String> = [("BRANCH_NAME", &when.branches), ("TAG_NAME", &when.tags)]
        .into_iter()
        .flat_map(|(name, patterns)| {
            patterns.iter().map(move |pattern| match pattern {
                Pattern::Exact(text) => format!("env.{name} == {}", single(text)),
                Pattern::Prefix(text) => format!("env.{name}?.startsWith({})", single(text)),
            })
        })
        .collect();
    let events: Vec<String> = when
        .events
        .iter()
        .map(|event| {
            match event {
                Trigger::Push => "!env.CHANGE_ID",
                Trigger::PullRequest => "env.CHANGE_ID",
                Trigger::Schedule => {
                    "currentBuild.getBuildCauses('hudson.triggers.TimerTrigger$TimerTriggerCause')"
                }
                Trigger::Manual => "currentBuild.getBuildCauses('hudson.model.Cause$UserIdCause')",
            }
            .to_owned()
        })
        .collect();
    let parts: Vec<String> = [refs, events]
        .into_iter()
        .filter(|any| !any.is_empty())
        .map(|any| format!("({})", any.join(" || ")))
        .collect();
    match parts.as_slice() {
        [] => None,
        [only] => Some(only.trim_start_matches('(').trim_end_matches(')').to_owned()),
        many => Some(many.join(" && ")),
    }
}
