//! Answers in Make's shape, errors included.

use std::{fmt::Display, time::Duration};

use serde_json::{Value, json};

/// What an answer holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// Nothing at all.
    Empty,
    /// `application/json`.
    Json(Value),
    /// `text/plain`.
    Text(String),
    /// JSON with comments (`application/jsonc`), which Make's clients take as text.
    Jsonc(String),
    /// `image/png`.
    Png(Vec<u8>),
}

/// An answer before it goes out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Content,
    /// How long the caller is kept waiting.
    pub(crate) delay: Duration,
}

impl Reply {
    pub(crate) fn new(status: u16, content: Content) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content,
            delay: Duration::ZERO,
        }
    }

    /// 200 with a JSON document.
    pub(crate) fn json(value: Value) -> Self {
        Self::new(200, Content::Json(value))
    }

    /// 200 with a text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::new(200, Content::Text(text.into()))
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl Display) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

/// A request that Make would refuse.
///
/// Make's errors are `{"detail","message","code"}` with `suberrors` where there are several reasons; codes `SCnnn` repeat the
/// HTTP status, codes `IMnnn` are more specific (developers.make.com, "Troubleshooting").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    code: String,
    message: &'static str,
    detail: String,
    suberrors: Vec<String>,
}

impl Refusal {
    /// With the code that repeats the status.
    pub(crate) fn new(status: u16, message: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: format!("SC{status}"),
            message,
            detail: detail.into(),
            suberrors: Vec::new(),
        }
    }

    fn with_code(mut self, code: &str) -> Self {
        code.clone_into(&mut self.code);
        self
    }

    /// 400 with a reason.
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(400, "Bad Request", detail)
    }

    /// 400 with a reason for each parameter.
    pub(crate) fn invalid(reasons: Vec<String>) -> Self {
        let detail = format!("Validation failed for {} parameter(s).", reasons.len());
        Self {
            suberrors: reasons,
            ..Self::bad(detail)
        }
    }

    /// 400 IM005: a value that cannot be, in itself or beside others.
    pub(crate) fn invalid_input(detail: impl Into<String>) -> Self {
        Self::bad(detail).with_code("IM005")
    }

    /// 401: no token, or none that is known.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Access denied: Invalid token header.")
    }

    /// 403: known, but not allowed; also for teams and organizations that do not exist.
    pub(crate) fn denied() -> Self {
        Self::new(403, "Permission denied", "Access denied.")
    }

    /// 403 IM002: the token lacks a scope.
    pub(crate) fn lacks_scope(scope: &str) -> Self {
        Self::new(
            403,
            "Permission denied",
            format!("Insufficient rights: the token lacks the scope {scope}."),
        )
        .with_code("IM002")
    }

    /// 404, for paths and for things.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found", "Not Found")
    }

    /// 406 IM004: asks for `confirmed=true`.
    pub(crate) fn unconfirmed(detail: impl Into<String>, affected: Vec<String>) -> Self {
        Self {
            suberrors: affected,
            ..Self::new(406, "Confirmation required", detail).with_code("IM004")
        }
    }

    /// 403 IM011: the plan has room for no more.
    pub(crate) fn plan_limit(what: &str, most: u64) -> Self {
        let detail = format!("The limit of {most} {what} has been reached.");
        Self::new(403, "Limit reached", detail).with_code("IM011")
    }

    /// 413 IM003: there is no storage left.
    pub(crate) fn storage_full() -> Self {
        Self::new(413, "Storage full", "The storage space has been exceeded.").with_code("IM003")
    }

    /// 422 IM016: something else has to change first.
    pub(crate) fn dependency(detail: impl Into<String>) -> Self {
        Self::new(422, "Unprocessable Entity", detail).with_code("IM016")
    }

    /// 429: the organization's requests of this minute are used up.
    pub(crate) fn rate_limited() -> Self {
        let detail = "Requests limit for organization exceeded, please try again later.";
        Self::new(429, "Too Many Requests", detail)
    }

    /// 429 IM310: the organization is paused; trying again does not help.
    pub(crate) fn paused() -> Self {
        Self::new(429, "Organization paused", "The organization is paused.").with_code("IM310")
    }

    /// As an answer.
    pub(crate) fn reply(&self) -> Reply {
        let mut body = json!({"detail": self.detail, "message": self.message, "code": self.code});
        if !self.suberrors.is_empty() {
            let reasons = self.suberrors.iter().map(|reason| json!({"message": reason}));
            body["suberrors"] = reasons.collect();
        }
        Reply::new(self.status, Content::Json(body))
    }
}
