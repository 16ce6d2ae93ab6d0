//! `.gitlab-ci.yml`. Source: <https://docs.gitlab.com/ci/yaml/>.

mod job;
mod matrix;
mod rules;

use serde_json::{Map, Value, json};

use super::{
    Sheet,
    condition::{self, Atom, When},
    values::{id, is_variable, list, put, scalar},
};
use crate::pipelines::lint::{
    platforms::gitlab::parents,
    view::{entries, items},
};

/// Keys that are no jobs.
const GLOBAL: [&str; 12] = [
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "spec",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "types",
];
/// What jobs take from `default`, or from the root of the file.
const DEFAULTS: [&str; 9] = [
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "tags",
    "retry",
    "timeout",
    "artifacts",
];

/// A job as it is with what it takes over, and where it stands.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) at: String,
    pub(super) value: Value,
    pub(super) stage: String,
}

pub(super) fn read(root: &Value, sheet: &mut Sheet<'_>) -> Value {
    if !root["include"].is_null() {
        sheet.leave("/include", "`include`", "what stands in other files is not read");
    }
    let mut pipeline = Map::new();
    let workflow = &root["workflow"];
    put(
        &mut pipeline,
        "name",
        json!(workflow["name"].as_str().filter(|name| !name.contains('$'))),
    );
    let mut on = triggers(&workflow["rules"], sheet);
    let inputs = inputs(&root["variables"]);
    if !inputs.is_empty() || workflow["rules"].is_null() {
        on.insert("manual".to_owned(), json!({"inputs": inputs}));
    }
    put(&mut pipeline, "on", Value::Object(on));
    if workflow["auto_cancel"]["on_new_commit"] == "interruptible" {
        pipeline.insert(
            "concurrency".to_owned(),
            json!({"per": "branch", "cancelRunning": true}),
        );
    }
    let variables = variables(&root["variables"], "/variables", sheet);
    put(&mut pipeline, "variables", Value::Object(variables));
    let jobs = jobs(root, sheet);
    put(&mut pipeline, "stages", json!(stages(root, &jobs)));
    let mut all = Map::new();
    for job in &jobs {
        all.insert(id(&job.name), job::read(job, &jobs, sheet));
    }
    pipeline.insert("jobs".to_owned(), Value::Object(all));
    Value::Object(pipeline)
}

fn jobs(root: &Value, sheet: &mut Sheet<'_>) -> Vec<Written> {
    let mut all = Vec::new();
    let empty = Map::new();
    let map = root.as_object().unwrap_or(&empty);
    for (name, job, at) in entries(root, "") {
        if GLOBAL.contains(&name.as_str()) || name.starts_with('.') {
            continue;
        }
        let mut whole = parents::whole(map, job);
        if let Some(own) = whole.as_object_mut() {
            for key in DEFAULTS {
                let usual = root["default"].get(key).or_else(|| root.get(key));
                if let Some(usual) = usual.filter(|_| !own.contains_key(key)) {
                    own.insert(key.to_owned(), usual.clone());
                }
            }
        }
        if whole["script"].is_null() {
            sheet.leave(
                &at,
                format!("the job `{name}`"),
                "it has no script of its own; it is left out",
            );
            continue;
        }
        let stage = whole["stage"].as_str().unwrap_or("test").to_owned();
        all.push(Written {
            name: name.clone(),
            at,
            value: whole,
            stage,
        });
    }
    all
}

/// Those that have jobs, in their order.
fn stages(root: &Value, jobs: &[Written]) -> Vec<String> {
    let named = match &root["stages"] {
        Value::Null => ["build", "test", "deploy"].map(str::to_owned).to_vec(),
        stages => list(stages),
    };
    [".pre".to_owned()]
        .into_iter()
        .chain(named)
        .chain([".post".to_owned()])
        .filter(|stage| jobs.iter().any(|job| job.stage == *stage))
        .map(|stage| id(&stage))
        .collect()
}

