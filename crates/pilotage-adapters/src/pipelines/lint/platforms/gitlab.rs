//! `.gitlab-ci.yml`. Source of keys and words: <https://docs.gitlab.com/ci/yaml/>.

mod condition;
pub(in crate::pipelines) mod parents;
mod values;
mod words;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::{
    shape,
    view::{JobView, Script, Spot, Text, Used, UsedKind, View, entries, items, texts},
};
use words::{GLOBAL, JOB, RULE, WHEN};

pub(super) fn read(root: &Value, view: &mut View) {
    let Some(map) = root.as_object() else {
        view.note("shape", "", "a configuration is a mapping");
        return;
    };
    view.is_open = map.contains_key("include");
    let stages: Vec<String> = match map.get("stages") {
        Some(stages) => texts(stages, "").into_iter().map(|text| text.text).collect(),
        None => ["build", "test", "deploy"].map(str::to_owned).to_vec(),
    };
    for (one, at) in items(&root["workflow"]["rules"], "/workflow/rules") {
        rule(one, &at, view);
    }
    debug(&root["variables"], "/variables", view);
    includes(root, view);
    for (name, job, at) in entries(root, "") {
        if GLOBAL.contains(&name.as_str()) && !(name == "pages" && job.get("script").is_some())
            || name.starts_with('.')
        {
            continue;
        }
        let whole = parents::whole(map, job);
        self::job(map, name, job, &whole, &at, &stages, view);
    }
}

fn includes(root: &Value, view: &mut View) {
    for (include, at) in items(&root["include"], "/include") {
        let remote = include["remote"]
            .as_str()
            .or(include.as_str().filter(|text| text.starts_with("http")));
        if remote.is_some() && include["integrity"].is_null() {
            view.warn(
                "pinning",
                &at,
                "what is included from elsewhere can change at any time: give its `integrity`",
            );
        }
        if include["project"].is_string() && include["ref"].is_null() {
            view.warn(
                "pinning",
                &at,
                "another project is included as it is at the time: give a `ref`",
            );
        }
    }
}

fn debug(variables: &Value, at: &str, view: &mut View) {
    for name in ["CI_DEBUG_TRACE", "CI_DEBUG_SERVICES"] {
        let value = &variables[name];
        if value == "true" || value == &Value::Bool(true) {
            view.note(
                "secrets",
                &format!("{at}/{name}"),
                format!("`{name}` writes every variable into the log, secrets too"),
            );
        }
    }
}

fn job(
    root: &Map<String, Value>,
    name: &str,
    own: &Value,
    job: &Value,
    at: &str,
    stages: &[String],
    view: &mut View,
) {
    let mut shown = own.clone();
    if let Some(map) = shown.as_object_mut() {
        map.remove("<<");
    }
    shape::check(view, &shown, at, &format!("the job `{name}`"), JOB);
    if !own.is_object() {
        return;
    }
    for parent in texts(&own["extends"], &format!("{at}/extends")) {
        if !view.is_open && !root.contains_key(&parent.text) {
            note(
                view,
                "graph",
                &parent.at,
                format!("there is nothing called `{}` to extend", parent.text),
            );
        }
    }
    let unknown_parent = texts(&own["extends"], "")
        .iter()
        .any(|parent| !root.contains_key(&parent.text));
    let does = ["script", "run", "trigger", "release"]
        .iter()
        .any(|key| job.get(key).is_some());
    if !does && !unknown_parent {
        view.note("shape", at, format!("the job `{name}` has no `script`"));
    }
    if let Some(stage) = job["stage"].as_str()
        && ![".pre", ".post"].contains(&stage)
        && !stages.iter().any(|known| known == stage)
        && !view.is_open
    {
        view.note(
            "graph",
            &format!("{at}/stage"),
            format!("there is no stage `{stage}`"),
        );
    }
    if !job["rules"].is_null() && (!job["only"].is_null() || !job["except"].is_null()) {
        view.note("shape", at, "`rules` cannot stand beside `only` or `except`");
    }
    values::check(job, at, view);
    for (one, at) in items(&job["rules"], &format!("{at}/rules")) {
        rule(one, &at, view);
    }
    debug(&job["variables"], &format!("{at}/variables"), view);
    let rules = items(&job["rules"], "");
    let read = JobView {
        name: name.to_owned(),
        at: Spot::At(at.to_owned()),
        needs: needs(job, at),
        scope: String::new(),
        never_runs: job["when"] == "never"
            || (!rules.is_empty() && rules.iter().all(|(rule, _)| rule["when"] == "never")),
        scripts: scripts(job, at),
        uses: images(job, at),
    };
    view.jobs.push(read);
}

