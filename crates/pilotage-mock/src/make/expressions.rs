//! The few of Make's expressions that the mock evaluates: `{{var.input.name}}`, as scenarios with an interface use them.

use serde_json::{Map, Value};

/// `template` with its expressions replaced. One that stands alone keeps the type of what it names; what cannot be
/// evaluated becomes nothing, as Make does with empty values.
pub(crate) fn evaluate(template: &Value, input: &Value) -> Value {
    match template {
        Value::String(text) => evaluate_text(text, input),
        Value::Array(items) => items.iter().map(|item| evaluate(item, input)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), evaluate(value, input)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn evaluate_text(text: &str, input: &Value) -> Value {
    if let Some(alone) = alone(text) {
        return look_up(alone, input);
    }
    let mut rest = text;
    let mut result = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((expression, behind)) = after.split_once("}}") else {
            break;
        };
        result.push_str(before);
        match look_up(expression, input) {
            Value::Null => {}
            Value::String(value) => result.push_str(&value),
            other => result.push_str(&other.to_string()),
        }
        rest = behind;
    }
    result.push_str(rest);
    Value::String(result)
}

fn alone(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{") && !inner.contains("}}")).then_some(inner)
}

fn look_up(expression: &str, input: &Value) -> Value {
    let Some(path) = expression.trim().strip_prefix("var.input.") else {
        return Value::Null;
    };
    let mut found = input;
    for name in path.split('.') {
        found = &found[name];
    }
    found.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_keep_what_is_not_an_expression() {
        let input = json!({"name": "John", "n": 7, "deep": {"list": [1]}});
        let cases = [
            ("Hello, {{var.input.name}}!", json!("Hello, John!")),
            ("{{var.input.n}}", json!(7)),
            ("{{ var.input.deep.list }}", json!([1])),
            ("{{var.input.n}}{{var.input.name}}", json!("7John")),
            ("{{var.input.absent}}", json!(null)),
            ("<{{var.input.absent}}{{1.field}}>", json!("<>")),
            ("open {{var.input.name", json!("open {{var.input.name")),
            ("}}{{", json!("}}{{")),
            ("{{}}", json!(null)),
        ];
        for (text, expected) in cases {
            assert_eq!(evaluate(&json!(text), &input), expected, "{text}");
        }
        assert_eq!(
            evaluate(&json!({"a": ["{{var.input.n}}"]}), &input),
            json!({"a": [7]})
        );
    }
}
