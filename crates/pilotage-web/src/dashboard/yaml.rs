//! JSON written as YAML, as people write rules. Only what needs no quotes in any version of YAML goes without; everything
//! else is quoted as in JSON, which is YAML too.

use std::fmt::Write as _;

use serde_json::Value;

/// The keys of a rule in the order in which people write them; others follow by name.
const ORDER: [&str; 16] = [
    "id",
    "name",
    "enabled",
    "trigger",
    "source",
    "eventTypes",
    "conditions",
    "when",
    "concurrency",
    "debounce",
    "actions",
    "type",
    "target",
    "parameters",
    "retryPolicy",
    "timeoutMs",
];

/// The text of `value`.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0, true);
    text
}

fn block(text: &mut String, value: &Value, indent: usize, at_start: bool) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(name, _)| ORDER.iter().position(|key| key == name).unwrap_or(ORDER.len()));
            for (index, (name, value)) in entries.into_iter().enumerate() {
                pad(text, indent, at_start && index == 0);
                text.push_str(&scalar(name));
                text.push(':');
                below(text, value, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                pad(text, indent, at_start && index == 0);
                text.push_str("- ");
                if is_block(item) {
                    block(text, item, indent + 2, true);
                } else {
                    line(text, item);
                }
            }
        }
        other => line(text, other),
    }
}

fn below(text: &mut String, value: &Value, indent: usize) {
    if is_block(value) {
        text.push('\n');
        block(text, value, indent + 2, false);
    } else {
        text.push(' ');
        line(text, value);
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// What comes first on a line whose beginning is written already needs no indentation.
fn pad(text: &mut String, indent: usize, is_written: bool) {
    if !is_written {
        // Writing into a string does not fail.
        let _ = write!(text, "{:indent$}", "");
    }
}

fn line(text: &mut String, value: &Value) {
    match value {
        Value::String(value) => text.push_str(&scalar(value)),
        other => text.push_str(&other.to_string()),
    }
    text.push('\n');
}

fn scalar(value: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/');
    let begins = value.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if begins && !is_word && value.chars().all(plain) {
        value.to_owned()
    } else {
        Value::from(value).to_string()
    }
}

#[cfg(test)]
mod tests {
    use pilotage_core::config;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({
            "id": "deploy", "enabled": true, "trigger": {"source": "*", "eventTypes": ["push", "no", "1e3", "a: b"],
            "conditions": {"data.ref": {"in": ["x", "# y", "- z", "", " s", "multi\nline", "${event.id}"]}, "n": 1.5}},
            "actions": [{"type": "webhook", "parameters": {}, "list": [], "nested": [[1, 2], [{"a": null}]]}],
        });
        let text = write(&value);
        assert_eq!(
            config::Document::parse(text.as_str()).unwrap().value(),
            &value,
            "{text}"
        );
    }
}
