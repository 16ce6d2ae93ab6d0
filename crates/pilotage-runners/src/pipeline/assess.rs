//! What the result of a task depends on, looked at before it runs.

use std::{collections::BTreeMap, sync::Arc};

use pilotage_core::{
    Digest,
    pipeline::{Action, Job},
};

use super::{
    Task,
    cache::Ingredients,
    environment::{Given, given},
    files::{Ground, Kept, Patterns, Snapshot, digest_of},
    local::Local,
    step,
};

/// What a task leaves to those that need it.
#[derive(Clone, Debug)]
pub(crate) enum Left {
    /// Files, or a result that depends on known things only.
    Known(Digest),
    /// Nobody can tell; why, in words.
    Unknown(String),
}

/// What the tasks before a task left, with the patterns of what they make.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before(pub(crate) Vec<(Arc<Task>, Left)>);

/// What is known of a task before it runs.
#[derive(Debug)]
pub(crate) struct Assessed {
    /// What it is given.
    pub(crate) given: Given,
    /// What its result depends on, or why it is not kept.
    pub(crate) ingredients: Result<Ingredients, String>,
    /// Patterns of input files that name nothing.
    pub(crate) unmatched: Vec<String>,
}

/// Looks at a task.
pub(crate) async fn assess(local: &Arc<Local>, task: &Arc<Task>, before: &Before) -> Assessed {
    let settings = &local.settings;
    let given = given(&settings.environment, &local.variables, task, &settings.occasion);
    let mut unmatched = Vec::new();
    let ingredients = match kept_at_all(&task.job).and_then(|()| known_before(before)) {
        Err(reason) => Err(reason),
        Ok(before_digests) => match inputs(local, task, before).await {
            Err(reason) => Err(reason),
            Ok((_, all)) if all.len() == task.job.inputs.iter().flat_map(|inputs| &inputs.files).count() => {
                Err("its `inputs` name no file that is there".to_owned())
            }
            Ok((files, all)) => {
                unmatched = all;
                let tools = tools(local, task, &given).await;
                tools.map(|tools| Ingredients::new(task, &files, &given, tools, before_digests))
            }
        },
    };
    Assessed {
        given,
        ingredients,
        unmatched,
    }
}

/// Why the result of a job is never kept, if it is not.
fn kept_at_all(job: &Job) -> Result<(), String> {
    if job.inputs.as_ref().is_none_or(|inputs| inputs.files.is_empty()) {
        return Err("it declares no `inputs`".to_owned());
    }
    if job.environment.is_some() {
        return Err("it deploys".to_owned());
    }
    for step in &job.steps {
        if !step.secrets.is_empty() {
            return Err("it is given secrets".to_owned());
        }
        if matches!(
            step.action,
            Action::Container(_) | Action::Gate(_) | Action::Deploy(_)
        ) {
            return Err("what it does is not all in its files".to_owned());
        }
    }
    match job.services.iter().find(|(_, service)| service.local.is_none()) {
        Some((name, _)) => Err(format!("it uses the service `{name}` of this machine")),
        None => Ok(()),
    }
}

fn known_before(before: &Before) -> Result<BTreeMap<String, Digest>, String> {
    before
        .0
        .iter()
        .map(|(task, left)| match left {
            Left::Known(digest) => Ok((task.name.clone(), *digest)),
            Left::Unknown(reason) => Err(format!("it needs `{}`, and {reason}", task.name)),
        })
        .collect()
}

/// The input files, and patterns that name none. Files that earlier tasks made are known by what those left, and those that
/// it makes itself are none of its inputs, unless they belong to people.
async fn inputs(
    local: &Arc<Local>,
    task: &Arc<Task>,
    before: &Before,
) -> Result<(Snapshot, Vec<String>), String> {
    let (local, task, before) = (Arc::clone(local), Arc::clone(task), before.clone());
    aside(move || {
        let named = local
            .ground
            .list(&task.reads)
            .map_err(|error| error.to_string())?;
        let plain: Vec<&str> = named.iter().map(String::as_str).collect();
        let unmatched: Vec<String> = task.reads.without_match(&plain).map(str::to_owned).collect();
        let made =
            |path: &str| task.makes.name(path) || before.0.iter().any(|(task, _)| task.makes.name(path));
        let mut paths = named;
        paths.retain(|path| local.protected.contains(path) || !made(path));
        let own = local
            .ground
            .list(&task.makes)
            .map_err(|error| error.to_string())?;
        paths.extend(own.into_iter().filter(|path| local.protected.contains(path)));
        let mut files = local.ground.snapshot(&paths).map_err(|error| error.to_string())?;
        // Git keeps no empty folders, so a result that depends on one is nobody else's.
        files.retain(|_, kept| !matches!(kept, Kept::Folder { .. }));
        Ok((files, unmatched))
    })
    .await
}

/// What the tools say that the job names or sets up.
async fn tools(local: &Local, task: &Task, given: &Given) -> Result<BTreeMap<String, String>, String> {
    let mut said = BTreeMap::new();
    for commands in task.job.inputs.iter().flat_map(|inputs| &inputs.tools) {
        let answer = local.ask(commands, given).await;
        let answer = answer.ok_or_else(|| format!("`{commands}` does not tell the version of a tool"))?;
        said.insert(commands.clone(), answer);
    }
    for step in &task.job.steps {
        if let Action::Setup(tool, wanted) = &step.action {
            let wanted = local.settings.occasion.fill(wanted, &task.combination);
            let answer = local.ask(step::version(*tool), given).await;
            let answer = answer.ok_or_else(|| format!("there is no {} here", tool.name()))?;
            said.insert(format!("{} {wanted}", tool.name()), answer);
        }
    }
    Ok(said)
}

/// Whether the input files are still what they were.
pub(crate) async fn check_unchanged(
    local: &Arc<Local>,
    task: &Arc<Task>,
    before: &Before,
    assessed: &Assessed,
) -> Result<(), String> {
    let Ok(ingredients) = &assessed.ingredients else {
        return Ok(());
    };
    let (mut files, _) = inputs(local, task, before).await?;
    // What people keep among the files that it makes may be made anew.
    let own = |path: &str| task.makes.name(path);
    files.retain(|path, _| !own(path));
    match ingredients.changed_file(&files, own) {
        Some(path) => Err(format!("{path} changed while it ran")),
        None => Ok(()),
    }
}

/// What a task leaves, from what is on disk now.
pub(crate) async fn left(local: &Arc<Local>, task: &Arc<Task>, key: Result<Digest, String>) -> Left {
    if task.makes.is_empty() {
        return match key {
            Ok(key) => Left::Known(key),
            Err(reason) => Left::Unknown(format!("nobody can tell what it leaves, as {reason}")),
        };
    }
    match made(local, task).await {
        Ok(made) => Left::Known(digest_of(&made)),
        Err(error) => Left::Unknown(format!("what it made cannot be read: {error}")),
    }
}

/// The files that a task makes, as they are now.
pub(crate) async fn made(local: &Arc<Local>, task: &Arc<Task>) -> Result<Snapshot, String> {
    let (ground, makes): (Ground, Patterns) = (local.ground.clone(), task.makes.clone());
    aside(move || {
        let snapshot = ground.list(&makes).and_then(|paths| ground.snapshot(&paths));
        snapshot.map_err(|error| error.to_string())
    })
    .await
}

/// Does something slow on a thread of its own.
pub(crate) async fn aside<T: Send + 'static>(
    slow: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(slow).await;
    done.unwrap_or_else(|error| Err(error.to_string()))
}
