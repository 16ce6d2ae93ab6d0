//! GitHub's expressions. Source: <https://docs.github.com/en/actions/reference/workflows-and-actions/expressions>.

use std::collections::BTreeSet;

use serde_json::Value;

use super::view::{View, entries, items, texts};

/// What may be named in the expressions of a job.
pub(super) struct Known {
    pub(super) steps: BTreeSet<String>,
    axes: Option<BTreeSet<String>>,
    needs: BTreeSet<String>,
    inputs: Option<BTreeSet<String>>,
}

const FUNCTIONS: [&str; 12] = [
    "contains",
    "startswith",
    "endswith",
    "format",
    "join",
    "tojson",
    "fromjson",
    "hashfiles",
    "success",
    "always",
    "cancelled",
    "failure",
];
const CONTEXTS: [&str; 12] = [
    "github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs",
    "inputs",
];

impl Known {
    pub(super) fn of_job(root: &Value, job: &Value) -> Self {
        let matrix = &job["strategy"]["matrix"];
        let mut axes: BTreeSet<String> = entries(matrix, "")
            .iter()
            .map(|(name, ..)| (*name).clone())
            .collect();
        for (entry, _) in items(&matrix["include"], "") {
            axes.extend(entries(entry, "").iter().map(|(name, ..)| (*name).clone()));
        }
        let is_filled_in = matrix.is_string() || matrix["include"].is_string();
        let mut inputs = BTreeSet::new();
        for event in ["workflow_dispatch", "workflow_call"] {
            inputs.extend(
                entries(&root["on"][event]["inputs"], "")
                    .iter()
                    .map(|(name, ..)| (*name).clone()),
            );
        }
        Self {
            steps: BTreeSet::new(),
            axes: (!is_filled_in).then_some(axes),
            needs: texts(&job["needs"], "")
                .into_iter()
                .map(|text| text.text)
                .collect(),
            inputs: Some(inputs),
        }
    }
}

/// What stands between `${{` and `}}`, and whether it is closed.
pub(in crate::pipelines) fn expressions(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.split("${{")
        .skip(1)
        .map(|after| match after.split_once("}}") {
            Some((inner, _)) => (inner.trim(), true),
            None => (after.trim(), false),
        })
}

/// A condition without its braces.
pub(super) fn bare(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("${{")
        .and_then(|text| text.strip_suffix("}}"))
        .unwrap_or(text)
        .trim()
}

/// Notes what is wrong with the expressions in a value and below it.
pub(super) fn check(
    view: &mut View,
    value: &Value,
    at: &str,
    known: &Known,
    is_condition: bool,
    is_job: bool,
) {
    match value {
        Value::String(text) => {
            if is_condition {
                judge(view, bare(text), at, known);
                if is_job && bare(text).contains("secrets.") {
                    view.note(
                        "conditions",
                        at,
                        "`secrets` cannot be asked in the condition of a job",
                    );
                }
                return;
            }
            for (inner, is_closed) in expressions(text) {
                if is_closed {
                    judge(view, inner, at, known);
                } else {
                    view.note("conditions", at, "`${{` is never closed");
                }
            }
        }
        other => {
            let children = entries(other, at).into_iter().map(|(_, value, at)| (value, at));
            let listed = if other.is_array() {
                items(other, at)
            } else {
                Vec::new()
            };
            for (value, at) in children.chain(listed) {
                check(view, value, &at, known, false, is_job);
            }
        }
    }
}

fn judge(view: &mut View, text: &str, at: &str, known: &Known) {
    let (tokens, problem) = tokens(text);
    if let Some(problem) = problem {
        view.note("conditions", at, problem);
        return;
    }
    let mut depth = 0_i32;
    for token in &tokens {
        depth += i32::from(token == "(") - i32::from(token == ")");
    }
    if depth != 0 {
        view.note("conditions", at, format!("the brackets of `{text}` do not match"));
    }
    for (place, token) in tokens.iter().enumerate() {
        let next = tokens.get(place + 1).map(String::as_str);
        if token == "=" || token == "&" || token == "|" {
            view.note(
                "conditions",
                at,
                format!("`{token}` is no operator here; `{token}{token}` is"),
            );
        }
        if !token.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
            continue;
        }
        if next == Some("(") {
            if !FUNCTIONS.contains(&token.to_ascii_lowercase().as_str()) {
                view.note("conditions", at, format!("there is no function `{token}`"));
            }
            continue;
        }
        if let Some(problem) = unknown(token, known) {
            view.note("conditions", at, problem);
        }
    }
}

/// What is wrong with a name such as `matrix.node`, if something is.
fn unknown(name: &str, known: &Known) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if ["true", "false", "null", "nan", "infinity"].contains(&lower.as_str()) {
        return None;
    }
    let mut parts = name.split('.');
    let context = parts.next()?.to_ascii_lowercase();
    if !CONTEXTS.contains(&context.as_str()) {
        return Some(format!("there is no context `{name}`"));
    }
    let member = parts.next()?;
    let missing = |names: &BTreeSet<String>| !names.iter().any(|known| known.eq_ignore_ascii_case(member));
    match context.as_str() {
        "matrix" if known.axes.as_ref().is_some_and(missing) => {
            Some(format!("the matrix has no axis `{member}`"))
        }
        "steps" if missing(&known.steps) => Some(format!("no step before this one is called `{member}`")),
        "needs" if missing(&known.needs) => Some(format!("the job does not need `{member}`")),
        "inputs" if known.inputs.as_ref().is_some_and(missing) => {
            Some(format!("there is no input `{member}`"))
        }
        _ => None,
    }
}

/// Words, operators and brackets; texts in single quotes are left out.
fn tokens(text: &str) -> (Vec<String>, Option<String>) {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => loop {
                match letters.next() {
                    None => return (tokens, Some(format!("a text in `{text}` is never closed"))),
                    Some('\'') if letters.peek() == Some(&'\'') => {
                        letters.next();
                    }
                    Some('\'') => {
                        tokens.push("'".to_owned());
                        break;
                    }
                    Some(_) => {}
                }
            },
            '"' => return (tokens, Some("texts stand in single quotes".to_owned())),
            letter if letter.is_ascii_alphanumeric() || letter == '_' => {
                let mut word = String::from(letter);
                while let Some(next) =
                    letters.next_if(|next| next.is_ascii_alphanumeric() || "_-.*".contains(*next))
                {
                    word.push(next);
                }
                tokens.push(word);
            }
            '=' | '&' | '|' | '!' | '<' | '>' => {
                let mut operator = String::from(letter);
                if let Some(next) = letters.next_if(|next| *next == '=' || (*next == letter && letter != '!'))
                {
                    operator.push(next);
                }
                tokens.push(operator);
            }
            letter if letter.is_whitespace() => {}
            other => tokens.push(other.to_string()),
        }
    }
    (tokens, None)
}
