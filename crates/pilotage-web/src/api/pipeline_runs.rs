mod body;
mod download;
mod view;

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use http::{HeaderMap, HeaderName, header};
use pilotage_core::{
    ExecutionId, Timestamp,
    pipeline_run::{PipelineRunId, RunState},
    ports::PipelineRunFilter,
};
use pilotage_engine::pipelines::{AskedRun, LogQuery};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Page,
    request::{Id, JsonBody, OptionalJsonBody, PageSize, Parameters, Text},
};
use crate::{
    auth::Actor,
    door::Door,
    problem::{Problem, ProblemDocument},
};
use body::{ApproveBody, RetryBody, StartBody};
pub(super) use download::*;
pub(super) use view::Items;
use view::{ApprovalView, ArtifactView, LogView, PipelineRunView, PlatformView, WholePipelineRunView};

/// Which runs to list; every filter that is given must hold.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RunsQuery {
    /// Items on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: PageSize,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Text<i64>>,
    /// Only on this platform.
    platform: Option<String>,
    /// Only of this pipeline.
    pipeline: Option<String>,
    /// Only of this branch or tag.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// Only in this state: `queued`, `running`, `waiting`, `succeeded`, `failed`, `cancelled` or `skipped`.
    #[param(value_type = Option<String>)]
    state: Option<RunState>,
    /// Only those that this execution started.
    #[param(value_type = Option<String>, format = Uuid)]
    execution: Option<Uuid>,
    /// Asked for at or after this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Text<Timestamp>>,
    /// Asked for before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Text<Timestamp>>,
}

/// The runs of pipelines that were started here, newest first.
#[utoipa::path(
    get, path = "/api/v1/pipelines/runs", tag = "pipelineRuns", params(RunsQuery),
    responses((status = 200, description = "One page", body = Page<PipelineRunView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<RunsQuery>,
) -> Result<Json<Page<PipelineRunView>>, Problem> {
    let filter = PipelineRunFilter {
        platform: query.platform,
        pipeline: query.pipeline,
        reference: query.reference,
        state: query.state,
        execution: query.execution.map(ExecutionId),
        since: query.since.map(|since| since.0),
        until: query.until.map(|until| until.0),
    };
    let after = query.after.map(|after| after.0);
    let runs = door.pipelines.runs();
    let page = runs.pipeline_runs(&filter, after, query.limit.items()).await?;
    Ok(Json(Page::of(page, PipelineRunView::from)))
}

/// One run with its jobs and their steps.
#[utoipa::path(
    get, path = "/api/v1/pipelines/runs/{id}", tag = "pipelineRuns",
    params(("id" = String, Path, format = Uuid, description = "Id of the run, which is that of its operation")),
    responses(
        (status = 200, description = "The run", body = WholePipelineRunView),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Id(id): Id,
) -> Result<Json<WholePipelineRunView>, Problem> {
    let kept = door.pipelines.run(PipelineRunId(id)).await?;
    Ok(Json(kept.into()))
}

/// The platforms that pipelines can be started on.
#[utoipa::path(
    get, path = "/api/v1/pipelines/platforms", tag = "pipelineRuns",
    responses((status = 200, description = "All of them", body = Items<PlatformView>))
)]
pub(super) async fn platforms(State(door): State<Arc<Door>>) -> Result<Json<Items<PlatformView>>, Problem> {
    let mut items = Vec::new();
    for name in door.pipelines.platforms() {
        let platform = door.pipelines.platform(&name)?;
        items.push(PlatformView::new(name, platform.as_ref()));
    }
    Ok(Json(Items { items }))
}

type Started = (StatusCode, [(HeaderName, String); 1], Json<WholePipelineRunView>);

