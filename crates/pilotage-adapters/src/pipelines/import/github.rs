//! Workflows of GitHub Actions. Source: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>.

mod actions;
mod steps;
mod triggers;

use serde_json::{Map, Value, json};

use super::{
    Sheet,
    condition::{self, Atom, When},
    values::{id, list, put, scalar},
};
use crate::pipelines::lint::view::{entries, items};

pub(super) fn read(root: &Value, sheet: &mut Sheet<'_>) -> Value {
    sheet.leave_others(
        root,
        "",
        &[
            "name",
            "on",
            "permissions",
            "env",
            "concurrency",
            "jobs",
            "defaults",
        ],
    );
    let mut pipeline = Map::new();
    put(&mut pipeline, "name", json!(root["name"].as_str()));
    put(&mut pipeline, "on", triggers::read(&root["on"], sheet));
    put(
        &mut pipeline,
        "permissions",
        permissions(&root["permissions"], "/permissions", sheet),
    );
    put(
        &mut pipeline,
        "concurrency",
        concurrency(&root["concurrency"], sheet),
    );
    let variables = steps::variables(&root["env"], "/env", sheet);
    put(&mut pipeline, "variables", Value::Object(variables));
    let mut jobs = Map::new();
    for (name, written, at) in entries(&root["jobs"], "/jobs") {
        if let Some(job) = job(root, (name, written), &at, sheet) {
            jobs.insert(id(name), job);
        }
    }
    pipeline.insert("jobs".to_owned(), Value::Object(jobs));
    Value::Object(pipeline)
}

fn permissions(value: &Value, at: &str, sheet: &mut Sheet<'_>) -> Value {
    const SCOPES: [(&str, &str); 10] = [
        ("actions", "actions"),
        ("checks", "checks"),
        ("contents", "contents"),
        ("deployments", "deployments"),
        ("id-token", "idToken"),
        ("issues", "issues"),
        ("packages", "packages"),
        ("pull-requests", "pullRequests"),
        ("security-events", "securityEvents"),
        ("statuses", "statuses"),
    ];
    if let Some(word) = value.as_str() {
        sheet.leave(at, format!("`{word}`"), "say each permission by itself");
    }
    let mut all = Map::new();
    for (scope, access, at) in entries(value, at) {
        match (SCOPES.iter().find(|(name, _)| name == scope), access.as_str()) {
            (_, Some("none")) => {}
            (Some((_, name)), Some(access)) => put(&mut all, name, json!(access)),
            _ => sheet.leave(
                &at,
                format!("the permission `{scope}`"),
                "a definition has nothing like it",
            ),
        }
    }
    Value::Object(all)
}

fn concurrency(value: &Value, sheet: &mut Sheet<'_>) -> Value {
    let group = value.as_str().or(value["group"].as_str());
    let Some(group) = group else { return Value::Null };
    let per = if group.contains("ref") {
        "branch"
    } else {
        "pipeline"
    };
    if value["cancel-in-progress"].is_string() {
        sheet.leave(
            "/concurrency",
            "`cancel-in-progress`",
            "an expression; newer runs wait now",
        );
    }
    json!({"per": per, "cancelRunning": value["cancel-in-progress"] == Value::Bool(true)})
}

fn job(root: &Value, (id_of, written): (&str, &Value), at: &str, sheet: &mut Sheet<'_>) -> Option<Value> {
    if written["uses"].is_string() {
        sheet.leave(
            at,
            "the workflow that is called",
            "a definition calls no other; the job is left out",
        );
        return None;
    }
    sheet.leave_others(
        written,
        at,
        &[
            "name",
            "needs",
            "if",
            "runs-on",
            "timeout-minutes",
            "continue-on-error",
            "environment",
            "concurrency",
            "permissions",
            "strategy",
            "container",
            "services",
            "env",
            "steps",
            "defaults",
        ],
    );
    let mut job = Map::new();
    let name = written["name"]
        .as_str()
        .map(|name| name.split(" (${{").next().unwrap_or(name));
    put(&mut job, "name", json!(name.filter(|name| !name.contains("${{"))));
    let needs: Vec<String> = list(&written["needs"]).iter().map(|need| id(need)).collect();
    put(&mut job, "needs", json!(needs));
    put(
        &mut job,
        "when",
        when(id_of, &written["if"], &format!("{at}/if"), sheet),
    );
    put(
        &mut job,
        "runner",
        runner(&written["runs-on"], &format!("{at}/runs-on"), sheet),
    );
    put(
        &mut job,
        "timeout",
        json!(
            written["timeout-minutes"]
                .as_u64()
                .map(|minutes| format!("{minutes}m"))
        ),
    );
    surroundings(written, at, &mut job, sheet);
    steps::read(root, written, at, &mut job, sheet);
    Some(Value::Object(job))
}

