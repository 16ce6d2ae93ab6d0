//! Jobs of GitLab CI.

use serde_json::{Map, Value, json};

use super::{
    super::{
        Sheet,
        values::{id, list, path, put, scalar},
    },
    PREDEFINED, Written, matrix, rules, template, variables,
};
use crate::pipelines::lint::view::items;

const KNOWN: [&str; 23] = [
    "stage",
    "script",
    "before_script",
    "after_script",
    "needs",
    "rules",
    "only",
    "except",
    "when",
    "image",
    "parallel",
    "services",
    "cache",
    "artifacts",
    "environment",
    "resource_group",
    "timeout",
    "retry",
    "allow_failure",
    "tags",
    "variables",
    "extends",
    "interruptible",
];

pub(super) fn read(job: &Written, jobs: &[Written], sheet: &mut Sheet<'_>) -> Value {
    let (written, at) = (&job.value, job.at.as_str());
    sheet.leave_others(written, at, &KNOWN);
    let mut map = Map::new();
    map.insert("stage".to_owned(), json!(id(&job.stage)));
    if id(&job.name) != job.name {
        map.insert("name".to_owned(), json!(job.name));
    }
    put(&mut map, "needs", json!(needs(job, jobs)));
    let when = rules::read(job, sheet);
    put(&mut map, "when", when.value());
    if items(&written["rules"], "")
        .iter()
        .any(|(rule, _)| rule["when"] == "manual")
        || written["when"] == "manual"
    {
        map.insert("approval".to_owned(), json!({"message": "Go on?"}));
    }
    let image = written["image"].as_str().or(written["image"]["name"].as_str());
    match image.map(|image| (image, template(image))) {
        Some((_, Some(image))) => put(&mut map, "image", json!(image)),
        Some((image, None)) => sheet.leave(
            &format!("{at}/image"),
            format!("the image `{image}`"),
            "a variable in it is not known to a definition",
        ),
        None => {}
    }
    surroundings(written, &mut map);
    put(
        &mut map,
        "services",
        services(&written["services"], &format!("{at}/services"), sheet),
    );
    let mut all = variables(&written["variables"], &format!("{at}/variables"), sheet);
    put(
        &mut map,
        "matrix",
        matrix::read(&written["parallel"], &format!("{at}/parallel"), &mut all, sheet),
    );
    let steps = steps(job, &mut all, sheet);
    put(&mut map, "variables", Value::Object(all));
    map.insert("steps".to_owned(), json!(steps));
    Value::Object(map)
}

/// Where it deploys to, how long and how often it runs, and where.
fn surroundings(written: &Value, map: &mut Map<String, Value>) {
    let environment = written["environment"]
        .as_str()
        .or(written["environment"]["name"].as_str());
    if let Some(name) = environment {
        let mut environment = Map::new();
        environment.insert("name".to_owned(), json!(name));
        put(
            &mut environment,
            "url",
            json!(written["environment"]["url"].as_str().and_then(template)),
        );
        map.insert("environment".to_owned(), Value::Object(environment));
    }
    put(map, "concurrency", json!(written["resource_group"].as_str()));
    put(
        map,
        "timeout",
        json!(
            written["timeout"]
                .as_str()
                .and_then(minutes)
                .map(|minutes| format!("{minutes}m"))
        ),
    );
    put(
        map,
        "retries",
        json!(written["retry"].as_u64().or(written["retry"]["max"].as_u64())),
    );
    if written["allow_failure"] == Value::Bool(true) {
        map.insert("allowFailure".to_owned(), json!(true));
    }
    let labels: Vec<String> = list(&written["tags"]);
    if !labels.is_empty() {
        map.insert("runner".to_owned(), json!({"labels": labels}));
    }
}

/// Without `needs` a job waits for every job of the stages before it.
fn needs(job: &Written, jobs: &[Written]) -> Vec<String> {
    if job.value["needs"].is_null() {
        let mut before = Vec::new();
        // Jobs stand in any order; stages were sorted when they were collected, so that a later job of an earlier stage counts.
        let own = jobs.iter().position(|other| other.name == job.name).unwrap_or(0);
        for other in jobs.iter().take(own).filter(|other| other.stage != job.stage) {
            before.push(id(&other.name));
        }
        return before;
    }
    items(&job.value["needs"], "")
        .into_iter()
        .filter(|(need, _)| need["project"].is_null() && need["pipeline"].is_null())
        .filter_map(|(need, _)| need.as_str().or(need["job"].as_str()))
        .map(id)
        .collect()
}

/// Minutes of `10m`, `1h 30m`, `2 hours`.
fn minutes(text: &str) -> Option<u64> {
    let (mut total, mut number) = (0_u64, String::new());
    for letter in text.chars() {
        match letter {
            letter if letter.is_ascii_digit() && number.len() < 6 => number.push(letter),
            'h' | 'm' | 'd' | 's' if !number.is_empty() => {
                let amount: u64 = std::mem::take(&mut number).parse().ok()?;
                total += match letter {
                    'd' => amount * 1_440,
                    'h' => amount * 60,
                    'm' => amount,
                    _ => amount.div_ceil(60),
                };
            }
            _ => {}
        }
    }
    (total > 0).then_some(total)
}

