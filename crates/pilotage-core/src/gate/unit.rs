//! Values with their units, as people write and read them.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};
use serde_json::Value as Json;

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Time in seconds; written `90`, `500ms`, `90s`, `10m`, `2h`, `1d`.
    Seconds,
    /// A share of a hundred; written `85` or `85%`.
    Percent,
    /// Bytes; written `1024`, `10KB` (thousands) or `512MiB` (powers of two).
    Bytes,
    /// How many, or how many a second: a plain number.
    Count,
    /// `true` or `false`.
    Bool,
    /// Text.
    Text,
}

const SECONDS: &[(&str, f64)] = &[
    ("ms", 0.001),
    ("s", 1.0),
    ("m", 60.0),
    ("min", 60.0),
    ("h", 3_600.0),
    ("d", 86_400.0),
];
const BYTES: &[(&str, f64)] = &[
    ("B", 1.0),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1_024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];
const PERCENT: &[(&str, f64)] = &[("%", 1.0)];

/// One measured value, or one to compare with: a number in the base of its unit (seconds, percent, bytes, count).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// Yes or no.
    Bool(bool),
    /// Text.
    Text(String),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// Takes what a value is and nothing larger, whatever a stranger sends.
struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a finite number, text, true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        if number.is_finite() {
            Ok(Value::Number(number))
        } else {
            Err(E::custom("a number is finite"))
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "what is measured is far below 2^53, and thresholds are floats"
    )]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "what is measured is far below 2^53, and thresholds are floats"
    )]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }
}

impl Unit {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Percent => "percent",
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Bool => "bool",
            Self::Text => "text",
        }
    }

    /// Whether values have an order.
    pub const fn is_number(self) -> bool {
        !matches!(self, Self::Bool | Self::Text)
    }

    const fn suffixes(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Seconds => SECONDS,
            Self::Percent => PERCENT,
            Self::Bytes => BYTES,
            Self::Count | Self::Bool | Self::Text => &[],
        }
    }

    /// How values of this unit are written.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Seconds => "a time such as 90, 500ms or 10m",
            Self::Percent => "a share such as 85 or 85%",
            Self::Bytes => "a size such as 1024 or 512MiB",
            Self::Count => "a plain number",
            Self::Bool => "true or false",
            Self::Text => "text",
        }
    }

    /// Reads what a person or a program wrote as a value of this unit.
    ///
    /// # Errors
    /// It is of another unit, or no finite number; the text says what is expected.
    pub fn read(self, written: &Json) -> Result<Value, String> {
        let value = match (self, written) {
            (Self::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
            (Self::Text, Json::String(text)) => Some(Value::Text(text.clone())),
            (_, Json::Number(number)) if self.is_number() => number.as_f64().map(Value::Number),
            (_, Json::String(text)) if self.is_number() => self.read_text(text).map(Value::Number),
            _ => None,
        };
        value.ok_or_else(|| format!("expected {}", self.example()))
    }

    fn read_text(self, text: &str) -> Option<f64> {
        let text = text.trim();
        let end = text
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(text.len());
        let (digits, suffix) = text.split_at_checked(end)?;
        let number: f64 = digits.parse().ok()?;
        let suffix = suffix.trim_start();
        let factor = match suffix {
            "" => 1.0,
            _ => self.suffixes().iter().find(|(name, _)| *name == suffix)?.1,
        };
        Some(number * factor).filter(|number| number.is_finite())
    }

    /// The value as people read it.
    pub fn show(self, value: &Value) -> String {
        match (self, value) {
            (_, Value::Bool(value)) => value.to_string(),
            (_, Value::Text(text)) => text.clone(),
            (Self::Percent, Value::Number(number)) => format!("{}%", hundredths(*number)),
            (Self::Seconds, Value::Number(number)) => show_scaled(
                *number,
                &[
                    ("d", 86_400.0),
                    ("h", 3_600.0),
                    ("min", 60.0),
                    ("s", 1.0),
                    ("ms", 0.001),
                ],
                "s",
            ),
            (Self::Bytes, Value::Number(number)) => show_scaled(
                *number,
                &[("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1_024.0)],
                "B",
            ),
            (_, Value::Number(number)) => number.to_string(),
        }
    }
}

/// Two digits after the point, cut rather than rounded: what is below a threshold must not be shown as the threshold.
fn hundredths(number: f64) -> f64 {
    let cut = (number * 100.0).floor() / 100.0;
    // Floats such as 84.91 times a hundred fall just short of their own hundredth.
    let near = (number * 100.0).round() / 100.0;
    if (near - number).abs() < 1e-9 { near } else { cut }
}

fn show_scaled(number: f64, units: &[(&str, f64)], base: &str) -> String {
    match units.iter().find(|(_, size)| number >= *size) {
        Some((name, size)) => format!("{} {name}", hundredths(number / size)),
        None => format!("{number} {base}"),
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_in_their_unit_and_in_no_other() {
        let number = |number| Some(Value::Number(number));
        let cases = [
            (Unit::Seconds, json!("10m"), number(600.0)),
            (Unit::Seconds, json!("1000ms"), number(1.0)),
            (Unit::Seconds, json!("1.5 h"), number(5_400.0)),
            (Unit::Seconds, json!(300), number(300.0)),
            (Unit::Seconds, json!("85%"), None),
            (Unit::Seconds, json!("10M"), None),
            (Unit::Percent, json!("85%"), number(85.0)),
            (Unit::Percent, json!(0.1), number(0.1)),
            (Unit::Percent, json!("10m"), None),
            (Unit::Bytes, json!("512MiB"), number(536_870_912.0)),
            (Unit::Bytes, json!("10KB"), number(10_000.0)),
            (Unit::Bytes, json!("512m"), None),
            (Unit::Count, json!(0), number(0.0)),
            (Unit::Count, json!("7"), number(7.0)),
            (Unit::Count, json!("7s"), None),
            (Unit::Count, json!(true), None),
            (Unit::Count, json!(""), None),
            (Unit::Count, json!("."), None),
            (Unit::Count, json!("-1"), None),
            (Unit::Count, json!("é"), None),
            (Unit::Bool, json!(true), Some(Value::Bool(true))),
            (Unit::Bool, json!("true"), None),
            (Unit::Bool, json!(1), None),
            (Unit::Text, json!("x"), Some(Value::Text("x".into()))),
            (Unit::Text, json!(1), None),
        ];
        for (unit, written, expected) in cases {
            assert_eq!(unit.read(&written).ok(), expected, "{unit} {written}");
        }
    }

    #[test]
    fn values_are_shown_without_rounding_up() {
        let cases = [
            (Unit::Percent, 84.999, "84.99%"),
            (Unit::Percent, 84.91, "84.91%"),
            (Unit::Percent, 100.0, "100%"),
            (Unit::Seconds, 300.0, "5 min"),
            (Unit::Seconds, 0.42, "420 ms"),
            (Unit::Seconds, 0.0, "0 s"),
            (Unit::Bytes, 536_870_912.0, "512 MiB"),
            (Unit::Bytes, 12.0, "12 B"),
            (Unit::Count, 3.0, "3"),
        ];
        for (unit, number, expected) in cases {
            assert_eq!(unit.show(&Value::Number(number)), expected);
        }
    }
}
