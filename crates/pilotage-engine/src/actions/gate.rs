//! `gate`: judges an environment for the event's commit, by the evidence that is stored for it or collected. What is not
//! ready ends the execution there, so that the actions behind it do not run.
//!
//! Runs at least once: an attempt that finds a run of its own key that said "ready" takes that verdict and judges nothing
//! again. A verdict that was not ready is asked for anew, since evidence may have come in between.

use std::{fmt::Write as _, sync::Arc};

use async_trait::async_trait;
use pilotage_core::{
    Event,
    config::Problem,
    gate::{
        Commit, CriterionState, CriterionVerdict, GateRun, GateRunOrigin, GateRunStatus, GateState,
        Report as GateReport, Verdict as GateWord, check_environment,
    },
    rule::Action,
};
use serde_json::{Map, Value};

use super::{ActionKind, Attempting, Report, Verdict};
use crate::gates::{GateDesk, GateError, RunRequest, report_of};

/// Where the events of the usual sources say which commit they are about, the most exact first.
const COMMIT_PATHS: &[&str] = &[
    "/workflow_run/head_sha",
    "/check_suite/head_sha",
    "/check_run/head_sha",
    "/deployment/sha",
    "/pull_request/head/sha",
    "/head_commit/id",
    "/after",
    "/checkout_sha",
    "/object_attributes/last_commit/id",
    "/object_attributes/sha",
    "/commit/id",
    "/commit/sha",
    "/sha",
    "/commit",
];

/// The parameters that there are.
const PARAMETERS: [&str; 3] = ["commit", "gates", "stopOnFailure"];

/// Most reasons that the error of an attempt names.
const MOST_REASONS: usize = 5;

/// Judges gates.
pub struct GateAction {
    /// Missing where a configuration is only checked.
    desk: Option<Arc<GateDesk>>,
}

impl GateAction {
    /// Over this desk.
    pub fn new(desk: Option<Arc<GateDesk>>) -> Self {
        Self { desk }
    }
}

#[async_trait]
impl ActionKind for GateAction {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn check(&self, action: &Action) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !action.target.contains("${")
            && let Err(message) = check_environment(&action.target)
        {
            problems.push(Problem::at("/target", message).help("the target of a gate is the environment"));
        }
        for (name, value) in &action.parameters {
            let pointer = format!("/parameters/{name}");
            let fits = match name.as_str() {
                "commit" => value.is_string(),
                "gates" => value.is_string() || texts(value).is_some(),
                "stopOnFailure" => value.is_boolean(),
                _ => {
                    let known = PARAMETERS.join(", ");
                    problems.push(
                        Problem::at(&pointer, format!("a gate has no parameter `{name}`"))
                            .help(format!("there are: {known}")),
                    );
                    continue;
                }
            };
            if !fits {
                problems.push(Problem::at(
                    &pointer,
                    format!("`{name}` is of another type: {}", expected(name)),
                ));
            }
        }
        problems
    }

    fn throttle_key(&self, target: &str) -> String {
        format!("gate {target}")
    }

    async fn run(&self, attempting: Attempting<'_>) -> Report {
        let what = format!("judge {}", attempting.target);
        let Some(desk) = &self.desk else {
            return report(what, None, permanent("there are no gates here"));
        };
        let timeout = attempting.timeout;
        match tokio::time::timeout(timeout, judge(desk, attempting)).await {
            Ok(Ok((run, verdict))) => {
                report(format!("{what}, gate run {}", run.id), Some(run.message), verdict)
            }
            Ok(Err(verdict)) => report(what, None, verdict),
            Err(_) => {
                let error = format!("the gates took longer than {} s", timeout.as_secs());
                report(what, None, Verdict::Retry { error, after: None })
            }
        }
    }
}

fn expected(name: &str) -> &'static str {
    match name {
        "commit" => "text",
        "gates" => "a list of ids",
        _ => "true or false",
    }
}

fn report(request: String, response: Option<String>, verdict: Verdict) -> Report {
    Report {
        request,
        status: None,
        response,
        verdict,
    }
}

fn permanent(error: &str) -> Verdict {
    Verdict::Permanent {
        error: error.to_owned(),
    }
}

