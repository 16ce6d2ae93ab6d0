//! What came of a run: every planned file with its tests and all their attempts, what went wrong besides, and whether it holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Outcome, Quarantined};

/// Most names that a problem lists.
const MOST_NAMES: usize = 10;

/// How a test stands after all its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TestState {
    /// It passed at once.
    Passed,
    /// It failed in every attempt.
    Failed,
    /// It did not run, and says so.
    Skipped,
    /// It failed, and passed when it was run again.
    Flaky,
}

/// One attempt at a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A test that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// What selects it, unique within its file.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How it stands.
    pub state: TestState,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// Why its failing does not count, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantined>,
}

impl TestResult {
    /// One without attempts.
    pub fn new(id: &str, name: &str, state: TestState) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            state,
            attempts: Vec::new(),
            quarantine: None,
        }
    }

    /// Whether it stands in the way.
    pub fn gates(&self) -> bool {
        self.state == TestState::Failed && self.quarantine.is_none()
    }

    /// Takes another attempt.
    pub fn add(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        let of = |outcome| self.attempts.iter().any(|attempt| attempt.outcome == outcome);
        self.state = match (of(Outcome::Passed), of(Outcome::Failed)) {
            (true, false) => TestState::Passed,
            (true, true) => TestState::Flaky,
            (false, true) => TestState::Failed,
            (false, false) => TestState::Skipped,
        };
    }

    /// The text of the last attempt that failed.
    pub fn failure(&self) -> &str {
        let mut failed = self
            .attempts
            .iter()
            .rev()
            .filter(|attempt| attempt.outcome == Outcome::Failed);
        failed.next().map_or("", |attempt| &attempt.message)
    }
}

/// What kind of thing went wrong besides failing tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemKind {
    /// The files of a suite could not be found out, or it does not compile.
    NotListed,
    /// The runner could not be started.
    NotStarted,
    /// A file could not be read by its runner.
    NotLoaded,
    /// The runner was killed.
    Killed,
    /// It took too long.
    TimedOut,
    /// The runner ended before it was through.
    EndedEarly,
    /// Planned, and never heard of again.
    Missing,
    /// What the runner said cannot be believed.
    Unbelievable,
    /// The runner failed, and nothing that it said tells why.
    UnexplainedEnd,
    /// Nothing ran.
    NothingRan,
    /// The report of a machine is missing, or belongs to something else.
    ShardMissing,
    /// Tests reached too little, or nobody can tell how much.
    Coverage,
}

/// Something that went wrong besides failing tests. It is red whatever the tests say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// The cause, in a sentence without a full stop.
    pub text: String,
}

impl Problem {
    /// A problem.
    pub fn new(kind: ProblemKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileResult {
    /// From the folder of the suite.
    pub file: String,
    /// Its tests, in no order that means anything.
    pub tests: Vec<TestResult>,
    /// How long it took, with reading it; `None` where its end was not seen.
    pub seconds: Option<f64>,
    /// What went wrong besides failing tests.
    pub problems: Vec<Problem>,
    /// What is worth knowing and harmless: that its runner died and it was run again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Whether only some of its tests are in here.
    #[serde(skip)]
    pub is_part: bool,
    /// In how many parts it was run, of those that are in here.
    #[serde(skip)]
    pub parts: u32,
}

impl FileResult {
    /// One without tests.
    pub fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            tests: Vec::new(),
            seconds: None,
            problems: Vec::new(),
            notes: Vec::new(),
            is_part: false,
            parts: 1,
        }
    }

    /// Takes another part of the same file.
    pub fn join(&mut self, other: Self) {
        self.tests.extend(other.tests);
        self.problems.extend(other.problems);
        self.notes.extend(other.notes);
        self.parts += other.parts;
        self.seconds = match (self.seconds, other.seconds) {
            (Some(own), Some(others)) => Some(own + others),
            _ => None,
        };
    }
}

/// A file that was to run, and of one that was run in parts every test that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// From the folder of the suite.
    pub file: String,
    /// Empty where nobody asked which tests it has.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tests: BTreeSet<String>,
}

