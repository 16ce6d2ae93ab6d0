//! Every answer that is no success, as an RFC 9457 problem document. This file alone knows which error becomes which
//! status; what goes wrong inside is logged here once, and never shown.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pilotage_core::{
    config::Problem as Finding,
    ports::{CiError, CiTrouble, OperateError, Refusal, StoreError},
};
use pilotage_engine::{
    gates::GateError, operations::ReplayError, pipelines::PipelineError, rule_book::RuleBookError,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::CreateTokenError;

/// How long a sender should leave us alone while the store takes nothing, in seconds.
const RETRY_STORE_SECS: &str = "2";

/// The kinds of problem; each has one status, one stable type and one title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    MalformedDelivery,
    Unauthenticated,
    UnverifiedDelivery,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    TooSlow,
    Conflict,
    TooLarge,
    UnsupportedType,
    Invalid,
    RateLimited,
    Internal,
    Platform,
    Unavailable,
}

impl Kind {
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (
                StatusCode::BAD_REQUEST,
                "bad-request",
                "The request is not understood",
            ),
            Self::MalformedDelivery => (
                StatusCode::BAD_REQUEST,
                "malformed-delivery",
                "The delivery is not in its source's format",
            ),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "A token is needed"),
            Self::UnverifiedDelivery => (
                StatusCode::UNAUTHORIZED,
                "unverified-delivery",
                "The delivery could not be verified",
            ),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "This is not allowed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Not with this method",
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "The body did not come in time",
            ),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "Not in its present state"),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is too large",
            ),
            Self::UnsupportedType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-type",
                "Not this content type",
            ),
            Self::Invalid => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "What was sent does not hold",
            ),
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Too many at once"),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong here",
            ),
            Self::Platform => (
                StatusCode::BAD_GATEWAY,
                "platform",
                "The platform did not do what it was asked",
            ),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now"),
        }
    }
}

/// An answer that is no success. Handlers return it; the outermost layer renders it, because only that knows the path.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<Finding>,
    state: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem document as RFC 9457 describes it, with two members of our own: `errors` and `state`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument<'a> {
    /// Identifies the kind of problem; stable.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in words; the same for all of a kind.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is wrong this time.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    /// What does not hold in the body that was sent, and where.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FindingView>)]
    errors: &'a [Finding],
    /// The state that the thing is in, where that is what stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
}

/// Something wrong with what a person wrote, and where.
#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
pub(crate) struct FindingView {
    /// JSON pointer (RFC 6901) to the value, or to the key that should not be there.
    pointer: String,
    /// What is wrong.
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            state: None,
            headers: Vec::new(),
        }
    }

    /// The same problem with what is wrong in the body.
    pub(crate) fn with_errors(mut self, errors: Vec<Finding>) -> Self {
        self.errors = errors;
        self
    }

    /// The same problem with a header on its answer.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.kind.parts().0
    }

    pub(crate) const fn title(&self) -> &'static str {
        self.kind.parts().2
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// What is wrong in what was sent.
    pub(crate) fn errors(&self) -> &[Finding] {
        &self.errors
    }

    /// The answer, for a request of the path `instance`.
    pub(crate) fn respond(&self, instance: &str) -> Response {
        let (status, slug, title) = self.kind.parts();
        let document = ProblemDocument {
            kind: format!("urn:pilotage:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            instance,
            errors: &self.errors,
            state: self.state.as_deref(),
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let problem_json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem_json);
        response.headers_mut().extend(self.headers.iter().cloned());
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Renders a problem that a handler left behind.
pub(crate) fn render(response: Response, instance: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(problem) = parts.extensions.remove::<Problem>() else {
        return Response::from_parts(parts, body);
    };
    keep_headers(problem.respond(instance), parts.headers)
}

/// Renders a problem that a handler left behind in another form.
pub(crate) fn render_as(response: Response, form: impl FnOnce(&Problem) -> Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(problem) = parts.extensions.remove::<Problem>() else {
        return Response::from_parts(parts, body);
    };
    let mut rendered = form(&problem);
    rendered.headers_mut().extend(problem.headers);
    keep_headers(rendered, parts.headers)
}

fn keep_headers(mut rendered: Response, mut headers: HeaderMap) -> Response {
    // The router's own additions, such as `Allow`, stay.
    headers.remove(header::CONTENT_LENGTH);
    for (name, value) in &headers {
        rendered
            .headers_mut()
            .entry(name)
            .or_insert_with(|| value.clone());
    }
    rendered
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store could not answer");
        match error {
            StoreError::Unavailable(_) => Self::store_unavailable(),
            StoreError::Corrupt(_) => Self::new(Kind::Internal, "the log of the server says what"),
        }
    }
}

impl Problem {
    fn store_unavailable() -> Self {
        Self::new(
            Kind::Unavailable,
            "the store takes nothing at this moment; nothing was changed",
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_STORE_SECS))
    }

    /// A delivery that could not be stored. Whatever the reason, the sender's part is to deliver again later.
    pub(crate) fn not_stored(error: &StoreError) -> Self {
        tracing::error!(%error, "a delivery could not be stored");
        Self::store_unavailable()
    }

    /// Work of ours that ended without a result: a bug, so it is logged.
    pub(crate) fn broken(what: &str, error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %error, "{what}");
        Self::new(Kind::Internal, "the log of the server says what")
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match &refusal {
            Refusal::Unverified(_) => Kind::UnverifiedDelivery,
            Refusal::Malformed(_) => Kind::MalformedDelivery,
            Refusal::UnsupportedType(_) => Kind::UnsupportedType,
        };
        Self::new(kind, refusal.to_string())
    }
}

