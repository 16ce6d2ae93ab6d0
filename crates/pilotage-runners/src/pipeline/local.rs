//! Where and how a pipeline runs here.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use pilotage_core::pipeline::{Pipeline, Variables};
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};

use super::{
    Occasion, Task,
    cache::{Cache, Protected},
    environment::{Environment, Given},
    files::Ground,
    shell,
};
use crate::process;

/// What a run is told.
#[derive(Debug)]
pub struct Settings {
    /// The root of the repository, where commands run.
    pub root: PathBuf,
    /// The folder of Pilotage, where logs and artifacts go; it is nobody's input.
    pub data: PathBuf,
    /// Where the logs of this run go.
    pub logs: PathBuf,
    /// The environment of the person who runs it.
    pub environment: Environment,
    /// What is built.
    pub occasion: Occasion,
    /// Most tasks that run at once.
    pub jobs: usize,
    /// The longest time of a task, if that is less than the definition says.
    pub longest: Option<Duration>,
    /// Whether it really deploys and pushes.
    pub deploys: bool,
    /// Results of earlier runs.
    pub cache: Cache,
}

impl Settings {
    /// Why a task is not run here whatever happens before it.
    pub fn not_here(&self, task: &Task) -> Option<String> {
        if let (Some(environment), false) = (&task.job.environment, self.deploys) {
            return Some(format!("it deploys to {}; --deploy lets it", environment.name));
        }
        self.occasion.refuses(&task.job.when)
    }
}

/// Something that happens while tasks run, for whoever watches.
#[derive(Clone, Debug)]
pub enum Event {
    /// A task begins, and why it is not taken from the cache.
    Started {
        /// Its place.
        task: usize,
        /// In words.
        why: String,
    },
    /// A task said a line; secrets are masked, other control characters are as they came.
    Line {
        /// Its place.
        task: usize,
        /// The line.
        text: String,
    },
    /// A task is over.
    Ended {
        /// Its place.
        task: usize,
        /// How it ended.
        ended: Ended,
    },
    /// Something about the whole run.
    Note(String),
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// As it should, now or in an earlier run.
    Succeeded,
    /// Not as it should.
    Failed,
    /// It was stopped.
    Cancelled,
    /// It did not run.
    Skipped,
    /// It did not have to run, as nothing that it depends on changed.
    Unaffected,
}

/// How a task ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// In a word.
    pub state: State,
    /// Why, in words.
    pub reason: String,
    /// Whether the result was in the cache.
    pub cached: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How long it took when it ran, if it came from the cache.
    pub saved_seconds: f64,
    /// How often it was tried.
    pub attempts: u32,
    /// The file that holds what it said, if it said anything.
    pub log: Option<PathBuf>,
}

impl Ended {
    /// Of a task that was given up with the whole run.
    pub fn stopped() -> Self {
        Self::without_running(State::Cancelled, "the run was stopped")
    }

    pub(crate) fn without_running(state: State, reason: impl Into<String>) -> Self {
        Self {
            state,
            reason: reason.into(),
            cached: false,
            seconds: 0.0,
            saved_seconds: 0.0,
            attempts: 0,
            log: None,
        }
    }
}

/// What all tasks of a run have in hand.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) settings: Settings,
    pub(crate) pipeline: String,
    pub(crate) variables: Variables,
    pub(crate) ground: Ground,
    pub(crate) protected: Protected,
    pub(crate) events: mpsc::Sender<Event>,
    /// What tools said of themselves, until a command ran that may have changed them.
    tools: Mutex<BTreeMap<String, Option<String>>>,
}

impl Local {
    /// Looks at which files belong to people.
    ///
    /// # Errors
    /// Git does not tell, or a folder cannot be read; the text is for people.
    pub(crate) async fn new(
        settings: Settings,
        pipeline: &Pipeline,
        tasks: &[Task],
        events: mpsc::Sender<Event>,
    ) -> Result<Self, String> {
        let ground = Ground {
            root: settings.root.clone(),
            data: settings.data.clone(),
        };
        let protected = protected(&settings, &ground, &pipeline.id, tasks).await?;
        Ok(Self {
            pipeline: pipeline.id.clone(),
            variables: pipeline.variables.clone(),
            ground,
            protected,
            events,
            tools: Mutex::default(),
            settings,
        })
    }

