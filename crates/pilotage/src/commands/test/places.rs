//! Where in the repository a test failed, as platforms of CI want to be told: a file from the root of the repository, and a line.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use pilotage_core::testing::SuiteResult;

/// Where the platform has put the repository: GitHub, GitLab.
const ROOT_VARIABLES: [&str; 2] = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"];
/// What Rust writes before the place of a panic.
const PANICKED: &str = "panicked at ";

/// A file and, where that is known, a line of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) path: String,
    pub(super) line: Option<u32>,
}

/// Finds spots.
pub(super) struct Places {
    /// From where the tests were run.
    here: PathBuf,
    /// The root of the repository, where the platform says it.
    root: Option<PathBuf>,
}

impl Places {
    /// As this process was started.
    pub(super) fn detect() -> Self {
        let root = ROOT_VARIABLES
            .iter()
            .find_map(std::env::var_os)
            .map(PathBuf::from);
        Self {
            here: std::env::current_dir().unwrap_or_default(),
            root,
        }
    }

    /// Where a test of this file failed with this message. Runners of compiled languages do not speak of files; what they say may.
    pub(super) fn of(&self, suite: &SuiteResult, file: &str, message: &str) -> Option<Spot> {
        let own = Path::new(&suite.folder).join(file);
        if self.here.join(&own).is_file() {
            return Some(Spot {
                path: self.shown(&own),
                line: line_in(message, file),
            });
        }
        let (path, line) = panic_in(message)?;
        let path = Path::new(&suite.folder).join(path);
        self.here.join(&path).is_file().then(|| Spot {
            path: self.shown(&path),
            line: Some(line),
        })
    }

    /// From the root of the repository.
    fn shown(&self, path: &Path) -> String {
        let whole = self.here.join(path);
        let below = self.root.as_ref().and_then(|root| whole.strip_prefix(root).ok());
        below.unwrap_or(path).display().to_string()
    }
}

/// The line of a file that a message names first, as `name:12`, which every runner writes in one way or another.
fn line_in(message: &str, file: &str) -> Option<u32> {
    let name = Path::new(file).file_name().and_then(OsStr::to_str)?;
    let behind =
        |(at, name): (usize, &str)| message.get(at + name.len()..)?.strip_prefix(':').and_then(number);
    message.match_indices(name).find_map(behind)
}

/// The place of the panic that a message tells of.
fn panic_in(message: &str) -> Option<(&str, u32)> {
    let (_, behind) = message.split_once(PANICKED)?;
    let (path, behind) = behind.split_once(':')?;
    Some((path, number(behind)?))
}

/// The number with which a text begins, unless it is none of a line.
fn number(text: &str) -> Option<u32> {
    let digits = text.len()
        - text
            .trim_start_matches(|letter: char| letter.is_ascii_digit())
            .len();
    text.get(..digits)?.parse().ok().filter(|line| *line > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runner_names_the_line_in_its_way() {
        for (file, message, expected) in [
            (
                "tests/test_a.py",
                "E   assert 1\n\ntests/test_a.py:12: AssertionError",
                Some(12),
            ),
            ("src/a.test.ts", "AssertionError\n ❯ src/a.test.ts:5:17", Some(5)),
            (
                "src/a.test.ts",
                "at Object.<anonymous> (/w/src/a.test.ts:7:3)",
                Some(7),
            ),
            (
                "./spec/a_spec.rb",
                "expected\n     # ./spec/a_spec.rb:9:in `block'",
                Some(9),
            ),
            ("pkg/a_test.go", "    a_test.go:31: got 1", Some(31)),
            ("a.py", "a.py: no line, a.py:x, a.py:0", None),
            ("a.py", "a.py:99999999999999", None),
            ("", ":1", None),
        ] {
            assert_eq!(line_in(message, file), expected, "{message}");
        }
        let panic = "thread 'x' panicked at crates/a/src/lib.rs:10:5:\nassertion failed";
        assert_eq!(panic_in(panic), Some(("crates/a/src/lib.rs", 10)));
    }

    #[test]
    fn paths_are_told_from_the_root_of_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("api");
        std::fs::create_dir_all(here.join("unit")).unwrap();
        std::fs::write(here.join("unit/test_a.py"), "").unwrap();
        let mut suite = SuiteResult::new("unit", "pytest", Vec::new());
        suite.folder = "unit".to_owned();
        let places = |root: Option<&Path>| Places {
            here: here.clone(),
            root: root.map(Path::to_owned),
        };
        let spot = |places: Places| places.of(&suite, "test_a.py", "test_a.py:3: bad").unwrap().path;
        assert_eq!(spot(places(Some(folder.path()))), "api/unit/test_a.py");
        assert_eq!(spot(places(None)), "unit/test_a.py");
        assert_eq!(places(None).of(&suite, "gone.py", "gone.py:3: bad"), None);
    }
}