/// Jobs of this pipeline that have to be there.
fn needs(job: &Value, at: &str) -> Vec<Text> {
    let needs = items(&job["needs"], &format!("{at}/needs"))
        .into_iter()
        .filter_map(|(need, at)| {
            let elsewhere = !need["pipeline"].is_null() || !need["project"].is_null();
            let is_optional = need["optional"] == Value::Bool(true);
            let text = need
                .as_str()
                .or(need["job"].as_str())
                .filter(|_| !elsewhere && !is_optional)?;
            Some(Text {
                text: text.to_owned(),
                at: Spot::At(at),
            })
        });
    needs
        .chain(texts(&job["dependencies"], &format!("{at}/dependencies")))
        .collect()
}

fn note(view: &mut View, check: &'static str, at: &Spot, message: String) {
    if let Spot::At(at) = at {
        view.note(check, at, message);
    }
}

fn rule(rule: &Value, at: &str, view: &mut View) {
    if !rule.is_object() {
        return;
    }
    shape::check(view, rule, at, "a rule", RULE);
    shape::one_of(view, &rule["when"], &format!("{at}/when"), "word of `when`", WHEN);
    if let Some(condition) = rule["if"].as_str()
        && let Some(problem) = condition::problem(condition)
    {
        view.note("conditions", &format!("{at}/if"), problem);
    }
}

fn scripts(job: &Value, at: &str) -> Vec<Script> {
    let mut all = Vec::new();
    for key in ["before_script", "script", "after_script"] {
        for text in texts(&job[key], &format!("{at}/{key}")) {
            all.push(Script {
                text: text.text,
                at: text.at,
                is_posix: true,
                // Secrets are variables of the project here; going by their names is the best that can be done.
                secrets: BTreeSet::new(),
                filled_in: Vec::new(),
                untrusted: untrusted(&job["variables"]),
            });
        }
    }
    all
}

fn images(job: &Value, at: &str) -> Vec<Used> {
    let mut all = Vec::new();
    let services = items(&job["services"], &format!("{at}/services"));
    for (value, at) in [(&job["image"], format!("{at}/image"))]
        .into_iter()
        .chain(services)
    {
        if let Some(text) = value.as_str().or(value["name"].as_str()) {
            all.push(Used {
                text: Text {
                    text: text.to_owned(),
                    at: Spot::At(at),
                },
                kind: UsedKind::Image,
            });
        }
    }
    all
}

/// Variables that repeat what strangers write.
fn untrusted(variables: &Value) -> BTreeSet<String> {
    const VALUES: [&str; 6] = [
        "COMMIT_REF_NAME",
        "COMMIT_BRANCH",
        "COMMIT_TAG",
        "COMMIT_TITLE",
        "COMMIT_MESSAGE",
        "MERGE_REQUEST_TITLE",
    ];
    entries(variables, "")
        .into_iter()
        .filter(|(_, value, _)| {
            let text = value.as_str().or(value["value"].as_str());
            text.is_some_and(|text| VALUES.iter().any(|name| text.contains(&format!("$CI_{name}"))))
        })
        .map(|(name, ..)| name.clone())
        .collect()
}
