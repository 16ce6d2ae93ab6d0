use std::sync::Arc;

use axum::{Json, extract::State};
use pilotage_core::{Timestamp, audit::AuditRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Page,
    request::{PageSize, Parameters, Text},
};
use crate::{door::Door, problem::Problem};

/// Which part of the chain to read.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Records on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: PageSize,
    /// Only records with a higher sequence.
    #[param(value_type = Option<String>)]
    after: Option<Text<i64>>,
}

/// A record in its place in the chain. It can be verified as it stands here: `facts` is the text that was hashed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecordView {
    /// 1, 2, 3, ... without gaps.
    sequence: i64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whose it is.
    tenant: String,
    /// Who did it.
    actor: String,
    /// What was done.
    kind: String,
    /// What it was done to.
    subject: String,
    /// The facts, as JSON text.
    facts: String,
    /// Hash of the record before, in hexadecimal.
    previous: String,
    /// Hash of this record, in hexadecimal.
    hash: String,
}

impl From<AuditRecord> for RecordView {
    fn from(record: AuditRecord) -> Self {
        Self {
            sequence: record.sequence,
            at: record.at,
            tenant: record.tenant,
            actor: record.actor,
            kind: record.kind,
            subject: record.subject,
            facts: record.facts,
            previous: record.previous.to_string(),
            hash: record.hash.to_string(),
        }
    }
}

/// The end of the chain.
#[derive(Serialize, ToSchema)]
pub(super) struct HeadView {
    /// Sequence of the last record; 0 for an empty chain.
    sequence: i64,
    /// Its hash, in hexadecimal; zeros for an empty chain.
    hash: String,
}

/// The audit trail, oldest first. `next` is `null` where there is no further record now.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "One page", body = Page<RecordView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<Page<RecordView>>, Problem> {
    let after = query.after.map_or(0, |Text(after)| after.max(0));
    let limit = query.limit.items();
    // One more than asked for tells whether there is a next page.
    let mut records = door.ports.audit.records_after(after, limit + 1).await?;
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records
        .last()
        .filter(|_| more)
        .map(|record| record.sequence.to_string());
    Ok(Json(Page {
        items: records.into_iter().map(RecordView::from).collect(),
        next,
    }))
}

/// The last record's place: what an auditor writes down to notice a chain that was cut short.
#[utoipa::path(
    get, path = "/api/v1/audit/head", tag = "audit",
    responses((status = 200, description = "The end of the chain", body = HeadView))
)]
pub(super) async fn head(State(door): State<Arc<Door>>) -> Result<Json<HeadView>, Problem> {
    let head = door.ports.audit.head().await?;
    Ok(Json(HeadView {
        sequence: head.sequence,
        hash: head.hash.to_string(),
    }))
}
