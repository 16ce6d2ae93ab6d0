//! What people do: every one asks first on a page of its own, which the script shows as a dialog, is done by a form, and
//! leads back to where its outcome shows.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{Redirect, Response},
};
use pilotage_core::{EventId, ExecutionId, Timestamp, ports::Role, rule::Rule};
use pilotage_engine::{operations::ReplayRules, rule_book::Origin};

use super::{
    event, execution,
    form::Form,
    query::path,
    rule,
    shell::{Shell, Visitor, page},
    words::{cut, short_id},
};
use crate::{
    api::{Id, Name},
    auth::Actor,
    door::Door,
    problem::{Kind, Problem},
};

/// A question before something is done.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(super) struct Confirm {
    pub(super) shell: Shell,
    pub(super) question: String,
    pub(super) consequence: &'static str,
    pub(super) button: &'static str,
    pub(super) dangerous: bool,
    /// Whether to ask which rules decide.
    pub(super) choice: bool,
    pub(super) action: String,
    pub(super) back: String,
}

/// Nobody is asked about what he may not do.
pub(super) fn needs(visitor: &Visitor, role: Role) -> Result<(), Problem> {
    if visitor.may(role) {
        return Ok(());
    }
    let detail = format!("this needs the role `{}`", role.as_str());
    Err(Problem::new(Kind::Forbidden, detail))
}

pub(super) async fn ask_replay(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    needs(&visitor, Role::Operator)?;
    let facts = event::find(&door, EventId(id)).await?.facts;
    let (event_type, source) = (cut(&facts.event_type, 80), cut(&facts.source, 80));
    page(&Confirm {
        shell: visitor.shell("Replay an event", "/events"),
        question: format!("Replay {event_type} from {source}?"),
        consequence: "The rules that match act on this event again: what they send, they send once more, as new messages.",
        button: "Replay",
        dangerous: false,
        choice: true,
        action: format!("/events/{id}/replay"),
        back: format!("/events/{id}"),
    })
}

pub(super) async fn replay(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
    form: Form,
) -> Result<Redirect, Problem> {
    let rules = match form.text("rules") {
        "same" => ReplayRules::Same,
        _ => ReplayRules::Today,
    };
    let replayed = door.operations.replay(&actor, EventId(id), rules).await?;
    let number = replayed.executions.len();
    Ok(Redirect::to(&format!("/events/{id}?done=replayed&n={number}")))
}

pub(super) async fn ask_retry(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    needs(&visitor, Role::Operator)?;
    let execution = execution::find(&door, ExecutionId(id)).await?;
    page(&Confirm {
        shell: visitor.shell("Retry an execution", "/executions"),
        question: format!(
            "Retry execution {} of {}?",
            short_id(&execution.id),
            cut(&execution.rule, 80)
        ),
        consequence: "It goes on from the action that failed, with the same idempotency key. What succeeded is not repeated.",
        button: "Retry",
        dangerous: false,
        choice: false,
        action: format!("/executions/{id}/retry"),
        back: format!("/executions/{id}"),
    })
}

pub(super) async fn retry(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<Redirect, Problem> {
    door.operations.retry(&actor, ExecutionId(id)).await?;
    Ok(Redirect::to(&format!("/executions/{id}?done=retried")))
}

pub(super) async fn ask_cancel(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    needs(&visitor, Role::Operator)?;
    let execution = execution::find(&door, ExecutionId(id)).await?;
    page(&Confirm {
        shell: visitor.shell("Cancel an execution", "/executions"),
        question: format!(
            "Cancel execution {} of {}?",
            short_id(&execution.id),
            cut(&execution.rule, 80)
        ),
        consequence: "Actions that have not begun will not run. One that is under way may already have had its effect. \
                      This cannot be undone.",
        button: "Cancel the execution",
        dangerous: true,
        choice: false,
        action: format!("/executions/{id}/cancel"),
        back: format!("/executions/{id}"),
    })
}

pub(super) async fn cancel(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<Redirect, Problem> {
    door.operations.cancel(&actor, ExecutionId(id)).await?;
    Ok(Redirect::to(&format!("/executions/{id}?done=cancelled")))
}

pub(super) async fn ask_enable(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let consequence = "From now on it is asked about every event, and acts on those that it matches.";
    ask_switch(&door, &id, &visitor, ("Enable", consequence, "enable"))
}

pub(super) async fn ask_disable(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let consequence = "From now on it is asked about no event. Executions that were scheduled go on. \
                       Events that come meanwhile are kept, and can be replayed.";
    ask_switch(&door, &id, &visitor, ("Disable", consequence, "disable"))
}

fn ask_switch(
    door: &Door,
    id: &str,
    visitor: &Visitor,
    (button, consequence, verb): (&'static str, &'static str, &'static str),
) -> Result<Response, Problem> {
    needs(visitor, Role::Admin)?;
    rule::find(door, id)?;
    let back = path("/rules/", id);
    page(&Confirm {
        shell: visitor.shell(format!("{button} a rule"), "/rules"),
        question: format!("{button} the rule {}?", cut(id, 128)),
        consequence,
        button,
        dangerous: verb == "disable",
        choice: false,
        action: format!("{back}/{verb}"),
        back,
    })
}

pub(super) async fn enable(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    Actor(actor): Actor,
) -> Result<Redirect, Problem> {
    switch(&door, &id, &actor, true).await
}

pub(super) async fn disable(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    Actor(actor): Actor,
) -> Result<Redirect, Problem> {
    switch(&door, &id, &actor, false).await
}

async fn switch(door: &Door, id: &str, actor: &str, enabled: bool) -> Result<Redirect, Problem> {
    let (compiled, origin) = rule::find(door, id)?;
    if origin == Origin::File {
        let detail = "the rule is written in the configuration file: set `enabled` there";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let changed = Rule {
        enabled,
        ..Rule::clone(&compiled.rule)
    };
    door.rules.put(Timestamp::now(), actor, changed).await?;
    let done = if enabled { "enabled" } else { "disabled" };
    Ok(Redirect::to(&format!("{}?done={done}", path("/rules/", id))))
}
