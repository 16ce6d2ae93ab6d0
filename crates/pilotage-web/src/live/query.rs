//! What the query of a stream says.

use axum::extract::Query;
use http::Uri;
use pilotage_core::{json, operation::filter::StatusFilters};
use serde_json::Value;

use crate::problem::{Kind, Problem};

/// Fields with a shorthand: `status=failure` is `{"field":"status","operator":"equals","value":"failure"}`.
const SHORTHANDS: [&str; 3] = ["type", "status", "rule"];

/// Filters and, for readers that cannot set a header, the id to go on after.
pub(super) struct StreamQuery {
    pub(super) filters: StatusFilters,
    pub(super) last_event_id: Option<String>,
    /// Whether to say that anything at all was recorded.
    pub(super) activity: bool,
}

impl StreamQuery {
    /// Reads `filter` (JSON, any number of times), `type`, `status`, `rule` `lastEventId` and `activity`.
    ///
    /// # Errors
    /// Names the parameter or the filter that does not hold.
    pub(super) fn read(uri: &Uri) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) = pairs.map_err(|rejection| refused(rejection.body_text()))?;
        let (mut filters, mut last_event_id, mut activity) = (Vec::new(), None, false);
        for (name, value) in pairs {
            match name.as_str() {
                "filter" => filters.push(filter(&value)?),
                "lastEventId" => last_event_id = Some(value),
                "activity" => activity = value == "true",
                name if SHORTHANDS.contains(&name) => {
                    filters.push(serde_json::json!({ "field": name, "operator": "equals", "value": value }));
                }
                name => return Err(unknown(name)),
            }
        }
        let filters = StatusFilters::of(&filters).map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            filters,
            last_event_id,
            activity,
        })
    }
}

fn filter(text: &str) -> Result<Value, Problem> {
    // Before anything is built: what `check` lets through cannot exhaust the stack.
    json::check(text.as_bytes()).map_err(|error| refused(format!("`filter` is not JSON: {error}")))?;
    serde_json::from_str(text).map_err(|error| refused(format!("`filter` is not JSON: {error}")))
}

fn unknown(name: &str) -> Problem {
    let name: String = name.chars().take(40).collect();
    refused(format!(
        "query parameters: unknown field `{name}`, expected one of `filter`, `type`, `status`, `rule`, `lastEventId`, `activity`"
    ))
}

fn refused(detail: String) -> Problem {
    Problem::new(Kind::BadRequest, detail)
}
