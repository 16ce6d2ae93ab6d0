//! What a run would do, and why, without doing it.

use std::sync::Arc;

use pilotage_core::{
    Digest,
    pipeline::{Pipeline, Status},
};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{
    Choice, Event, Settings, State, Task,
    assess::{self, Before, Left},
    cache::Found,
    files::digest_of,
    job,
    local::Local,
};

/// What would become of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Whether its commands would run.
    pub runs: bool,
    /// Whether its result would come from the cache.
    pub cached: bool,
    /// Whether it would be left out.
    pub skipped: bool,
    /// Why, in words.
    pub reason: String,
}

/// Says for each task what would become of it, as if everything that runs succeeded.
///
/// # Errors
/// The files cannot be looked at; the text is for people.
pub async fn preview(
    settings: Settings,
    pipeline: &Pipeline,
    tasks: &[Task],
    choices: &[Choice],
    events: mpsc::Sender<Event>,
) -> Result<Vec<Preview>, String> {
    let local = Arc::new(Local::new(settings, pipeline, tasks, events).await?);
    let mut known: Vec<(Arc<Task>, Left, Preview)> = Vec::new();
    for (place, task) in tasks.iter().enumerate() {
        let task = Arc::new(task.clone());
        let choice = choices.get(place).unwrap_or(&Choice::Run(None));
        let (preview, left) = look(&local, &task, choice, &known).await;
        known.push((task, left, preview));
    }
    Ok(known.into_iter().map(|(_, _, preview)| preview).collect())
}

type Known = (Arc<Task>, Left, Preview);

async fn look(local: &Arc<Local>, task: &Arc<Task>, choice: &Choice, known: &[Known]) -> (Preview, Left) {
    let before: Vec<&Known> = task.before.iter().filter_map(|place| known.get(*place)).collect();
    let lefts = before
        .iter()
        .map(|(task, left, _)| (Arc::clone(task), left.clone()));
    let lefts = Before(lefts.collect());
    if let Some(reason) = skipped(local, task, known) {
        let left = assess::left(local, task, Ok(Digest::of(b"skipped"))).await;
        let reason = format!("skipped: {reason}");
        return (
            Preview {
                skipped: true,
                ..Preview::because(reason)
            },
            left,
        );
    }
    let assessed = assess::assess(local, task, &lefts).await;
    if *choice == Choice::LeaveOut {
        let key = assessed.ingredients.map(|ingredients| ingredients.key());
        let left = assess::left(local, task, key).await;
        return (
            Preview::because("left out because nothing that it depends on changed"),
            left,
        );
    }
    let runs = |reason: String, left: String| {
        let preview = Preview {
            runs: true,
            ..Preview::because(reason)
        };
        (preview, Left::Unknown(left))
    };
    let ingredients = match &assessed.ingredients {
        Ok(ingredients) => ingredients,
        Err(reason) => {
            let (why, left) = uncached(task, reason, &before);
            return runs(with_choice(why, choice), left);
        }
    };
    match local.settings.cache.find(ingredients.key(), task).await {
        Found::Nothing(said) => {
            let why = said.unwrap_or_else(|| job::why(local, task, &assessed));
            runs(with_choice(why, choice), WOULD_RUN.to_owned())
        }
        Found::Entry(entry) => {
            let made = || digest_of(&entry.manifest.outputs);
            let left = if task.makes.is_empty() {
                ingredients.key()
            } else {
                made()
            };
            let reason = "cached because nothing that it depends on changed";
            (
                Preview {
                    cached: true,
                    ..Preview::because(reason)
                },
                Left::Known(left),
            )
        }
    }
}

impl Preview {
    fn because(reason: impl Into<String>) -> Self {
        Self {
            runs: false,
            cached: false,
            skipped: false,
            reason: reason.into(),
        }
    }
}

/// Why a task would be skipped, if it would.
fn skipped(local: &Local, task: &Task, known: &[Known]) -> Option<String> {
    let status = task.job.when.status;
    let needs = || task.needs.iter().filter_map(|place| known.get(*place));
    let skipped_need = || needs().find(|(_, _, need)| need.skipped && status == Status::Success);
    local
        .settings
        .not_here(task)
        .or_else(|| skipped_need().map(|(need, _, _)| format!("`{}` is skipped", need.name)))
        .or_else(|| (status == Status::Failure).then(|| "it runs after a failure only".to_owned()))
}

/// Why a task runs whose result cannot be looked up, and what those behind it are told.
fn uncached(task: &Task, reason: &str, before: &[&Known]) -> (String, String) {
    let would_run = |left: &Left| matches!(left, Left::Unknown(why) if why == WOULD_RUN);
    let waits = before.iter().find(|(_, left, _)| would_run(left));
    if let Some((first, _, _)) = waits.filter(|_| reason.ends_with(WOULD_RUN)) {
        let why = format!(
            "runs because `{}` runs, unless it makes what it made before",
            first.name
        );
        return (why, WOULD_RUN.to_owned());
    }
    let left = if task.makes.is_empty() {
        format!("nobody can tell what it leaves, as {reason}")
    } else {
        WOULD_RUN.to_owned()
    };
    (format!("runs because it is never cached: {reason}"), left)
}

/// A reason, and beside it why the task was chosen.
fn with_choice(why: String, choice: &Choice) -> String {
    match choice {
        Choice::Run(Some(because)) => format!("{why} ({because})"),
        _ => why,
    }
}

/// What tasks behind one that would run are told.
const WOULD_RUN: &str = "it would run";

/// Whether a run went well: nothing failed that may not, and nothing was stopped.
pub fn went_well<'a>(ends: impl IntoIterator<Item = (&'a Task, State)>) -> bool {
    ends.into_iter().all(|(task, state)| match state {
        State::Failed => task.job.allow_failure,
        State::Cancelled => false,
        State::Succeeded | State::Skipped | State::Unaffected => true,
    })
}
