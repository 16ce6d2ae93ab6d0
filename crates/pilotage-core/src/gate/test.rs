//! One comparison of a value with a threshold.

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Operator, Unit, Value};

/// A comparison whose threshold is of the metric's unit.
#[derive(Clone, Debug)]
pub enum Test {
    /// Greater than.
    Greater(f64),
    /// Greater than or equal to.
    AtLeast(f64),
    /// Less than.
    Less(f64),
    /// Less than or equal to.
    AtMost(f64),
    /// The same value.
    Equal(Value),
    /// Another value.
    NotEqual(Value),
    /// One of these.
    In(Vec<Value>),
    /// A text with this in it.
    Contains(String),
    /// A text that the expression matches.
    Matches(Box<Regex>),
}

/// Which values are better, for comparing two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wants {
    /// Greater ones.
    More,
    /// Smaller ones.
    Less,
    /// Those that pass, and no others.
    Exactly,
}

impl Test {
    /// Which values are better. Of what must be zero, less is.
    pub fn wants(&self) -> Wants {
        match self {
            Self::Greater(_) | Self::AtLeast(_) => Wants::More,
            Self::Less(_) | Self::AtMost(_) => Wants::Less,
            Self::Equal(Value::Number(number)) if *number == 0.0 => Wants::Less,
            _ => Wants::Exactly,
        }
    }

    /// A comparison from what a person wrote.
    ///
    /// # Errors
    /// Operator or threshold do not go with the unit; the text says what does.
    pub fn read(operator: Operator, unit: Unit, threshold: &Json) -> Result<Self, String> {
        let number = || match unit.read(threshold)? {
            Value::Number(number) => Ok(number),
            _ => Err(format!(
                "`{}` needs a number, and this metric is {unit}",
                operator.name()
            )),
        };
        let text = || match (unit, threshold) {
            (Unit::Text, Json::String(text)) => Ok(text.clone()),
            (Unit::Text, _) => Err("expected text".to_owned()),
            _ => Err(format!(
                "`{}` needs text, and this metric is {unit}",
                operator.name()
            )),
        };
        Ok(match operator {
            Operator::Gt => Self::Greater(number()?),
            Operator::Gte => Self::AtLeast(number()?),
            Operator::Lt => Self::Less(number()?),
            Operator::Lte => Self::AtMost(number()?),
            Operator::Eq => Self::Equal(unit.read(threshold)?),
            Operator::Ne => Self::NotEqual(unit.read(threshold)?),
            Operator::Contains => Self::Contains(text()?),
            Operator::Regex => {
                let regex =
                    Regex::new(&text()?).map_err(|error| format!("not a regular expression: {error}"))?;
                Self::Matches(Box::new(regex))
            }
            Operator::In => Self::In(read_list(unit, threshold)?),
        })
    }

    /// Whether the value passes. A value of another type never does.
    pub fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Greater(bound), Value::Number(number)) => number > bound,
            (Self::AtLeast(bound), Value::Number(number)) => number >= bound,
            (Self::Less(bound), Value::Number(number)) => number < bound,
            (Self::AtMost(bound), Value::Number(number)) => number <= bound,
            (Self::Equal(wanted), value) => value == wanted,
            (Self::NotEqual(other), value) => same_type(value, other) && value != other,
            (Self::In(wanted), value) => wanted.contains(value),
            (Self::Contains(part), Value::Text(text)) => text.contains(part),
            (Self::Matches(regex), Value::Text(text)) => regex.is_match(text),
            _ => false,
        }
    }

    /// The threshold as people read it: `>= 85%`.
    pub fn show(&self, unit: Unit) -> String {
        let number = |sign: &str, number: f64| format!("{sign} {}", unit.show(&Value::Number(number)));
        match self {
            Self::Greater(bound) => number(">", *bound),
            Self::AtLeast(bound) => number(">=", *bound),
            Self::Less(bound) => number("<", *bound),
            Self::AtMost(bound) => number("<=", *bound),
            Self::Equal(value) => format!("= {}", unit.show(value)),
            Self::NotEqual(value) => format!("not {}", unit.show(value)),
            Self::Contains(part) => format!("contains {part}"),
            Self::Matches(regex) => format!("matches {regex}"),
            Self::In(values) => {
                let values: Vec<_> = values.iter().map(|value| unit.show(value)).collect();
                format!("one of {}", values.join(", "))
            }
        }
    }
}

fn read_list(unit: Unit, threshold: &Json) -> Result<Vec<Value>, String> {
    let list = threshold.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| "`in` needs a list with at least one value".to_owned())?;
    list.iter().map(|item| unit.read(item)).collect()
}

fn same_type(left: &Value, right: &Value) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_operator_passes_and_fails() {
        let number = Value::Number;
        let text = |text: &str| Value::Text(text.into());
        let cases = [
            (Operator::Gt, Unit::Count, json!(5), number(6.0), number(5.0)),
            (
                Operator::Gte,
                Unit::Percent,
                json!("85%"),
                number(85.0),
                number(84.999),
            ),
            (
                Operator::Lt,
                Unit::Seconds,
                json!("5m"),
                number(299.9),
                number(300.0),
            ),
            (
                Operator::Lte,
                Unit::Bytes,
                json!("1KiB"),
                number(1024.0),
                number(1025.0),
            ),
            (
                Operator::Eq,
                Unit::Bool,
                json!(true),
                Value::Bool(true),
                Value::Bool(false),
            ),
            (Operator::Ne, Unit::Count, json!(3), number(4.0), number(3.0)),
            (Operator::Ne, Unit::Count, json!(3), number(4.0), text("x")),
            (
                Operator::Contains,
                Unit::Text,
                json!("MIT"),
                text("MIT OR ISC"),
                text("GPL"),
            ),
            (
                Operator::Regex,
                Unit::Text,
                json!("^v[0-9]+$"),
                text("v12"),
                text("v12-rc"),
            ),
            (Operator::In, Unit::Text, json!(["a", "b"]), text("b"), text("c")),
        ];
        for (operator, unit, threshold, passes, fails) in cases {
            let read = Test::read(operator, unit, &threshold).unwrap();
            assert!(read.holds(&passes), "{operator:?} {passes:?}");
            assert!(!read.holds(&fails), "{operator:?} {fails:?}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let cases = [
            (Operator::Gt, Unit::Bool, json!(true)),
            (Operator::Gt, Unit::Text, json!("a")),
            (Operator::Lt, Unit::Seconds, json!("85%")),
            (Operator::Contains, Unit::Count, json!("1")),
            (Operator::Regex, Unit::Text, json!("(")),
            (Operator::In, Unit::Text, json!([])),
            (Operator::In, Unit::Text, json!("a")),
            (Operator::Eq, Unit::Bool, json!("true")),
        ];
        for (operator, unit, threshold) in cases {
            assert!(
                Test::read(operator, unit, &threshold).is_err(),
                "{operator:?} {unit}"
            );
        }
    }
}