/// What came of a suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuiteResult {
    /// Its name.
    pub name: String,
    /// What runs it.
    pub runner: String,
    /// Its folder, from where the tests were run; empty for that itself.
    #[serde(default)]
    pub folder: String,
    /// Everything that was to run.
    pub planned: Vec<Planned>,
    /// Everything that was heard of, by file.
    pub files: BTreeMap<String, FileResult>,
    /// What went wrong besides.
    pub problems: Vec<Problem>,
}

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Files that were to run.
    pub files: usize,
    /// Tests that were heard of.
    pub tests: usize,
    /// Passed at once.
    pub passed: usize,
    /// Failed in every attempt and stand in the way.
    pub failed: usize,
    /// Did not run, and say so.
    pub skipped: usize,
    /// Passed when they were run again.
    pub flaky: usize,
    /// Failed, and do not stand in the way.
    pub quarantined: usize,
    /// What went wrong besides.
    pub problems: usize,
}

impl Totals {
    /// The greatest of all counts.
    pub fn greatest(&self) -> usize {
        let counts = [
            self.files,
            self.tests,
            self.passed,
            self.failed,
            self.skipped,
            self.flaky,
            self.quarantined,
            self.problems,
        ];
        counts.into_iter().max().unwrap_or(0)
    }

    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.tests += other.tests;
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.flaky += other.flaky;
        self.quarantined += other.quarantined;
        self.problems += other.problems;
    }
}

