//! Steps of GitHub Actions.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    super::{
        Sheet, condition,
        values::{Script, is_variable, path, put, scalar},
    },
    actions, atom,
};
use crate::pipelines::lint::{
    expression,
    view::{entries, items},
};

/// What an expression is called in a definition.
fn reference(inner: &str) -> Option<String> {
    let known = match inner {
        "github.sha" => "git.sha",
        "github.ref_name" | "github.head_ref || github.ref_name" => "git.branch",
        "github.ref_type == 'tag' && github.ref_name || ''" => "git.tag",
        "github.run_number" => "run.number",
        "github.event.head_commit.message"
        | "github.event.head_commit.message || github.event.pull_request.title" => "git.title",
        _ => "",
    };
    if !known.is_empty() {
        return Some(format!("${{{known}}}"));
    }
    let plain = |name: &str| {
        name.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    if let Some(axis) = inner.strip_prefix("matrix.").filter(|axis| plain(axis)) {
        return Some(format!("${{matrix.{axis}}}"));
    }
    let input = inner
        .strip_prefix("inputs.")
        .or(inner.strip_prefix("github.event.inputs."))?;
    let input = input.split(" || '").next().unwrap_or(input);
    plain(input).then(|| format!("${{input.{input}}}"))
}

/// A text with its expressions as a definition writes them; nothing where one is not known.
pub(super) fn template(text: &str) -> Option<String> {
    const RUN_URL: &str =
        "${{ github.server_url }}/${{ github.repository }}/actions/runs/${{ github.run_id }}";
    let text = text.replace(RUN_URL, "\u{0}");
    let mut parts = text.split("${{");
    let mut whole = parts.next().unwrap_or_default().replace("${", "$${");
    for part in parts {
        let (inner, after) = part.split_once("}}")?;
        whole.push_str(&reference(inner.trim())?);
        whole.push_str(&after.replace("${", "$${"));
    }
    Some(whole.replace('\u{0}', "${run.url}"))
}

/// Environment variables, without secrets.
pub(super) fn variables(env: &Value, at: &str, sheet: &mut Sheet<'_>) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value, at) in entries(env, at) {
        if secret(value).is_some() {
            continue;
        }
        match scalar(value).and_then(|text| template(&text)) {
            Some(text) if is_variable(name) => {
                all.insert(name.clone(), json!(text));
            }
            _ => sheet.leave(
                &at,
                format!("the variable `{name}`"),
                "its name or an expression in it is not known to a definition",
            ),
        }
    }
    all
}

/// The secret that is the whole value.
pub(super) fn secret(value: &Value) -> Option<&str> {
    let inner = value
        .as_str()?
        .trim()
        .strip_prefix("${{")?
        .strip_suffix("}}")?
        .trim();
    inner
        .strip_prefix("secrets.")
        .filter(|name| is_variable(&name.to_ascii_uppercase()))
}

/// The steps of a job, with what they need of its variables.
pub(super) fn read(
    root: &Value,
    written: &Value,
    at: &str,
    job: &mut Map<String, Value>,
    sheet: &mut Sheet<'_>,
) {
    let mut all = variables(&written["env"], &format!("{at}/env"), sheet);
    let mut steps: Vec<Value> = Vec::new();
    let mut login = Value::Null;
    for (step, at) in items(&written["steps"], &format!("{at}/steps")) {
        let read = match step["uses"].as_str() {
            Some(action) => actions::read(action, step, &at, &mut login, sheet),
            None => run(
                [&root["env"], &written["env"], &step["env"]],
                step,
                &at,
                &mut all,
                sheet,
            ),
        };
        let Some(mut read) = read else { continue };
        let Ok(status) = status(&step["if"]) else {
            sheet.leave(
                &format!("{at}/if"),
                format!("the condition `{}`", scalar(&step["if"]).unwrap_or_default()),
                "a step asks how the steps before ended; the step is left out",
            );
            continue;
        };
        put(&mut read, "when", json!(status));
        sheet.leave_others(
            step,
            &at,
            &[
                "name",
                "id",
                "if",
                "uses",
                "run",
                "with",
                "env",
                "working-directory",
                "shell",
                "timeout-minutes",
            ],
        );
        steps.push(Value::Object(read));
    }
    put(job, "variables", Value::Object(all));
    job.insert("steps".to_owned(), json!(steps));
}

