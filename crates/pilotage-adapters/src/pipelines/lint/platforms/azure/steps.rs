//! Steps of Azure DevOps.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    super::super::{
        secret::names_secret,
        shape,
        untrusted::is_untrusted_value,
        view::{JobView, Script, Spot, Text, Used, UsedKind, View, entries, items},
    },
    Around,
    condition::condition,
    words::{KINDS, STEP},
};

pub(super) fn read(
    around: &Around<'_>,
    job: &Value,
    steps: &Value,
    at: &str,
    view: &mut View,
    read: &mut JobView,
) {
    for (step, at) in items(steps, at) {
        if entries(step, "").iter().any(|(key, ..)| key.starts_with("${{")) {
            continue;
        }
        shape::check(view, step, &at, "a step", STEP);
        let kinds: Vec<&str> = KINDS
            .into_iter()
            .filter(|kind| step.get(kind).is_some())
            .collect();
        if kinds.len() != 1 {
            view.note("shape", &at, "a step is one of script, bash, pwsh, powershell, task, checkout, download, publish and template");
        }
        condition(&step["condition"], &format!("{at}/condition"), view);
        if step["persistCredentials"] == Value::Bool(true) {
            let at = format!("{at}/persistCredentials");
            view.warn(
                "permissions",
                &at,
                "the token of the run stays in the working copy, where every later step can read it",
            );
        }
        if let Some(task) = step["task"].as_str() {
            read.uses.push(Used {
                text: Text {
                    text: task.to_owned(),
                    at: Spot::At(format!("{at}/task")),
                },
                kind: UsedKind::Task,
            });
        }
        for key in ["script", "bash"] {
            script(around, job, step, &step[key], &format!("{at}/{key}"), true, read);
        }
        for key in ["pwsh", "powershell"] {
            script(around, job, step, &step[key], &format!("{at}/{key}"), false, read);
        }
        if step["task"]
            .as_str()
            .is_some_and(|task| ["Bash@", "CmdLine@"].iter().any(|name| task.starts_with(name)))
        {
            script(
                around,
                job,
                step,
                &step["inputs"]["script"],
                &format!("{at}/inputs/script"),
                true,
                read,
            );
        }
    }
}

fn script(
    around: &Around<'_>,
    job: &Value,
    step: &Value,
    text: &Value,
    at: &str,
    is_posix: bool,
    read: &mut JobView,
) {
    let Some(text) = text.as_str() else { return };
    // `script` is cmd.exe on Windows.
    let pool = [&job["pool"]["vmImage"], &around.root["pool"]["vmImage"]];
    let windows = pool
        .iter()
        .any(|image| image.as_str().is_some_and(|image| image.starts_with("windows")));
    let (mut secrets, mut untrusted) = (BTreeSet::new(), BTreeSet::new());
    for (name, value, _) in entries(&step["env"], "") {
        if value.as_str().is_some_and(is_untrusted_value) {
            untrusted.insert(name.clone());
        }
        let is_secret = value
            .as_str()
            .and_then(|value| value.strip_prefix("$(")?.strip_suffix(')'))
            .is_some_and(|inner| inner == "System.AccessToken" || names_secret(inner));
        if is_secret {
            secrets.insert(name.clone());
        }
    }
    read.scripts.push(Script {
        text: text.to_owned(),
        at: Spot::At(at.to_owned()),
        is_posix: is_posix && (!windows || at.ends_with("bash")),
        secrets,
        filled_in: filled_in(text),
        untrusted,
    });
}

/// `$(name)` that is a variable, not a command, and `${{ ... }}`.
fn filled_in(text: &str) -> Vec<String> {
    let mut all: Vec<String> = super::super::super::expression::expressions(text)
        .map(|(inner, _)| inner.to_owned())
        .collect();
    for after in text.split("$(").skip(1) {
        let inner = after.split(')').next().unwrap_or_default();
        let dotted = inner.contains('.')
            && inner
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
        let constant = !inner.is_empty()
            && inner
                .chars()
                .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
        if dotted || constant {
            all.push(inner.to_owned());
        }
    }
    all
}
