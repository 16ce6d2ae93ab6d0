//! Pipelines that run here: that the cache never gives a wrong result, and that nothing is left behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod caching;
mod ends;
mod never_wrong;
mod stores;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use pilotage_core::{
    config::Document,
    pipeline::{Pipeline, Trigger, resolve},
};
use pilotage_runners::pipeline::{
    Cache, Choice, Ended, Event, Occasion, Preview, Settings, State, preview, run, tasks,
};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

/// The largest cache of a test.
const LIMIT: u64 = 1 << 30;

/// A repository with a pipeline.
struct Checkout {
    folder: TempDir,
    environment: BTreeMap<String, OsString>,
    shared: Option<String>,
    longest: Option<Duration>,
    uncached: bool,
    runs: u32,
}

/// What came of a run.
struct Came {
    ends: BTreeMap<String, Ended>,
    notes: Vec<String>,
}

impl Checkout {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = Command::new("git")
            .args(["init", "-q"])
            .current_dir(folder.path())
            .status();
        assert!(git.unwrap().success());
        let path = std::env::var_os("PATH").unwrap();
        let checkout = Self {
            folder,
            environment: BTreeMap::from([("PATH".to_owned(), path)]),
            shared: None,
            longest: None,
            uncached: false,
            runs: 0,
        };
        checkout.write(".gitignore", "/out\n/.pilotage\n");
        checkout
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.into());
    }

    fn settings(&mut self) -> Settings {
        self.runs += 1;
        let root = self.root();
        let data = root.join(".pilotage");
        let logs = data.join(format!("runs/{}", self.runs));
        fs::create_dir_all(&logs).unwrap();
        let cache = Cache::open(
            &data.join("cache"),
            self.shared.as_deref(),
            LIMIT,
            &self.environment,
        )
        .unwrap();
        Settings {
            root,
            data,
            logs,
            environment: self.environment.clone(),
            occasion: Occasion {
                event: Trigger::Push,
                branch: Some("main".to_owned()),
                tag: None,
                sha: "0123".to_owned(),
                title: "One".to_owned(),
                inputs: BTreeMap::new(),
            },
            jobs: 2,
            longest: self.longest,
            deploys: false,
            cache: if self.uncached { cache.unused() } else { cache },
        }
    }

    /// Runs a pipeline to its end, or until `until` says that it is time to stop.
    async fn run_until(&mut self, text: &str, until: impl Fn(&Event) -> bool) -> Came {
        let pipeline = pipeline(text);
        let tasks = tasks(&pipeline, &[]).unwrap();
        let choices = vec![Choice::Run(None); tasks.len()];
        let (sender, mut events) = mpsc::channel(16);
        let (tell, stop) = watch::channel(false);
        let watching = async {
            let mut notes = Vec::new();
            while let Some(event) = events.recv().await {
                if until(&event) {
                    tell.send_replace(true);
                }
                if let Event::Note(text) = event {
                    notes.push(text);
                }
            }
            notes
        };
        let running = run(self.settings(), &pipeline, &tasks, &choices, sender, stop);
        let (ends, notes) = tokio::join!(running, watching);
        let ends = tasks
            .iter()
            .map(|task| task.name.clone())
            .zip(ends.unwrap())
            .collect();
        Came { ends, notes }
    }

    async fn run(&mut self, text: &str) -> Came {
        self.run_until(text, |_| false).await
    }

    async fn preview(&mut self, text: &str) -> BTreeMap<String, Preview> {
        let pipeline = pipeline(text);
        let tasks = tasks(&pipeline, &[]).unwrap();
        let choices = vec![Choice::Run(None); tasks.len()];
        let (sender, _events) = mpsc::channel(1_000);
        let previews = preview(self.settings(), &pipeline, &tasks, &choices, sender).await;
        tasks
            .iter()
            .map(|task| task.name.clone())
            .zip(previews.unwrap())
            .collect()
    }
}

impl Came {
    #[track_caller]
    fn of(&self, task: &str) -> &Ended {
        self.ends.get(task).unwrap()
    }

    /// What a task said.
    fn log(&self, task: &str) -> String {
        self.of(task)
            .log
            .as_ref()
            .map(|log| fs::read_to_string(log).unwrap())
            .unwrap_or_default()
    }

    #[track_caller]
    fn expect(&self, expected: &[(&str, State, bool)]) {
        for (task, state, cached) in expected {
            let ended = self.of(task);
            assert_eq!(
                (ended.state, ended.cached),
                (*state, *cached),
                "{task}: {ended:?} {:?}",
                self.notes
            );
        }
    }
}

fn pipeline(text: &str) -> Pipeline {
    let document = Document::parse(text.to_owned()).unwrap();
    resolve("ci", &document.read("").unwrap()).unwrap()
}

/// Everything below a folder: what it is, its mode, its content or target.
fn tree(root: &Path) -> BTreeMap<String, (u32, String)> {
    let mut all = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(known) = fs::symlink_metadata(&path) else {
            continue;
        };
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if known.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if known.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            all.insert(name, (0, target.to_str().unwrap().to_owned()));
        } else {
            let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            all.insert(name, (known.permissions().mode() & 0o7777, content));
        }
    }
    all
}
