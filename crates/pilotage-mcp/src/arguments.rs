//! Arguments as every tool takes them: names in either family's spelling, `dry_run`, `fields`, and nothing unknown.

use pilotage_core::config::nearest;
use rmcp::model::JsonObject;
use serde_json::{Map, Value};

use crate::{answer::ToolError, registry::Entry};

/// Only say what would happen.
pub(crate) const DRY_RUN: &str = "dry_run";
/// Which fields to keep.
pub(crate) const FIELDS: &str = "fields";
/// Fields that may be named.
const MOST_FIELDS: usize = 50;

/// What a call was given, after the rules that hold for all tools.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// Under the names of the schema, and holding to it.
    pub(crate) values: Map<String, Value>,
    /// Whether only to say what would happen.
    pub(crate) dry_run: bool,
    /// What to keep of the answer; empty for everything.
    pub(crate) fields: Vec<String>,
}

impl Arguments {
    /// Reads what a client sent for a tool.
    ///
    /// # Errors
    /// Something is unknown, given twice, missing or of another shape than the schema asks for.
    pub(crate) fn read(entry: &Entry, given: Option<JsonObject>) -> Result<Self, ToolError> {
        let mut values = renamed(entry, given.unwrap_or_default())?;
        // Many clients send null for what is left open.
        values.retain(|name, value| !value.is_null() || entry.takes_null(name));
        entry.validate(&Value::Object(values.clone()))?;
        let dry_run = entry.tool().effect.changes() && values.remove(DRY_RUN) == Some(Value::Bool(true));
        let fields = match values.remove(FIELDS) {
            Some(Value::Array(fields)) => fields
                .into_iter()
                .filter_map(into_text)
                .take(MOST_FIELDS)
                .collect(),
            _ => Vec::new(),
        };
        Ok(Self {
            values,
            dry_run,
            fields,
        })
    }
}

fn into_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// The arguments under the names of the schema, whichever of `teamId` and `team_id` either of them uses.
fn renamed(entry: &Entry, given: JsonObject) -> Result<Map<String, Value>, ToolError> {
    let mut values = Map::new();
    for (name, value) in given {
        let known = entry.argument(&name).ok_or_else(|| unknown(entry, &name))?;
        if values.insert(known.to_owned(), value).is_some() {
            return Err(ToolError::new(
                format!("the argument `{known}` was given twice, in two spellings"),
                "Give it once.",
            ));
        }
    }
    Ok(values)
}

fn unknown(entry: &Entry, name: &str) -> ToolError {
    let name = &name[..name.floor_char_boundary(100)];
    let known: Vec<_> = entry.arguments().collect();
    let next = match nearest(name, known.iter().copied()) {
        Some(near) => format!("Did you mean `{near}`?"),
        None if known.is_empty() => "This tool takes no arguments.".to_owned(),
        None => format!("It takes: {}.", known.join(", ")),
    };
    ToolError::new(format!("this tool takes no argument `{name}`"), next)
}

/// What `teamId` and `team_id` share.
pub(crate) fn folded(name: &str) -> String {
    name.chars()
        .filter(|letter| *letter != '_')
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}