/// Starts a pipeline on its platform. A start with a key happens once on each platform: when it is asked for again, the run
/// that there is is answered. The run is followed from then on, at its path or as an operation.
#[utoipa::path(
    post, path = "/api/v1/pipelines/runs", tag = "pipelineRuns", request_body = StartBody,
    params(("idempotency-key" = Option<String>, Header, description = "The key, where the body has none")),
    responses(
        (status = 201, description = "Started", body = WholePipelineRunView, headers(("location" = String, description = "Its path"))),
        (status = 200, description = "It was started with this key before", body = WholePipelineRunView, headers(("location" = String, description = "Its path"))),
        (status = 404, description = "The platform knows no such pipeline", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "A start with this key may have been taken, which cannot be found out", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "What was asked does not hold", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "The platform takes no more requests for now", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "The platform refused or is in trouble; the detail says what to do", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(door): State<Arc<Door>>,
    Actor(actor): Actor,
    headers: HeaderMap,
    JsonBody(body): JsonBody<StartBody>,
) -> Result<Started, Problem> {
    let header = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let (platform, start) = body.read(header)?;
    let asked = AskedRun {
        platform,
        start,
        actor,
        execution: None,
    };
    let (kept, is_new) = door.pipelines.start(asked).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = [(header::LOCATION, format!("/api/v1/pipelines/runs/{}", kept.id))];
    Ok((status, location, Json(kept.into())))
}

/// Asks the platform to stop a run; it may go on for a while.
#[utoipa::path(
    post, path = "/api/v1/pipelines/runs/{id}/cancel", tag = "pipelineRuns",
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses(
        (status = 202, description = "The platform was asked", body = WholePipelineRunView),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It has ended", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "The platform refused or is in trouble", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<(StatusCode, Json<WholePipelineRunView>), Problem> {
    let kept = door.pipelines.cancel(&actor, PipelineRunId(id)).await?;
    Ok((StatusCode::ACCEPTED, Json(kept.into())))
}

/// Runs it again: what failed, or all of it.
#[utoipa::path(
    post, path = "/api/v1/pipelines/runs/{id}/retry", tag = "pipelineRuns", request_body = RetryBody,
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses(
        (status = 202, description = "The platform was asked", body = WholePipelineRunView),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It has not ended, or cannot be run again", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "The platform refused or is in trouble", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn retry(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
    OptionalJsonBody(body): OptionalJsonBody<RetryBody>,
) -> Result<(StatusCode, Json<WholePipelineRunView>), Problem> {
    let retried = door.pipelines.retry(&actor, PipelineRunId(id), !body.all);
    Ok((StatusCode::ACCEPTED, Json(retried.await?.into())))
}

/// What the run waits for until somebody decides.
#[utoipa::path(
    get, path = "/api/v1/pipelines/runs/{id}/approvals", tag = "pipelineRuns",
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses(
        (status = 200, description = "What waits", body = Items<ApprovalView>),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approvals(
    State(door): State<Arc<Door>>,
    Id(id): Id,
) -> Result<Json<Items<ApprovalView>>, Problem> {
    let waiting = door.pipelines.approvals(PipelineRunId(id)).await?;
    Ok(Json(Items::of(waiting)))
}

/// Lets what waits go on, or not.
#[utoipa::path(
    post, path = "/api/v1/pipelines/runs/{id}/approve", tag = "pipelineRuns", request_body = ApproveBody,
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses(
        (status = 202, description = "What was decided", body = Items<ApprovalView>),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It waits for nothing", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "The platform refused or is in trouble", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
    OptionalJsonBody(body): OptionalJsonBody<ApproveBody>,
) -> Result<(StatusCode, Json<Items<ApprovalView>>), Problem> {
    let (name, comment) = body.read()?;
    let decided = door
        .pipelines
        .decide(&actor, PipelineRunId(id), name, !body.reject, comment)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(Items::of(decided))))
}

/// What the run left behind on its platform.
#[utoipa::path(
    get, path = "/api/v1/pipelines/runs/{id}/artifacts", tag = "pipelineRuns",
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses(
        (status = 200, description = "All of them, at most 500", body = Items<ArtifactView>),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn artifacts(
    State(door): State<Arc<Door>>,
    Id(id): Id,
) -> Result<Json<Items<ArtifactView>>, Problem> {
    let left = door.pipelines.artifacts(PipelineRunId(id)).await?;
    Ok(Json(Items::of(left)))
}

/// Which part of the logs.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogsQuery {
    /// Only of the job with this name or id. Without it: what failed; where nothing did, what there is.
    job: Option<String>,
    /// The last lines of each log.
    #[param(minimum = 1, maximum = 2000, default = 200)]
    tail: Option<u16>,
    /// From there on: the `next` of an earlier answer. Of one log only.
    after: Option<u64>,
    /// Only lines that hold this text, in whatever case.
    search: Option<String>,
}

/// Logs of a run, as the platform hands them out, without colours and known secrets.
#[utoipa::path(
    get, path = "/api/v1/pipelines/runs/{id}/logs", tag = "pipelineRuns",
    params(("id" = String, Path, format = Uuid, description = "Id of the run"), LogsQuery),
    responses(
        (status = 200, description = "At most five logs with 256 KiB in all", body = LogView),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "It has no such job", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "The platform refused or is in trouble", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn logs(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Parameters(query): Parameters<LogsQuery>,
) -> Result<Json<LogView>, Problem> {
    let query = LogQuery {
        job: query.job,
        tail: query.tail.map(usize::from),
        after: query.after,
        search: query.search,
    };
    let shown = door.pipelines.logs(PipelineRunId(id), &query).await?;
    Ok(Json(shown.into()))
}
