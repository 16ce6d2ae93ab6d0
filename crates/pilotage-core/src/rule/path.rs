use std::{borrow::Cow, collections::BTreeMap, fmt, ops::ControlFlow};

use serde_json::Value;

use crate::Event;

/// Longest path, in bytes.
const MAX_LENGTH: usize = 512;
/// Most steps of a path.
const MAX_STEPS: usize = 32;

/// Where to look in an event: `ref`, `data.ref`, `commits[0].id`, `commits[*].author.email`, `labels["a.b/c"]`.
///
/// The first name is looked up among the fields of the event (`id`, `tenant`, `source`, `type`, `deliveryId`, `timestamp`,
/// `receivedAt`, `verified`, `attributes`, `data`); where that gives nothing, the whole path is looked up in `data`. A
/// leading `event.` is the same as none. `[*]` stands for every item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    field: Option<Field>,
    /// Steps from the event's own field on, if the first is one; else all of them.
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Every,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Id,
    Tenant,
    Source,
    Type,
    DeliveryId,
    Timestamp,
    ReceivedAt,
    Verified,
    Attributes,
    Data,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "tenant" => Self::Tenant,
            "source" => Self::Source,
            "type" => Self::Type,
            "deliveryId" => Self::DeliveryId,
            "timestamp" => Self::Timestamp,
            "receivedAt" => Self::ReceivedAt,
            "verified" => Self::Verified,
            "attributes" => Self::Attributes,
            "data" => Self::Data,
            _ => return None,
        })
    }
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub(super) enum Found<'a> {
    Json(&'a Value),
    Text(Cow<'a, str>),
    Bool(bool),
    Attributes(&'a BTreeMap<String, String>),
}

impl Found<'_> {
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Json(value) => (*value).clone(),
            Self::Text(text) => text.as_ref().into(),
            Self::Bool(value) => (*value).into(),
            Self::Attributes(attributes) => attributes
                .iter()
                .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
                .collect(),
        }
    }
}

impl Path {
    /// Understands a path.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("a path has at most {MAX_LENGTH} bytes"));
        }
        let mut steps = parse_steps(text).map_err(|reason| format!("`{text}` is no path: {reason}"))?;
        if steps.len() > MAX_STEPS {
            return Err(format!("a path has at most {MAX_STEPS} steps"));
        }
        if steps.len() > 1 && steps.first() == Some(&Step::Key("event".to_owned())) {
            steps.remove(0);
        }
        let field = match steps.first() {
            Some(Step::Key(name)) => Field::named(name),
            _ => return Err(format!("`{text}` is no path: it begins with a name")),
        };
        Ok(Self {
            text: text.to_owned(),
            field,
            steps,
        })
    }

    /// The text that it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it may lead to several values.
    pub(super) fn is_many(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// Hands every value that it leads to, in order, to `take` until that breaks; tells whether there was any.
    pub(super) fn each<'a>(
        &self,
        event: &'a Event,
        take: &mut dyn FnMut(Found<'a>) -> ControlFlow<()>,
    ) -> bool {
        let mut found = false;
        let mut noting = |value: Found<'a>| {
            found = true;
            take(value)
        };
        if let (Some(field), Some((_, rest))) = (self.field, self.steps.split_first()) {
            let _ = walk_field(field, rest, event, &mut noting);
        }
        if !found {
            let _ = walk(&event.data, &self.steps, &mut |value| {
                found = true;
                take(Found::Json(value))
            });
        }
        found
    }

    /// The first value that it leads to.
    pub(super) fn first<'a>(&self, event: &'a Event) -> Option<Found<'a>> {
        let mut first = None;
        self.each(event, &mut |value| {
            first = Some(value);
            ControlFlow::Break(())
        });
        first
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn walk_field<'a>(
    field: Field,
    rest: &[Step],
    event: &'a Event,
    take: &mut dyn FnMut(Found<'a>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let facts = &event.facts;
    let found = match (field, rest) {
        (Field::Data, rest) => return walk(&event.data, rest, &mut |value| take(Found::Json(value))),
        (Field::Attributes, [Step::Key(name)]) => match facts.attributes.get(name) {
            Some(value) => Found::Text(Cow::Borrowed(value)),
            None => return ControlFlow::Continue(()),
        },
        (_, [_, ..]) => return ControlFlow::Continue(()),
        (Field::Attributes, []) => Found::Attributes(&facts.attributes),
        (Field::Id, []) => Found::Text(Cow::Owned(facts.id.to_string())),
        (Field::Tenant, []) => Found::Text(Cow::Borrowed(&facts.tenant.0)),
        (Field::Source, []) => Found::Text(Cow::Borrowed(&facts.source)),
        (Field::Type, []) => Found::Text(Cow::Borrowed(&facts.event_type)),
        (Field::DeliveryId, []) => Found::Text(Cow::Borrowed(&facts.delivery_id)),
        (Field::Timestamp, []) => Found::Text(Cow::Owned(facts.timestamp.to_string())),
        (Field::ReceivedAt, []) => Found::Text(Cow::Owned(facts.received_at.to_string())),
        (Field::Verified, []) => Found::Bool(facts.verified),
    };
    take(found)
}

