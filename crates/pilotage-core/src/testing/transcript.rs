//! What a runner says while it works, as events, and what is known from them at any moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Longest message of a failed test that is kept, in bytes.
const MOST_MESSAGE_BYTES: usize = 16 << 10;
/// Longest name of a file or a test, in bytes.
const MOST_NAME_BYTES: usize = 4 << 10;
/// Most tests of one transcript.
const MOST_TESTS: usize = 1_000_000;
/// Most messages that belong to no test.
const MOST_ERRORS: usize = 100;

/// How a test ended, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It ran and holds.
    Passed,
    /// It ran and does not hold, or broke.
    Failed,
    /// It did not run, and says so: skipped, pending, to be written, expected to fail.
    Skipped,
}

/// One event. Our reporters write them as a line of JSON each; for other runners they are read from the runner's own stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Said {
    /// The first: which run this belongs to.
    Begin {
        /// The token that the run handed to the reporter.
        run: String,
    },
    /// A file was found, or was read and nothing is made of it yet.
    Found {
        /// The file, from the folder of the suite.
        file: String,
    },
    /// A file was read, and these tests of it will run.
    File {
        /// The file, from the folder of the suite.
        file: String,
        /// How many, where that is known beforehand.
        tests: Option<u64>,
        /// By the names that select them, where they are asked for.
        #[serde(default)]
        ids: Vec<String>,
    },
    /// A test begins.
    Start {
        /// Its file.
        file: String,
        /// What selects it, unique within the file.
        id: String,
    },
    /// A test ended.
    Test(TestSeen),
    /// A file is through.
    Done {
        /// The file.
        file: String,
        /// Seconds from before it was read until its last test had ended.
        seconds: f64,
    },
    /// Something broke outside of any test.
    Error {
        /// Where, if that is known.
        file: Option<String>,
        /// What, in the runner's words.
        message: String,
    },
    /// The last: the runner came to its own end.
    End,
}

/// A test that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestSeen {
    /// Its file, from the folder of the suite.
    pub file: String,
    /// What selects it, unique within the file.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How it ended, at last.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
    /// Why it failed or was skipped.
    #[serde(default)]
    pub message: String,
    /// Why earlier attempts of the runner's own failed, oldest first.
    #[serde(default)]
    pub earlier: Vec<String>,
}

/// A file as far as it was heard of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileSeen {
    /// Tests that were to run, where the runner said so beforehand.
    pub announced: Option<u64>,
    /// What selects its tests, where that was asked for.
    pub ids: Vec<String>,
    /// Tests that ended, by what selects them.
    pub tests: BTreeMap<String, TestSeen>,
    /// What broke outside of its tests.
    pub errors: Vec<String>,
    /// Seconds, once it is through.
    pub seconds: Option<f64>,
}

impl FileSeen {
    /// Whether the runner came to the end of it and every test that it announced was heard of.
    pub fn is_whole(&self) -> bool {
        self.seconds.is_some() && self.lacking() == 0
    }

    /// Tests that were announced and not heard of.
    pub fn lacking(&self) -> u64 {
        let seen = u64::try_from(self.tests.len()).unwrap_or(u64::MAX);
        self.announced.unwrap_or(0).saturating_sub(seen)
    }
}

/// Everything that one runner said in one go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// Whether it began with the right token.
    pub begun: bool,
    /// Whether it came to its own end.
    pub ended: bool,
    /// Every file that was heard of.
    pub files: BTreeMap<String, FileSeen>,
    /// What broke outside of any file.
    pub errors: Vec<String>,
    /// The file that is being worked on, and the test.
    pub current: Option<(String, Option<String>)>,
    /// What selects the test is no name of a file of ours, or the like: what the report itself does wrong.
    pub broken: Option<String>,
    tests: usize,
}

impl Transcript {
    /// Takes one event of the run with this token.
    pub fn take(&mut self, said: Said, token: &str) {
        if !self.begun {
            match said {
                Said::Begin { run } if run == token => self.begun = true,
                Said::Begin { .. } => self.breaks("it is the report of another run"),
                _ => self.breaks("it does not begin as a report of this run does"),
            }
            return;
        }
        match said {
            Said::Begin { .. } => self.breaks("it begins twice"),
            Said::Found { file } => {
                self.files.entry(bounded(file, MOST_NAME_BYTES)).or_default();
                self.current = None;
            }
            Said::File { file, tests, ids } => self.announce(file, tests, ids),
            Said::Start { file, id } => self.current = Some((file, Some(id))),
            Said::Test(test) => self.note(test),
            Said::Done { file, seconds } => self.close(file, seconds),
            Said::Error { file, message } => self.blame(file, message),
            Said::End => self.ended = true,
        }
    }

    /// What the report itself does wrong; the first is kept.
    pub fn breaks(&mut self, how: impl Into<String>) {
        self.broken.get_or_insert(how.into());
    }