/// No word of a definition says what a condition asks.
struct Unknown;

/// The word for the condition of a step, if it has one.
fn status(value: &Value) -> Result<Option<&'static str>, Unknown> {
    let Some(text) = scalar(value) else {
        return Ok(None);
    };
    let inner = text
        .trim()
        .strip_prefix("${{")
        .and_then(|text| text.strip_suffix("}}"));
    let when = condition::read(inner.unwrap_or(&text), atom).ok_or(Unknown)?;
    let asks_more = [&when.branches, &when.tags, &when.events]
        .iter()
        .any(|list| !list.is_empty());
    if asks_more { Err(Unknown) } else { Ok(when.status) }
}

/// Commands. What is put into the script comes in through variables instead.
fn run(
    env: [&Value; 3],
    step: &Value,
    at: &str,
    all: &mut Map<String, Value>,
    sheet: &mut Sheet<'_>,
) -> Option<Map<String, Value>> {
    let text = step["run"].as_str()?;
    if step["shell"]
        .as_str()
        .is_some_and(|shell| !shell.starts_with("bash") && shell != "sh")
    {
        sheet.leave(
            &format!("{at}/shell"),
            "the shell",
            "scripts are for bash; the step is left out",
        );
        return None;
    }
    let mut script = Script::default();
    let mut before = String::new();
    for (name, value, _) in env.iter().flat_map(|env| entries(env, "")) {
        if let Some(secret) = secret(value) {
            let secret = secret.to_ascii_uppercase();
            if *name != secret {
                before.extend(["export ", name.as_str(), "=\"$", &secret, "\"\n"]);
            }
            script.secrets.insert(secret);
        }
    }
    let own = variables(&step["env"], &format!("{at}/env"), sheet);
    for (name, value) in own {
        if all.get(&name).is_some_and(|known| *known != value) {
            sheet.leave(
                &format!("{at}/env"),
                format!("the variable `{name}`"),
                "another step of the job gives it another value",
            );
        } else {
            all.insert(name, value);
        }
    }
    script.text = before
        + &outside(text, &mut script.secrets, all).or_else(|| {
            sheet.leave(
                &format!("{at}/run"),
                "an expression in the script",
                "a definition has nothing like it; the step is left out",
            );
            None
        })?;
    let name = step["name"]
        .as_str()
        .filter(|name| !name.contains("${{") && text.lines().next() != Some(name));
    let mut read = script.step(name);
    let directory = step["working-directory"].as_str().map(path);
    put(&mut read, "workingDirectory", json!(directory));
    Some(read)
}

/// The script with variables where expressions stood.
fn outside(text: &str, secrets: &mut BTreeSet<String>, all: &mut Map<String, Value>) -> Option<String> {
    let mut whole = text.to_owned();
    for (inner, _) in expression::expressions(text) {
        let name = if let Some(secret) = inner.strip_prefix("secrets.") {
            let name = secret.to_ascii_uppercase();
            is_variable(&name).then(|| secrets.insert(name.clone()))?;
            name
        } else {
            let value = reference(inner)?;
            let name = value
                .trim_matches(['$', '{', '}'])
                .replace('.', "_")
                .to_ascii_uppercase();
            let name = name.replace("MATRIX_", "AXIS_");
            all.insert(name.clone(), json!(value));
            name
        };
        for written in [format!("${{{{ {inner} }}}}"), format!("${{{{{inner}}}}}")] {
            whole = whole.replace(&written, &format!("${{{name}}}"));
        }
    }
    (!whole.contains("${{")).then_some(whole)
}
