//! Values and conditions. Source: <https://learn.microsoft.com/en-us/azure/devops/pipelines/process/expressions>.

use pilotage_core::pipeline::{
    Asked, Job, Pattern, Pipeline, Reference, Status, Template, Trigger, asked_before,
};

/// Where the run is seen.
pub(super) const RUN_URL: &str =
    "$(System.CollectionUri)$(System.TeamProject)/_build/results?buildId=$(Build.BuildId)";

/// A template for `variables`, `env` and `inputs`.
pub(super) fn text(template: &Template, is_container: bool) -> String {
    template.write(str::to_owned, |reference| value(reference, is_container))
}

/// The variable that the value of an axis comes in.
pub(super) fn axis_variable(axis: &str) -> String {
    format!("MATRIX_{}", axis.to_ascii_uppercase())
}

fn value(reference: &Reference, is_container: bool) -> String {
    match reference {
        Reference::Matrix(axis) => format!("$({})", axis_variable(axis)),
        Reference::Input { name, .. } => format!("${{{{ parameters.{name} }}}}"),
        // `Build.SourceBranchName` is what stands behind the last `/` alone.
        Reference::Branch => "${{ replace(variables['Build.SourceBranch'], 'refs/heads/', '') }}".to_owned(),
        Reference::Tag => "${{ replace(variables['Build.SourceBranch'], 'refs/tags/', '') }}".to_owned(),
        Reference::Sha => "$(Build.SourceVersion)".to_owned(),
        Reference::Title => "$(Build.SourceVersionMessage)".to_owned(),
        Reference::RunNumber => "$(Build.BuildId)".to_owned(),
        Reference::RunUrl => RUN_URL.to_owned(),
        Reference::ServiceHost(name) if is_container => name.clone(),
        Reference::ServiceHost(_) => "localhost".to_owned(),
    }
}

/// The condition of a job. A stage counts as a whole, so what holds for the jobs before is asked again here.
pub(super) fn condition(pipeline: &Pipeline, job: &Job) -> Option<String> {
    let asked: Vec<String> = asked_before(&pipeline.jobs, job).iter().map(part).collect();
    match job.when.status {
        Status::Success if asked.is_empty() => None,
        Status::Success => Some(format!("and(succeeded(), {})", asked.join(", "))),
        // The stage has asked how things ended.
        _ => Some(match asked.as_slice() {
            [] => "always()".to_owned(),
            [only] => only.clone(),
            many => format!("and({})", many.join(", ")),
        }),
    }
}

/// The condition of a stage for the status of its jobs.
pub(super) const fn stage_condition(status: Status) -> Option<&'static str> {
    match status {
        Status::Success => None,
        Status::Failure => Some("failed()"),
        Status::UnlessFailed => Some("and(not(failed()), not(canceled()))"),
        Status::Always => Some("always()"),
    }
}

/// The condition of a step.
pub(super) const fn step_condition(status: Status) -> Option<&'static str> {
    match status {
        Status::Success => None,
        Status::Failure => Some("failed()"),
        Status::UnlessFailed => Some("succeeded()"),
        Status::Always => Some("always()"),
    }
}

fn part(asked: &Asked) -> String {
    let choices = match asked {
        Asked::Refs { branches, tags } => [refs("heads", branches), refs("tags", tags)].concat(),
        Asked::Events(events) => events.iter().map(|event| event_condition(*event)).collect(),
    };
    any_of(&choices)
}

fn any_of(conditions: &[String]) -> String {
    match conditions {
        [only] => only.clone(),
        many => format!("or({})", many.join(", ")),
    }
}

fn refs(kind: &str, patterns: &[Pattern]) -> Vec<String> {
    patterns
        .iter()
        .map(|pattern| match pattern {
            Pattern::Exact(name) => format!("eq(variables['Build.SourceBranch'], 'refs/{kind}/{name}')"),
            Pattern::Prefix(prefix) => {
                format!("startsWith(variables['Build.SourceBranch'], 'refs/{kind}/{prefix}')")
            }
        })
        .collect()
}

/// Source of the words: `Build.Reason` in the predefined variables.
fn event_condition(event: Trigger) -> String {
    let reasons: &[&str] = match event {
        Trigger::Push => &["IndividualCI", "BatchedCI"],
        Trigger::PullRequest => &["PullRequest"],
        Trigger::Schedule => &["Schedule"],
        Trigger::Manual => &["Manual"],
    };
    let reasons: Vec<String> = reasons.iter().map(|reason| format!("'{reason}'")).collect();
    format!("in(variables['Build.Reason'], {})", reasons.join(", "))
}
