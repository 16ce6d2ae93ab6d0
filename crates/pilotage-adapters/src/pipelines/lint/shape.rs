//! Which keys may stand where, and what their values are.

use pilotage_core::config::nearest;
use serde_json::Value;

use super::view::{View, entries};

/// A key and the kinds of its value: `s` text, `b` truth value, `n` number, `l` list, `m` mapping, `0` nothing, `*` any.
pub(super) type Keys = &'static [(&'static str, &'static str)];

/// Notes what is not known, and what is of the wrong kind. Values that are filled in later are let pass.
pub(super) fn check(view: &mut View, value: &Value, pointer: &str, what: &str, keys: Keys) {
    let Some(_) = value.as_object() else {
        view.note("shape", pointer, format!("{what} is a mapping"));
        return;
    };
    for (key, value, at) in entries(value, pointer) {
        if key.starts_with("${{") {
            continue;
        }
        let Some((_, kinds)) = keys.iter().find(|(name, _)| name == key) else {
            let near = nearest(key, keys.iter().map(|(name, _)| *name))
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            view.note_key("shape", &at, format!("{what} has no key `{key}`{near}"));
            continue;
        };
        let filled_in = value
            .as_str()
            .is_some_and(|text| text.contains("${{") || text.contains("$[") || text.contains("$("));
        if !(filled_in || *kinds == "*" || kinds.contains(kind(value))) {
            let expected: Vec<&str> = kinds.chars().map(kind_name).collect();
            view.note(
                "shape",
                &at,
                format!(
                    "`{key}` is {}, not {}",
                    expected.join(" or "),
                    kind_name(kind(value))
                ),
            );
        }
    }
}

const fn kind(value: &Value) -> char {
    match value {
        Value::Null => '0',
        Value::Bool(_) => 'b',
        Value::Number(_) => 'n',
        Value::String(_) => 's',
        Value::Array(_) => 'l',
        Value::Object(_) => 'm',
    }
}

const fn kind_name(kind: char) -> &'static str {
    match kind {
        'b' => "true or false",
        'n' => "a number",
        's' => "a text",
        'l' => "a list",
        'm' => "a mapping",
        _ => "nothing",
    }
}

/// Notes a value that is not one of a few words.
pub(super) fn one_of(view: &mut View, value: &Value, pointer: &str, what: &str, words: &[&str]) {
    let Some(text) = value.as_str() else { return };
    if text.contains('$') || words.contains(&text) {
        return;
    }
    let near = nearest(text, words.iter().copied())
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    view.note("shape", pointer, format!("`{text}` is no {what}{near}"));
}