fn services(value: &Value, at: &str, sheet: &mut Sheet<'_>) -> Value {
    let mut all = Map::new();
    for (service, at) in items(value, at) {
        let Some(image) = service.as_str().or(service["name"].as_str()) else {
            continue;
        };
        if image.contains("dind") || image.contains('$') {
            sheet.leave(
                &at,
                format!("the service `{image}`"),
                "the step `container` brings its own daemon, and images have no variables",
            );
            continue;
        }
        let usual = image.split(':').next().unwrap_or(image).replace('/', "-");
        let name = service["alias"].as_str().unwrap_or(&usual);
        let mut map = Map::new();
        map.insert("image".to_owned(), json!(image));
        put(&mut map, "variables", service["variables"].clone());
        all.insert(id(name), Value::Object(map));
    }
    Value::Object(all)
}

fn steps(job: &Written, all: &mut Map<String, Value>, sheet: &mut Sheet<'_>) -> Vec<Value> {
    let (written, at) = (&job.value, job.at.as_str());
    let mut steps = Vec::new();
    if written["variables"]["GIT_STRATEGY"] != "none" {
        let depth = scalar(&written["variables"]["GIT_DEPTH"]).and_then(|depth| depth.parse::<u32>().ok());
        steps.push(json!({"checkout": depth.filter(|depth| *depth != 1).map_or_else(|| json!({}), |depth| json!({"depth": depth}))}));
    }
    for (cache, at) in items(&written["cache"], &format!("{at}/cache")) {
        let files = list(&cache["key"]["files"]);
        if files.is_empty() {
            sheet.leave(
                &at,
                "the cache",
                "a definition keeps files by the content of others: its key has no `files`",
            );
            continue;
        }
        let name = cache["key"]["prefix"].as_str().unwrap_or("cache");
        let paths: Vec<String> = list(&cache["paths"]).iter().map(|text| path(text)).collect();
        steps.push(json!({"cache": {"name": name, "paths": paths, "keyFiles": files}}));
    }
    let environment = written["environment"].is_null();
    for (keys, status) in [
        (&["before_script", "script"][..], None),
        (&["after_script"][..], Some("always")),
    ] {
        // The lines share one shell, so they stay one script.
        let lines: Vec<String> = keys.iter().flat_map(|key| flat(&written[key])).collect();
        if lines.is_empty() {
            continue;
        }
        let script = commands(
            &lines.join("\n"),
            &format!("{at}/{}", keys.last().unwrap_or(&"script")),
            all,
            sheet,
        );
        let mut step = Map::new();
        put(&mut step, "when", json!(status));
        if environment || status.is_some() {
            step.insert("run".to_owned(), json!(script));
        } else {
            step.insert("deploy".to_owned(), json!({"run": script}));
        }
        steps.push(Value::Object(step));
    }
    artifacts(job, &mut steps, sheet);
    steps
}

/// Scripts may be lists of lists, by references.
fn flat(value: &Value) -> Vec<String> {
    items(value, "")
        .into_iter()
        .flat_map(|(item, _)| list(item))
        .collect()
}

/// Predefined variables become variables of the job; those that a definition does not know are told of.
fn commands(text: &str, at: &str, all: &mut Map<String, Value>, sheet: &mut Sheet<'_>) -> String {
    let mut names: Vec<String> = Vec::new();
    for after in text.split('$').skip(1) {
        let name: String = after
            .trim_start_matches('{')
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect();
        if name.starts_with("CI_") && !names.contains(&name) {
            names.push(name);
        }
    }
    // Longer names first, since one may be the beginning of another.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let mut text = text.to_owned();
    for name in names {
        match PREDEFINED.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => {
                let own = value.replace('.', "_").to_ascii_uppercase();
                text = text
                    .replace(&format!("${name}"), &format!("${own}"))
                    .replace(&format!("${{{name}"), &format!("${{{own}"));
                all.insert(own, json!(format!("${{{value}}}")));
            }
            None => sheet.leave(
                at,
                format!("the variable `{name}` in a script"),
                "only GitLab sets it",
            ),
        }
    }
    text
}

fn artifacts(job: &Written, steps: &mut Vec<Value>, sheet: &mut Sheet<'_>) {
    let (artifacts, at) = (&job.value["artifacts"], format!("{}/artifacts", job.at));
    sheet.leave_others(artifacts, &at, &["paths", "reports", "name", "expire_in", "when"]);
    let junit: Vec<String> = list(&artifacts["reports"]["junit"])
        .iter()
        .map(|text| path(text))
        .collect();
    if !junit.is_empty() {
        steps.push(json!({"tests": {"files": junit}}));
    }
    if let Some(file) = artifacts["reports"]["coverage_report"]["path"].as_str() {
        steps.push(json!({"coverage": {"file": path(file)}}));
    }
    sheet.leave_others(
        &artifacts["reports"],
        &format!("{at}/reports"),
        &["junit", "coverage_report"],
    );
    let paths: Vec<String> = list(&artifacts["paths"]).iter().map(|text| path(text)).collect();
    if !paths.is_empty() {
        let name = artifacts["name"]
            .as_str()
            .and_then(template)
            .unwrap_or_else(|| id(&job.name));
        let days = artifacts["expire_in"]
            .as_str()
            .and_then(minutes)
            .map(|minutes| minutes.div_ceil(1_440));
        let mut upload = Map::new();
        upload.insert("name".to_owned(), json!(name));
        upload.insert("paths".to_owned(), json!(paths));
        put(&mut upload, "keepDays", json!(days));
        let mut step = Map::new();
        put(
            &mut step,
            "when",
            json!((artifacts["when"] == "always").then_some("always")),
        );
        step.insert("upload".to_owned(), Value::Object(upload));
        steps.push(Value::Object(step));
    }
}
