//! What starts a workflow.

use serde_json::{Map, Value, json};

use super::super::{
    Sheet,
    values::{id, list, pattern, put, scalar},
};
use crate::pipelines::lint::view::{entries, items};

pub(super) fn read(on: &Value, sheet: &mut Sheet<'_>) -> Value {
    let mut all = Map::new();
    let mut named: Vec<(String, Value, String)> = list(on)
        .into_iter()
        .map(|event| (event, Value::Null, "/on".to_owned()))
        .collect();
    named.extend(
        entries(on, "/on")
            .into_iter()
            .map(|(event, written, at)| (event.clone(), written.clone(), at)),
    );
    for (event, written, at) in named {
        match event.as_str() {
            "push" => {
                sheet.leave_others(&written, &at, &["branches", "tags"]);
                let mut push = Map::new();
                put(
                    &mut push,
                    "branches",
                    patterns(&written["branches"], &format!("{at}/branches"), sheet),
                );
                put(
                    &mut push,
                    "tags",
                    patterns(&written["tags"], &format!("{at}/tags"), sheet),
                );
                // Without any list every push to a branch is meant.
                if push.get("branches") == Some(&json!(["*"])) && push.len() == 1 {
                    push.clear();
                }
                all.insert("push".to_owned(), Value::Object(push));
            }
            "pull_request" => {
                sheet.leave_others(&written, &at, &["branches"]);
                let mut request = Map::new();
                put(
                    &mut request,
                    "branches",
                    patterns(&written["branches"], &format!("{at}/branches"), sheet),
                );
                all.insert("pullRequest".to_owned(), Value::Object(request));
            }
            "schedule" => {
                let times = items(&written, &at)
                    .into_iter()
                    .filter_map(|(time, _)| time["cron"].as_str());
                let times: Vec<Value> = times.map(|cron| json!({"cron": cron})).collect();
                put(&mut all, "schedules", json!(times));
            }
            "workflow_dispatch" => {
                let inputs = inputs(&written["inputs"], &format!("{at}/inputs"), sheet);
                all.insert("manual".to_owned(), json!({"inputs": inputs}));
            }
            other => sheet.leave(
                &at,
                format!("the event `{other}`"),
                "a definition starts by push, pull request, time or hand",
            ),
        }
    }
    Value::Object(all)
}

fn patterns(value: &Value, at: &str, sheet: &mut Sheet<'_>) -> Value {
    let mut all = Vec::new();
    for name in list(value) {
        match pattern(&name) {
            Some(name) => all.push(name),
            None => sheet.leave(
                at,
                format!("the pattern `{name}`"),
                "a pattern is a name, or the beginning of names",
            ),
        }
    }
    json!(all)
}

fn inputs(value: &Value, at: &str, sheet: &mut Sheet<'_>) -> Value {
    let mut all = Map::new();
    for (name, written, at) in entries(value, at) {
        let kind = match written["type"].as_str().unwrap_or("string") {
            known @ ("string" | "number" | "boolean" | "choice") => known,
            other => {
                sheet.leave(
                    &at,
                    format!("the type `{other}` of the input `{name}`"),
                    "it is a text now",
                );
                "string"
            }
        };
        let options = list(&written["options"]);
        let usual = match kind {
            "boolean" => "false".to_owned(),
            "number" => "0".to_owned(),
            "choice" => options.first().cloned().unwrap_or_default(),
            _ => String::new(),
        };
        let mut input = Map::new();
        put(&mut input, "description", json!(written["description"].as_str()));
        input.insert("type".to_owned(), json!(kind));
        put(&mut input, "options", json!(options));
        input.insert(
            "default".to_owned(),
            json!(scalar(&written["default"]).unwrap_or(usual)),
        );
        all.insert(id(name), Value::Object(input));
    }
    Value::Object(all)
}
