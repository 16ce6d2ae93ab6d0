mod body;
mod view;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use http::{HeaderName, header};
use pilotage_core::{
    Digest, Timestamp,
    operation::Progress,
    ports::{BegunTestRun, TestRunFilter},
    testing::{Came, TestReport, TestRun, TestRunEnding, TestRunId, TestRunStatus},
};
use serde::Deserialize;

use super::{
    Page,
    request::{Id, JsonBody, PageSize, Parameters, Text, read_large},
};
use crate::{
    auth::Actor,
    door::Door,
    problem::{Kind, Problem, ProblemDocument},
};
use body::{BeginBody, ProgressBody};
use view::{RunView, WholeRunView};

/// Bytes of a report that is sent.
const MOST_BYTES: usize = 8 << 20;

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
    /// Only of this name.
    name: Option<String>,
    /// Only of the commit whose full hash begins like this.
    commit: Option<String>,
    /// Only in this status: `running`, `passed`, `failed` or `brokenOff`.
    #[param(value_type = Option<String>)]
    status: Option<TestRunStatus>,
    /// Only shards of this plan.
    plan: Option<String>,
    /// Begun at or after this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Text<Timestamp>>,
    /// Begun before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Text<Timestamp>>,
}

/// The run with this identity.
///
/// # Errors
/// There is none, or the store failed.
pub(crate) async fn find(door: &Door, id: TestRunId) -> Result<TestRun, Problem> {
    let run = door.ports.test_runs.test_run(id).await?;
    run.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no test run {id}")))
}

/// The report of a run and its length; `None` while there is none.
///
/// # Errors
/// The store failed, or holds something else.
pub(crate) async fn report_of(door: &Door, run: &TestRun) -> Result<Option<(TestReport, usize)>, Problem> {
    if run.report.is_none() {
        return Ok(None);
    }
    let Some(text) = door.ports.test_runs.test_report(run.id).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&text)
        .map(|report| Some((report, text.len())))
        .map_err(|error| Problem::broken("a report of tests cannot be shown", &error))
}

/// The runs of tests, newest first.
#[utoipa::path(
    get, path = "/api/v1/tests/runs", tag = "testRuns", params(RunsQuery),
    responses((status = 200, description = "One page", body = Page<RunView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<RunsQuery>,
) -> Result<Json<Page<RunView>>, Problem> {
    let filter = TestRunFilter {
        name: query.name,
        commit: query.commit.map(|commit| commit.to_ascii_lowercase()),
        status: query.status,
        plan: query.plan,
        reported: false,
        since: query.since.map(|since| since.0),
        until: query.until.map(|until| until.0),
    };
    let after = query.after.map(|after| after.0);
    let page = door
        .ports
        .test_runs
        .test_runs(&filter, after, query.limit.items());
    Ok(Json(Page::of(page.await?, RunView::from)))
}

/// One run with its report.
#[utoipa::path(
    get, path = "/api/v1/tests/runs/{id}", tag = "testRuns",
    params(("id" = String, Path, format = Uuid, description = "Id of the run, which is that of its operation")),
    responses(
        (status = 200, description = "The run", body = WholeRunView),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(door): State<Arc<Door>>, Id(id): Id) -> Result<Json<WholeRunView>, Problem> {
    let run = find(&door, TestRunId(id)).await?;
    let report = report_of(&door, &run).await?.map(|(report, _)| report);
    Ok(Json(WholeRunView {
        report: serde_json::to_value(report).unwrap_or_default(),
        run: run.into(),
    }))
}

type Begun = (StatusCode, [(HeaderName, String); 1], Json<RunView>);

/// A run begins elsewhere. It is shown here live, as an operation, until its report comes or nothing is heard of it for ten
/// minutes. Beginning with the identity of a run that there is changes nothing and answers that.
#[utoipa::path(
    post, path = "/api/v1/tests/runs", tag = "testRuns", request_body = BeginBody,
    responses(
        (status = 201, description = "Begun", body = RunView, headers(("location" = String, description = "Its path"))),
        (status = 200, description = "It was begun before", body = RunView, headers(("location" = String, description = "Its path"))),
        (status = 409, description = "Something else has this identity, or 200 runs go on", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "What was said does not hold", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(door): State<Arc<Door>>,
    Actor(actor): Actor,
    JsonBody(body): JsonBody<BeginBody>,
) -> Result<Begun, Problem> {
    let new = body.run(actor, Timestamp::now())?;
    let id = new.id;
    let refuse = |detail: &str| Err(Problem::new(Kind::Conflict, detail));
    let status = match door.ports.test_runs.begin_test_run(new).await? {
        BegunTestRun::New => StatusCode::CREATED,
        BegunTestRun::Known => StatusCode::OK,
        BegunTestRun::Taken => return refuse("something else has this identity"),
        BegunTestRun::TooMany => return refuse("as many test runs go on as may at once"),
    };
    let run = find(&door, id).await?;
    let location = [(header::LOCATION, format!("/api/v1/tests/runs/{id}"))];
    Ok((status, location, Json(run.into())))
}

fn ended() -> Problem {
    Problem::new(Kind::Conflict, "the run has ended")
}

/// How far a run has come.
#[utoipa::path(
    put, path = "/api/v1/tests/runs/{id}/progress", tag = "testRuns", request_body = ProgressBody,
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses(
        (status = 204, description = "Shown"),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It has ended", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "What was said does not hold", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn progress(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    JsonBody(body): JsonBody<ProgressBody>,
) -> Result<StatusCode, Problem> {
    let run = find(&door, TestRunId(id)).await?;
    let progress = Progress {
        current: body.current.min(body.total),
        total: body.total,
    };
    let runs = &door.ports.test_runs;
    let shown = runs.show_test_run(run.id, Timestamp::now(), progress, &body.message);
    if shown.await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ended())
    }
}

