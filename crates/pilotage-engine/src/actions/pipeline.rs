//! `pipeline`: starts a pipeline on its platform, follows it to its end, and ends as it does.
//!
//! Runs at least once, and starts one run for one key: the run is remembered by its key while the process lives, and after a
//! crash the platform is asked for it, as far as it can be ([`CiPlatform::promise`]). Where it cannot, a start whose answer
//! was lost is not repeated by itself. An attempt that finds the run of its key ended badly runs again what failed.

mod desk;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use pilotage_core::{
    config::{Problem, nearest},
    pipeline_run::{PipelineRun, RunState, StartRun},
    ports::{CiError, CiPlatform, CiTrouble},
    rule::Action,
};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

pub use desk::PipelineDesk;

use super::{ActionKind, Attempting, LONGEST_TIMEOUT, Report, Verdict};

/// The parameters that there are.
const PARAMETERS: [&str; 4] = ["pipeline", "ref", "inputs", "wait"];
/// Pauses between two looks at a run: the first, and the longest where nothing changes.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Kept back from the time of an attempt, for its record.
const MARGIN: Duration = Duration::from_millis(500);
/// When a run that outlasts its attempt is looked at again.
const NEXT_LOOK: Duration = Duration::from_secs(15);

/// Starts pipelines and follows them.
pub struct PipelineAction {
    platforms: BTreeMap<String, Arc<dyn CiPlatform>>,
    desk: Arc<PipelineDesk>,
}

impl PipelineAction {
    /// Over the configured platforms by name.
    pub fn new(platforms: BTreeMap<String, Arc<dyn CiPlatform>>, desk: Arc<PipelineDesk>) -> Self {
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
        let Some(platform) = self.platforms.get(&attempting.target) else {
            let error = format!("there is no platform `{}` any more", attempting.target);
            return report(request, None, Verdict::Permanent { error });
        };
        let deadline = Instant::now() + attempting.timeout.saturating_sub(MARGIN);
        let waits = attempting.parameters.get("wait") != Some(&Value::Bool(false));
        let start = read(&attempting);
        let begun = match timeout_at(deadline, self.begin(platform, &attempting.target, &start)).await {
            Ok(Ok(run)) => run,
            Ok(Err(verdict)) => return report(request, None, verdict),
            // Whether it was started is not known: the next attempt looks for it.
            Err(_) => return report(request, None, unanswered(platform)),
        };
        let request = format!("{request}, run {}", begun.id);
        if !waits {
            return report(request, Some(&begun), Verdict::Success);
        }
        let (run, verdict) = self.follow(platform, &start, begun, deadline).await;
        report(request, Some(&run), verdict)
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

fn report(request: String, run: Option<&PipelineRun>, verdict: Verdict) -> Report {
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
    let passes = error.trouble.may_pass() || matches!(error.trouble, CiTrouble::Conflict { .. });
    let is_unsure = matches!(
        &error.trouble,
        CiTrouble::Broken { .. }
            | CiTrouble::ConnectionLost {
                may_be_done: true,
                ..
            }
    );
    if passes && (may_repeat || !is_unsure) {
        Verdict::Retry { error: words, after }
    } else {
        Verdict::Permanent { error: words }
    }
}

impl PipelineAction {
    /// The run of this key: the one that is remembered or found, or a new one.
    async fn begin(
        &self,
        platform: &Arc<dyn CiPlatform>,
        target: &str,
        start: &StartRun,
    ) -> Result<PipelineRun, Verdict> {
        let key = start.key.as_deref().unwrap_or_default();
        let known = match self.desk.run_of(target, key) {
            Some(id) => Some(platform.run(&id).await.map_err(|error| judge(&error, true))?),
            None => match platform.find(start).await {
                Ok(found) => found,
                Err(error) if error.trouble.may_pass() => return Err(judge(&error, true)),
                // What the token may not look at cannot be found; that is part of what is promised.
                Err(_) => None,
            },
        };
        let run = match known {
            Some(run) if is_bad(&run) => self.again(platform, run).await?,
            Some(run) => run,
            None => {
                let started = platform.start(start).await;
                started.map_err(|error| judge(&error, platform.finds_lost_starts()))?
            }
        };
        self.desk.remember(target, key, &run.id);
        Ok(run)
    }

    async fn again(&self, platform: &Arc<dyn CiPlatform>, run: PipelineRun) -> Result<PipelineRun, Verdict> {
        let id = platform.retry(&run.id, true).await;
        let id = id.map_err(|error| judge(&error, false))?;
        platform.run(&id).await.map_err(|error| judge(&error, true))
    }

    /// Looks at the run until it ends or the time is up: ever later while nothing changes, and at once when an event came in
    /// that may be about it.
    async fn follow(
        &self,
        platform: &Arc<dyn CiPlatform>,
        start: &StartRun,
        mut run: PipelineRun,
        deadline: Instant,
    ) -> (PipelineRun, Verdict) {
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(verdict) = ended(&run) {
                return (run, verdict);
            }
            if Instant::now() + pause >= deadline {
                let error = format!("the run {} is still {}", run.id, run.standing.state.as_str());
                let after = Some(NEXT_LOOK);
                return (run, Verdict::Retry { error, after });
            }
            self.desk.wait(pause).await;
            let seen = match platform.run(&run.id).await {
                Ok(seen) => seen,
                Err(error) => {
                    let verdict = judge(&error, true);
                    return (run, verdict);
                }
            };
            if seen.id != run.id {
                self.desk
                    .renew(start.key.as_deref().unwrap_or_default(), &seen.id);
            }
            pause = if seen.standing == run.standing {
                (pause * 2).min(LONGEST_PAUSE)
            } else {
                FIRST_PAUSE
            };
            run = seen;
        }
    }
}

fn is_bad(run: &PipelineRun) -> bool {
    run.standing.state.is_final() && run.standing.state != RunState::Succeeded
}

fn ended(run: &PipelineRun) -> Option<Verdict> {
    let standing = &run.standing;
    match standing.state {
        RunState::Succeeded => Some(Verdict::Success),
        state if state.is_final() => {
            let page = run
                .url
                .as_ref()
                .map_or_else(String::new, |url| format!(": {url}"));
            let error = format!("the run {} {} ({}){page}", run.id, state.as_str(), standing.word);
            Some(Verdict::Permanent { error })
        }
        _ => None,
    }
}
