use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::Path;
use crate::{
    Event,
    config::{Problem, pointer_segment},
};

/// Longest template, in bytes.
const MAX_LENGTH: usize = 64 << 10;
/// Most `${...}` in one template.
const MAX_PARTS: usize = 256;
/// Longest rendered text, in bytes: a template that repeats a large body must not multiply it without bound.
const MAX_RENDERED: usize = 1 << 20;

/// A text with `${path}` in it.
///
/// `${event.data.head_commit.id}` is the value at that path (see [`Path`]), `${rule.id}` and `${execution.id}` are those
/// of the execution. `${path:-default}` gives the text `default` where the path is missing or null. `$${` is a literal
/// `${`. With `[*]` in the path the value is the list of all that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value { origin: Origin, default: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Rule,
    Execution,
    Event(Path),
}

/// What a template may name.
#[derive(Clone, Copy, Debug)]
pub struct TemplateScope<'a> {
    /// `event.`, and what stands alone.
    pub event: &'a Event,
    /// `rule.id`.
    pub rule: &'a str,
    /// `execution.id`.
    pub execution: &'a str,
}

/// Why a template gives nothing for an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The event has nothing there, or null, and the template has no default.
    #[error("the event has no `{0}`; `${{{0}:-...}}` would give a default")]
    Missing(String),
    /// The result is longer than 1 MiB.
    #[error("the rendered text is longer than 1 MiB")]
    TooLong,
    /// A parameter is no template; only for parameters that were never checked.
    #[error("{0}")]
    Invalid(String),
}

impl Template {
    /// Understands a template.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("a template has at most {} KiB", MAX_LENGTH >> 10));
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("${");
                rest = after;
                continue;
            }
            literal.push_str(before);
            let (inner, remaining) = split_end(after)
                .ok_or_else(|| format!("`${{{}` has no `}}`", after.chars().take(40).collect::<String>()))?;
            push_text(&mut parts, &mut literal);
            parts.push(parse_value(inner)?);
            rest = remaining;
        }
        literal.push_str(rest);
        push_text(&mut parts, &mut literal);
        if parts.len() > MAX_PARTS {
            return Err(format!("a template has at most {MAX_PARTS} parts"));
        }
        Ok(Self { parts })
    }

    /// Whether there is nothing to fill in.
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The value: where the whole template is one `${...}` it keeps its JSON type, else it is text.
    ///
    /// # Errors
    /// A path without a default is missing in the event, or the text would be too long.
    pub fn render_value(&self, scope: &TemplateScope<'_>) -> Result<Value, TemplateError> {
        match self.parts.as_slice() {
            [Part::Value { origin, default }] => value_of(origin, default.as_deref(), scope),
            _ => self.render_text(scope).map(Value::String),
        }
    }

    /// The text: strings as they are, numbers and booleans as JSON writes them, lists and objects as compact JSON.
    ///
    /// # Errors
    /// As for [`Template::render_value`].
    pub fn render_text(&self, scope: &TemplateScope<'_>) -> Result<String, TemplateError> {
        self.render_text_with(scope, str::to_owned)
    }

    /// The text as [`Template::render_text`] gives it, with every filled-in value, defaults too, written by `encode`.
    ///
    /// # Errors
    /// As for [`Template::render_value`].
    pub fn render_text_with(
        &self,
        scope: &TemplateScope<'_>,
        encode: impl Fn(&str) -> String,
    ) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Value { origin, default } => match value_of(origin, default.as_deref(), scope)? {
                    Value::String(value) => text.push_str(&encode(&value)),
                    value => text.push_str(&encode(&value.to_string())),
                },
            }
            if text.len() > MAX_RENDERED {
                return Err(TemplateError::TooLong);
            }
        }
        Ok(text)
    }
}

fn push_text(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Text(std::mem::take(literal)));
    }
}

/// Splits at the `}` that ends a `${`: the first outside of a quoted key. A default ends at the first.
fn split_end(after: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    let mut in_default = false;
    let mut previous = ' ';
    let end = after.char_indices().find(|&(_, letter)| {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if !in_default => quoted = !quoted,
            '}' if !quoted => return true,
            '-' if previous == ':' && !quoted => in_default = true,
            _ => {}
        }
        previous = letter;
        false
    });
    let (at, _) = end?;
    let (inner, rest) = after.split_at_checked(at)?;
    Some((inner, rest.strip_prefix('}')?))
}

fn parse_value(inner: &str) -> Result<Part, String> {
    // A name cannot hold a colon, and in a quoted key what follows the quote is `]`.
    let (path, default) = match split_default(inner) {
        Some((path, default)) => (path, Some(default.to_owned())),
        None => (inner, None),
    };
    let origin = match path.split_once('.') {
        Some(("rule", "id")) => Origin::Rule,
        Some(("execution", "id")) => Origin::Execution,
        Some((namespace @ ("rule" | "execution"), name)) => {
            return Err(format!(
                "`{namespace}` has only an `id`, no `{name}`; a field of the event is `data.{path}`"
            ));
        }
        _ => Origin::Event(Path::parse(path)?),
    };
    Ok(Part::Value { origin, default })
}

fn split_default(inner: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    let at = inner.char_indices().find(|&(at, letter)| {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ':' if !quoted => return inner.get(at..).is_some_and(|rest| rest.starts_with(":-")),
            _ => {}
        }
        false
    });
    let (path, rest) = inner.split_at_checked(at?.0)?;
    Some((path, rest.strip_prefix(":-")?))
}

fn value_of(
    origin: &Origin,
    default: Option<&str>,
    scope: &TemplateScope<'_>,
) -> Result<Value, TemplateError> {
    let path = match origin {
        Origin::Rule => return Ok(scope.rule.into()),
        Origin::Execution => return Ok(scope.execution.into()),
        Origin::Event(path) => path,
    };
    let found = if path.is_many() {
        every(path, scope.event)
    } else {
        path.first(scope.event).map(|found| found.to_value())
    };
    match (found.filter(|value| !value.is_null()), default) {
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.into()),
        (None, None) => Err(TemplateError::Missing(path.as_str().to_owned())),
    }
}

/// All values that a path leads to, as a list; `None` where there are none.
fn every(path: &Path, event: &Event) -> Option<Value> {
    let mut values = Vec::new();
    let any = path.each(event, &mut |found| {
        values.push(found.to_value());
        ControlFlow::Continue(())
    });
    any.then_some(Value::Array(values))
}

/// Checks every string inside of `value`, which stands at `pointer`; keys are no templates.
pub fn check_templates(value: &Value, pointer: &str) -> Vec<Problem> {
    match value {
        Value::String(text) => match Template::parse(text) {
            Ok(_) => Vec::new(),
            Err(reason) => vec![Problem::at(pointer, reason)],
        },
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| check_templates(item, &format!("{pointer}/{index}")))
            .collect(),
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| check_templates(value, &format!("{pointer}/{}", pointer_segment(key))))
            .collect(),
        _ => Vec::new(),
    }
}

/// Renders every string inside of `value`; keys and other values stay as they are.
///
/// # Errors
/// The first template that gives nothing.
pub fn render_all(value: &Value, scope: &TemplateScope<'_>) -> Result<Value, TemplateError> {
    match value {
        Value::String(text) => Template::parse(text)
            .map_err(TemplateError::Invalid)?
            .render_value(scope),
        Value::Array(items) => items.iter().map(|item| render_all(item, scope)).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| Ok((key.clone(), render_all(value, scope)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

#[cfg(test)]
mod tests;