fn triggers(rules: &Value, sheet: &mut Sheet<'_>) -> Map<String, Value> {
    let mut all = Map::new();
    if rules.is_null() {
        // Without rules every push of a branch or a tag starts it.
        all.insert("push".to_owned(), json!({"branches": ["*"], "tags": ["*"]}));
        return all;
    }
    let mut push = When::default();
    let mut targets: Vec<String> = Vec::new();
    for (rule, at) in items(rules, "/workflow/rules") {
        let text = rule["if"].as_str().unwrap_or_default();
        let target = text
            .split("$CI_MERGE_REQUEST_TARGET_BRANCH_NAME == \"")
            .nth(1)
            .and_then(|after| after.split('"').next());
        let read = match target {
            Some(_) => condition::read(text.split("&&").next().unwrap_or_default(), atom),
            None => condition::read(text, atom),
        };
        let Some(when) = read.filter(|_| rule["when"] != "never") else {
            sheet.leave(
                &at,
                format!("the rule `{text}`"),
                "a definition starts by push, merge request, time or hand",
            );
            continue;
        };
        push.branches.extend(when.branches);
        push.tags.extend(when.tags);
        for event in when.events {
            match event.as_str() {
                "push" => put(&mut all, "push", json!(true)),
                "pullRequest" => {
                    targets.extend(target.map(str::to_owned));
                    all.insert("pullRequest".to_owned(), json!({}));
                }
                "schedule" => {
                    sheet.leave(
                        &at,
                        "the times",
                        "GitLab keeps them in the settings of the project: put them into `on.schedules`",
                    );
                    all.insert("schedules".to_owned(), json!([{"cron": "0 3 * * 1"}]));
                }
                _ => {
                    all.insert("manual".to_owned(), json!({}));
                }
            }
        }
    }
    if all.contains_key("push") || !push.branches.is_empty() || !push.tags.is_empty() {
        all.insert(
            "push".to_owned(),
            When {
                events: Vec::new(),
                status: None,
                ..push
            }
            .value(),
        );
    }
    if !targets.is_empty() {
        all.insert("pullRequest".to_owned(), json!({"branches": targets}));
    }
    all
}

/// Variables that people are asked for.
fn inputs(value: &Value) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, written, _) in entries(value, "") {
        if !written.is_object() || (written["description"].is_null() && written["options"].is_null()) {
            continue;
        }
        let options = list(&written["options"]);
        let mut input = Map::new();
        put(&mut input, "description", json!(written["description"].as_str()));
        input.insert(
            "type".to_owned(),
            json!(if options.is_empty() { "string" } else { "choice" }),
        );
        put(&mut input, "options", json!(options));
        input.insert(
            "default".to_owned(),
            json!(scalar(&written["value"]).unwrap_or_default()),
        );
        all.insert(input_name(name), Value::Object(input));
    }
    all
}

pub(super) fn input_name(variable: &str) -> String {
    id(&variable
        .strip_prefix("INPUT_")
        .unwrap_or(variable)
        .to_ascii_lowercase())
}

/// Variables of the pipeline or a job. What people are asked for is a variable as well, unless it was made for that.
pub(super) fn variables(value: &Value, at: &str, sheet: &mut Sheet<'_>) -> Map<String, Value> {
    const OWN: [&str; 8] = [
        "GIT_DEPTH",
        "GIT_STRATEGY",
        "GIT_SUBMODULE_STRATEGY",
        "DOCKER_TLS_CERTDIR",
        "GIT_CLEAN_FLAGS",
        "GIT_FETCH_EXTRA_FLAGS",
        "FF_USE_FASTZIP",
        "TRANSFER_METER_FREQUENCY",
    ];
    let mut all = Map::new();
    for (name, written, at) in entries(value, at) {
        let asked =
            written.is_object() && !(written["description"].is_null() && written["options"].is_null());
        if OWN.contains(&name.as_str()) || (asked && name.starts_with("INPUT_")) {
            continue;
        }
        let text = if asked {
            Some(format!("${{input.{}}}", input_name(name)))
        } else {
            scalar(written)
                .or_else(|| scalar(&written["value"]))
                .and_then(|text| template(&text))
        };
        match text {
            Some(text) if is_variable(name) => {
                all.insert(name.clone(), json!(text));
            }
            _ => sheet.leave(
                &at,
                format!("the variable `{name}`"),
                "its name, or a variable in it, is not known to a definition",
            ),
        }
    }
    all
}