    fn announce(&mut self, file: String, tests: Option<u64>, ids: Vec<String>) {
        let file = bounded(file, MOST_NAME_BYTES);
        let seen = self.files.entry(file.clone()).or_default();
        seen.announced = tests.or(seen.announced);
        seen.ids.extend(ids.into_iter().take(MOST_TESTS));
        self.current = Some((file, None));
    }

    fn note(&mut self, mut test: TestSeen) {
        self.tests += 1;
        if self.tests > MOST_TESTS {
            self.breaks(format!("it tells of more than {MOST_TESTS} tests"));
            return;
        }
        test.file = bounded(test.file, MOST_NAME_BYTES);
        test.id = bounded(test.id, MOST_NAME_BYTES);
        test.name = bounded(test.name, MOST_NAME_BYTES);
        test.message = bounded(test.message, MOST_MESSAGE_BYTES);
        test.earlier.truncate(10);
        test.earlier = std::mem::take(&mut test.earlier)
            .into_iter()
            .map(|message| bounded(message, MOST_MESSAGE_BYTES))
            .collect();
        test.seconds = sane(test.seconds);
        self.current = Some((test.file.clone(), None));
        let seen = self.files.entry(test.file.clone()).or_default();
        // Runners may call two tests of a file the same; both count.
        let mut id = test.id.clone();
        let mut number = 1;
        while seen.tests.contains_key(&id) {
            number += 1;
            id = format!("{} #{number}", test.id);
        }
        test.id.clone_from(&id);
        seen.tests.insert(id, test);
    }

    fn close(&mut self, file: String, seconds: f64) {
        let seen = self.files.entry(bounded(file, MOST_NAME_BYTES)).or_default();
        *seen.seconds.get_or_insert(0.0) += sane(seconds);
        self.current = None;
    }

    fn blame(&mut self, file: Option<String>, message: String) {
        let message = bounded(message, MOST_MESSAGE_BYTES);
        let errors = match file {
            Some(file) => {
                &mut self
                    .files
                    .entry(bounded(file, MOST_NAME_BYTES))
                    .or_default()
                    .errors
            }
            None => &mut self.errors,
        };
        if errors.len() < MOST_ERRORS {
            errors.push(message);
        }
    }

    /// Tests that were heard of.
    pub fn heard(&self) -> usize {
        self.tests
    }

    /// Whether anything that was heard is a reason for a runner to end with an error.
    pub fn explains_failure(&self) -> bool {
        let failed = |file: &FileSeen| {
            !file.errors.is_empty() || file.tests.values().any(|test| test.outcome == Outcome::Failed)
        };
        !self.errors.is_empty() || self.files.values().any(failed)
    }
}

/// The beginning and the end of a text that is too long.
pub(super) fn bounded(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let half = most / 2;
    let head = (0..=half)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let from = text.len() - half;
    let tail = (from..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len());
    format!(
        "{}\n[…]\n{}",
        text.get(..head).unwrap_or_default(),
        text.get(tail..).unwrap_or_default()
    )
}

/// A duration of a stranger: no less than nothing, and no more than a day.
fn sane(seconds: f64) -> f64 {
    if seconds.is_finite() {
        seconds.clamp(0.0, 86_400.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(id: &str) -> Said {
        Said::Test(TestSeen {
            file: "a".into(),
            id: id.into(),
            name: id.into(),
            outcome: Outcome::Passed,
            seconds: f64::NAN,
            message: "é".repeat(20_000),
            earlier: Vec::new(),
        })
    }

    #[test]
    fn a_report_of_another_run_is_not_believed() {
        let mut transcript = Transcript::default();
        transcript.take(Said::Begin { run: "other".into() }, "mine");
        transcript.take(test("one"), "mine");
        assert_eq!(
            transcript.broken.as_deref(),
            Some("it is the report of another run")
        );
        assert!(transcript.files.is_empty());
    }

    #[test]
    fn tests_of_one_name_are_both_counted_and_texts_are_bounded() {
        let mut transcript = Transcript::default();
        transcript.take(Said::Begin { run: "mine".into() }, "mine");
        transcript.take(
            Said::File {
                file: "a".into(),
                tests: Some(3),
                ids: Vec::new(),
            },
            "mine",
        );
        transcript.take(test("one"), "mine");
        transcript.take(test("one"), "mine");
        let file = &transcript.files["a"];
        assert_eq!(file.tests.keys().collect::<Vec<_>>(), ["one", "one #2"]);
        assert_eq!(file.lacking(), 1);
        assert!(file.tests["one"].message.len() < MOST_MESSAGE_BYTES + 10);
        assert!(file.tests["one"].seconds.abs() < f64::EPSILON);
        transcript.take(
            Said::Done {
                file: "a".into(),
                seconds: 1.0,
            },
            "mine",
        );
        assert!(!transcript.files["a"].is_whole());
    }
}
