use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::ports::{EventFilter, EventSummary};

use super::{
    query::{Pager, Query},
    shell::{Shell, Visitor, page},
    words::{Moment, SHORT, cut, plural, size},
};
use crate::{door::Door, problem::Problem};

/// Events on a page.
const LINES: usize = 50;

/// An event in a list.
pub(super) struct EventRow {
    pub(super) id: String,
    pub(super) href: String,
    pub(super) source: String,
    pub(super) event_type: String,
    pub(super) delivery: String,
    pub(super) verified: bool,
    pub(super) received: Moment,
    pub(super) size: String,
    /// What the rules made of it, in words.
    pub(super) outcome: String,
    pub(super) class: &'static str,
}

impl EventRow {
    pub(super) fn new(visitor: &Visitor, summary: EventSummary) -> Self {
        let facts = summary.event.facts;
        let (outcome, class) = match summary.executions {
            None => ("not decided yet".to_owned(), "wait"),
            Some(0) if facts.is_ping() => ("a ping".to_owned(), "off"),
            Some(0) => ("no rule matched".to_owned(), "off"),
            Some(executions) => (plural(executions, "execution"), "ok"),
        };
        Self {
            href: format!("/events/{}", facts.id),
            id: facts.id.to_string(),
            source: cut(&facts.source, SHORT),
            event_type: cut(&facts.event_type, SHORT),
            delivery: cut(&facts.delivery_id, SHORT),
            verified: facts.verified,
            received: visitor.moment(facts.received_at),
            size: summary.size.map_or_else(|| "pruned".to_owned(), size),
            outcome,
            class,
        }
    }
}

/// The filters as they stand in the form.
struct Fields {
    source: String,
    event_type: String,
    delivery: String,
    unhandled: String,
    since: String,
    until: String,
    any: bool,
}

impl Fields {
    fn of(query: &Query) -> Self {
        let fields = Self {
            source: query.field("source"),
            event_type: query.field("type"),
            delivery: query.field("deliveryId"),
            unhandled: query.field("unhandled"),
            since: query.field("since"),
            until: query.field("until"),
            any: false,
        };
        let given = ["source", "type", "deliveryId", "unhandled", "since", "until"];
        Self {
            any: given.iter().any(|name| query.text(name).is_some()),
            ..fields
        }
    }
}

#[derive(Template)]
#[template(path = "events.html")]
struct EventList {
    shell: Shell,
    fields: Fields,
    sources: Vec<String>,
    events: Vec<EventRow>,
    pager: Pager,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let query = &visitor.query;
    let filter = EventFilter {
        source: query.text("source").map(str::to_owned),
        event_type: query.text("type").map(str::to_owned),
        delivery_id: query.text("deliveryId").map(str::to_owned),
        unhandled: query.text("unhandled").and_then(|text| text.parse().ok()),
        since: query.moment("since")?,
        until: query.moment("until")?,
    };
    let found = door
        .ports
        .history
        .events(&filter, query.number("after")?, LINES)
        .await?;
    let sources = door.sources.load();
    page(&EventList {
        fields: Fields::of(query),
        sources: sources.names().map(str::to_owned).collect(),
        pager: Pager::new(query, found.next),
        events: found
            .items
            .into_iter()
            .map(|event| EventRow::new(&visitor, event))
            .collect(),
        shell: visitor.shell("Events", "/events"),
    })
}