/// Predefined variables and what they are in a definition.
pub(super) const PREDEFINED: [(&str, &str); 8] = [
    ("CI_COMMIT_SHA", "git.sha"),
    ("CI_COMMIT_REF_NAME", "git.branch"),
    ("CI_COMMIT_BRANCH", "git.branch"),
    ("CI_COMMIT_TAG", "git.tag"),
    ("CI_COMMIT_TITLE", "git.title"),
    ("CI_PIPELINE_IID", "run.number"),
    ("CI_PIPELINE_URL", "run.url"),
    ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "git.branch"),
];

/// A text with its variables as a definition writes them; nothing where one is not known.
pub(super) fn template(text: &str) -> Option<String> {
    let mut parts = text.split('$');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let inner = part.strip_prefix('{');
        let name: String = inner
            .unwrap_or(part)
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect();
        let known = PREDEFINED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned());
        let axis = name
            .strip_prefix("MATRIX_")
            .map(|axis| format!("matrix.{}", axis.to_ascii_lowercase()));
        let input = name
            .strip_prefix("INPUT_")
            .map(|_| format!("input.{}", input_name(&name)));
        let value = known.or(axis).or(input)?;
        let rest = inner.unwrap_or(part).get(name.len()..).unwrap_or_default();
        let rest = if inner.is_some() {
            rest.strip_prefix('}')?
        } else {
            rest
        };
        whole.extend(["${", value.as_str(), "}", rest]);
    }
    Some(whole)
}

/// One comparison of a rule.
pub(super) fn atom(text: &str) -> Option<Atom> {
    let text = text.trim();
    let (name, right, is_pattern) = match (text.split_once("=="), text.split_once("=~")) {
        (Some((name, right)), _) => (name, right, false),
        (None, Some((name, right))) => (name, right, true),
        (None, None) => {
            return match text {
                "$CI_COMMIT_TAG" => Some(Atom::Tag("*".to_owned())),
                "$CI_COMMIT_BRANCH" => Some(Atom::Branch("*".to_owned())),
                _ => None,
            };
        }
    };
    let right = right.trim();
    if name.trim() == "$CI_PIPELINE_SOURCE" {
        let event = match right.trim_matches(['"', '\'']) {
            "push" => "push",
            "merge_request_event" => "pullRequest",
            "schedule" => "schedule",
            "web" | "api" | "trigger" | "/^(web|api|trigger)$/" => "manual",
            _ => return None,
        };
        return Some(Atom::Event(vec![event.to_owned()]));
    }
    let value = if is_pattern {
        let start = right.strip_prefix("/^")?.strip_suffix('/')?.replace('\\', "");
        let start = start.strip_suffix(".*").unwrap_or(&start).to_owned();
        let plain = start
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter));
        plain.then(|| format!("{start}*"))?
    } else if right == "$CI_DEFAULT_BRANCH" {
        "main".to_owned()
    } else {
        right
            .strip_prefix(['"', '\''])?
            .strip_suffix(['"', '\''])?
            .to_owned()
    };
    match name.trim() {
        "$CI_COMMIT_BRANCH" | "$CI_COMMIT_REF_NAME" => Some(Atom::Branch(value)),
        "$CI_COMMIT_TAG" => Some(Atom::Tag(value)),
        _ => None,
    }
}