/// Where it runs, and what it may do.
fn surroundings(written: &Value, at: &str, job: &mut Map<String, Value>, sheet: &mut Sheet<'_>) {
    if written["continue-on-error"] == Value::Bool(true) {
        job.insert("allowFailure".to_owned(), json!(true));
    }
    environment(written, at, job, sheet);
    let group = written["concurrency"]
        .as_str()
        .or(written["concurrency"]["group"].as_str());
    put(
        job,
        "concurrency",
        json!(group.filter(|group| !group.contains("${{"))),
    );
    put(
        job,
        "permissions",
        permissions(&written["permissions"], &format!("{at}/permissions"), sheet),
    );
    put(
        job,
        "matrix",
        matrix(&written["strategy"], &format!("{at}/strategy"), sheet),
    );
    let container = &written["container"];
    let image = container.as_str().or(container["image"].as_str());
    put(job, "image", json!(image.and_then(steps::template)));
    put(
        job,
        "services",
        services(&written["services"], &format!("{at}/services"), sheet),
    );
}

/// The condition of a job.
fn when(job: &str, value: &Value, at: &str, sheet: &mut Sheet<'_>) -> Value {
    let Some(text) = scalar(value) else {
        return Value::Null;
    };
    let bare = text
        .trim()
        .strip_prefix("${{")
        .and_then(|text| text.strip_suffix("}}"))
        .unwrap_or(&text);
    if let Some(when) = condition::read(bare, atom) {
        return when.value();
    }
    let what = format!("the condition `{}` of the job `{job}`", bare.trim());
    sheet.leave(at, what, condition::BY_HAND);
    When::by_hand().value()
}

pub(super) fn atom(text: &str) -> Option<Atom> {
    let quoted = |text: &str| {
        text.trim()
            .strip_prefix('\'')?
            .strip_suffix('\'')
            .map(str::to_owned)
    };
    match text.trim() {
        "failure()" => return Some(Atom::Status("failure")),
        "always()" => return Some(Atom::Status("always")),
        "!failure()" | "!cancelled()" => return Some(Atom::Status("unlessFailed")),
        "success()" | "true" => return Some(Atom::Nothing),
        _ => {}
    }
    if let Some(inner) = text
        .trim()
        .strip_prefix("startsWith(")
        .and_then(|text| text.strip_suffix(')'))
    {
        let (left, right) = inner.split_once(',')?;
        return reference(left.trim(), &quoted(right)?, "*");
    }
    let (left, right) = text.split_once("==")?;
    let right = quoted(right)?;
    if left.trim() != "github.event_name" {
        return reference(left.trim(), &right, "");
    }
    let event = match right.as_str() {
        "push" => "push",
        "pull_request" => "pullRequest",
        "schedule" => "schedule",
        "workflow_dispatch" => "manual",
        _ => return None,
    };
    Some(Atom::Event(vec![event.to_owned()]))
}

fn reference(left: &str, right: &str, end: &str) -> Option<Atom> {
    match left {
        "github.ref_name" => Some(Atom::Branch(format!("{right}{end}"))),
        "github.ref" => match right.strip_prefix("refs/heads/") {
            Some(branch) => Some(Atom::Branch(format!("{branch}{end}"))),
            None => Some(Atom::Tag(format!("{}{end}", right.strip_prefix("refs/tags/")?))),
        },
        _ => None,
    }
}

