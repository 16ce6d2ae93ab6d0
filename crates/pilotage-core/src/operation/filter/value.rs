//! Comparing JSON values as people mean it.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// Whether both are the same; numbers by value, so that 50 is 50.0.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => same_number(left, right),
        _ => left == right,
    }
}

fn same_number(left: &Number, right: &Number) -> bool {
    // Whole numbers first: as floating-point numbers, large ones would be the same as their neighbours.
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => left == right,
        _ => left.as_f64() == right.as_f64(),
    }
}

/// Whether the text `found` has the part `wanted`, or the list `found` the item `wanted`.
pub(super) fn contains(found: &Value, wanted: &Value) -> bool {
    match found {
        Value::Array(items) => items.iter().any(|item| same(item, wanted)),
        Value::String(text) => as_text(wanted).is_some_and(|part| text.contains(part.as_ref())),
        _ => false,
    }
}

/// The text of a value; numbers and truth values as JSON writes them, nothing for the rest.
pub(super) fn as_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(truth) => Some(truth.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
