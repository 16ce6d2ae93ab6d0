//! `pipeline`: starts a pipeline on its platform, and ends as it does.
//!
//! Runs at least once, and starts one run for one key: the run is kept by its key before the platform is asked, and where
//! the answer was lost the platform is asked for it, as far as it can be ([`CiPlatform::promise`]). Where it cannot, a start
//! whose answer was lost is not repeated by itself. While the run goes on nobody is held up: the execution waits in the
//! store, and is taken up again in the transaction that writes the run's end. One that is sent back from the dead letters
//! runs again what failed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use pilotage_core::{
    Timestamp,
    config::{Problem, nearest},
    pipeline_run::{KeptRun, RunState, StartRun},
    ports::{CiError, CiPlatform, CiTrouble},
    rule::Action,
};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{ActionKind, Attempting, LONGEST_TIMEOUT, Report, Verdict};
use crate::pipelines::{AskedRun, NotBegun, PipelineDesk, Platforms, may_pass};

/// The parameters that there are.
const PARAMETERS: [&str; 4] = ["pipeline", "ref", "inputs", "wait"];
/// For the start of a run; longer than a client takes to give up.
const START_TIMEOUT: Duration = Duration::from_mins(3);
/// When an execution that waits is looked at in any case.
const NEXT_LOOK: Duration = Duration::from_mins(10);

/// Starts pipelines and follows them.
pub struct PipelineAction {
    platforms: Platforms,
    desk: Option<Arc<PipelineDesk>>,
}

impl PipelineAction {
    /// Over the configured platforms by name; without a desk rules are only checked.
    pub fn new(platforms: Platforms, desk: Option<Arc<PipelineDesk>>) -> Self {
        Self { platforms, desk }
    }

    fn unknown(&self, target: &str) -> Problem {
        let problem = Problem::at("/target", format!("there is no platform `{target}`"));
        match nearest(target, self.platforms.keys().map(String::as_str)) {
            Some(name) => problem.help(format!("did you mean `{name}`?")),
            None => problem.help("declare it under `platforms:`"),
        }
    }
}

#[async_trait]
impl ActionKind for PipelineAction {
    fn name(&self) -> &'static str {
        "pipeline"
    }

    fn check(&self, action: &Action) -> Vec<Problem> {
        let mut problems = Vec::new();
        if action.target.contains("${") {
            let problem = Problem::at(
                "/target",
                "a pipeline's target is the name of a platform, not a template",
            );
            problems.push(problem.help("put the varying part into `parameters`"));
        } else if !self.platforms.contains_key(&action.target) {
            problems.push(self.unknown(&action.target));
        }
        for (name, value) in &action.parameters {
            let pointer = format!("/parameters/{name}");
            let expected = match name.as_str() {
                "pipeline" | "ref" if value.is_string() || value.is_number() => continue,
                "inputs" if value.is_object() || is_template(value) => continue,
                "wait" if value.is_boolean() => continue,
                "pipeline" | "ref" => "text",
                "inputs" => "a map",
                "wait" => "true or false",
                _ => {
                    let known = PARAMETERS.join(", ");
                    let problem = Problem::at(&pointer, format!("a pipeline has no parameter `{name}`"));
                    problems.push(problem.help(format!("there are: {known}")));
                    continue;
                }
            };
            problems.push(Problem::at(
                &pointer,
                format!("`{name}` is of another type: {expected}"),
            ));
        }
        problems
    }

    fn throttle_key(&self, target: &str) -> String {
        format!("platform {target}")
    }

    fn default_timeout(&self) -> Duration {
        LONGEST_TIMEOUT
    }

    async fn run(&self, attempting: Attempting<'_>) -> Report {
        let request = format!("pipeline on {}", attempting.target);
        let (Some(platform), Some(desk)) = (self.platforms.get(&attempting.target), &self.desk) else {
            let error = format!("there is no platform `{}` any more", attempting.target);
            return report(request, None, Verdict::Permanent { error });
        };
        let asked = AskedRun {
            platform: attempting.target.clone(),
            start: read(&attempting),
            actor: format!("rule:{}", attempting.rule),
            execution: Some(attempting.execution),
        };
        let limit = attempting.timeout.min(START_TIMEOUT);
        let kept = match timeout(limit, desk.begin(platform, asked)).await {
            Ok(Ok(kept)) => kept,
            Ok(Err(NotBegun::Platform { error, may_repeat })) => {
                return report(request, None, judge(&error, may_repeat));
            }
            Ok(Err(NotBegun::Store(error))) => {
                let error = error.to_string();
                return report(request, None, Verdict::Retry { error, after: None });
            }
            // Whether it was started is not known: the next attempt looks for it.
            Err(_) => return report(request, None, unanswered(platform)),
        };
        let request = format!("{request}, run {}", kept.run().unwrap_or("not started"));
        let verdict = if attempting.parameters.get("wait") == Some(&Value::Bool(false)) {
            Verdict::Success
        } else {
            stands(&kept, attempting.timeout)
        };
        report(request, Some(&kept), verdict)
    }
}

