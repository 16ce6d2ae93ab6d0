use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use pilotage_core::{Timestamp, gate::Waiver};
use pilotage_engine::gates::{GateError, WaiverRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Page,
    request::{Id, JsonBody, Parameters},
};
use crate::{
    auth::Actor,
    door::Door,
    problem::{Problem, ProblemDocument},
};

/// Which waivers to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WaiversQuery {
    /// Only of the commit whose hash begins like this.
    commit: Option<String>,
}

/// A waiver: a named person lets a criterion be, for one commit, for a while, for exactly what he saw.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WaiverView {
    /// Names it.
    #[schema(format = Uuid)]
    id: String,
    /// For which environment.
    environment: String,
    /// The full hash of the commit.
    commit: String,
    /// The gate.
    gate: String,
    /// The criterion, by its metric.
    metric: String,
    /// Digest of the criterion and its evidence: it holds for nothing else.
    subject: String,
    /// Why.
    reason: String,
    /// Who answers for it.
    by: String,
    /// Who asked for it.
    actor: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Does not hold from this moment on.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it was taken back; `null` where it was not.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// Who took it back.
    revoked_by: Option<String>,
}

impl From<Waiver> for WaiverView {
    fn from(waiver: Waiver) -> Self {
        Self {
            id: waiver.id.to_string(),
            environment: waiver.environment,
            commit: waiver.commit,
            gate: waiver.gate,
            metric: waiver.metric,
            subject: waiver.subject.to_string(),
            reason: waiver.reason,
            by: waiver.by,
            actor: waiver.actor,
            created_at: waiver.created_at,
            expires_at: waiver.expires_at,
            revoked_at: waiver.revoked_at,
            revoked_by: waiver.revoked_by,
        }
    }
}

/// The newest waivers, at most 500, those that do not hold any more as well.
#[utoipa::path(
    get, path = "/api/v1/gates/waivers", tag = "waivers", params(WaiversQuery),
    responses((status = 200, description = "The waivers, newest first", body = Page<WaiverView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<WaiversQuery>,
) -> Result<Json<Page<WaiverView>>, Problem> {
    let waivers = door.gates.runs().waivers(query.commit.as_deref()).await?;
    Ok(Json(Page {
        items: waivers.into_iter().map(WaiverView::from).collect(),
        next: None,
    }))
}

/// What is waived, by whom, why and until when.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WaiverBody {
    /// `gate/metric`, or `metric` where one gate alone asks it.
    criterion: String,
    /// The commit, or the beginning of its hash.
    commit: String,
    /// Where it was to go; the last run of the commit decides where nothing is said.
    environment: Option<String>,
    /// Why: one line.
    reason: String,
    /// Who answers for it: one line.
    by: String,
    /// Until when; at most 366 days from now.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Waives a criterion that stood in the way of the last run of a commit. The waiver is bound to what that run showed: when
/// the evidence or the criterion changes, it does not apply.
#[utoipa::path(
    post, path = "/api/v1/gates/waivers", tag = "waivers", request_body = WaiverBody,
    responses(
        (status = 201, description = "Waived", body = WaiverView),
        (status = 404, description = "No run of this commit", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "What was asked does not hold", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(door): State<Arc<Door>>,
    Actor(actor): Actor,
    JsonBody(body): JsonBody<WaiverBody>,
) -> Result<(StatusCode, Json<WaiverView>), Problem> {
    let request = WaiverRequest {
        criterion: body.criterion,
        commit: body.commit,
        environment: body.environment,
        reason: body.reason,
        by: body.by,
        expires_at: body.expires_at,
    };
    let waiver = door.gates.waive(Timestamp::now(), &actor, request).await?;
    Ok((StatusCode::CREATED, Json(waiver.into())))
}

/// Takes a waiver back. It stays in the list and in the reports that it made a difference to.
#[utoipa::path(
    delete, path = "/api/v1/gates/waivers/{id}", tag = "waivers",
    params(("id" = String, Path, format = Uuid, description = "Id of the waiver")),
    responses(
        (status = 200, description = "Taken back", body = WaiverView),
        (status = 404, description = "No such waiver", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<Json<WaiverView>, Problem> {
    let revoked = door
        .gates
        .runs()
        .revoke_waiver(id, Timestamp::now(), &actor)
        .await?;
    let waiver = revoked.ok_or_else(|| GateError::NotFound(format!("waiver {id}")))?;
    Ok(Json(waiver.into()))
}
