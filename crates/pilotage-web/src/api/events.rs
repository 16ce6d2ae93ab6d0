use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use pilotage_core::{
    Event, EventFacts, EventId, Position, StoredEvent, Timestamp,
    ports::{EventFilter, EventSummary, ExecutionFilter, RuleFault},
};
use pilotage_engine::operations::{ReplayRules, Replayed};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{
    Page,
    executions::ExecutionView,
    request::{Id, OptionalJsonBody, PageSize, Parameters, Text},
};
use crate::{
    auth::Actor,
    door::Door,
    problem::{Kind, Problem, ProblemDocument},
};

/// Executions shown with an event.
const SHOWN_EXECUTIONS: usize = 500;

/// Which events to list; every filter that is given must hold.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Items on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: PageSize,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Text<i64>>,
    /// Exactly this source.
    source: Option<String>,
    /// Exactly this type.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Exactly this delivery id.
    delivery_id: Option<String>,
    /// Only decided events that no rule matched (`true`), or only those with executions (`false`).
    unhandled: Option<bool>,
    /// Received at or after this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Received before this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// The facts about a delivery.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventView {
    /// Its identity.
    #[schema(value_type = String, format = Uuid)]
    id: EventId,
    /// Its place in the log.
    #[schema(value_type = i64)]
    position: Position,
    /// Whose it is.
    tenant: String,
    /// The webhook source that it came from.
    source: String,
    /// The source's own word for what happened.
    #[serde(rename = "type")]
    event_type: String,
    /// The sender's identity for this delivery.
    delivery_id: String,
    /// When it happened, according to the sender.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// Whether a signature, token or password was checked.
    verified: bool,
    /// Protocol facts beside the body.
    attributes: std::collections::BTreeMap<String, String>,
    /// SHA-256 of the raw body, in hexadecimal.
    digest: String,
    /// Bytes of its data; `null` once pruned.
    size: Option<i64>,
    /// Whether retention has pruned its data.
    pruned: bool,
}

impl EventView {
    fn new(position: Position, facts: EventFacts, size: Option<i64>) -> Self {
        Self {
            id: facts.id,
            position,
            tenant: facts.tenant.0,
            source: facts.source,
            event_type: facts.event_type,
            delivery_id: facts.delivery_id,
            timestamp: facts.timestamp,
            received_at: facts.received_at,
            verified: facts.verified,
            attributes: facts.attributes,
            digest: facts.digest.to_string(),
            size,
            pruned: size.is_none(),
        }
    }
}

/// An event in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct EventItem {
    #[serde(flatten)]
    event: EventView,
    /// How many executions it caused; `null` while rules have not been asked yet.
    executions: Option<i64>,
}

impl From<EventSummary> for EventItem {
    fn from(summary: EventSummary) -> Self {
        let EventSummary {
            event,
            size,
            executions,
        } = summary;
        Self {
            event: EventView::new(event.position, event.facts, size),
            executions,
        }
    }
}

/// What the rules said about an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    decided_at: Timestamp,
    /// Rules that could not be asked.
    faults: Vec<FaultView>,
}

/// A rule that could not be decided for an event.
#[derive(Serialize, ToSchema)]
pub(super) struct FaultView {
    /// The rule.
    rule: String,
    /// Why.
    reason: String,
}

impl From<RuleFault> for FaultView {
    fn from(RuleFault { rule, reason }: RuleFault) -> Self {
        Self { rule, reason }
    }
}

/// An event with all that belongs to it.
#[derive(Serialize, ToSchema)]
pub(super) struct EventDetail {
    #[serde(flatten)]
    event: EventView,
    /// The data as it was stored; `null` once pruned.
    #[schema(value_type = Value)]
    data: Option<Box<RawValue>>,
    /// What the rules said; `null` while they have not been asked.
    decision: Option<DecisionView>,
    /// Its executions, newest first, at most 500.
    executions: Vec<ExecutionView>,
}

