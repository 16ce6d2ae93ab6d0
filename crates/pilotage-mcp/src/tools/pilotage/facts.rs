//! The shapes of answers, in the few bytes that lists of tools can afford.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

// No arguments. Not a doc comment: those are shown to agents.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Nothing {}

// One thing by its id.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ById {
    pub(super) id: String,
}

/// An object of these facts, each with its type; `?` behind a type says that it may be null.
pub(super) fn object(facts: &[(&str, &str)]) -> Value {
    let facts = facts.iter().map(|(name, kind)| {
        let schema = match kind.strip_suffix('?') {
            Some(kind) => json!({ "type": [kind, "null"] }),
            None => json!({ "type": kind }),
        };
        ((*name).to_owned(), schema)
    });
    json!({ "type": "object", "properties": facts.collect::<Map<_, _>>() })
}

/// Facts of a page's items that its schema names: the list of all tools has a budget of bytes.
const NAMED: usize = 4;

/// A page of objects of these facts.
pub(super) fn page(facts: &[(&str, &str)]) -> Value {
    let facts = &facts[..facts.len().min(NAMED)];
    json!({ "type": "object", "properties": {
        "items": { "type": "array", "items": object(facts) },
        "next": { "type": ["string", "null"] },
    }, "required": ["items", "next"] })
}

/// The page with only the facts that a list needs; the tool that gets one thing shows the rest.
pub(super) fn brief(mut page: Value, facts: &[(&str, &str)]) -> Value {
    for item in page
        .get_mut("items")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        keep(item, facts);
    }
    page
}

/// Leaves only these facts of an object, and of those only what is said.
pub(super) fn keep(item: &mut Value, facts: &[(&str, &str)]) {
    if let Value::Object(item) = item {
        item.retain(|name, value| !value.is_null() && facts.iter().any(|(fact, _)| fact == name));
    }
}

/// The ids on a page that begin with `typed`, at most 100.
pub(super) fn ids(page: Option<&Value>, typed: &str) -> Vec<String> {
    let items = page.and_then(|page| page["items"].as_array());
    let ids = items.into_iter().flatten().filter_map(|item| item["id"].as_str());
    ids.filter(|id| id.starts_with(typed))
        .take(100)
        .map(str::to_owned)
        .collect()
}
