//! What platforms keep beside runs: marks and checks on commits, which are written back, and deployments.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use pilotage_core::{
    Timestamp,
    config::Problem as Finding,
    pipeline_run::{
        Annotation, AnnotationLevel, Check, CheckState, CommitMark, CommitState, MOST_ANNOTATIONS,
        PlatformDeployment, RunState, WrittenCheck, WrittenKind,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    pipeline_runs::Items,
    request::{JsonBody, Name, Parameters},
};
use crate::{
    auth::Actor,
    door::Door,
    problem::{Kind, Problem, ProblemDocument},
};

/// Bytes of a name, a line or an address.
const MOST_LINE_BYTES: usize = 500;
/// Bytes of a summary, and of what is said of one place.
const MOST_TEXT_BYTES: usize = 64 << 10;
const MOST_MESSAGE_BYTES: usize = 16 << 10;

/// Something that is said of a commit in one line.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CommitMark)]
pub(super) struct MarkBody {
    /// The full hash.
    commit: String,
    /// What it is said to be: `pending`, `success`, `failure` or `error`.
    #[schema(value_type = String)]
    state: CommitState,
    /// Tells marks of one commit apart; `pilotage` where nothing is said.
    #[serde(default = "usual_name")]
    context: String,
    /// One line.
    #[serde(default)]
    description: String,
    /// Where to read more.
    url: Option<String>,
}

/// What was found on a commit, and where.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CommitCheck)]
pub(super) struct CheckBody {
    /// The full hash.
    commit: String,
    /// Tells checks of one commit apart; `pilotage` where nothing is said.
    #[serde(default = "usual_name")]
    name: String,
    /// `queued`, `running`, `success`, `failure`, `neutral`, `cancelled`, `skipped`, `timed-out` or `action-required`.
    #[schema(value_type = String)]
    state: CheckState,
    /// One line.
    #[serde(default)]
    title: String,
    /// Paragraphs in Markdown.
    #[serde(default)]
    summary: String,
    /// What was found where, at most 500 places.
    #[serde(default)]
    annotations: Vec<AnnotationBody>,
    /// Where to read more.
    url: Option<String>,
    /// No mark in its place: where the platform or its credentials have no checks, that is an error.
    #[serde(default)]
    strict: bool,
}

/// What a check found at a place.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CheckAnnotation)]
struct AnnotationBody {
    /// The file, from the root of the repository.
    path: String,
    /// Its line, from 1.
    line: u32,
    /// The last line that is meant.
    end_line: Option<u32>,
    /// `notice`, `warning` or `failure`.
    #[schema(value_type = String)]
    level: AnnotationLevel,
    /// What it is called.
    title: Option<String>,
    /// What it says.
    message: String,
}

/// How a check was written.
#[derive(Serialize, ToSchema)]
#[schema(as = WrittenCheck)]
pub(super) struct WrittenView {
    /// `check`, or `mark` where there was no check to be had.
    #[schema(value_type = String)]
    kind: WrittenKind,
    /// Its page.
    url: Option<String>,
    /// Why it is a mark, and how it becomes a check.
    remark: Option<String>,
}

/// A deployment as the platform keeps it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlatformDeployment)]
pub(super) struct DeploymentView {
    /// As the platform names it.
    id: String,
    /// Where to.
    environment: String,
    /// Branch or tag.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// What is deployed.
    commit: Option<String>,
    /// Where it stands, as a run does.
    #[schema(value_type = String)]
    state: RunState,
    /// The platform's own word for that.
    word: String,
    /// When it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
}

impl From<PlatformDeployment> for DeploymentView {
    fn from(one: PlatformDeployment) -> Self {
        Self {
            id: one.id,
            environment: one.environment,
            reference: one.reference,
            commit: one.commit,
            state: one.standing.state,
            word: one.standing.word,
            created_at: one.created_at,
        }
    }
}

impl From<WrittenCheck> for WrittenView {
    fn from(written: WrittenCheck) -> Self {
        Self {
            kind: written.kind,
            url: written.url,
            remark: written.remark,
        }
    }
}

fn usual_name() -> String {
    "pilotage".to_owned()
}

/// What is wrong with texts that end up on a platform: too long, of several lines, or no commit.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn line(&mut self, pointer: &str, text: &str) {
        if text.len() > MOST_LINE_BYTES || text.chars().any(char::is_control) {
            let message = format!("at most {MOST_LINE_BYTES} bytes without control characters");
            self.0.push(Finding::at(pointer, message));
        }
    }

    fn named(&mut self, pointer: &str, text: &str) {
        if text.is_empty() {
            self.0.push(Finding::at(pointer, "it needs a name"));
        }
        self.line(pointer, text);
    }

    fn text(&mut self, pointer: &str, text: &str, most: usize) {
        if text.len() > most {
            self.0.push(Finding::at(pointer, format!("at most {most} bytes")));
        }
    }

    fn commit(&mut self, commit: &str) {
        let is_hash =
            (40..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            self.0
                .push(Finding::at("/commit", "a commit is named by its full hash"));
        }
    }

    fn url(&mut self, url: Option<&String>) {
        let Some(url) = url else { return };
        self.line("/url", url);
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            self.0
                .push(Finding::at("/url", "this is no http or https address"));
        }
    }

    fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Problem::new(Kind::Invalid, "the body does not hold").with_errors(self.0))
    }
}

