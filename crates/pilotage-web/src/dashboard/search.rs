//! Finds what a person has in hand: the id of an event or execution, a delivery id, a piece of a rule's name, a source or type.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use pilotage_core::{EventId, ExecutionId, ports::EventFilter};
use uuid::Uuid;

use super::{
    events::EventRow,
    query::path,
    rules::holds,
    shell::{Shell, Visitor, page},
    words::cut,
};
use crate::{door::Door, problem::Problem};

/// Lines of each kind.
const LINES: usize = 20;
/// Latest events that are looked at for a word.
const LOOKED_AT: usize = 500;
/// Longest search, in characters.
const LONGEST: usize = 200;

#[derive(Template)]
#[template(path = "search.html")]
struct Search {
    shell: Shell,
    asked: String,
    /// Rules as name and address.
    rules: Vec<(String, String)>,
    events: Vec<EventRow>,
    looked_at: usize,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let asked = visitor.query.field("q");
    if let Some(address) = by_id(&door, &asked).await? {
        return Ok(Redirect::to(&address).into_response());
    }
    let asked: String = asked.chars().take(LONGEST).collect();
    let wanted = asked.to_lowercase();
    let (rules, events) = if wanted.is_empty() {
        (Vec::new(), Vec::new())
    } else {
        (rules(&door, &wanted), events(&door, &visitor, &asked).await?)
    };
    let mut shell = visitor.shell("Search", "/search");
    shell.search.clone_from(&asked);
    page(&Search {
        shell,
        asked,
        rules,
        events,
        looked_at: LOOKED_AT,
    })
}

/// The page of what has this id.
async fn by_id(door: &Door, asked: &str) -> Result<Option<String>, Problem> {
    if door.rules.current().rule(asked).is_some() {
        return Ok(Some(path("/rules/", asked)));
    }
    let Ok(id) = asked.parse::<Uuid>() else {
        return Ok(None);
    };
    let history = &door.ports.history;
    if history.execution(ExecutionId(id)).await?.is_some() {
        return Ok(Some(format!("/executions/{id}")));
    }
    let event = history.event(EventId(id)).await?;
    Ok(event.map(|_| format!("/events/{id}")))
}

fn rules(door: &Door, wanted: &str) -> Vec<(String, String)> {
    let loaded = door.rules.current();
    let found = loaded.set.rules().iter().filter(|rule| holds(&rule.rule, wanted));
    found
        .take(LINES)
        .map(|rule| {
            let name = rule.rule.name.as_deref().unwrap_or(&rule.rule.id);
            (cut(name, 120), path("/rules/", &rule.rule.id))
        })
        .collect()
}

/// Events of exactly this delivery, and of the latest those whose source, type or delivery holds the word.
async fn events(door: &Door, visitor: &Visitor, asked: &str) -> Result<Vec<EventRow>, Problem> {
    let history = &door.ports.history;
    let exactly = EventFilter {
        delivery_id: Some(asked.to_owned()),
        ..EventFilter::default()
    };
    let mut found = history.events(&exactly, None, LINES).await?.items;
    if found.is_empty() {
        let wanted = asked.to_lowercase();
        found = history
            .events(&EventFilter::default(), None, LOOKED_AT)
            .await?
            .items;
        found.retain(|summary| {
            let facts = &summary.event.facts;
            let texts = [&facts.source, &facts.event_type, &facts.delivery_id];
            texts.iter().any(|text| text.to_lowercase().contains(&wanted))
        });
        found.truncate(LINES);
    }
    Ok(found
        .into_iter()
        .map(|event| EventRow::new(visitor, event))
        .collect())
}