    /// What is in the way of a path of this task's files.
    pub(crate) fn log_path(&self, task: &Task, end: &str) -> PathBuf {
        self.settings.logs.join(format!("{}{end}", slug(&task.name)))
    }

    /// What a tool says of itself, asked once.
    pub(crate) async fn ask(&self, commands: &str, given: &Given) -> Option<String> {
        let mut known = self.tools.lock().await;
        let key = format!("{commands}\n{:?}", given.counted);
        if let Some(said) = known.get(&key) {
            return said.clone();
        }
        let said = shell::ask(commands, &self.settings.root, &given.all).await;
        known.insert(key, said.clone());
        said
    }

    /// Forgets what tools said: a task has run, and may have brought another.
    pub(crate) async fn forget_tools(&self) {
        self.tools.lock().await.clear();
    }

    pub(crate) async fn note(&self, text: impl Into<String>) {
        // Nobody may be watching.
        let _ = self.events.send(Event::Note(text.into())).await;
    }
}

/// The name of a task as one of a file. Different names of one run stay different in practice: what they may hold beside
/// letters and digits is few, and the numbers of tasks decide in the end.
pub(crate) fn slug(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.=".contains(letter);
    let word: String = name
        .trim_end_matches(']')
        .chars()
        .map(|letter| if plain(letter) { letter } else { '_' })
        .collect();
    if word.trim_end_matches(']') == name && word.len() <= 100 {
        return word;
    }
    let digest = pilotage_core::Digest::of(name.as_bytes()).to_string();
    let short: String = word.chars().take(80).collect();
    format!("{short}-{}", digest.get(..8).unwrap_or_default())
}

/// Files among those that tasks make that are not to be removed: what git keeps, and what is new and not ignored, unless a
/// task was seen to make it. Without git every file is a person's, unless a task was seen to make it.
async fn protected(
    settings: &Settings,
    ground: &Ground,
    pipeline: &str,
    tasks: &[Task],
) -> Result<Protected, String> {
    let listed = async |arguments: &[&str]| names(&settings.root, arguments).await;
    let mut made = Protected::new();
    for task in tasks.iter().filter(|task| !task.makes.is_empty()) {
        made.extend(
            settings
                .cache
                .last(pipeline, &task.name)
                .map(|last| last.made)
                .unwrap_or_default(),
        );
    }
    let Some(kept) = listed(&["ls-files", "-z"]).await else {
        let mut all = Protected::new();
        for task in tasks {
            all.extend(ground.list(&task.makes).map_err(|error| error.to_string())?);
        }
        return Ok(all.difference(&made).cloned().collect());
    };
    let new = listed(&["ls-files", "-z", "--others", "--exclude-standard"]).await;
    let new = new.ok_or_else(|| "git does not tell which files are new".to_owned())?;
    Ok(new.difference(&made).cloned().chain(kept).collect())
}

/// Paths that git lists below `root`; nothing where it is no repository.
pub(crate) async fn names(root: &Path, arguments: &[&str]) -> Option<Protected> {
    let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
    let ran = process::run("git", &arguments, root, &[]).await.ok()?;
    if ran.code != Some(0) {
        return None;
    }
    let names = ran.out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Some(
        names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_a_file_name_of_its_own() {
        assert_eq!(slug("test"), "test");
        let names = [
            "test[node=18]",
            "test[node=1/8]",
            "test[node=1:8]",
            "test_node=18_",
            &"x".repeat(300),
        ];
        let slugs: std::collections::BTreeSet<_> = names.iter().map(|name| slug(name)).collect();
        assert_eq!(slugs.len(), names.len(), "{slugs:?}");
        assert!(
            slugs
                .iter()
                .all(|slug| slug.len() < 128 && !slug.contains(['/', ':']))
        );
    }
}
