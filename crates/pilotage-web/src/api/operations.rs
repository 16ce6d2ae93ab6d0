use std::sync::Arc;

use axum::{Json, extract::State};
use pilotage_core::{
    Operation, OperationId, OperationStatus, Timestamp,
    operation::{ShownProgress, StatusUpdate},
    ports::OperationFilter,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    Page,
    request::{Id, PageSize, Parameters, Text},
};
use crate::{
    door::Door,
    problem::{Kind, Problem, ProblemDocument},
};

/// Which operations to list; every filter that is given must hold.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OperationsQuery {
    /// Items on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: PageSize,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Text<i64>>,
    /// Only in this state: `pending`, `running`, `success`, `failure` or `cancelled`.
    #[param(value_type = Option<String>)]
    status: Option<OperationStatus>,
    /// Only of this kind, such as `execution`.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// `true` leaves out what ended longer ago than `server.keepEndedMinutes` (30 where that is not set).
    #[serde(default)]
    active: bool,
}

/// How far an operation has come, in steps.
#[derive(Serialize, ToSchema)]
struct ProgressView {
    /// Steps done.
    current: u32,
    /// Steps in all; 0 where that is not known.
    total: u32,
    /// Steps done of a hundred.
    percentage: u32,
}

/// Something that is going on or has ended, in the shape of a status update.
#[derive(Serialize, ToSchema)]
pub(super) struct OperationView {
    /// Its identity; that of an execution's operation is the execution's.
    #[schema(value_type = String, format = Uuid)]
    id: OperationId,
    /// What it is, such as `execution`.
    #[serde(rename = "type")]
    kind: String,
    /// Where it stands: `pending`, `running`, `success`, `failure` or `cancelled`.
    #[schema(value_type = String)]
    status: OperationStatus,
    /// How far it has come.
    progress: ProgressView,
    /// What happens or has happened, in words.
    message: String,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// Further facts: `name`, `tenant`, `createdAt`, `finishedAt`, and those of its kind, such as `rule` and `eventId`.
    metadata: Map<String, Value>,
}

impl From<Operation> for OperationView {
    fn from(operation: Operation) -> Self {
        let StatusUpdate {
            id,
            kind,
            status,
            progress,
            message,
            timestamp,
            metadata,
        } = operation.into();
        let ShownProgress {
            current,
            total,
            percentage,
        } = progress;
        Self {
            id,
            kind,
            status,
            progress: ProgressView {
                current,
                total,
                percentage,
            },
            message,
            timestamp,
            metadata,
        }
    }
}

/// The operations, newest first.
#[utoipa::path(
    get, path = "/api/v1/operations", tag = "operations", params(OperationsQuery),
    responses((status = 200, description = "One page", body = Page<OperationView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<OperationsQuery>,
) -> Result<Json<Page<OperationView>>, Problem> {
    let (after, limit) = (query.after.map(|Text(after)| after), query.limit.items());
    let filter = OperationFilter {
        status: query.status,
        kind: query.kind,
        active_since: query.active.then(|| Timestamp::now() - door.settings.keep_ended),
    };
    let page = door.ports.operations.operations(&filter, after, limit).await?;
    Ok(Json(Page::of(page, OperationView::from)))
}

/// One operation.
#[utoipa::path(
    get, path = "/api/v1/operations/{id}", tag = "operations",
    params(("id" = String, Path, format = Uuid, description = "Identity of the operation")),
    responses(
        (status = 200, description = "The operation", body = OperationView),
        (status = 404, description = "No such operation", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(door): State<Arc<Door>>, Id(id): Id) -> Result<Json<OperationView>, Problem> {
    let id = OperationId(id);
    let operation = door.ports.operations.operation(id).await?;
    let operation =
        operation.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no operation {id}")))?;
    Ok(Json(operation.into()))
}
