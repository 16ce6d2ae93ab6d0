//! What a YAML scalar means.

use saphyr_parser::{ScalarStyle, Tag};
use serde_json::Value;

/// The value of a scalar under the core schema of YAML 1.2 (section 10.3 of its specification).
pub(super) fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        return match style {
            ScalarStyle::Plain => plain(text),
            _ => Ok(text.into()),
        };
    };
    let wrong = || format!("this is no value for the tag `{tag}`");
    match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
        (true, "str") => Ok(text.into()),
        (true, "null") => plain(text)?.is_null().then_some(Value::Null).ok_or_else(wrong),
        (true, "bool") => Some(plain(text)?).filter(Value::is_boolean).ok_or_else(wrong),
        (true, "int") => Some(plain(text)?)
            .filter(|value| value.is_i64() || value.is_u64())
            .ok_or_else(wrong),
        (true, "float") => plain(text)?
            .as_f64()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(wrong),
        // The non-specific tag `!` makes a scalar a string.
        (false, "" | "!") if matches!(tag.handle.as_str(), "" | "!") => Ok(text.into()),
        _ => Err(format!("the tag `{tag}` is not known")),
    }
}

fn plain(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(true.into()),
        "false" | "False" | "FALSE" => return Ok(false.into()),
        _ => {}
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some("inf" | "Inf" | "INF" | "nan" | "NaN" | "NAN") = digits.strip_prefix('.') {
        return Err(format!("`{text}` is no number that JSON can hold"));
    }
    let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(Value::from);
    let number = match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(digits), _) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => radix(digits, 16),
        (_, Some(digits)) if digits.bytes().all(|digit| (b'0'..b'8').contains(&digit)) => radix(digits, 8),
        _ => decimal(text, digits),
    };
    Ok(number.unwrap_or_else(|| text.into()))
}

/// An integer where it fits, else the nearest floating-point number; `None` for what is not written as a number.
fn decimal(text: &str, digits: &str) -> Option<Value> {
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.contains(|digit: char| digit.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    if !is_number {
        return None;
    }
    text.parse::<i64>()
        .map(Value::from)
        .or_else(|_| text.parse::<u64>().map(Value::from))
        .ok()
        .or_else(|| serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number))
}
