use std::{
    cmp::Ordering,
    hash::{BuildHasher, Hash},
    sync::Arc,
};

use regex::Regex;
use serde_json::{Number, Value};

use crate::{
    Timestamp,
    rule::{glob::Glob, path::Found},
};

/// One test of one value.
#[derive(Clone, Debug)]
pub(in crate::rule) enum Operator {
    Equal(Value),
    In(Vec<Value>),
    Glob(Arc<Glob>),
    Regex(Arc<Regex>),
    /// The value compared with the operand is one of the orderings.
    Order(Bound, Value),
    /// A substring of a string, or an item of a list.
    Contains(Value),
}

/// The side of a bound on which a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum Bound {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Bound {
    fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

impl Operator {
    pub(in crate::rule) fn holds(&self, value: &Found<'_>) -> bool {
        match self {
            Self::Equal(operand) => equal(value, operand),
            Self::In(operands) => operands.iter().any(|operand| equal(value, operand)),
            Self::Glob(glob) => text(value).is_some_and(|text| glob.is_match(text)),
            Self::Regex(regex) => text(value).is_some_and(|text| regex.is_match(text)),
            Self::Order(bound, operand) => {
                compare(value, operand).is_some_and(|ordering| bound.allows(ordering))
            }
            Self::Contains(operand) => contains(value, operand),
        }
    }
}

impl Operator {
    /// What every text that passes begins with; `None` where that is nothing, or not known.
    pub(in crate::rule) fn literal_prefix(&self) -> Option<&str> {
        let prefix = match self {
            Self::Glob(glob) => literal_run(glob.as_str(), |letter| !"*?[]{}\\".contains(letter)),
            Self::Regex(regex) => regex_prefix(regex.as_str()),
            _ => return None,
        };
        Some(prefix).filter(|prefix| !prefix.is_empty())
    }
}

fn literal_run(pattern: &str, is_literal: impl Fn(char) -> bool) -> &str {
    pattern
        .find(|letter| !is_literal(letter))
        .and_then(|end| pattern.get(..end))
        .unwrap_or(pattern)
}

/// Only what can be told without understanding the expression: after `^`, letters that mean themselves, and nowhere an
/// alternative.
fn regex_prefix(pattern: &str) -> &str {
    let Some(anchored) = pattern.strip_prefix('^').filter(|rest| !rest.contains('|')) else {
        return "";
    };
    let run = literal_run(anchored, |letter| {
        letter.is_ascii_alphanumeric() || "/_-:@=, ".contains(letter)
    });
    let rest = anchored.get(run.len()..).unwrap_or_default();
    // What follows may say that the last letter is optional.
    let is_repeated = rest.starts_with(['*', '?', '+', '{']);
    run.get(..run.len().saturating_sub(usize::from(is_repeated)))
        .unwrap_or_default()
}

pub(in crate::rule) fn text<'a>(value: &'a Found<'_>) -> Option<&'a str> {
    match value {
        Found::Json(Value::String(text)) => Some(text),
        Found::Text(text) => Some(text),
        _ => None,
    }
}

/// JSON equality, with numbers compared as numbers: `1` equals `1.0`.
fn equal(value: &Found<'_>, operand: &Value) -> bool {
    match value {
        Found::Json(value) => json_equal(value, operand),
        Found::Text(text) => operand.as_str() == Some(text),
        Found::Bool(value) => operand.as_bool() == Some(*value),
        Found::Attributes(_) => json_equal(&value.to_value(), operand),
    }
}

/// As deep as the operand is, which was written by a person and bounded when it was read.
fn json_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| json_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| json_equal(value, other)))
        }
        _ => left == right,
    }
}

/// Numbers with numbers; time stamps (RFC 3339) as moments and other strings byte by byte; nothing else.
fn compare(value: &Found<'_>, operand: &Value) -> Option<Ordering> {
    match operand {
        Value::Number(right) => match value {
            Found::Json(Value::Number(left)) => compare_numbers(left, right),
            _ => None,
        },
        Value::String(right) => {
            let left = text(value)?;
            match (left.parse::<Timestamp>(), right.parse::<Timestamp>()) {
                (Ok(left), Ok(right)) => Some(left.cmp(&right)),
                // A moment and a text have no order; guessing one could let a release through.
                (Err(_), Ok(_)) => None,
                _ => Some(left.cmp(right)),
            }
        }
        _ => None,
    }
}

fn compare_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}

fn contains(value: &Found<'_>, operand: &Value) -> bool {
    match (text(value), value) {
        (Some(text), _) => operand.as_str().is_some_and(|part| text.contains(part)),
        (None, Found::Json(Value::Array(items))) => items.iter().any(|item| json_equal(item, operand)),
        _ => false,
    }
}

/// A hash that is the same for values that are equal; `None` for those that are not indexed (lists and objects).
pub(in crate::rule) fn index_key(hasher: &impl BuildHasher, value: &Found<'_>) -> Option<u64> {
    let scalar = match value {
        Found::Text(text) => Scalar::Text(text),
        Found::Bool(value) | Found::Json(Value::Bool(value)) => Scalar::Bool(*value),
        Found::Json(Value::String(text)) => Scalar::Text(text),
        Found::Json(Value::Null) => Scalar::Null,
        // Equal numbers are equal as f64; adding zero makes one of the two zeros.
        Found::Json(Value::Number(number)) => Scalar::Number((number.as_f64()? + 0.0).to_bits()),
        Found::Json(Value::Array(_) | Value::Object(_)) | Found::Attributes(_) => return None,
    };
    Some(hasher.hash_one(scalar))
}

#[derive(Hash)]
enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(u64),
    Text(&'a str),
}
