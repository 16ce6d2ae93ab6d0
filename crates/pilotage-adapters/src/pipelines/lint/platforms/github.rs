//! Workflows. Source of keys and words:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>.

mod words;

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{
    expression::{self, Known},
    shape,
    untrusted::is_untrusted_value,
    view::{JobView, Script, Spot, Text, Used, UsedKind, View, entries, items, texts},
};
use words::{EVENTS, JOB, ROOT, RUNNERS, SCOPES, STEP, STRATEGY};

pub(super) fn read(root: &Value, view: &mut View) {
    shape::check(view, root, "", "a workflow", ROOT);
    for key in ["on", "jobs"] {
        if root.get(key).is_none() {
            view.note("shape", "", format!("the key `{key}` is missing"));
        }
    }
    events(root, view);
    permissions(root, view);
    for (id, job, at) in entries(&root["jobs"], "/jobs") {
        self::job(root, id, job, &at, view);
    }
}

fn events(root: &Value, view: &mut View) {
    let on = &root["on"];
    for text in texts(on, "/on") {
        if let Spot::At(at) = &text.at {
            shape::one_of(view, &Value::String(text.text.clone()), at, "event", EVENTS);
        }
    }
    for (event, _, at) in entries(on, "/on") {
        shape::one_of(view, &Value::String(event.clone()), &at, "event", EVENTS);
    }
    for (name, input, at) in entries(&on["workflow_dispatch"]["inputs"], "/on/workflow_dispatch/inputs") {
        let (options, default) = (&input["options"], &input["default"]);
        if input["type"] == "choice"
            && !default.is_null()
            && !options.as_array().is_some_and(|all| all.contains(default))
        {
            view.note(
                "shape",
                &format!("{at}/default"),
                format!("the default of `{name}` is not one of its options"),
            );
        }
    }
}

fn permissions(root: &Value, view: &mut View) {
    let jobs = entries(&root["jobs"], "/jobs");
    let everywhere = !root["permissions"].is_null();
    if !everywhere && jobs.iter().any(|(_, job, _)| job["permissions"].is_null()) {
        view.warn(
            "permissions",
            "/jobs",
            "nothing says what jobs may do, so the repository's default holds: add `permissions`",
        );
    }
    let own = jobs
        .iter()
        .map(|(_, job, at)| (&job["permissions"], format!("{at}/permissions"), false));
    let all: Vec<_> = own
        .chain([(&root["permissions"], "/permissions".to_owned(), true)])
        .collect();
    for (value, at, is_root) in all {
        match value.as_str() {
            Some("write-all") => view.note(
                "permissions",
                &at,
                "`write-all` lets every step change everything",
            ),
            Some("read-all") => view.warn("permissions", &at, "`read-all` is more than a job needs"),
            Some(_) => shape::one_of(view, value, &at, "permission", &["read-all", "write-all"]),
            None => {}
        }
        for (scope, access, at) in entries(value, &at) {
            shape::one_of(view, &Value::String(scope.clone()), &at, "permission", SCOPES);
            shape::one_of(view, access, &at, "kind of access", &["read", "write", "none"]);
            if is_root && access == "write" && jobs.len() > 1 {
                view.warn(
                    "permissions",
                    &at,
                    format!("every job may write `{scope}`: say it for the job that has to"),
                );
            }
        }
    }
}

fn job(root: &Value, id: &str, job: &Value, at: &str, view: &mut View) {
    shape::check(view, job, at, "a job", JOB);
    if job["uses"].is_null() {
        for key in ["runs-on", "steps"] {
            if job.get(key).is_none() {
                view.note("shape", at, format!("the key `{key}` of the job is missing"));
            }
        }
    }
    if job["strategy"].is_object() {
        shape::check(
            view,
            &job["strategy"],
            &format!("{at}/strategy"),
            "`strategy`",
            STRATEGY,
        );
    }
    runners(job, at, view);
    matrix(job, at, view);
    let mut read = JobView {
        name: id.to_owned(),
        at: Spot::At(at.to_owned()),
        needs: texts(&job["needs"], &format!("{at}/needs")),
        scope: String::new(),
        never_runs: matches!(&job["if"], Value::Bool(false))
            || job["if"]
                .as_str()
                .is_some_and(|text| expression::bare(text) == "false"),
        scripts: Vec::new(),
        uses: Vec::new(),
    };
    let known = Known::of_job(root, job);
    use_of(&job["uses"], &format!("{at}/uses"), UsedKind::Action, &mut read);
    use_of(
        &job["container"],
        &format!("{at}/container"),
        UsedKind::Image,
        &mut read,
    );
    use_of(
        &job["container"]["image"],
        &format!("{at}/container/image"),
        UsedKind::Image,
        &mut read,
    );
    for (_, service, at) in entries(&job["services"], &format!("{at}/services")) {
        use_of(
            &service["image"],
            &format!("{at}/image"),
            UsedKind::Image,
            &mut read,
        );
    }
    for (key, value, at) in entries(job, at) {
        if key != "steps" {
            expression::check(view, value, &at, &known, key == "if", true);
        }
    }
    steps(root, job, at, known, view, &mut read);
    view.jobs.push(read);
}

