//! Which updates a watcher wants: a list of filters, all of which must hold.
//!
//! What comes here was written by whoever connects. Everything is bounded, and a pattern runs in time linear in the text
//! (the `regex` crate has neither lookaround nor backreferences).

mod field;
mod pattern;
mod value;

use serde_json::{Map, Value};

use super::StatusUpdate;
use field::Field;

/// Filters in one list.
pub const MOST_FILTERS: usize = 16;
/// Bytes of a field's path.
const LONGEST_FIELD: usize = 128;
/// Bytes of a text to compare with.
const LONGEST_TEXT: usize = 1_024;
/// Values of one `in`.
const MOST_VALUES: usize = 64;
/// The keys of a filter.
const KEYS: [&str; 3] = ["field", "operator", "value"];

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterOperator {
    /// The field has this value; numbers compare by value.
    Equals,
    /// The field's text has this part, or its list this item.
    Contains,
    /// The field has one of these values.
    In,
    /// The field's text matches this pattern somewhere.
    Regex,
}

impl FilterOperator {
    /// Every operator.
    pub const ALL: [Self; 4] = [Self::Equals, Self::Contains, Self::In, Self::Regex];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::Contains => "contains",
            Self::In => "in",
            Self::Regex => "regex",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.as_str() == word)
    }
}

/// What does not hold in a list of filters. Its text names the filter, counted from 1, and the field where there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// What was sent is no list.
    #[error("filters are a list of {{field, operator, value}}")]
    NotAList,
    /// There are too many.
    #[error("at most {MOST_FILTERS} filters")]
    TooMany,
    /// One of them does not hold.
    #[error("filter {number}{}: {reason}", named(field))]
    Invalid {
        /// Which one, from 1.
        number: usize,
        /// The field that it names; empty where it names none.
        field: String,
        /// Why.
        reason: String,
    },
}

fn named(field: &str) -> String {
    if field.is_empty() {
        String::new()
    } else {
        format!(" (`{field}`)")
    }
}

/// `{field, operator, value}`, checked and ready to be asked.
#[derive(Clone, Debug)]
pub struct StatusFilter {
    written: String,
    field: Field,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Equals(Value),
    Contains(Value),
    In(Vec<Value>),
    Regex(regex::Regex),
}

impl StatusFilter {
    /// Reads one filter; `Err` has the field, as far as it was read, and the reason.
    fn parse(filter: &Value) -> Result<Self, (String, String)> {
        let anonymous = |reason: String| (String::new(), reason);
        let Value::Object(members) = filter else {
            return Err(anonymous("a filter is {field, operator, value}".to_owned()));
        };
        let field = text(members, "field").map_err(anonymous)?;
        if field.is_empty() || field.len() > LONGEST_FIELD {
            return Err(anonymous(format!("`field` has 1 to {LONGEST_FIELD} bytes")));
        }
        Self::of_field(field, members).map_err(|reason| (field.to_owned(), reason))
    }

    fn of_field(field: &str, members: &Map<String, Value>) -> Result<Self, String> {
        if let Some(key) = members.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let key: String = key.chars().take(40).collect();
            return Err(format!(
                "`{key}` is no part of a filter; there are `field`, `operator` and `value`"
            ));
        }
        let word = text(members, "operator")?;
        let operator = FilterOperator::parse(word).ok_or_else(|| {
            let word: String = word.chars().take(40).collect();
            format!("`{word}` is no operator; there are `equals`, `contains`, `in` and `regex`")
        })?;
        let value = members.get("value").ok_or("`value` is missing")?;
        Ok(Self {
            written: serde_json::json!([field, operator.as_str(), value]).to_string(),
            field: Field::parse(field),
            test: Test::build(operator, value)?,
        })
    }

    /// Whether it holds for this update. A field that is not there has the value `null`.
    pub fn holds(&self, update: &StatusUpdate) -> bool {
        self.field.read(update, |found| self.test.holds(found))
    }
}

impl Test {
    fn build(operator: FilterOperator, value: &Value) -> Result<Self, String> {
        match operator {
            FilterOperator::Equals => scalar(value).map(|()| Self::Equals(value.clone())),
            FilterOperator::Contains => scalar(value).map(|()| Self::Contains(value.clone())),
            FilterOperator::In => {
                let values = value.as_array().ok_or("`in` takes a list of values")?;
                if values.len() > MOST_VALUES {
                    return Err(format!("`in` takes at most {MOST_VALUES} values"));
                }
                values.iter().try_for_each(scalar)?;
                Ok(Self::In(values.clone()))
            }
            FilterOperator::Regex => {
                let text = value.as_str().ok_or("`regex` takes a pattern as text")?;
                pattern::compile(text).map(Self::Regex)
            }
        }
    }

    fn holds(&self, found: &Value) -> bool {
        match self {
            Self::Equals(wanted) => value::same(found, wanted),
            Self::Contains(wanted) => value::contains(found, wanted),
            Self::In(wanted) => wanted.iter().any(|wanted| value::same(found, wanted)),
            Self::Regex(pattern) => value::as_text(found).is_some_and(|text| pattern.is_match(&text)),
        }
    }
}

fn text<'a>(members: &'a Map<String, Value>, key: &str) -> Result<&'a str, String> {
    let value = members.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
    value.as_str().ok_or_else(|| format!("`{key}` is a text"))
}

fn scalar(value: &Value) -> Result<(), String> {
    match value {
        Value::Array(_) | Value::Object(_) => {
            Err("`value` is a text, a number, true, false or null here".to_owned())
        }
        Value::String(text) if text.len() > LONGEST_TEXT => {
            Err(format!("a text in `value` has at most {LONGEST_TEXT} bytes"))
        }
        _ => Ok(()),
    }
}

/// A list of filters, all of which must hold. The empty list lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct StatusFilters(Vec<StatusFilter>);

impl StatusFilters {
    /// Reads a list of `{field, operator: equals|contains|in|regex, value}`; `null` is the empty list.
    ///
    /// # Errors
    /// Names the filter and the field that do not hold.
    pub fn parse(filters: &Value) -> Result<Self, FilterError> {
        match filters {
            Value::Null => Ok(Self::default()),
            Value::Array(filters) => Self::of(filters),
            _ => Err(FilterError::NotAList),
        }
    }

    /// Reads these filters.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of(filters: &[Value]) -> Result<Self, FilterError> {
        if filters.len() > MOST_FILTERS {
            return Err(FilterError::TooMany);
        }
        let read = |(index, filter): (usize, &Value)| {
            StatusFilter::parse(filter).map_err(|(field, reason)| FilterError::Invalid {
                number: index + 1,
                field,
                reason,
            })
        };
        filters
            .iter()
            .enumerate()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether every filter holds for this update.
    pub fn hold(&self, update: &StatusUpdate) -> bool {
        self.0.iter().all(|filter| filter.holds(update))
    }

    /// The same text for lists that ask the same in another order, so that those who ask share the answer.
    pub fn canonical(&self) -> String {
        let mut written: Vec<&str> = self.0.iter().map(|filter| filter.written.as_str()).collect();
        written.sort_unstable();
        written.dedup();
        written.join("\n")
    }
}

#[cfg(test)]
mod tests;