impl SuiteResult {
    /// A suite of which nothing was heard yet.
    pub fn new(name: &str, runner: &str, planned: Vec<Planned>) -> Self {
        Self {
            name: name.to_owned(),
            runner: runner.to_owned(),
            folder: String::new(),
            planned,
            files: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// Takes what came of a file, or of a part of one.
    pub fn add(&mut self, result: FileResult) {
        match self.files.get_mut(&result.file) {
            Some(known) => known.join(result),
            None => {
                self.files.insert(result.file.clone(), result);
            }
        }
    }

    /// How many of what.
    pub fn totals(&self) -> Totals {
        let tests = || self.files.values().flat_map(|file| &file.tests);
        let of = |state| tests().filter(|test| test.state == state).count();
        let failed = tests().filter(|test| test.gates()).count();
        let problems = self.files.values().map(|file| file.problems.len()).sum::<usize>();
        Totals {
            files: self.planned.len(),
            tests: tests().count(),
            passed: of(TestState::Passed),
            failed,
            skipped: of(TestState::Skipped),
            flaky: of(TestState::Flaky),
            quarantined: of(TestState::Failed) - failed,
            problems: problems + self.problems.len(),
        }
    }

    /// Every problem with the file that it is about.
    pub fn all_problems(&self) -> impl Iterator<Item = (Option<&str>, &Problem)> {
        let own = self.problems.iter().map(|problem| (None, problem));
        let files = self.files.values().flat_map(|file| {
            let about = |problem| (Some(file.file.as_str()), problem);
            file.problems.iter().map(about)
        });
        own.chain(files)
    }

    /// Holds what was heard against what was planned: whatever is missing becomes a problem.
    fn reckon(&mut self) {
        for planned in &self.planned {
            let Some(found) = self.files.get_mut(&planned.file) else {
                let mut missing = FileResult::new(&planned.file);
                missing.problems.push(Problem::new(
                    ProblemKind::Missing,
                    "it was planned and nothing was heard of it",
                ));
                self.files.insert(planned.file.clone(), missing);
                continue;
            };
            let heard: BTreeSet<&str> = found.tests.iter().map(|test| test.id.as_str()).collect();
            let lacking: Vec<_> = planned
                .tests
                .iter()
                .filter(|id| !heard.contains(id.as_str()))
                .collect();
            if !lacking.is_empty() && found.problems.is_empty() {
                let text = format!("planned and never heard of: {}", named(&lacking));
                found.problems.push(Problem::new(ProblemKind::Missing, text));
            }
        }
        let heard: usize = self.files.values().map(|file| file.tests.len()).sum();
        let is_told = self.all_problems().next().is_some();
        if !self.planned.is_empty() && heard == 0 && !is_told {
            let text = format!("{} files were planned and no test ran", self.planned.len());
            self.problems.push(Problem::new(ProblemKind::NothingRan, text));
        }
    }
}

/// The first names of many.
pub(super) fn named(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<_> = names.iter().take(MOST_NAMES).map(AsRef::as_ref).collect();
    match names.len().checked_sub(MOST_NAMES) {
        Some(more) if more > 0 => format!("{}, and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// Whether a run holds, and why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Whether everything that was planned was heard of, and nothing stands in the way.
    pub passed: bool,
    /// How many of what.
    pub totals: Totals,
    /// Every suite.
    pub suites: Vec<SuiteResult>,
    /// What went wrong and belongs to no suite.
    pub problems: Vec<Problem>,
}

impl Verdict {
    /// Judges.
    pub fn of(mut suites: Vec<SuiteResult>, mut problems: Vec<Problem>) -> Self {
        suites.iter_mut().for_each(SuiteResult::reckon);
        let mut totals = Totals::default();
        for suite in &suites {
            totals.add(suite.totals());
        }
        if totals.tests == totals.skipped && totals.problems + problems.len() == 0 {
            problems.push(Problem::new(ProblemKind::NothingRan, "no test ran at all"));
        }
        totals.problems += problems.len();
        Self {
            passed: totals.failed == 0 && totals.problems == 0,
            totals,
            suites,
            problems,
        }
    }

    /// The same with more that went wrong, which is red.
    #[must_use]
    pub fn with(mut self, problems: Vec<Problem>) -> Self {
        self.totals.problems += problems.len();
        self.passed &= problems.is_empty();
        self.problems.extend(problems);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(outcome: Outcome) -> Attempt {
        Attempt {
            outcome,
            seconds: 0.0,
            message: String::new(),
        }
    }

    fn suite(planned: &[(&str, &[&str])], heard: &[(&str, &[(&str, Outcome)])]) -> SuiteResult {
        let planned = planned.iter().map(|(file, tests)| Planned {
            file: (*file).to_owned(),
            tests: tests.iter().map(ToString::to_string).collect(),
        });
        let mut suite = SuiteResult::new("unit", "pytest", planned.collect());
        for (file, tests) in heard {
            let mut result = FileResult::new(file);
            for (id, outcome) in *tests {
                let mut test = TestResult::new(id, id, TestState::Passed);
                test.add(attempt(*outcome));
                result.tests.push(test);
            }
            suite.add(result);
        }
        suite
    }

    #[test]
    fn planned_is_reported_or_it_is_red() {
        use Outcome::{Failed, Passed, Skipped};
        let cases: [(&str, SuiteResult, bool, &str); 6] = [
            (
                "all is well",
                suite(&[("a", &[])], &[("a", &[("one", Passed)])]),
                true,
                "",
            ),
            (
                "a test fails",
                suite(&[("a", &[])], &[("a", &[("one", Failed)])]),
                false,
                "",
            ),
            (
                "a file is missing",
                suite(&[("a", &[]), ("b", &[])], &[("a", &[("one", Passed)])]),
                false,
                "nothing was heard of it",
            ),
            (
                "a test is missing",
                suite(&[("a", &["one", "two"])], &[("a", &[("one", Passed)])]),
                false,
                "never heard of: two",
            ),
            (
                "no test at all",
                suite(&[("a", &[])], &[("a", &[])]),
                false,
                "1 files were planned and no test ran",
            ),
            (
                "all are skipped",
                suite(&[("a", &[])], &[("a", &[("one", Skipped)])]),
                false,
                "no test ran at all",
            ),
        ];
        for (what, suite, passed, text) in cases {
            let verdict = Verdict::of(vec![suite], Vec::new());
            assert_eq!(verdict.passed, passed, "{what}");
            let said = format!("{verdict:?}");
            assert!(said.contains(text), "{what}: {said}");
        }
        assert!(
            !Verdict::of(Vec::new(), Vec::new()).passed,
            "nothing is no success"
        );
    }

    #[test]
    fn a_test_that_passes_at_last_is_flaky_and_keeps_its_attempts() {
        let mut test = TestResult::new("one", "one", TestState::Passed);
        for (outcome, state) in [
            (Outcome::Failed, TestState::Failed),
            (Outcome::Failed, TestState::Failed),
            (Outcome::Passed, TestState::Flaky),
        ] {
            test.add(attempt(outcome));
            assert_eq!(test.state, state);
        }
        assert_eq!(test.attempts.len(), 3);
        assert!(!test.gates());
    }
}