async fn judge(desk: &Arc<GateDesk>, attempting: Attempting<'_>) -> Result<(GateRun, Verdict), Verdict> {
    let retry = |error: String| Verdict::Retry { error, after: None };
    let key = attempting.idempotency_key.clone();
    let before = desk.runs().gate_run_of_key(&key).await;
    let before = before.map_err(|error| retry(error.to_string()))?;
    if let Some(run) = before.filter(|run| run.verdict == Some(GateWord::Ready)) {
        return Ok((run, Verdict::Success));
    }
    let request = request(attempting).map_err(|message| permanent(&message))?;
    let run = desk.run(request).await.map_err(|error| match error {
        GateError::Busy | GateError::Store(_) => retry(error.to_string()),
        error => permanent(&error.to_string()),
    })?;
    let found = report_of(desk.runs(), &run).await;
    let found = found.map_err(|error| retry(error.to_string()))?;
    let verdict = match found {
        Some(found) if run.status == GateRunStatus::Judged => verdict_of(&found),
        _ => retry(run.message.clone()),
    };
    Ok((run, verdict))
}

/// What is measured and not as asked does not change by itself; evidence that is missing may come.
fn verdict_of(report: &GateReport) -> Verdict {
    if report.verdict == GateWord::Ready {
        return Verdict::Success;
    }
    let blocking = report.gates.iter().filter(|gate| gate.blocking);
    let criteria = blocking.flat_map(|gate| {
        let of_gate = gate.criteria.iter();
        of_gate.map(move |criterion| (gate.id.as_str(), criterion))
    });
    let stands = |criterion: &CriterionVerdict| {
        matches!(
            criterion.state,
            CriterionState::Failed | CriterionState::NoEvidence
        )
    };
    let standing: Vec<_> = criteria.filter(|(_, criterion)| stands(criterion)).collect();
    let mut error = report.headline();
    for (gate, criterion) in standing.iter().take(MOST_REASONS) {
        // Writing to a string cannot fail.
        let _ = write!(error, " {gate}/{}: {}.", criterion.metric, why(criterion));
    }
    if standing.len() > MOST_REASONS {
        let _ = write!(error, " And {} more.", standing.len() - MOST_REASONS);
    }
    let failed = standing
        .iter()
        .any(|(_, criterion)| criterion.state == CriterionState::Failed);
    let not_run = report.gates.iter().any(|gate| gate.state == GateState::NotRun);
    if failed || (standing.is_empty() && !not_run) {
        Verdict::Permanent { error }
    } else {
        Verdict::Retry { error, after: None }
    }
}

fn why(criterion: &CriterionVerdict) -> String {
    match (&criterion.reason, &criterion.evidence) {
        (Some(reason), _) => reason.clone(),
        (None, Some(evidence)) => {
            let value = evidence.unit.show(&evidence.value);
            format!("{value}, asked is {}", criterion.threshold)
        }
        (None, None) => criterion.state.words().to_owned(),
    }
}

fn request(attempting: Attempting<'_>) -> Result<RunRequest, String> {
    let Attempting {
        event,
        rule,
        target,
        parameters,
        idempotency_key,
        ..
    } = attempting;
    let gates = match parameters.get("gates") {
        None => Vec::new(),
        Some(Value::String(one)) => one.split(',').map(|id| id.trim().to_owned()).collect(),
        Some(list) => texts(list).ok_or("`gates` is a list of ids")?,
    };
    Ok(RunRequest {
        environment: target,
        commit: Commit {
            id: commit(event, &parameters)?.to_ascii_lowercase(),
            at: None,
            changed: false,
        },
        gates,
        parallel: true,
        stop_on_failure: parameters.get("stopOnFailure") == Some(&Value::Bool(true)),
        findings: Vec::new(),
        reports: Vec::new(),
        origin: GateRunOrigin::Rule,
        actor: format!("rule:{rule}"),
        key: Some(idempotency_key),
    })
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let list = value.as_array()?;
    list.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The commit that the parameters name, or the one that the event is about.
fn commit(event: &Event, parameters: &Map<String, Value>) -> Result<String, String> {
    if let Some(commit) = parameters.get("commit") {
        return commit
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| "`commit` is no text".to_owned());
    }
    let named = COMMIT_PATHS
        .iter()
        .find_map(|path| event.data.pointer(path)?.as_str());
    named
        .map(str::to_owned)
        .ok_or_else(|| "the event names no commit: give the parameter `commit`".to_owned())
}
