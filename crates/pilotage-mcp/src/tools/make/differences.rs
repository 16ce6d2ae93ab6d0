//! What differs between two blueprints, told by module. How the editor draws them is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Differences told of one module.
const MOST_OF_MODULE: usize = 20;
/// Modules told of.
const MOST_MODULES: usize = 100;
/// Longest value that is shown.
const MOST_VALUE_BYTES: usize = 200;
/// How deep values are compared piece by piece; below they are compared as a whole.
const MOST_DEPTH: usize = 8;
/// What the editor keeps for itself: places on the page, labels, and copies of what a module takes.
const NOISE: [&str; 5] = ["designer", "restore", "expect", "interface", "zone"];

/// `{name?, added, removed, changed: [{id, module, differences: [{path, before, after}]}]}`.
pub(super) fn of_blueprints(before: &Value, after: &Value) -> Value {
    let (old, new) = (modules(before), modules(after));
    let only = |these: &BTreeMap<String, &Value>, those: &BTreeMap<String, &Value>| {
        let only = these
            .iter()
            .filter(|(id, _)| !those.contains_key(*id))
            .take(MOST_MODULES);
        only.map(|(_, node)| json!({"id": node["id"], "module": node["module"]}))
            .collect::<Vec<_>>()
    };
    let changed = old.iter().filter_map(|(id, before)| {
        let after = new.get(id)?;
        let differences = of_values(before, after);
        (!differences.is_empty())
            .then(|| json!({"id": after["id"], "module": after["module"], "differences": differences}))
    });
    let mut told = json!({
        "added": only(&new, &old),
        "removed": only(&old, &new),
        "changed": changed.take(MOST_MODULES).collect::<Vec<_>>(),
    });
    if before["name"] != after["name"] {
        told["name"] = json!({"before": before["name"], "after": after["name"]});
    }
    let settings = of_values(&before["metadata"]["scenario"], &after["metadata"]["scenario"]);
    if !settings.is_empty() {
        told["settings"] = settings.into();
    }
    told
}

/// Every module by its id, those on routes, in branches and on errors among them.
fn modules(blueprint: &Value) -> BTreeMap<String, &Value> {
    let mut found = BTreeMap::new();
    let mut open = vec![(&blueprint["flow"], 0)];
    while let Some((flow, depth)) = open.pop() {
        for node in flow.as_array().into_iter().flatten() {
            found.insert(node["id"].to_string(), node);
            if depth < MOST_DEPTH {
                open.push((&node["onerror"], depth + 1));
                let ways = ["routes", "branches"]
                    .into_iter()
                    .filter_map(|name| node[name].as_array());
                open.extend(ways.flatten().map(|way| (&way["flow"], depth + 1)));
            }
        }
    }
    found
}

/// Where two values differ, and what stands there.
fn of_values(before: &Value, after: &Value) -> Vec<Value> {
    let mut told = Vec::new();
    compare("", before, after, 0, &mut told);
    told
}

fn compare(path: &str, before: &Value, after: &Value, depth: usize, told: &mut Vec<Value>) {
    if before == after || told.len() >= MOST_OF_MODULE {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        told.push(json!({"path": path, "before": short(before), "after": short(after)}));
        return;
    };
    if depth >= MOST_DEPTH {
        told.push(json!({"path": path, "before": short(before), "after": short(after)}));
        return;
    }
    // Modules on other ways are told of by themselves.
    let ways = ["onerror", "routes", "branches"];
    for name in names(old, new).filter(|name| !NOISE.contains(name) && !ways.contains(name)) {
        let nothing = Value::Null;
        let (old, new) = (
            old.get(name).unwrap_or(&nothing),
            new.get(name).unwrap_or(&nothing),
        );
        compare(&format!("{path}/{name}"), old, new, depth + 1, told);
    }
}

fn names<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> impl Iterator<Item = &'a str> {
    let added = new.keys().filter(|name| !old.contains_key(*name));
    old.keys().chain(added).map(String::as_str)
}

fn short(value: &Value) -> Value {
    let mut shown = value.clone();
    super::answers::hide(&mut shown);
    let mut text = shown.to_string();
    if text.len() <= MOST_VALUE_BYTES {
        return shown;
    }
    text.truncate(text.floor_char_boundary(MOST_VALUE_BYTES));
    text.push('…');
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_apart_and_the_editor_is_left_out() {
        let before = json!({"name": "a", "flow": [
            {"id": 1, "module": "x:A", "mapper": {"url": "1", "password": "s3cret"}, "metadata": {"designer": {"x": 1}}},
            {"id": 2, "module": "x:B"},
            {"id": 3, "module": "builtin:BasicRouter", "routes": [{"flow": [{"id": 4, "module": "x:D", "mapper": {"n": 1}}]}]},
        ]});
        let after = json!({"name": "b", "flow": [
            {"id": 1, "module": "x:A", "mapper": {"url": "2", "password": "another"}, "metadata": {"designer": {"x": 9}}},
            {"id": 3, "module": "builtin:BasicRouter", "routes": [{"flow": [{"id": 4, "module": "x:D", "mapper": {"n": 2}}]}]},
            {"id": 5, "module": "x:E"},
        ]});
        let told = of_blueprints(&before, &after);
        assert_eq!(told["name"], json!({"before": "a", "after": "b"}));
        assert_eq!(told["added"], json!([{"id": 5, "module": "x:E"}]));
        assert_eq!(told["removed"], json!([{"id": 2, "module": "x:B"}]));
        let paths: Vec<_> = told["changed"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["differences"][0]["path"].clone())
            .collect();
        assert_eq!(paths, ["/mapper/password", "/mapper/n"]);
        assert_eq!(of_blueprints(&before, &before)["changed"], json!([]));
    }

    #[test]
    fn no_blueprint_is_too_odd() {
        for odd in [
            json!(null),
            json!([]),
            json!({"flow": 7}),
            json!({"flow": [null, 7, {"routes": {}}]}),
        ] {
            of_blueprints(&odd, &json!({}));
            of_blueprints(&json!({"flow": []}), &odd);
        }
    }
}
