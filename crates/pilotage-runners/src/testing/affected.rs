//! Which tests a change asks for.
//!
//! The rule is simple enough to be trusted: a change of a test file asks for that file; any other change below the folder of a
//! suite asks for the whole suite; a change outside of every suite asks for everything. What a change cannot reach is what
//! no suite is above.

use std::{collections::BTreeSet, path::Path};

use super::Ready;
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
pub async fn affected(root: &Path, base: &str, suites: &[Ready]) -> Result<Vec<Choice>, String> {
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
    Ok(choose(&paths, suites))
}

fn choose(paths: &[&str], suites: &[Ready]) -> Vec<Choice> {
    let mut choices: Vec<_> = suites.iter().map(|_| Choice::Files(BTreeSet::new())).collect();
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
            match choice {
                Choice::Files(files) if suite.files.contains_key(file) => {
                    files.insert(file.to_owned());
                }
                // A test file of another suite is nothing that this one depends on.
                _ if suites.iter().any(|other| owns(other, path)) => {}
                _ => *choice = Choice::Whole,
            }
        }
        if !is_anywhere {
            choices.fill(Choice::Whole);
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
        let files = |names: &[&str]| Choice::Files(names.iter().map(ToString::to_string).collect());
        let cases: [(&[&str], [Choice; 2]); 5] = [
            (&[], [files(&[]), files(&[])]),
            (&["a/tests/one.py"], [files(&["tests/one.py"]), files(&[])]),
            (&["a/source.py", "a/tests/one.py"], [Choice::Whole, files(&[])]),
            (&["b/b.test.js"], [files(&[]), files(&["b.test.js"])]),
            (&["Makefile"], [Choice::Whole, Choice::Whole]),
        ];
        for (paths, expected) in cases {
            assert_eq!(choose(paths, &suites), expected, "{paths:?}");
        }
    }
}
