//! Names and texts as a definition takes them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Letters, digits and `_`, beginning with a letter, at most 50.
pub(super) fn id(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .take(48)
        .collect();
    if plain.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return plain;
    }
    format!("j_{plain}")
}

/// Whether it can be the name of an environment variable of a definition.
pub(super) fn is_variable(name: &str) -> bool {
    const PREFIXES: [&str; 6] = ["GITHUB_", "RUNNER_", "CI_", "GITLAB_", "SYSTEM_", "MATRIX_"];
    id(name) == name
        && !PREFIXES
            .iter()
            .any(|prefix| name.to_ascii_uppercase().starts_with(prefix))
}

/// A text, number or truth value as text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// The texts of a list, or the one text.
pub(super) fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(scalar).collect(),
        one => scalar(one).into_iter().collect(),
    }
}

/// A path as a definition takes it.
pub(super) fn path(text: &str) -> String {
    let text = text.trim().trim_start_matches("./").trim_end_matches('/');
    if text.is_empty() {
        ".".to_owned()
    } else {
        text.to_owned()
    }
}

/// A name, or the beginning of names followed by `*`.
pub(super) fn pattern(text: &str) -> Option<String> {
    let text = text
        .strip_suffix("**")
        .map_or_else(|| text.to_owned(), |start| format!("{start}*"));
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    text.trim_end_matches('*').chars().all(plain).then_some(text)
}

/// Puts a value in unless there is nothing in it.
pub(super) fn put(map: &mut Map<String, Value>, key: &str, value: Value) {
    let is_empty = match &value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    };
    if !is_empty {
        map.insert(key.to_owned(), value);
    }
}

/// A script, and the secrets that it asks for.
#[derive(Default)]
pub(super) struct Script {
    pub(super) text: String,
    pub(super) secrets: BTreeSet<String>,
}

impl Script {
    /// As a step.
    pub(super) fn step(&self, name: Option<&str>) -> Map<String, Value> {
        let mut step = Map::new();
        put(&mut step, "name", json!(name));
        put(&mut step, "secrets", json!(self.secrets));
        step.insert("run".to_owned(), Value::String(self.text.clone()));
        step
    }
}