impl MarkBody {
    fn read(self) -> Result<CommitMark, Problem> {
        let mut findings = Findings::default();
        findings.commit(&self.commit);
        findings.named("/context", &self.context);
        findings.line("/description", &self.description);
        findings.url(self.url.as_ref());
        findings.none()?;
        Ok(CommitMark {
            commit: self.commit,
            context: self.context,
            state: self.state,
            description: self.description,
            url: self.url,
        })
    }
}

impl CheckBody {
    fn read(self) -> Result<Check, Problem> {
        let mut findings = Findings::default();
        findings.commit(&self.commit);
        findings.named("/name", &self.name);
        findings.line("/title", &self.title);
        findings.text("/summary", &self.summary, MOST_TEXT_BYTES);
        findings.url(self.url.as_ref());
        if self.annotations.len() > MOST_ANNOTATIONS {
            let message = format!("at most {MOST_ANNOTATIONS} places");
            findings.0.push(Finding::at("/annotations", message));
        }
        for (place, one) in self.annotations.iter().enumerate().take(MOST_ANNOTATIONS) {
            findings.named(&format!("/annotations/{place}/path"), &one.path);
            findings.line(
                &format!("/annotations/{place}/title"),
                one.title.as_deref().unwrap_or_default(),
            );
            findings.text(
                &format!("/annotations/{place}/message"),
                &one.message,
                MOST_MESSAGE_BYTES,
            );
        }
        findings.none()?;
        let annotations = self.annotations.into_iter().map(Annotation::from);
        Ok(Check {
            commit: self.commit,
            name: self.name,
            state: self.state,
            title: self.title,
            summary: self.summary,
            annotations: annotations.collect(),
            url: self.url,
            or_mark: !self.strict,
        })
    }
}

impl From<AnnotationBody> for Annotation {
    fn from(one: AnnotationBody) -> Self {
        Self {
            path: one.path,
            line: one.line,
            end_line: one.end_line,
            level: one.level,
            title: one.title,
            message: one.message,
        }
    }
}

/// Says something of a commit in one line, which the platform shows beside it. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/api/v1/pipelines/platforms/{platform}/marks", tag = "platforms", request_body = MarkBody,
    params(("platform" = String, Path, description = "Its name under `platforms:`")),
    responses(
        (status = 201, description = "Written", body = MarkBody),
        (status = 404, description = "The platform knows no such commit", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "What was asked does not hold, or the platform keeps no marks", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "The platform takes no more requests for now", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "The platform refused or is in trouble; the detail says what to do", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn mark(
    State(door): State<Arc<Door>>,
    Name(platform): Name,
    Actor(actor): Actor,
    JsonBody(body): JsonBody<MarkBody>,
) -> Result<(StatusCode, Json<MarkBody>), Problem> {
    let mark = body.read()?;
    door.pipelines.mark(&actor, &platform, &mark).await?;
    let written = MarkBody {
        commit: mark.commit,
        state: mark.state,
        context: mark.context,
        description: mark.description,
        url: mark.url,
    };
    Ok((StatusCode::CREATED, Json(written)))
}

/// Writes what was found on a commit, and where, as a check that the platform shows on a page of its own. GitHub takes it
/// from an App alone; elsewhere, and with other credentials, it becomes a mark, and the answer says so.
#[utoipa::path(
    post, path = "/api/v1/pipelines/platforms/{platform}/checks", tag = "platforms", request_body = CheckBody,
    params(("platform" = String, Path, description = "Its name under `platforms:`")),
    responses(
        (status = 201, description = "Written, as the answer says", body = WrittenView),
        (status = 404, description = "The platform knows no such commit", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "What was asked does not hold, or the platform keeps nothing on commits", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "The platform takes no more requests for now", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "The platform refused or is in trouble; the detail says what to do", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn check(
    State(door): State<Arc<Door>>,
    Name(platform): Name,
    Actor(actor): Actor,
    JsonBody(body): JsonBody<CheckBody>,
) -> Result<(StatusCode, Json<WrittenView>), Problem> {
    let check = body.read()?;
    let written = door.pipelines.check(&actor, &platform, &check).await?;
    Ok((StatusCode::CREATED, Json(written.into())))
}

/// How many deployments.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeploymentsQuery {
    /// At most so many, the newest first.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u8>,
}

/// The newest deployments that the platform keeps.
#[utoipa::path(
    get, path = "/api/v1/pipelines/platforms/{platform}/deployments", tag = "platforms",
    params(("platform" = String, Path, description = "Its name under `platforms:`"), DeploymentsQuery),
    responses(
        (status = 200, description = "Newest first", body = Items<DeploymentView>),
        (status = 422, description = "There is no such platform, or it keeps no deployments", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "The platform refused or is in trouble; the detail says what to do", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn deployments(
    State(door): State<Arc<Door>>,
    Name(platform): Name,
    Parameters(query): Parameters<DeploymentsQuery>,
) -> Result<Json<Items<DeploymentView>>, Problem> {
    let limit = usize::from(query.limit.unwrap_or(20).clamp(1, 100));
    let found = door.pipelines.deployments(&platform, limit).await?;
    Ok(Json(Items::of(found)))
}
