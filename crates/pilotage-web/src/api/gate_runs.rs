mod upload;

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use http::{HeaderName, HeaderValue, header};
use pilotage_core::{
    Digest, Timestamp,
    gate::{GateRun, GateRunId, Verdict},
    ports::GateRunFilter,
};
use pilotage_engine::gates::{GateError, findings_of, report_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Page,
    request::{Id, Name, PageSize, Parameters, Text, read_large},
};
use crate::{
    auth::Actor,
    door::Door,
    problem::{Kind, Problem, ProblemDocument},
};
use upload::RunBody;

/// Bytes of a request that begins a run.
const MOST_BYTES: usize = 16 << 20;
/// For a run that has nothing to collect, which is judged at once.
const WAIT: Duration = Duration::from_secs(30);

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
    /// Only for this environment.
    environment: Option<String>,
    /// Only runs that asked this gate.
    gate: Option<String>,
    /// Only of the commit whose full hash begins like this.
    commit: Option<String>,
    /// Began at or after this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Text<Timestamp>>,
    /// Began before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Text<Timestamp>>,
}

/// A run of gates.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunView {
    /// Its identity, and that of the operation that shows it live.
    #[schema(format = Uuid)]
    id: String,
    /// For which environment.
    environment: String,
    /// The full hash of the commit; `null` where it is not known.
    commit: Option<String>,
    /// Files differed from the commit.
    changed: bool,
    /// Where it stands: `running`, `judged` or `brokenOff`.
    status: &'static str,
    /// `ready`, `notReady` or `notJudged`; `null` while there is none.
    verdict: Option<&'static str>,
    /// True for `ready` alone.
    deployment_ready: bool,
    /// From 0 to 100.
    score: u32,
    /// What asked for it: `cli`, `api` or `rule`.
    origin: &'static str,
    /// Who asked.
    actor: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// What happens or has happened, in one sentence.
    message: String,
    /// The files that came with it; their bytes are at `/api/v1/gates/evidence/{digest}`.
    files: Vec<FileView>,
}

/// A file that came with a run.
#[derive(Serialize, ToSchema)]
struct FileView {
    /// As whoever sent it calls it.
    name: String,
    /// The kind of collector that read it.
    kind: String,
    /// SHA-256 of its bytes, in hexadecimal.
    digest: String,
    /// How long it is.
    bytes: u64,
}

impl From<GateRun> for RunView {
    fn from(run: GateRun) -> Self {
        let files = run.files.into_iter().map(|file| FileView {
            name: file.name,
            kind: file.kind,
            digest: file.digest.to_string(),
            bytes: file.bytes,
        });
        Self {
            id: run.id.to_string(),
            environment: run.environment,
            commit: run.commit,
            changed: run.changed,
            status: run.status.as_str(),
            verdict: run.verdict.map(Verdict::as_str),
            deployment_ready: run.verdict == Some(Verdict::Ready),
            score: run.score,
            origin: run.origin.as_str(),
            actor: run.actor,
            started_at: run.started_at,
            finished_at: run.finished_at,
            message: run.message,
            files: files.collect(),
        }
    }
}

/// A run with everything that it rests on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WholeRunView {
    #[serde(flatten)]
    run: RunView,
    /// True where report and evidence were pruned, being older than `retention.evidenceDays`; the facts above stay.
    pruned: bool,
    /// The report, as `pilotage gate run --format json` prints it; `null` while there is none, and where it was pruned.
    #[schema(value_type = Option<Object>)]
    report: Value,
    /// Everything that was measured: `metric` with `evidence` or with the `reason` why there is none.
    #[schema(value_type = Vec<Object>)]
    measured: Value,
}

async fn whole(door: &Door, run: GateRun) -> Result<WholeRunView, Problem> {
    let runs = door.gates.runs();
    let report = report_of(runs, &run).await?;
    let measured = findings_of(runs, &run).await?;
    let as_json = |error: serde_json::Error| Problem::broken("a gate run cannot be shown", &error);
    Ok(WholeRunView {
        pruned: report.is_none() && run.report.is_some(),
        report: serde_json::to_value(report).map_err(as_json)?,
        measured: serde_json::to_value(measured).map_err(as_json)?,
        run: run.into(),
    })
}