/// The events, newest first.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", params(EventsQuery),
    responses((status = 200, description = "One page", body = Page<EventItem>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<EventsQuery>,
) -> Result<Json<Page<EventItem>>, Problem> {
    let (after, limit) = (query.after.map(|Text(after)| after), query.limit.items());
    let filter = EventFilter {
        source: query.source,
        event_type: query.event_type,
        delivery_id: query.delivery_id,
        unhandled: query.unhandled,
        since: query.since,
        until: query.until,
    };
    let page = door.ports.history.events(&filter, after, limit).await?;
    Ok(Json(Page::of(page, EventItem::from)))
}

/// One event with its data, what the rules said, and its executions.
#[utoipa::path(
    get, path = "/api/v1/events/{id}", tag = "events",
    params(("id" = String, Path, format = Uuid, description = "Identity of the event")),
    responses(
        (status = 200, description = "The event", body = EventDetail),
        (status = 404, description = "No such event", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(door): State<Arc<Door>>, Id(id): Id) -> Result<Json<EventDetail>, Problem> {
    let stored = find(&door, EventId(id)).await?;
    let history = &door.ports.history;
    let decision = history
        .decision(stored.position)
        .await?
        .map(|decision| DecisionView {
            decided_at: decision.decided_at,
            faults: decision.faults.into_iter().map(FaultView::from).collect(),
        });
    let filter = ExecutionFilter {
        event: Some(EventId(id)),
        ..ExecutionFilter::default()
    };
    let executions = history.executions(&filter, None, SHOWN_EXECUTIONS).await?.items;
    let size = stored
        .data
        .as_ref()
        .and_then(|data| i64::try_from(data.len()).ok());
    let data = raw(&stored)?;
    Ok(Json(EventDetail {
        event: EventView::new(stored.position, stored.facts, size),
        data,
        decision,
        executions: executions.into_iter().map(ExecutionView::from).collect(),
    }))
}

/// One event as it is stored.
pub(super) async fn find(door: &Door, id: EventId) -> Result<StoredEvent, Problem> {
    let stored = door.ports.history.event(id).await?;
    stored.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no event {id}")))
}

/// One event as rules see it.
pub(super) async fn find_parsed(door: &Door, id: EventId) -> Result<Event, Problem> {
    let stored = find(door, id).await?;
    Event::try_from(&stored).map_err(|error| Problem::broken("a stored event is not JSON", &error))
}

fn raw(stored: &StoredEvent) -> Result<Option<Box<RawValue>>, Problem> {
    let Some(data) = &stored.data else { return Ok(None) };
    let raw = serde_json::from_slice(data);
    raw.map(Some)
        .map_err(|error| Problem::broken("a stored event is not JSON", &error))
}

/// Which rules decide a replay.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ReplayRules)]
pub(super) enum Rules {
    /// The rules in force now.
    #[default]
    Today,
    /// The versions that matched then.
    Same,
}

/// How to replay an event.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayRequest {
    /// Which rules decide.
    #[serde(default)]
    rules: Rules,
}

/// What a replay scheduled.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayView {
    /// The event.
    #[schema(value_type = String, format = Uuid)]
    event_id: EventId,
    /// The new executions.
    #[schema(value_type = Vec<String>)]
    executions: Vec<pilotage_core::ExecutionId>,
    /// Rules that could not be asked.
    faults: Vec<FaultView>,
}

/// Acts on an event again. Without a body the rules of today decide.
#[utoipa::path(
    post, path = "/api/v1/events/{id}/replay", tag = "events",
    params(("id" = String, Path, format = Uuid, description = "Identity of the event")),
    request_body = Option<ReplayRequest>,
    responses(
        (status = 202, description = "Scheduled", body = ReplayView),
        (status = 404, description = "No such event", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "Its data is pruned", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The body does not hold", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn replay(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
    OptionalJsonBody(request): OptionalJsonBody<ReplayRequest>,
) -> Result<(StatusCode, Json<ReplayView>), Problem> {
    let rules = match request.rules {
        Rules::Today => ReplayRules::Today,
        Rules::Same => ReplayRules::Same,
    };
    let event_id = EventId(id);
    let Replayed { executions, faults } = door.operations.replay(&actor, event_id, rules).await?;
    let faults = faults.into_iter().map(FaultView::from).collect();
    Ok((
        StatusCode::ACCEPTED,
        Json(ReplayView {
            event_id,
            executions,
            faults,
        }),
    ))
}