fn steps(root: &Value, job: &Value, at: &str, mut known: Known, view: &mut View, read: &mut JobView) {
    let mut ids = BTreeSet::new();
    for (step, at) in items(&job["steps"], &format!("{at}/steps")) {
        self::step(root, job, step, &at, &known, view, read);
        if let Some(id) = step["id"].as_str() {
            if !ids.insert(id.to_owned()) {
                view.note(
                    "names",
                    &format!("{at}/id"),
                    format!("there are two steps called `{id}`"),
                );
            }
            known.steps.insert(id.to_owned());
        }
    }
}

fn use_of(value: &Value, at: &str, kind: UsedKind, job: &mut JobView) {
    if let Some(text) = value.as_str() {
        job.uses.push(Used {
            text: Text {
                text: text.to_owned(),
                at: Spot::At(at.to_owned()),
            },
            kind,
        });
    }
}

fn runners(job: &Value, at: &str, view: &mut View) {
    let labels = texts(&job["runs-on"], &format!("{at}/runs-on"));
    if labels.iter().any(|label| label.text == "self-hosted") {
        return;
    }
    for label in labels {
        if let Spot::At(at) = &label.at
            && !RUNNERS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(&label.text))
        {
            shape::one_of(
                view,
                &Value::String(label.text.clone()),
                at,
                "runner of GitHub",
                RUNNERS,
            );
        }
    }
}

fn matrix(job: &Value, at: &str, view: &mut View) {
    let matrix = &job["strategy"]["matrix"];
    let at = format!("{at}/strategy/matrix");
    let axes: Vec<_> = entries(matrix, &at)
        .into_iter()
        .filter(|(name, ..)| !["include", "exclude"].contains(&name.as_str()))
        .collect();
    let mut size = 1_usize;
    for (name, values, at) in &axes {
        match values {
            Value::Array(values) => size = size.saturating_mul(values.len()),
            Value::String(text) if text.contains("${{") => {}
            _ => view.note("shape", at, format!("the axis `{name}` is a list of values")),
        }
    }
    if size > 256 {
        view.note("shape", &at, "a matrix has at most 256 combinations");
    }
    for (entry, at) in items(&matrix["exclude"], &format!("{at}/exclude")) {
        for (axis, _, at) in entries(entry, &at) {
            if !axes.iter().any(|(name, ..)| *name == axis) {
                view.note("shape", &at, format!("the matrix has no axis `{axis}`"));
            }
        }
    }
}

fn step(
    root: &Value,
    job: &Value,
    step: &Value,
    at: &str,
    known: &Known,
    view: &mut View,
    read: &mut JobView,
) {
    shape::check(view, step, at, "a step", STEP);
    match (step.get("run"), step.get("uses")) {
        (Some(_), Some(_)) => view.note("shape", at, "a step has `run` or `uses`, not both"),
        (None, None) => view.note("shape", at, "a step has `run` or `uses`"),
        _ => {}
    }
    use_of(&step["uses"], &format!("{at}/uses"), UsedKind::Action, read);
    for (key, value, at) in entries(step, at) {
        expression::check(view, value, &at, known, key == "if", false);
    }
    if step["uses"]
        .as_str()
        .is_some_and(|action| action.starts_with("actions/github-script@"))
    {
        script(
            root,
            job,
            step,
            &step["with"]["script"],
            &format!("{at}/with/script"),
            false,
            read,
        );
    }
    let shell = step["shell"].as_str().unwrap_or("bash");
    let windows = job["runs-on"]
        .as_str()
        .is_some_and(|label| label.starts_with("windows"));
    let is_posix = ["bash", "sh"].iter().any(|known| shell.starts_with(known))
        && (step.get("shell").is_some() || !windows);
    script(
        root,
        job,
        step,
        &step["run"],
        &format!("{at}/run"),
        is_posix,
        read,
    );
}

fn script(
    root: &Value,
    job: &Value,
    step: &Value,
    text: &Value,
    at: &str,
    is_posix: bool,
    read: &mut JobView,
) {
    let Some(text) = text.as_str() else { return };
    let (mut secrets, mut untrusted) = (BTreeSet::new(), BTreeSet::new());
    for env in [&root["env"], &job["env"], &step["env"]] {
        for (name, value, _) in entries(env, "") {
            if value.as_str().is_some_and(|value| value.contains("secrets.")) {
                secrets.insert(name.clone());
            }
            if value.as_str().is_some_and(is_untrusted_value) {
                untrusted.insert(name.clone());
            }
        }
    }
    read.scripts.push(Script {
        text: text.to_owned(),
        at: Spot::At(at.to_owned()),
        is_posix,
        secrets,
        filled_in: expression::expressions(text)
            .map(|(inner, _)| inner.to_owned())
            .collect(),
        untrusted,
    });
}