/// A run ends with its report, of which every text and list is cut to its bound. Sending the same again changes nothing.
#[utoipa::path(
    put, path = "/api/v1/tests/runs/{id}/report", tag = "testRuns", request_body = Object,
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses(
        (status = 200, description = "Kept", body = RunView),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It has ended otherwise", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "More than 8 MiB", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "It is no report, or contradicts itself", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn report(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
    request: Request,
) -> Result<Json<RunView>, Problem> {
    let run = find(&door, TestRunId(id)).await?;
    let report: TestReport = read_large(request.into_body(), MOST_BYTES).await?;
    if let Some(why) = report.contradiction() {
        return Err(Problem::new(
            Kind::Invalid,
            format!("the report cannot be believed: {why}"),
        ));
    }
    let report = report.within_bounds();
    let text =
        serde_json::to_vec(&report).map_err(|error| Problem::broken("a report cannot be kept", &error))?;
    let digest = Digest::of(&text);
    let ending = TestRunEnding {
        at: Timestamp::now(),
        actor,
        message: view::headline(&report.totals),
        came: Some(Came {
            passed: report.passed,
            totals: report.totals,
            standouts: report.standouts(),
            report: text,
        }),
    };
    let kept = door.ports.test_runs.finish_test_run(run.id, ending).await?;
    let run = find(&door, run.id).await?;
    if kept || run.report == Some(digest) {
        Ok(Json(run.into()))
    } else {
        Err(ended())
    }
}

/// A run was interrupted: there will be no report.
#[utoipa::path(
    post, path = "/api/v1/tests/runs/{id}/break-off", tag = "testRuns",
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses(
        (status = 200, description = "Broken off", body = RunView),
        (status = 404, description = "No such run", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It has ended", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn break_off(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<Json<RunView>, Problem> {
    let run = find(&door, TestRunId(id)).await?;
    let ending = TestRunEnding {
        at: Timestamp::now(),
        actor,
        message: "Broken off: it was interrupted.".to_owned(),
        came: None,
    };
    if !door.ports.test_runs.finish_test_run(run.id, ending).await? {
        return Err(ended());
    }
    Ok(Json(find(&door, run.id).await?.into()))
}