async fn find(door: &Door, id: GateRunId) -> Result<GateRun, Problem> {
    let run = door.gates.runs().gate_run(id).await?;
    run.ok_or_else(|| GateError::NotFound(format!("gate run {id}")).into())
}

/// The runs, newest first.
#[utoipa::path(
    get, path = "/api/v1/gates/runs", tag = "gateRuns", params(RunsQuery),
    responses((status = 200, description = "One page", body = Page<RunView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<RunsQuery>,
) -> Result<Json<Page<RunView>>, Problem> {
    let filter = GateRunFilter {
        environment: query.environment,
        gate: query.gate,
        commit: query.commit.map(|commit| commit.to_ascii_lowercase()),
        judged: false,
        since: query.since.map(|since| since.0),
        until: query.until.map(|until| until.0),
    };
    let after = query.after.map(|after| after.0);
    let page = door
        .gates
        .runs()
        .gate_runs(&filter, after, query.limit.items())
        .await?;
    Ok(Json(Page::of(page, RunView::from)))
}

/// One run with its report and its evidence.
#[utoipa::path(
    get, path = "/api/v1/gates/runs/{id}", tag = "gateRuns",
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses(
        (status = 200, description = "The run", body = WholeRunView),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(door): State<Arc<Door>>, Id(id): Id) -> Result<Json<WholeRunView>, Problem> {
    let run = find(&door, GateRunId(id)).await?;
    Ok(Json(whole(&door, run).await?))
}

type Begun = (StatusCode, [(HeaderName, String); 1], Json<WholeRunView>);

/// Judges a commit for an environment, by the evidence that is sent, that earlier runs of the same commit brought, and that
/// is collected where the configuration names a working folder. What needs no collecting is answered with its verdict;
/// otherwise the run goes on, and is followed at its path or as an operation.
#[utoipa::path(
    post, path = "/api/v1/gates/runs", tag = "gateRuns", request_body = RunBody,
    responses(
        (status = 201, description = "Judged", body = WholeRunView, headers(("location" = String, description = "Its path"))),
        (status = 202, description = "Under way", body = WholeRunView, headers(("location" = String, description = "Its path"))),
        (status = 413, description = "More than 16 MiB", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "What was asked does not hold", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Too much is under way", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(door): State<Arc<Door>>,
    Actor(actor): Actor,
    request: Request,
) -> Result<Begun, Problem> {
    let started = {
        let room = door
            .uploads
            .try_acquire()
            .map_err(|_| Problem::from(GateError::Busy))?;
        let body: RunBody = read_large(request.into_body(), MOST_BYTES).await?;
        let asked = body.request(actor, Timestamp::now())?;
        let started = door.gates.start(asked).await?;
        drop(room);
        started
    };
    let id = started.id;
    // The answer of a run that collects would be long in coming.
    let ended = !started.collects && tokio::time::timeout(WAIT, started.ended()).await.is_ok();
    let run = find(&door, id).await?;
    let status = if ended {
        StatusCode::CREATED
    } else {
        StatusCode::ACCEPTED
    };
    let location = [(header::LOCATION, format!("/api/v1/gates/runs/{id}"))];
    Ok((status, location, Json(whole(&door, run).await?)))
}

/// A document of a run by its digest: a file that came with it, its report or its findings, byte for byte.
#[utoipa::path(
    get, path = "/api/v1/gates/evidence/{digest}", tag = "gateRuns",
    params(("digest" = String, Path, description = "SHA-256 in hexadecimal")),
    responses(
        (status = 200, description = "Its bytes", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "No such document", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn evidence(
    State(door): State<Arc<Door>>,
    Name(digest): Name,
) -> Result<([(HeaderName, HeaderValue); 2], Vec<u8>), Problem> {
    let none = || Problem::new(Kind::NotFound, "there is no document with this digest");
    let digest: Digest = digest.parse().map_err(|_| none())?;
    let document = door.gates.runs().document(digest).await?.ok_or_else(none)?;
    // What strangers sent is never shown by a browser as a page of ours.
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment"),
        ),
    ];
    Ok((headers, document))
}
