//! Which tasks have to run because of what changed since a commit.

use std::{collections::BTreeSet, path::Path};

use super::{Task, local::names};
use crate::process;

/// Whether a task runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It does; why, if that is more than that it was asked for.
    Run(Option<String>),
    /// Nothing that it depends on changed.
    LeaveOut,
}

/// Chooses the tasks whose inputs changed since `base` left this branch, those that need one of them, and those whose files
/// one of them needs, if `runs_here` says that this one runs at all. Files that are not committed yet count. `definition` are the
/// files with the pipeline.
///
/// # Errors
/// Git does not know `base`, or this is no repository; the text is for people.
pub async fn affected(
    root: &Path,
    base: &str,
    definition: &[String],
    tasks: &[Task],
    runs_here: impl Fn(&Task) -> bool,
) -> Result<Vec<Choice>, String> {
    let changed = changed(root, base).await?;
    if let Some(path) = definition.iter().find(|path| changed.contains(*path)) {
        let why = format!("{path}, which defines the pipeline, changed since {base}");
        return Ok(vec![Choice::Run(Some(why)); tasks.len()]);
    }
    let mut choices: Vec<Choice> = Vec::new();
    for task in tasks {
        choices.push(choose(task, tasks, &choices, &changed, base));
    }
    for (place, task) in tasks.iter().enumerate().rev() {
        if choices.get(place) == Some(&Choice::LeaveOut) || !runs_here(task) {
            continue;
        }
        for need in &task.before {
            let makes = tasks.get(*need).is_some_and(|needed| !needed.makes.is_empty());
            if let Some(choice) = choices.get_mut(*need)
                && *choice == Choice::LeaveOut
                && makes
            {
                *choice = Choice::Run(Some(format!("`{}` needs what it makes", task.name)));
            }
        }
    }
    Ok(choices)
}

fn choose(task: &Task, tasks: &[Task], earlier: &[Choice], changed: &BTreeSet<String>, base: &str) -> Choice {
    if task.reads.is_empty() {
        return Choice::Run(Some(
            "it declares no `inputs`, so anything may change its result".to_owned(),
        ));
    }
    if let Some(path) = changed.iter().find(|path| task.reads.name(path)) {
        return Choice::Run(Some(format!("{path} changed since {base}")));
    }
    let affected = task
        .before
        .iter()
        .find(|place| matches!(earlier.get(**place), Some(Choice::Run(_))))
        .and_then(|place| tasks.get(*place));
    match affected {
        Some(needed) => Choice::Run(Some(format!("it needs `{}`, which runs", needed.name))),
        None => Choice::LeaveOut,
    }
}

/// Paths that differ from where `base` and the commit here parted.
async fn changed(root: &Path, base: &str) -> Result<BTreeSet<String>, String> {
    let known = format!("{base}^{{commit}}");
    let resolve = ["rev-parse", "--verify", "--quiet", "--end-of-options", &known];
    let found = process::git(root, &resolve).await;
    let base = found.map_err(|_| format!("Git knows no commit called `{base}`."))?;
    let parted = process::git(root, &["merge-base", &base, "HEAD"])
        .await
        .unwrap_or(base);
    let unknown = || "Git does not tell what changed.".to_owned();
    let different = [
        "diff",
        "--name-only",
        "--no-renames",
        "--no-ext-diff",
        "--relative",
        "-z",
        &parted,
    ];
    let mut changed = names(root, &different).await.ok_or_else(unknown)?;
    let new = names(root, &["ls-files", "-z", "--others", "--exclude-standard"]).await;
    changed.extend(new.ok_or_else(unknown)?);
    Ok(changed)
}
