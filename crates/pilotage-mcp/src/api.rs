//! Pilotage's own HTTP interface, called within the process as the caller of the tool: the same validation, the same
//! roles, the same audit records as for everybody else.

use std::fmt::Write as _;

use axum::Router;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pilotage_core::Caller;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::answer::ToolError;

/// More than any page of the interface has; answers beyond it are refused.
const MOST_ANSWER_BYTES: usize = 16 << 20;

/// What needs no escape in a segment of a path or a value of a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Pilotage's interface as one caller sees it.
#[derive(Clone, Debug)]
pub struct Api {
    router: Router,
    caller: Caller,
    may_change: bool,
}

impl Api {
    pub(crate) const fn new(router: Router, caller: Caller, may_change: bool) -> Self {
        Self {
            router,
            caller,
            may_change,
        }
    }

    /// Reads. `path` begins with `/api/v1/`; its parts were written by [`path`] and [`query`].
    ///
    /// # Errors
    /// The interface refuses; the error says what it says.
    pub async fn get(&self, path: &str) -> Result<Value, ToolError> {
        self.send(Method::GET, path, None).await
    }

    /// Asks something that needs a body and changes nothing.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn ask(&self, path: &str, body: &Value) -> Result<Value, ToolError> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Changes something. In a dry run this is refused, whatever the tool believes.
    ///
    /// # Errors
    /// As [`Api::get`], and in a dry run.
    pub async fn change(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ToolError> {
        if !self.may_change {
            return Err(ToolError::new(
                "this was a dry run, and the tool tried to change something",
                "Nothing was changed. This is a fault of the tool; call it without `dry_run`, or report it.",
            ));
        }
        self.send(method, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ToolError> {
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .extension(self.caller.clone())
            .body(axum::body::Body::from(body))
            .map_err(|_| {
                ToolError::new(
                    format!("`{}` is no id", bounded(path)),
                    "Look the id up in a list.",
                )
            })?;
        let Ok(response) = self.router.clone().oneshot(request).await;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_ANSWER_BYTES)
            .collect()
            .await;
        let body = body.map_err(|_| {
            ToolError::new(
                "the answer is too large",
                "Ask for less: a smaller `limit`, or a filter.",
            )
        })?;
        let value = match body.to_bytes() {
            empty if empty.is_empty() => Value::Null,
            bytes => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        };
        if status.is_success() {
            return Ok(value);
        }
        Err(refusal(status, &value))
    }
}

/// A path of fixed segments with one escaped part in each `{}`.
pub fn path(pattern: &str, parts: &[&str]) -> String {
    let mut parts = parts.iter();
    let mut path = String::new();
    for (index, segment) in pattern.split("{}").enumerate() {
        if index > 0
            && let Some(part) = parts.next()
        {
            // A part of only dots would climb in the path.
            let part = if matches!(*part, "." | "..") { "%2E" } else { part };
            let _ = write!(path, "{}", utf8_percent_encode(part, PLAIN));
        }
        path.push_str(segment);
    }
    path
}

/// A path with those parameters that have a value.
pub fn query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let mut whole = path.to_owned();
    let mut separator = '?';
    for (name, value) in parameters {
        let Some(value) = value else { continue };
        let _ = write!(whole, "{separator}{name}={}", utf8_percent_encode(value, PLAIN));
        separator = '&';
    }
    whole
}

/// A problem document of the interface as an agent can use it.
fn refusal(status: StatusCode, problem: &Value) -> ToolError {
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut what = match (text("title"), text("detail")) {
        ("", "") => format!("Pilotage answered {status}"),
        (title, "") => title.to_owned(),
        (title, detail) => format!("{title}: {}", bounded(detail)),
    };
    for finding in problem
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(10)
    {
        let part = |name: &str| finding.get(name).and_then(Value::as_str).unwrap_or_default();
        let _ = write!(
            what,
            "; at `{}`: {} {}",
            bounded(part("pointer")),
            bounded(part("message")),
            bounded(part("help"))
        );
    }
    ToolError::new(what.trim_end().trim_end_matches('.'), what_next(status))
}

const fn what_next(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Connect again with a token that is known here.",
        403 => "Ask a person to do it, or for a token with a greater role; do not try again with this one.",
        404 => "Look the id up with the tool that lists them, then call again.",
        409 => "Look at its present state first; the call may no longer be needed.",
        429 | 503 => "Wait a few seconds, then call again.",
        502 => "The text says what the platform wants; look at the run before you try again.",
        400 | 415 | 422 => "Correct the arguments, then call again.",
        _ => "This is a fault of the server; its log says more.",
    }
}

/// At most 500 bytes of a text.
fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(500)]
}
