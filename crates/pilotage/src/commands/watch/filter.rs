//! Filters as people type them: `field=value` and `field~pattern`.

use pilotage_core::operation::filter::StatusFilters;
use serde_json::{Value, json};
use uuid::Uuid;

/// What changes while an operation goes on. Everything else is as it was when it began.
const PASSING: [&str; 5] = ["status", "progress", "message", "timestamp", "finishedAt"];

/// One filter, known to hold as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    field: String,
    operator: &'static str,
    value: Value,
}

impl Filter {
    /// Only this operation.
    pub(super) fn of_id(id: Uuid) -> Self {
        Self {
            field: "id".to_owned(),
            operator: "equals",
            value: id.to_string().into(),
        }
    }

    /// As the API takes it.
    pub(super) fn json(&self) -> Value {
        json!({ "field": self.field, "operator": self.operator, "value": self.value })
    }

    /// Whether an operation that passes it will always pass it.
    pub(super) fn is_lasting(&self) -> bool {
        let path = self.field.strip_prefix("metadata.").unwrap_or(&self.field);
        let first = path.split('.').next().unwrap_or_default();
        !PASSING.contains(&first)
    }
}

/// Reads a filter as an option takes it.
///
/// # Errors
/// There is no field, neither sign, or a pattern that does not compile.
pub(super) fn parse(text: &str) -> Result<Filter, String> {
    let wrong = || "write FIELD=VALUE or FIELD~REGEX, such as status=failure or name~^release-".to_owned();
    let at = text.find(['=', '~']).filter(|at| *at > 0).ok_or_else(wrong)?;
    let (field, rest) = text.split_at(at);
    let (operator, value) = match rest.strip_prefix('~') {
        Some(pattern) => ("regex", pattern.into()),
        None => equal_to(rest.strip_prefix('=').unwrap_or(rest)),
    };
    let filter = Filter {
        field: field.to_owned(),
        operator,
        value,
    };
    match StatusFilters::of(&[filter.json()]) {
        Ok(_) => Ok(filter),
        Err(error) => Err(error.to_string()),
    }
}

/// `50` may mean the number or the text: whichever the field holds.
fn equal_to(text: &str) -> (&'static str, Value) {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => ("in", json!([text, value])),
        _ => ("equals", text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_the_api_takes_them() {
        let cases = [
            (
                "status=failure",
                json!({"field": "status", "operator": "equals", "value": "failure"}),
            ),
            (
                "name~^a=b~c$",
                json!({"field": "name", "operator": "regex", "value": "^a=b~c$"}),
            ),
            (
                "name=a~b",
                json!({"field": "name", "operator": "equals", "value": "a~b"}),
            ),
            (
                "progress.total=2",
                json!({"field": "progress.total", "operator": "in", "value": ["2", 2]}),
            ),
            (
                "rule=",
                json!({"field": "rule", "operator": "equals", "value": ""}),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap().json(), expected, "{text}");
        }
        for text in ["", "status", "=failure", "~x", "name~(", "name~(?=x)"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_changes_is_known() {
        for (text, lasting) in [
            ("status=failure", false),
            ("progress.percentage=100", false),
            ("metadata.finishedAt~2026", false),
            ("message~503", false),
            ("rule=a", true),
            ("metadata.rule=a", true),
            ("type=execution", true),
        ] {
            assert_eq!(parse(text).unwrap().is_lasting(), lasting, "{text}");
        }
    }
}
