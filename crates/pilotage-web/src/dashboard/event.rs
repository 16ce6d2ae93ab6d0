use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    Event, EventId, StoredEvent,
    ports::{ExecutionFilter, Role, RuleFault},
};

use super::{
    executions::ExecutionRow,
    payload::{Line, Payload},
    query,
    shell::{Shell, Visitor, page},
    verdicts::Verdicts,
    words::{Moment, cut, short_id},
};
use crate::{
    api::Id,
    door::Door,
    problem::{Kind, Problem},
};

/// Executions shown with an event.
const EXECUTIONS: usize = 50;
/// Bytes of a body up to which the rules are asked and the tree is drawn at once.
const LONGEST_TEXT: usize = 400;

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    shell: Shell,
    id: String,
    title: String,
    facts: Vec<(&'static str, String)>,
    received: Moment,
    happened: Moment,
    decided: Option<Moment>,
    faults: Vec<RuleFault>,
    payload: Option<Payload>,
    verdicts: Option<Verdicts>,
    executions: Vec<ExecutionRow>,
    more_executions: bool,
    executions_href: String,
    may_replay: bool,
}

pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let stored = find(&door, EventId(id)).await?;
    let history = &door.ports.history;
    let decision = history.decision(stored.position).await?;
    let filter = ExecutionFilter {
        event: Some(stored.facts.id),
        ..ExecutionFilter::default()
    };
    let executions = history.executions(&filter, None, EXECUTIONS).await?;
    let (payload, verdicts) = look_into(&door, &stored).await?;
    let facts = &stored.facts;
    let title = format!("{} from {}", cut(&facts.event_type, 80), cut(&facts.source, 80));
    page(&EventPage {
        shell: visitor.shell(format!("{title}, event {}", short_id(&facts.id)), "/events"),
        id: facts.id.to_string(),
        facts: listed(&stored),
        received: visitor.moment(facts.received_at),
        happened: visitor.moment(facts.timestamp),
        decided: decision
            .as_ref()
            .map(|decision| visitor.moment(decision.decided_at)),
        faults: decision.map(|decision| decision.faults).unwrap_or_default(),
        may_replay: payload.is_some() && visitor.may(Role::Operator),
        more_executions: executions.next.is_some(),
        executions_href: query::link("/executions", "event", &facts.id.to_string()),
        executions: executions
            .items
            .iter()
            .map(|one| ExecutionRow::new(&visitor, one))
            .collect(),
        title,
        payload,
        verdicts,
    })
}

/// One event as it is stored.
pub(super) async fn find(door: &Door, id: EventId) -> Result<StoredEvent, Problem> {
    let stored = door.ports.history.event(id).await?;
    stored.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no event {id}")))
}

/// One event as rules see it.
pub(super) fn parse(stored: &StoredEvent) -> Result<Event, Problem> {
    Event::try_from(stored).map_err(|error| Problem::broken("a stored event is not JSON", &error))
}

/// The body as a tree, and what the rules say; `None` once the body is pruned. A large body takes its time.
async fn look_into(
    door: &Door,
    stored: &StoredEvent,
) -> Result<(Option<Payload>, Option<Verdicts>), Problem> {
    let Some(data) = stored.data.clone() else {
        return Ok((None, None));
    };
    let (stored, loaded) = (stored.clone(), door.rules.current());
    let looked = tokio::task::spawn_blocking(move || {
        let event = parse(&stored)?;
        let payload = Payload::new(&data, &event.data);
        Ok::<_, Problem>((Some(payload), Some(Verdicts::of(&loaded, &event))))
    });
    looked
        .await
        .map_err(|error| Problem::broken("an event could not be looked into", &error))?
}

fn listed(stored: &StoredEvent) -> Vec<(&'static str, String)> {
    let facts = &stored.facts;
    let mut listed = vec![
        ("Source", cut(&facts.source, LONGEST_TEXT)),
        ("Type", cut(&facts.event_type, LONGEST_TEXT)),
        ("Delivery id", cut(&facts.delivery_id, LONGEST_TEXT)),
        (
            "Verified",
            if facts.verified {
                "yes, its signature, token or password was checked"
            } else {
                "no, its source is configured without a secret"
            }
            .to_owned(),
        ),
        ("Tenant", cut(&facts.tenant.0, LONGEST_TEXT)),
        ("Position in the log", stored.position.to_string()),
        ("Event id", facts.id.to_string()),
        ("SHA-256 of the body", facts.digest.to_string()),
    ];
    let attributes = facts.attributes.iter().take(50);
    let attributes: Vec<String> = attributes
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    if !attributes.is_empty() {
        listed.push(("Attributes", cut(&attributes.join(", "), 2_000)));
    }
    listed
}
