//! What the suites of a repository hold, before anything runs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use globset::{Glob, GlobSet, GlobSetBuilder};
use tokio::task::JoinSet;

use super::{Listed, Suite, runners::Task};

/// A suite with what it holds.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The suite.
    pub suite: Suite,
    /// What it holds, by file.
    pub(crate) files: BTreeMap<String, Listed>,
    /// Whether some of it was left out.
    pub is_narrowed: bool,
    /// Why that cannot be told.
    pub problem: Option<String>,
}

impl Ready {
    /// The files, and of each the tests where they are known without running it.
    pub fn files(&self) -> impl Iterator<Item = (&str, Option<&[String]>)> {
        self.files
            .values()
            .map(|listed| (listed.file.as_str(), listed.tests.as_deref()))
    }

    /// Leaves only files that pass.
    pub fn keep(&mut self, passes: impl Fn(&str) -> bool) {
        self.files.retain(|file, _| passes(file));
        self.is_narrowed = true;
    }
}

/// Looks at every suite, side by side. `scratch` is a folder for this alone.
pub async fn list(suites: Vec<Suite>, scratch: PathBuf) -> Vec<Ready> {
    let scratch = Arc::new(scratch);
    let mut looks = JoinSet::new();
    for (place, suite) in suites.into_iter().enumerate() {
        let scratch = scratch.join(format!("list-{place}"));
        looks.spawn(async move { (place, look(suite, scratch).await) });
    }
    let mut ready: Vec<_> = looks.join_all().await;
    ready.sort_by_key(|(place, _)| *place);
    ready.into_iter().map(|(_, ready)| ready).collect()
}

async fn look(suite: Suite, scratch: PathBuf) -> Ready {
    let mut ready = Ready {
        suite,
        files: BTreeMap::new(),
        is_narrowed: false,
        problem: None,
    };
    if let Err(error) = std::fs::create_dir_all(&scratch) {
        ready.problem = Some(format!("cannot make {}: {error}", scratch.display()));
        return ready;
    }
    let nothing = BTreeMap::new();
    let task = Task {
        suite: &ready.suite,
        listing: &nothing,
        scratch: &scratch,
        token: "list",
        coverage: None,
    };
    match ready.suite.runner.list(&task).await {
        Ok(listing) => {
            let (only, not) = (
                globs(&ready.suite.settings.files),
                globs(&ready.suite.settings.ignore),
            );
            let is_wanted = |file: &str| {
                only.as_ref().is_none_or(|set| set.is_match(file))
                    && !not.as_ref().is_some_and(|set| set.is_match(file))
            };
            let files = listing.files.into_iter().filter(|listed| is_wanted(&listed.file));
            ready.files = files.map(|listed| (listed.file.clone(), listed)).collect();
        }
        Err(problem) => ready.problem = Some(problem),
    }
    ready
}

/// `None` where there are no patterns. They were checked when the configuration was read.
fn globs(patterns: &[String]) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).ok()?);
    }
    set.build().ok().filter(|set| !set.is_empty())
}

/// The tests that these files have now, for files that are to run in parts. A file that is not in the answer runs whole.
pub async fn tests(ready: &Ready, files: &[String], scratch: &Path) -> BTreeMap<String, Vec<String>> {
    if std::fs::create_dir_all(scratch).is_err() {
        return BTreeMap::new();
    }
    let task = Task {
        suite: &ready.suite,
        listing: &ready.files,
        scratch,
        token: "tests",
        coverage: None,
    };
    ready.suite.runner.tests(&task, files).await
}
