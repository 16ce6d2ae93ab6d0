//! Which suites a repository has: those that the configuration lists, and those that show themselves.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pilotage_core::testing::{SuiteFile, TestsFile};

use super::{RUNNERS, Runner};

/// How deep below the root suites are looked for.
const MOST_DEPTH: usize = 4;
/// Most folders that are looked at.
const MOST_FOLDERS: usize = 20_000;
/// Folders of other people's code and of what is built.
const LEFT_OUT: &[&str] = &[
    "node_modules",
    "target",
    "vendor",
    "venv",
    "dist",
    "build",
    "__pycache__",
    "site-packages",
];

/// A suite: what runs it, where, and how.
#[derive(Clone)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// What runs it.
    pub(crate) runner: &'static dyn Runner,
    /// Its folder, from the root; empty for the root itself.
    pub folder: String,
    /// Its folder.
    pub place: PathBuf,
    /// What was said of it.
    pub settings: SuiteFile,
    /// Whether somebody listed it.
    pub is_listed: bool,
    /// Whether what its tests reach is to be told, for which programs may have to be built in another way.
    pub is_measured: bool,
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite")
            .field("name", &self.name)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Suite {
    /// Whether a part of a file is a process of its own, as names of tests select in every file that its runner is given.
    pub fn starts_for_parts(&self) -> bool {
        self.runner.starts_for_parts()
    }

    /// The name of what runs it.
    pub fn runner_name(&self) -> &'static str {
        self.runner.name()
    }
}

/// Every suite below `root`, by name.
///
/// # Errors
/// A listed suite has no runner, and none can be told from its folder; the text is for people.
pub fn suites(root: &Path, file: &TestsFile) -> Result<Vec<Suite>, String> {
    // Runners see the folder that they are in without links on the way, and paths have to be from the same.
    let root = root
        .canonicalize()
        .map_err(|error| format!("cannot look into {}: {error}", root.display()))?;
    let root = root.as_path();
    let mut suites: BTreeMap<String, Suite> = BTreeMap::new();
    if file.detect {
        for suite in detected(root) {
            suites.insert(suite.name.clone(), suite);
        }
    }
    for (name, settings) in &file.suites {
        let listed = listed(root, name, settings, suites.get(name))?;
        // Who lists a suite under a name of his own means that one, and not the same twice.
        suites.retain(|_, known| {
            known.runner.name() != listed.runner.name() || known.folder != listed.folder || known.is_listed
        });
        suites.insert(name.clone(), listed);
    }
    suites.retain(|_, suite| !suite.settings.disabled);
    Ok(suites.into_values().collect())
}

fn listed(root: &Path, name: &str, settings: &SuiteFile, known: Option<&Suite>) -> Result<Suite, String> {
    let given = settings
        .folder
        .as_deref()
        .map(|folder| folder.trim_matches('/').to_owned());
    let folder = given
        .or_else(|| known.map(|suite| suite.folder.clone()))
        .unwrap_or_default();
    let folder = if folder == "." { String::new() } else { folder };
    let place = root.join(&folder);
    let place = place.canonicalize().unwrap_or(place);
    let by_name = |name: &str| RUNNERS.iter().copied().find(|runner| runner.name() == name);
    let runner = match &settings.runner {
        Some(runner) => by_name(runner),
        None => known
            .map(|suite| suite.runner)
            .or_else(|| by_name(name))
            .or_else(|| RUNNERS.iter().copied().find(|runner| runner.detect(&place))),
    };
    let runner = runner.ok_or_else(|| {
        format!(
            "the suite `{name}` has no `runner`, and its folder does not tell: say which of {} it is",
            names()
        )
    })?;
    if !place.is_dir() {
        return Err(format!(
            "the suite `{name}` is to be in `{folder}`, and there is no such folder"
        ));
    }
    Ok(Suite {
        name: name.to_owned(),
        runner,
        folder,
        place,
        settings: settings.clone(),
        is_listed: true,
        is_measured: false,
    })
}

fn names() -> String {
    RUNNERS
        .iter()
        .map(|runner| runner.name())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Suites that show themselves. Below a suite none of the same runner is looked for.
fn detected(root: &Path) -> Vec<Suite> {
    let mut found: Vec<Suite> = Vec::new();
    let mut waiting = vec![(root.to_owned(), String::new(), 0)];
    let mut looked = 0;
    while let Some((place, folder, depth)) = waiting.pop() {
        looked += 1;
        if looked > MOST_FOLDERS {
            break;
        }
        for runner in RUNNERS.iter().copied() {
            let is_within = found
                .iter()
                .any(|suite| suite.runner.name() == runner.name() && is_below(&folder, &suite.folder));
            if !is_within && runner.detect(&place) {
                found.push(Suite {
                    name: if folder.is_empty() {
                        runner.name().to_owned()
                    } else {
                        format!("{}:{folder}", runner.name())
                    },
                    runner,
                    folder: folder.clone(),
                    place: place.clone(),
                    settings: SuiteFile::default(),
                    is_listed: false,
                    is_measured: false,
                });
            }
        }
        if depth < MOST_DEPTH {
            waiting.extend(below(&place).into_iter().map(|name| {
                let folder = if folder.is_empty() {
                    name.clone()
                } else {
                    format!("{folder}/{name}")
                };
                (place.join(name), folder, depth + 1)
            }));
        }
    }
    found
}

fn is_below(folder: &str, above: &str) -> bool {
    above.is_empty()
        || folder
            .strip_prefix(above)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Names of the folders to look into, the last in order first, as they are taken from the end.
fn below(place: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(place) else {
        return Vec::new();
    };
    let folders = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names
        .filter(|name| !name.starts_with('.') && !LEFT_OUT.contains(&name.as_str()))
        .collect();
    names.sort_by(|a, b| b.cmp(a));
    names
}
