use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    Execution, ExecutionId, ExecutionStatus,
    execution::{Attempt, AttemptResult},
    ports::Role,
    rule::Rule,
};

use super::{
    executions::took,
    query::path,
    shell::{Shell, Visitor, page},
    words::{Moment, State as Word, cut, duration, short_id},
};
use crate::{
    api::Id,
    door::Door,
    problem::{Kind, Problem},
};

/// Attempts shown, the last ones.
const ATTEMPTS: usize = 100;

/// An attempt in the timeline.
struct Step {
    action: u32,
    number: u32,
    kind: String,
    state: Word,
    status: Option<u16>,
    request: String,
    response: Option<String>,
    error: Option<String>,
    began: Moment,
    took: String,
    key: String,
    /// Whether its answer is shown without being asked for.
    open: bool,
}

impl Step {
    fn new(visitor: &Visitor, attempt: Attempt) -> Self {
        Self {
            action: attempt.action.saturating_add(1),
            number: attempt.number,
            kind: attempt.action_type,
            state: Word::of_attempt(attempt.result),
            status: attempt.status,
            request: cut(&attempt.request, 600),
            response: attempt.response.filter(|text| !text.is_empty()),
            error: attempt.error,
            began: visitor.moment(attempt.started_at),
            took: duration(attempt.duration_us),
            key: attempt.idempotency_key,
            open: attempt.result != AttemptResult::Success,
        }
    }
}

/// An action of the rule's version that ran, and how far it has come.
struct Planned {
    number: usize,
    kind: String,
    target: String,
    state: Word,
}

#[derive(Template)]
#[template(path = "execution.html")]
struct ExecutionPage {
    shell: Shell,
    id: String,
    rule: String,
    rule_href: String,
    event_href: String,
    event: String,
    state: Word,
    reason: Option<String>,
    verdict: String,
    facts: Vec<(&'static str, String)>,
    created: Moment,
    started: Option<Moment>,
    finished: Option<Moment>,
    due: Option<Moment>,
    took: String,
    actions: Vec<Planned>,
    steps: Vec<Step>,
    earlier: bool,
    may_retry: bool,
    may_cancel: bool,
}

pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let execution = find(&door, ExecutionId(id)).await?;
    let mut attempts = door.ports.history.attempts(execution.id).await?;
    let version = door.ports.history.rule_version(execution.rule_digest).await?;
    let rule: Option<Rule> = version.and_then(|version| serde_json::from_str(&version.json).ok());
    let earlier = attempts.len().saturating_sub(ATTEMPTS);
    attempts.drain(..earlier);
    let is_operator = visitor.may(Role::Operator);
    let status = execution.status;
    page(&ExecutionPage {
        shell: visitor.shell(
            format!(
                "{}, execution {}",
                cut(&execution.rule, 60),
                short_id(&execution.id)
            ),
            "/executions",
        ),
        id: execution.id.to_string(),
        rule: cut(&execution.rule, 128),
        rule_href: path("/rules/", &execution.rule),
        event_href: format!("/events/{}", execution.event_id),
        event: short_id(&execution.event_id),
        state: Word::of(status),
        verdict: verdict(status).to_owned(),
        facts: facts(&execution),
        created: visitor.moment(execution.created_at),
        started: execution.started_at.map(|at| visitor.moment(at)),
        finished: execution.finished_at.map(|at| visitor.moment(at)),
        due: (status == ExecutionStatus::Pending).then(|| visitor.moment(execution.due)),
        took: took(&execution),
        actions: rule.map_or_else(Vec::new, |rule| planned(&rule, &execution)),
        steps: attempts
            .into_iter()
            .rev()
            .map(|attempt| Step::new(&visitor, attempt))
            .collect(),
        earlier: earlier > 0,
        may_retry: is_operator && status == ExecutionStatus::Failed,
        may_cancel: is_operator && !status.is_final() && execution.cancel_requested_by.is_none(),
        reason: execution.reason,
    })
}

/// One execution.
pub(super) async fn find(door: &Door, id: ExecutionId) -> Result<Execution, Problem> {
    let execution = door.ports.history.execution(id).await?;
    execution.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no execution {id}")))
}

const fn verdict(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Waiting => "It waits until another execution of the rule has ended.",
        ExecutionStatus::Pending => "It will be run when it is due.",
        ExecutionStatus::Running => "It is being run.",
        ExecutionStatus::Succeeded => "Every action succeeded.",
        ExecutionStatus::Failed => {
            "It lies in the dead letters: nothing more happens until somebody retries it."
        }
        ExecutionStatus::Cancelled => "It was stopped, or gave way to another.",
    }
}

fn facts(execution: &Execution) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Execution id", execution.id.to_string()),
        ("Version of the rule", execution.rule_digest.to_string()),
        ("Tenant", cut(&execution.tenant.0, 200)),
        (
            "Claimed by a worker",
            super::words::plural(execution.claims.into(), "time"),
        ),
    ];
    let optional = [
        ("Concurrency key", &execution.concurrency_key),
        ("Debounce key", &execution.debounce_key),
        ("Replayed by", &execution.replayed_by),
        ("Cancelling asked by", &execution.cancel_requested_by),
    ];
    let given = optional
        .into_iter()
        .filter_map(|(name, value)| Some((name, cut(value.as_deref()?, 300))));
    facts.extend(given);
    facts
}

fn planned(rule: &Rule, execution: &Execution) -> Vec<Planned> {
    let reached = usize::try_from(execution.action).unwrap_or(usize::MAX);
    let state = |index: usize| {
        if execution.status == ExecutionStatus::Succeeded || index < reached {
            Word {
                word: "succeeded",
                class: "ok",
            }
        } else if index > reached || matches!(execution.status, ExecutionStatus::Waiting) {
            Word {
                word: "not reached",
                class: "off",
            }
        } else {
            Word::of(execution.status)
        }
    };
    let actions = rule.actions.iter().enumerate().take(50);
    actions
        .map(|(index, action)| Planned {
            number: index + 1,
            kind: action.kind.clone(),
            target: cut(&action.target, 120),
            state: state(index),
        })
        .collect()
}