/// Follows `steps` from `value`. As deep as the path is long, which is bounded.
fn walk<'a>(
    value: &'a Value,
    steps: &[Step],
    take: &mut dyn FnMut(&'a Value) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let Some((step, rest)) = steps.split_first() else {
        return take(value);
    };
    let next = match (step, value) {
        (Step::Key(name), Value::Object(entries)) => entries.get(name),
        (Step::Index(index), Value::Array(items)) => items.get(*index),
        (Step::Every, Value::Array(items)) => {
            return items.iter().try_for_each(|item| walk(item, rest, take));
        }
        _ => None,
    };
    next.map_or(ControlFlow::Continue(()), |next| walk(next, rest, take))
}

fn parse_steps(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    let mut after_dot = true;
    while after_dot || !rest.is_empty() {
        let (step, remaining) = match rest.strip_prefix('[') {
            Some(inner) if !after_dot => parse_bracket(inner)?,
            _ if after_dot => parse_name(rest)?,
            _ => return Err(format!("expected `.` or `[` before `{rest}`")),
        };
        steps.push(step);
        (rest, after_dot) = match remaining.strip_prefix('.') {
            Some(remaining) => (remaining, true),
            None => (remaining, false),
        };
    }
    Ok(steps)
}

fn parse_name(rest: &str) -> Result<(Step, &str), String> {
    let is_end = |letter: char| {
        matches!(letter, '.' | '[' | ']' | '{' | '}' | '"' | ':')
            || letter.is_whitespace()
            || letter.is_control()
    };
    let (name, remaining) = rest
        .find(is_end)
        .and_then(|at| rest.split_at_checked(at))
        .unwrap_or((rest, ""));
    match (name, remaining.chars().next()) {
        ("", None) => Err("a name is missing at its end".to_owned()),
        ("" | "*", _) => Err(format!("expected a name before `{remaining}`")),
        (_, Some(odd)) if odd != '.' && odd != '[' => Err(format!(
            "a key with `{}` in it is written as [\"{name}{}...\"]",
            odd.escape_default(),
            odd.escape_default()
        )),
        _ => Ok((Step::Key(name.to_owned()), remaining)),
    }
}

/// What follows `[`.
fn parse_bracket(inner: &str) -> Result<(Step, &str), String> {
    if let Some(remaining) = inner.strip_prefix("*]") {
        return Ok((Step::Every, remaining));
    }
    if inner.starts_with('"') {
        // The quoted key is a JSON string, so that every key can be written.
        let mut strings = serde_json::Deserializer::from_str(inner).into_iter::<String>();
        let Some(Ok(key)) = strings.next() else {
            return Err("the quoted key does not end".to_owned());
        };
        let remaining = inner
            .get(strings.byte_offset()..)
            .and_then(|rest| rest.strip_prefix(']'));
        return remaining
            .map(|rest| (Step::Key(key), rest))
            .ok_or_else(|| "`]` is missing after a quoted key".to_owned());
    }
    inner
        .split_once(']')
        .filter(|(digits, _)| digits.bytes().all(|digit| digit.is_ascii_digit()))
        .and_then(|(digits, rest)| Some((Step::Index(digits.parse().ok()?), rest)))
        .ok_or_else(|| "between `[` and `]` is a number, `*` or a key in double quotes".to_owned())
}

#[cfg(test)]
mod tests;