fn runner(value: &Value, at: &str, sheet: &mut Sheet<'_>) -> Value {
    let labels = list(value);
    let os = labels.iter().find_map(|label| match label.to_ascii_lowercase() {
        label if label.starts_with("windows") => Some("windows"),
        label if label.starts_with("macos") => Some("macos"),
        _ => None,
    });
    if labels.iter().any(|label| label.contains("${{")) {
        sheet.leave(
            at,
            format!("`{}`", labels.join(", ")),
            "a definition names the operating system; the job runs on Linux now",
        );
    }
    let mut runner = Map::new();
    put(&mut runner, "os", json!(os));
    if labels.iter().any(|label| label == "self-hosted") {
        let known = ["self-hosted", "linux", "windows", "macos"];
        let own: Vec<&String> = labels
            .iter()
            .filter(|label| !known.contains(&label.to_ascii_lowercase().as_str()))
            .collect();
        put(&mut runner, "labels", json!(own));
    }
    Value::Object(runner)
}

fn environment(written: &Value, at: &str, job: &mut Map<String, Value>, sheet: &mut Sheet<'_>) {
    let environment = &written["environment"];
    let Some(name) = environment.as_str().or(environment["name"].as_str()) else {
        return;
    };
    if name.contains("${{") {
        sheet.leave(
            &format!("{at}/environment"),
            format!("the environment `{name}`"),
            "its name is an expression",
        );
        return;
    }
    let mut map = Map::new();
    map.insert("name".to_owned(), json!(name));
    put(
        &mut map,
        "url",
        json!(environment["url"].as_str().and_then(steps::template)),
    );
    job.insert("environment".to_owned(), Value::Object(map));
}

fn matrix(strategy: &Value, at: &str, sheet: &mut Sheet<'_>) -> Value {
    let matrix = &strategy["matrix"];
    if matrix.is_null() {
        return Value::Null;
    }
    let mut axes = Map::new();
    for (name, values, at) in entries(matrix, &format!("{at}/matrix")) {
        if ["include", "exclude"].contains(&name.as_str()) {
            continue;
        }
        let known: Vec<String> = items(values, "")
            .into_iter()
            .filter_map(|(value, _)| scalar(value))
            .collect();
        if values.is_array() && known.len() == items(values, "").len() {
            axes.insert(id(name), json!(known));
        } else {
            sheet.leave(
                &at,
                format!("the axis `{name}`"),
                "an axis is a list of texts and numbers",
            );
        }
    }
    if axes.is_empty() {
        sheet.leave(
            &format!("{at}/matrix"),
            "the matrix",
            "it has no axis with a list of values",
        );
        return Value::Null;
    }
    let mut all = Map::new();
    for key in ["include", "exclude"] {
        let mut kept = Vec::new();
        for (entry, at) in items(&matrix[key], &format!("{at}/matrix/{key}")) {
            let whole = entries(entry, "")
                .iter()
                .all(|(name, value, _)| axes.contains_key(*name) && scalar(value).is_some());
            if whole && (key == "exclude" || entries(entry, "").len() == axes.len()) {
                kept.push(entry.clone());
            } else {
                sheet.leave(
                    &at,
                    format!("an entry of `{key}`"),
                    "each entry says the axes and nothing else",
                );
            }
        }
        put(&mut all, key, json!(kept));
    }
    all.insert("axes".to_owned(), Value::Object(axes));
    put(&mut all, "maxParallel", json!(strategy["max-parallel"].as_u64()));
    // The first that fails stops the others, unless it is said otherwise.
    if strategy["fail-fast"] != Value::Bool(false) {
        all.insert("failFast".to_owned(), json!(true));
    }
    Value::Object(all)
}

fn services(value: &Value, at: &str, sheet: &mut Sheet<'_>) -> Value {
    let mut all = Map::new();
    for (name, written, at) in entries(value, at) {
        sheet.leave_others(written, &at, &["image", "env", "ports"]);
        let Some(image) = written["image"].as_str() else {
            continue;
        };
        let ports = list(&written["ports"])
            .into_iter()
            .filter_map(|port| port.rsplit(':').next()?.parse::<u16>().ok());
        let mut service = Map::new();
        service.insert("image".to_owned(), json!(image));
        put(&mut service, "ports", json!(ports.collect::<Vec<u16>>()));
        put(&mut service, "variables", written["env"].clone());
        all.insert(id(name), Value::Object(service));
    }
    Value::Object(all)
}
