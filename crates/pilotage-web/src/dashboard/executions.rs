use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{EventId, Execution, ExecutionStatus, ports::ExecutionFilter};

use super::{
    query::{Pager, Query},
    shell::{Shell, Visitor, page},
    words::{Moment, State as Word, cut, duration, short_id},
};
use crate::{
    door::Door,
    problem::{Kind, Problem},
};

/// Executions on a page.
const LINES: usize = 50;

/// An execution in a list.
pub(super) struct ExecutionRow {
    pub(super) id: String,
    pub(super) short: String,
    pub(super) href: String,
    pub(super) rule: String,
    pub(super) event_href: String,
    pub(super) event: String,
    pub(super) state: Word,
    pub(super) reason: String,
    pub(super) created: Moment,
    pub(super) took: String,
    pub(super) replayed: bool,
}

impl ExecutionRow {
    pub(super) fn new(visitor: &Visitor, execution: &Execution) -> Self {
        Self {
            href: format!("/executions/{}", execution.id),
            short: short_id(&execution.id),
            id: execution.id.to_string(),
            rule: cut(&execution.rule, 80),
            event_href: format!("/events/{}", execution.event_id),
            event: short_id(&execution.event_id),
            state: Word::of(execution.status),
            took: took(execution),
            reason: cut(execution.reason.as_deref().unwrap_or_default(), 160),
            created: visitor.moment(execution.created_at),
            replayed: execution.replayed_by.is_some(),
        }
    }
}

/// From scheduled to ended; nothing while it has not ended.
pub(super) fn took(execution: &Execution) -> String {
    let ended = execution.finished_at;
    ended.map_or_else(String::new, |ended| {
        duration(ended.as_micros().saturating_sub(execution.created_at.as_micros()))
    })
}

/// The filters as they stand in the form.
struct Fields {
    status: String,
    rule: String,
    event: String,
    since: String,
    until: String,
    any: bool,
}

impl Fields {
    fn of(query: &Query) -> Self {
        let given = ["status", "rule", "event", "since", "until"];
        Self {
            status: query.field("status"),
            rule: query.field("rule"),
            event: query.field("event"),
            since: query.field("since"),
            until: query.field("until"),
            any: given.iter().any(|name| query.text(name).is_some()),
        }
    }
}

/// A state to choose, with how many are in it.
struct Choice {
    href: String,
    name: String,
    count: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "executions.html")]
struct ExecutionList {
    shell: Shell,
    fields: Fields,
    choices: Vec<Choice>,
    executions: Vec<ExecutionRow>,
    pager: Pager,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let query = &visitor.query;
    let status = query.text("status").map(status_named).transpose()?;
    let event = query.text("event").map(|text| {
        text.parse()
            .map(EventId)
            .map_err(|_| Problem::new(Kind::BadRequest, "`event` is the id of an event, a UUID"))
    });
    let filter = ExecutionFilter {
        status,
        rule: query.text("rule").map(str::to_owned),
        event: event.transpose()?,
        since: query.moment("since")?,
        until: query.moment("until")?,
    };
    let history = &door.ports.history;
    let found = history.executions(&filter, query.number("after")?, LINES).await?;
    let totals = history.totals().await?;
    let all = Choice {
        href: query.with("status", None),
        name: "all".to_owned(),
        count: String::new(),
        chosen: status.is_none(),
    };
    let choices = ExecutionStatus::ALL.into_iter().map(|one| Choice {
        href: query.with("status", Some(one.as_str())),
        name: match one {
            ExecutionStatus::Failed => "failed (dead letters)".to_owned(),
            other => other.as_str().to_owned(),
        },
        count: super::words::count(crate::metrics::count_of(&totals, one)),
        chosen: status == Some(one),
    });
    page(&ExecutionList {
        fields: Fields::of(query),
        choices: std::iter::once(all).chain(choices).collect(),
        pager: Pager::new(query, found.next),
        executions: found
            .items
            .iter()
            .map(|one| ExecutionRow::new(&visitor, one))
            .collect(),
        shell: visitor.shell("Executions", "/executions"),
    })
}

fn status_named(word: &str) -> Result<ExecutionStatus, Problem> {
    ExecutionStatus::parse(word).ok_or_else(|| {
        let words = ExecutionStatus::ALL.map(ExecutionStatus::as_str).join(", ");
        Problem::new(Kind::BadRequest, format!("`status` is one of {words}"))
    })
}
