use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use pilotage_core::{
    EventId, Execution, ExecutionId, ExecutionStatus, Position, Timestamp,
    execution::{Attempt, AttemptResult},
    ports::ExecutionFilter,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Page,
    request::{Id, PageSize, Parameters, Text},
};
use crate::{
    auth::Actor,
    door::Door,
    problem::{Kind, Problem, ProblemDocument},
};

/// Which executions to list; every filter that is given must hold.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExecutionsQuery {
    /// Items on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: PageSize,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Text<i64>>,
    /// Only in this state: `waiting`, `pending`, `running`, `succeeded`, `failed` or `cancelled`.
    #[param(value_type = Option<String>)]
    status: Option<ExecutionStatus>,
    /// Only of this rule.
    rule: Option<String>,
    /// Only of this event.
    #[param(value_type = Option<String>, format = Uuid)]
    event: Option<EventId>,
    /// Created at or after this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Created before this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// One rule acting on one event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionView {
    /// Its identity.
    #[schema(value_type = String, format = Uuid)]
    id: ExecutionId,
    /// Whose it is.
    tenant: String,
    /// The event that it acts on.
    #[schema(value_type = String, format = Uuid)]
    event_id: EventId,
    /// That event's place in the log.
    #[schema(value_type = i64)]
    position: Position,
    /// The rule that matched.
    rule: String,
    /// Version of that rule: digest of its JSON.
    rule_digest: String,
    /// Where it stands: `waiting`, `pending`, `running`, `succeeded`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    status: ExecutionStatus,
    /// Why, for failed and cancelled ones, and for a pending one that was put off.
    reason: Option<String>,
    /// Times that it was claimed by a worker.
    claims: u32,
    /// Index of the action that runs now or next, from 0; `reason` counts from 1.
    action: u32,
    /// Attempts already made at that action.
    attempts_made: u32,
    /// Not before this moment.
    #[schema(value_type = String, format = DateTime)]
    due: Timestamp,
    /// When it was scheduled.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was first claimed.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Its concurrency key, if its rule has one.
    concurrency_key: Option<String>,
    /// Its debounce key, if its rule has one.
    debounce_key: Option<String>,
    /// Who replayed the event, if this is a replay.
    replayed_by: Option<String>,
    /// Who asked to cancel it.
    cancel_requested_by: Option<String>,
}

impl From<Execution> for ExecutionView {
    fn from(execution: Execution) -> Self {
        Self {
            id: execution.id,
            tenant: execution.tenant.0,
            event_id: execution.event_id,
            position: execution.position,
            rule: execution.rule,
            rule_digest: execution.rule_digest.to_string(),
            status: execution.status,
            reason: execution.reason,
            claims: execution.claims,
            action: execution.action,
            attempts_made: execution.attempts,
            due: execution.due,
            created_at: execution.created_at,
            started_at: execution.started_at,
            finished_at: execution.finished_at,
            concurrency_key: execution.concurrency_key,
            debounce_key: execution.debounce_key,
            replayed_by: execution.replayed_by,
            cancel_requested_by: execution.cancel_requested_by,
        }
    }
}

/// One attempt at one action.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptView {
    /// Index of the action in its rule, from 0.
    action: u32,
    /// 1 for the first try of that action.
    number: u32,
    /// The action's type.
    action_type: String,
    /// Same on every attempt at this action of this execution.
    idempotency_key: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// How long it took, in microseconds.
    duration_us: i64,
    /// How it ended: `success`, `retryable`, `permanent` or `cancelled`.
    #[schema(value_type = String)]
    result: AttemptResult,
    /// What was asked, without credentials.
    request: String,
    /// HTTP status of the answer, if there was one.
    status: Option<u16>,
    /// The first part of the answer, redacted.
    response: Option<String>,
    /// What went wrong.
    error: Option<String>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            action: attempt.action,
            number: attempt.number,
            action_type: attempt.action_type,
            idempotency_key: attempt.idempotency_key,
            started_at: attempt.started_at,
            duration_us: attempt.duration_us,
            result: attempt.result,
            request: attempt.request,
            status: attempt.status,
            response: attempt.response,
            error: attempt.error,
        }
    }
}

/// An execution with its attempts.
#[derive(Serialize, ToSchema)]
pub(super) struct ExecutionDetail {
    #[serde(flatten)]
    execution: ExecutionView,
    /// Its attempts, oldest first, at most the last 1,000.
    attempts: Vec<AttemptView>,
}

/// The executions, newest first.
#[utoipa::path(
    get, path = "/api/v1/executions", tag = "executions", params(ExecutionsQuery),
    responses((status = 200, description = "One page", body = Page<ExecutionView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<ExecutionsQuery>,
) -> Result<Json<Page<ExecutionView>>, Problem> {
    let (after, limit) = (query.after.map(|Text(after)| after), query.limit.items());
    let filter = ExecutionFilter {
        status: query.status,
        rule: query.rule,
        event: query.event,
        since: query.since,
        until: query.until,
    };
    let page = door.ports.history.executions(&filter, after, limit).await?;
    Ok(Json(Page::of(page, ExecutionView::from)))
}

/// One execution with its attempts.
#[utoipa::path(
    get, path = "/api/v1/executions/{id}", tag = "executions",
    params(("id" = String, Path, format = Uuid, description = "Identity of the execution")),
    responses(
        (status = 200, description = "The execution", body = ExecutionDetail),
        (status = 404, description = "No such execution", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Id(id): Id,
) -> Result<Json<ExecutionDetail>, Problem> {
    let id = ExecutionId(id);
    let execution = door.ports.history.execution(id).await?;
    let execution =
        execution.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no execution {id}")))?;
    let attempts = door.ports.history.attempts(id).await?;
    Ok(Json(ExecutionDetail {
        execution: execution.into(),
        attempts: attempts.into_iter().map(AttemptView::from).collect(),
    }))
}

/// Sends an execution back from the dead letters: the failed action is tried again, those that succeeded are not repeated.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/retry", tag = "executions",
    params(("id" = String, Path, format = Uuid, description = "Identity of the execution")),
    responses(
        (status = 202, description = "It will run again", body = ExecutionView),
        (status = 404, description = "No such execution", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It has not failed; `state` says how it stands", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn retry(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<(StatusCode, Json<ExecutionView>), Problem> {
    let execution = door.operations.retry(&actor, ExecutionId(id)).await?;
    Ok((StatusCode::ACCEPTED, Json(execution.into())))
}

/// Asks to cancel an execution. One that runs stops at its next look.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/cancel", tag = "executions",
    params(("id" = String, Path, format = Uuid, description = "Identity of the execution")),
    responses(
        (status = 202, description = "It is cancelled, or will be", body = ExecutionView),
        (status = 404, description = "No such execution", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It has ended; `state` says how", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<(StatusCode, Json<ExecutionView>), Problem> {
    let execution = door.operations.cancel(&actor, ExecutionId(id)).await?;
    Ok((StatusCode::ACCEPTED, Json(execution.into())))
}