fn is_template(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("${"))
}

fn read(attempting: &Attempting<'_>) -> StartRun {
    let text = |name: &str| attempting.parameters.get(name).map(as_text);
    let inputs = attempting.parameters.get("inputs").and_then(Value::as_object);
    StartRun {
        pipeline: text("pipeline"),
        reference: text("ref"),
        inputs: inputs.map(as_texts).unwrap_or_default(),
        key: Some(attempting.idempotency_key.clone()),
    }
}

fn as_texts(inputs: &Map<String, Value>) -> BTreeMap<String, String> {
    let inputs = inputs.iter();
    inputs
        .map(|(name, value)| (name.clone(), as_text(value)))
        .collect()
}

/// A template that is the whole of a text keeps its JSON type; platforms take texts.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn report(request: String, kept: Option<&KeptRun>, verdict: Verdict) -> Report {
    let run = kept.and_then(|kept| kept.seen.as_ref());
    Report {
        request,
        status: None,
        response: run.and_then(|run| serde_json::to_string(run).ok()),
        verdict,
    }
}

fn unanswered(platform: &Arc<dyn CiPlatform>) -> Verdict {
    let error = format!("{} did not answer in time", platform.title());
    if platform.finds_lost_starts() {
        Verdict::Retry { error, after: None }
    } else {
        Verdict::Permanent {
            error: format!("{error}; the run may have been started: look before it is started again"),
        }
    }
}

/// What cannot have done anything, or is found again if it has, may be tried again.
fn judge(error: &CiError, may_repeat: bool) -> Verdict {
    let words = error.to_string();
    let after = match &error.trouble {
        CiTrouble::RateLimited { wait } => Some(*wait),
        _ => None,
    };
    if may_repeat && may_pass(error) {
        Verdict::Retry { error: words, after }
    } else {
        Verdict::Permanent { error: words }
    }
}

/// What the state of the run means for the action that waits for its end, at most so long if that is less than the usual.
fn stands(kept: &KeptRun, limit: Duration) -> Verdict {
    let (id, standing) = (kept.run().unwrap_or_default(), &kept.standing);
    let state = standing.state.as_str();
    if standing.state == RunState::Succeeded {
        return Verdict::Success;
    }
    if standing.state.is_final() {
        let page = kept.url().map_or_else(String::new, |url| format!(": {url}"));
        let error = format!("the run {id} {state} ({}){page}", standing.word);
        return Verdict::Permanent { error };
    }
    let begun = kept.seen.as_ref().and_then(|run| run.started_at);
    let waited = Timestamp::now().since(begun.unwrap_or(kept.created_at).max(kept.created_at));
    let after = if limit < LONGEST_TIMEOUT {
        limit.saturating_sub(waited)
    } else {
        NEXT_LOOK
    };
    if after.is_zero() {
        let error = format!(
            "the run {id} is still {state} after {} s; it goes on, and is not waited for any longer",
            limit.as_secs()
        );
        return Verdict::Permanent { error };
    }
    Verdict::Await {
        run: kept.id,
        reason: format!("waits for the run {id}, which is {state}"),
        after: after.min(NEXT_LOOK),
    }
}