impl From<RuleBookError> for Problem {
    fn from(error: RuleBookError) -> Self {
        let detail = error.to_string();
        match error {
            RuleBookError::Invalid(problems) => Self::new(Kind::Invalid, detail).with_errors(problems),
            RuleBookError::InFile(_) | RuleBookError::Misfits(_) => Self::new(Kind::Conflict, detail),
            RuleBookError::NotFound(_) => Self::new(Kind::NotFound, detail),
            RuleBookError::Store(error) => error.into(),
        }
    }
}

impl From<GateError> for Problem {
    fn from(error: GateError) -> Self {
        let detail = error.to_string();
        match error {
            GateError::Invalid(problems) => Self::new(Kind::Invalid, detail).with_errors(problems),
            GateError::InFile(_) | GateError::BuiltIn(_) => Self::new(Kind::Conflict, detail),
            GateError::NotFound(_) => Self::new(Kind::NotFound, detail),
            GateError::Busy => Self::new(Kind::Unavailable, detail)
                .with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_STORE_SECS)),
            GateError::Store(error) => error.into(),
        }
    }
}

impl From<PipelineError> for Problem {
    fn from(error: PipelineError) -> Self {
        let detail = error.to_string();
        match error {
            PipelineError::NotFound(_) => Self::new(Kind::NotFound, detail),
            PipelineError::NoPlatform { .. } | PipelineError::Invalid(_) => Self::new(Kind::Invalid, detail),
            PipelineError::Conflict(_) => Self::new(Kind::Conflict, detail),
            PipelineError::Busy => Self::new(Kind::Unavailable, detail)
                .with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_STORE_SECS)),
            PipelineError::Platform(error) => error.into(),
            PipelineError::Store(error) => error.into(),
        }
    }
}

/// What a platform says of our token is no business of whoever asked us: it is 502, and the detail says what to do.
impl From<CiError> for Problem {
    fn from(error: CiError) -> Self {
        let detail = error.to_string();
        match error.trouble {
            CiTrouble::NotFound { .. } | CiTrouble::Gone { .. } => Self::new(Kind::NotFound, detail),
            CiTrouble::Conflict { .. } => Self::new(Kind::Conflict, detail),
            CiTrouble::Invalid { .. } | CiTrouble::Unsupported { .. } | CiTrouble::PastTheEnd => {
                Self::new(Kind::Invalid, detail)
            }
            CiTrouble::RateLimited { wait } => Self::new(Kind::RateLimited, detail)
                .with_header(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1))),
            CiTrouble::NotAuthorised { .. }
            | CiTrouble::NotAllowed { .. }
            | CiTrouble::Broken { .. }
            | CiTrouble::ConnectionLost { .. }
            | CiTrouble::TooLarge { .. }
            | CiTrouble::NotThePlatform { .. } => Self::new(Kind::Platform, detail),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::NotFound(_) => Self::new(Kind::NotFound, error.to_string()),
            ReplayError::Pruned(_) => Self::new(Kind::Conflict, error.to_string()),
            ReplayError::Store(error) => error.into(),
        }
    }
}

impl From<OperateError> for Problem {
    fn from(error: OperateError) -> Self {
        match error {
            OperateError::NotFound(_) => Self::new(Kind::NotFound, error.to_string()),
            OperateError::WrongStatus(state) => {
                let mut problem = Self::new(Kind::Conflict, error.to_string());
                problem.state = Some(state.to_owned());
                problem
            }
            OperateError::Store(error) => error.into(),
        }
    }
}

impl From<CreateTokenError> for Problem {
    fn from(error: CreateTokenError) -> Self {
        match error {
            CreateTokenError::InvalidName => Self::new(Kind::Invalid, error.to_string())
                .with_errors(vec![Finding::at("/name", error.to_string())]),
            CreateTokenError::Taken(_) => Self::new(Kind::Conflict, error.to_string()),
            CreateTokenError::NoRandomness => Self::broken("a token could not be made", &error),
            CreateTokenError::Store(error) => error.into(),
        }
    }
}
