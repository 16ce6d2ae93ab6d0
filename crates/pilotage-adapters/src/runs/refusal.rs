//! What a platform says when it refuses, whatever its form is.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// Longest text of a platform that is kept, in characters.
const MOST_CHARACTERS: usize = 300;

/// A refusal, read as far as that goes.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Its body, if that is JSON.
    pub(crate) body: Value,
    /// One line of bounded length.
    pub(crate) said: String,
}

impl Refusal {
    pub(crate) fn read(status: StatusCode, headers: HeaderMap, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let header = headers.get("x-error").and_then(|value| value.to_str().ok());
        let told = message(&body).or_else(|| header.map(str::to_owned));
        let said = told.unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason given").to_owned());
        Self {
            status,
            said: bounded(&said),
            headers,
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)?
            .to_str()
            .ok()
            .filter(|text| !text.is_empty())
    }
}

/// GitHub `{message, errors: [..]}`, GitLab `{message: text or object}` or `{error, error_description}`, Azure DevOps
/// `{message, typeKey}`, Entra `{error, error_description}`.
fn message(body: &Value) -> Option<String> {
    let told = ["message", "error_description", "error"]
        .into_iter()
        .find_map(|key| body.get(key));
    let mut text = match told? {
        Value::String(text) => text.clone(),
        Value::Null => return None,
        other => other.to_string(),
    };
    let errors = body.get("errors").and_then(Value::as_array);
    for error in errors.into_iter().flatten().take(5) {
        let reason = error.as_str().or_else(|| error.get("message")?.as_str());
        if let Some(reason) = reason {
            text.push_str(" - ");
            text.push_str(reason);
        }
    }
    Some(text).filter(|text| !text.trim().is_empty())
}

/// One line of bounded length.
pub(crate) fn bounded(text: &str) -> String {
    let text = text.trim();
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut bounded: String = line.take(MOST_CHARACTERS).collect();
    if text.chars().nth(MOST_CHARACTERS).is_some() {
        bounded.push('…');
    }
    bounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platforms_words_are_found() {
        let table = [
            (r#"{"message":"Not Found","documentation_url":"x"}"#, "Not Found"),
            (
                r#"{"message":"Bad","errors":[{"message":"first"},"second"]}"#,
                "Bad - first - second",
            ),
            (
                r#"{"message":{"base":["No stages"]}}"#,
                r#"{"base":["No stages"]}"#,
            ),
            (
                r#"{"error":"insufficient_scope","error_description":"needs more","scope":"api"}"#,
                "needs more",
            ),
            (r#"{"error":"404 Project Not Found"}"#, "404 Project Not Found"),
            ("<html>", "Forbidden"),
            ("", "Forbidden"),
            (r#"{"message":""}"#, "Forbidden"),
        ];
        for (body, expected) in table {
            let refusal = Refusal::read(StatusCode::FORBIDDEN, HeaderMap::new(), body.as_bytes());
            assert_eq!(refusal.said, expected, "{body}");
        }
        assert_eq!(bounded("a\u{1b}[31m\nb"), "a [31m b");
        assert_eq!(bounded(&"x".repeat(1_000)).chars().count(), 301);
    }
}
