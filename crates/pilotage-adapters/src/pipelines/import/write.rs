//! The definition as text, its keys in the order in which people read them.

use serde_json::Value;

use crate::pipelines::{Map, Yaml};

/// Keys that come first, in this order.
const ORDER: [&str; 30] = [
    "name",
    "file",
    "on",
    "push",
    "pullRequest",
    "schedules",
    "manual",
    "branches",
    "tags",
    "concurrency",
    "permissions",
    "stage",
    "needs",
    "runner",
    "image",
    "matrix",
    "axes",
    "include",
    "exclude",
    "when",
    "environment",
    "approval",
    "timeout",
    "retries",
    "allowFailure",
    "services",
    "workingDirectory",
    "secrets",
    "variables",
    "stages",
];

/// A whole `pilotage.yaml` with one pipeline.
pub(super) fn definition(id: &str, pipeline: &Value) -> String {
    let mut pipelines = Map::new();
    pipelines.set(id, yaml(pipeline));
    let mut root = Map::new();
    root.set("version", 1_u32).set("pipelines", pipelines);
    root.document()
}

fn yaml(value: &Value) -> Yaml {
    match value {
        Value::String(text) => Yaml::Text(text.clone()),
        Value::Array(items) if !items.is_empty() && items.iter().all(is_word) => {
            Yaml::flow(items.iter().filter_map(Value::as_str))
        }
        Value::Array(items) if !items.is_empty() => Yaml::List(items.iter().map(yaml).collect()),
        Value::Object(entries) if !entries.is_empty() => {
            let mut keys: Vec<&String> = entries.keys().collect();
            keys.sort_by_key(|key| {
                let place = ORDER.iter().position(|known| known == key).unwrap_or(ORDER.len());
                (place, key.as_str())
            });
            let mut map = Map::new();
            for key in keys {
                map.set(key.as_str(), yaml(&entries[key]));
            }
            Yaml::Map(map)
        }
        other => Yaml::Raw(other.to_string()),
    }
}

fn is_word(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() < 40)
}
