//! Which tests a change asks for.
//!
//! The rule is simple enough to be trusted: a change of a test file asks for that file; any other change below the folder of a
//! suite asks for the tests that reach it by their imports where the runner can tell, else for the whole suite; a change outside of
//! every suite asks for everything. What a change cannot reach is what no suite is above.

use std::{collections::BTreeSet, path::Path};

use super::{
    Ready,
    runners::{Change, Task},
};
use crate::process;

/// What of a suite is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Everything.
    Whole,
    /// These files.
    Files(BTreeSet<String>),
}

/// Chooses, for every suite, by what differs between `base` and what is in the folder now.
///
/// # Errors
/// Git is missing or does not know the base; the text is for people.
pub async fn affected(
    root: &Path,
    base: &str,
    suites: &[Ready],
    scratch: &Path,
) -> Result<Vec<Choice>, String> {
    if base.starts_with('-') {
        return Err(format!("`{base}` is no name of a commit"));
    }
    let merge_base = process::git(root, &["merge-base", base, "HEAD"]).await?;
    let changed = process::git(root, &["diff", "--name-only", "--relative", "-z", &merge_base]).await?;
    let unknown = process::git(root, &["ls-files", "--others", "--exclude-standard", "-z"]).await?;
    let paths: Vec<&str> = changed
        .split('\0')
        .chain(unknown.split('\0'))
        .filter(|path| !path.is_empty())
        .collect();
    let mut choices = Vec::new();
    for (place, (suite, asked)) in suites.iter().zip(choose(&paths, suites)).enumerate() {
        let scratch = scratch.join(format!("affected-{place}"));
        choices.push(asked.settle(suite, merge_base.trim(), &scratch).await);
    }
    Ok(choices)
}

/// What a change asks of a suite, before its runner was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    is_whole: bool,
    files: BTreeSet<String>,
    /// Files that are no tests.
    others: Vec<String>,
}

impl Asked {
    async fn settle(self, ready: &Ready, base: &str, scratch: &Path) -> Choice {
        if self.is_whole {
            return Choice::Whole;
        }
        let mut files = self.files;
        if !self.others.is_empty() {
            let task = Task {
                suite: &ready.suite,
                listing: &ready.files,
                scratch,
                token: "affected",
                coverage: None,
            };
            let change = Change {
                base,
                files: &self.others,
            };
            if std::fs::create_dir_all(scratch).is_err() {
                return Choice::Whole;
            }
            let Some(reached) = ready.suite.runner.reaching(&task, &change).await else {
                return Choice::Whole;
            };
            // It may know files that were left out here.
            files.extend(reached.into_iter().filter(|file| ready.files.contains_key(file)));
        }
        Choice::Files(files)
    }
}

fn choose(paths: &[&str], suites: &[Ready]) -> Vec<Asked> {
    let mut choices: Vec<_> = suites.iter().map(|_| Asked::default()).collect();
    for path in paths {
        let mut is_anywhere = false;
        for (suite, choice) in suites.iter().zip(&mut choices) {
            let folder = suite.suite.folder.as_str();
            let within = if folder.is_empty() {
                Some(*path)
            } else {
                path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
            };
            let Some(file) = within else { continue };
            is_anywhere = true;
            if suite.files.contains_key(file) {
                choice.files.insert(file.to_owned());
            } else if !suites.iter().any(|other| owns(other, path)) {
                // A test file of another suite is nothing that this one depends on.
                choice.others.push(file.to_owned());
            }
        }
        if !is_anywhere {
            for choice in &mut choices {
                choice.is_whole = true;
            }
        }
    }
    choices
}

fn owns(suite: &Ready, path: &str) -> bool {
    let folder = suite.suite.folder.as_str();
    let within = if folder.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
    };
    within.is_some_and(|file| suite.files.contains_key(file))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pilotage_core::testing::SuiteFile;

    use super::*;
    use crate::testing::{Listed, RUNNERS, Suite};

    fn suite(folder: &str, files: &[&str]) -> Ready {
        let files: BTreeMap<_, _> = files
            .iter()
            .map(|file| ((*file).to_owned(), Listed::new(*file)))
            .collect();
        let suite = Suite {
            name: folder.to_owned(),
            runner: RUNNERS[0],
            folder: folder.to_owned(),
            place: folder.into(),
            settings: SuiteFile::default(),
            is_listed: false,
            is_measured: false,
        };
        Ready {
            suite,
            files,
            is_narrowed: false,
            problem: None,
        }
    }

    #[test]
    fn a_change_asks_for_what_it_can_reach() {
        let suites = [
            suite("a", &["tests/one.py", "tests/two.py"]),
            suite("b", &["b.test.js"]),
        ];
        let files = |names: &[&str]| Asked {
            files: names.iter().map(ToString::to_string).collect(),
            ..Asked::default()
        };
        let other = |names: &[&str], other: &str| Asked {
            others: vec![other.to_owned()],
            ..files(names)
        };
        let whole = Asked {
            is_whole: true,
            ..Asked::default()
        };
        let cases: [(&[&str], [Asked; 2]); 5] = [
            (&[], [files(&[]), files(&[])]),
            (&["a/tests/one.py"], [files(&["tests/one.py"]), files(&[])]),
            (
                &["a/source.py", "a/tests/one.py"],
                [other(&["tests/one.py"], "source.py"), files(&[])],
            ),
            (&["b/b.test.js"], [files(&[]), files(&["b.test.js"])]),
            (&["Makefile"], [whole.clone(), whole]),
        ];
        for (paths, expected) in cases {
            assert_eq!(choose(paths, &suites), expected, "{paths:?}");
        }
    }
}
