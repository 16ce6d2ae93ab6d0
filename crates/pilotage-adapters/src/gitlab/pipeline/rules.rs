//! Conditions as `rules`.

use pilotage_core::pipeline::{Asked, Job, Pattern, Pipeline, Status, Trigger, Triggers, asked_before};

use crate::pipelines::{Map, Yaml};

/// Which pipelines there are at all.
pub(super) fn workflow(triggers: &Triggers) -> Vec<Yaml> {
    let mut conditions = Vec::new();
    if let Some(push) = &triggers.push {
        let source = event(Trigger::Push);
        let refs = [
            patterns("$CI_COMMIT_BRANCH", &push.branches),
            patterns("$CI_COMMIT_TAG", &push.tags),
        ]
        .concat();
        if refs.is_empty() {
            conditions.push(format!("{source} && $CI_COMMIT_BRANCH"));
        }
        conditions.extend(refs.into_iter().map(|one| format!("{source} && {one}")));
    }
    if let Some(branches) = &triggers.pull_request {
        let source = event(Trigger::PullRequest);
        let targets = patterns("$CI_MERGE_REQUEST_TARGET_BRANCH_NAME", branches);
        if targets.is_empty() {
            conditions.push(source.to_owned());
        }
        conditions.extend(targets.into_iter().map(|one| format!("{source} && {one}")));
    }
    for trigger in [Trigger::Schedule, Trigger::Manual] {
        if triggers.has(trigger) {
            conditions.push(event(trigger).to_owned());
        }
    }
    conditions
        .into_iter()
        .map(|condition| rule(Some(condition), None))
        .collect()
}

fn rule(condition: Option<String>, when: Option<&str>) -> Yaml {
    let mut map = Map::new();
    map.set_some("if", condition);
    map.set_some("when", when);
    Yaml::Map(map)
}

/// The rules of a job. A job that GitLab leaves out of a pipeline cannot be needed, so what holds for the jobs before
/// holds for this one as well.
pub(super) fn job(pipeline: &Pipeline, job: &Job) -> Option<Vec<Yaml>> {
    let conditions: Vec<String> = asked_before(&pipeline.jobs, job).iter().map(condition).collect();
    let when = match job.when.status {
        _ if job.approval.is_some() => Some("manual"),
        Status::Success | Status::UnlessFailed => None,
        Status::Failure => Some("on_failure"),
        Status::Always => Some("always"),
    };
    if conditions.is_empty() && when.is_none() {
        return None;
    }
    let condition = match conditions.as_slice() {
        [] => None,
        [only] => Some(
            only.strip_prefix('(')
                .and_then(|one| one.strip_suffix(')'))
                .unwrap_or(only)
                .to_owned(),
        ),
        many => Some(many.join(" && ")),
    };
    Some(vec![rule(condition, when)])
}

/// In brackets where it is a choice.
fn condition(asked: &Asked) -> String {
    let choices = match asked {
        Asked::Refs { branches, tags } => [
            patterns("$CI_COMMIT_BRANCH", branches),
            patterns("$CI_COMMIT_TAG", tags),
        ]
        .concat(),
        Asked::Events(events) => events.iter().map(|trigger| event(*trigger).to_owned()).collect(),
    };
    match choices.as_slice() {
        [only] => only.clone(),
        many => format!("({})", many.join(" || ")),
    }
}

fn patterns(variable: &str, patterns: &[Pattern]) -> Vec<String> {
    patterns
        .iter()
        .map(|pattern| match pattern {
            Pattern::Exact(name) => format!("{variable} == \"{name}\""),
            Pattern::Prefix(prefix) => {
                let escaped = prefix.replace('.', "\\.").replace('/', "\\/");
                format!("{variable} =~ /^{escaped}/")
            }
        })
        .collect()
}

/// Source of the names: `CI_PIPELINE_SOURCE` in <https://docs.gitlab.com/ci/variables/predefined_variables/>.
const fn event(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Push => "$CI_PIPELINE_SOURCE == \"push\"",
        Trigger::PullRequest => "$CI_PIPELINE_SOURCE == \"merge_request_event\"",
        Trigger::Schedule => "$CI_PIPELINE_SOURCE == \"schedule\"",
        Trigger::Manual => "$CI_PIPELINE_SOURCE =~ /^(web|api|trigger)$/",
    }
}
