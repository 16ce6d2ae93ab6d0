//! What came of a run as it is sent to a server and kept there: every test by name, and of those that did not simply pass every
//! attempt, within bounds.

use std::{collections::BTreeMap, mem};

use serde::{Deserialize, Serialize};

use super::{
    Attempt, FileResult, Problem, ProblemKind, Quarantined, SuiteResult, TestResult, TestState, Totals,
    Verdict, coverage::CoverageJudged, transcript::bounded,
};

/// Longest message of an attempt and text of a problem, in bytes.
const MOST_MESSAGE_BYTES: usize = 4 << 10;
/// Longest name and path, in bytes.
const MOST_NAME_BYTES: usize = 500;
/// Attempts of a test.
const MOST_ATTEMPTS: usize = 6;
/// Tests whose attempts are kept with what they said.
const MOST_TOLD: usize = 500;
/// Suites, problems and notes.
const MOST_LINES: usize = 500;
/// Tests in all.
const MOST_TESTS: usize = 100_000;
/// More of anything than this is not believed.
const MOST_COUNTED: usize = 10_000_000;
/// Tests of each list of those that stand out.
const MOST_STANDOUTS: usize = 20;
/// Longest name and path of a test that stands out, in bytes.
const MOST_STANDOUT_BYTES: usize = 300;

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestReport {
    /// Whether it holds.
    pub passed: bool,
    /// How many of what.
    pub totals: Totals,
    /// Wall clock, in seconds; `None` for what several machines did.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Every suite.
    pub suites: Vec<SuiteReport>,
    /// What went wrong besides failing tests.
    pub problems: Vec<ProblemReport>,
    /// What is worth knowing.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What the tests reached.
    #[serde(default)]
    pub coverage: Option<CoverageJudged>,
    /// Whether tests that passed were left out, as they are too many.
    #[serde(default)]
    pub is_cut: bool,
}

/// A suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuiteReport {
    /// Its name.
    pub name: String,
    /// What runs it.
    pub runner: String,
    /// How many of what.
    pub totals: Totals,
    /// Its files.
    pub files: BTreeMap<String, FileReport>,
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileReport {
    /// How long it took with reading it; `None` where its end was not seen.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Its tests.
    pub tests: Vec<TestReported>,
}

/// A test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestReported {
    /// What people call it.
    pub name: String,
    /// How it stands.
    pub state: TestState,
    /// All its attempts together.
    pub seconds: f64,
    /// Every attempt, where it did not simply pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Why its failing does not count, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantined>,
}

/// Something that went wrong besides failing tests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProblemReport {
    /// What kind.
    pub kind: ProblemKind,
    /// The suite that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// The file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The cause.
    pub text: String,
}

/// The tests of a run that stand out: what is looked at over many runs without reading their reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standouts {
    /// Those that took longest, the longest first.
    pub slowest: Vec<Standout>,
    /// Those that failed and passed in the same run.
    pub flaky: Vec<Standout>,
}

/// A test that stands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standout {
    /// Its suite.
    pub suite: String,
    /// Its file.
    pub file: String,
    /// Its name.
    pub name: String,
    /// All its attempts together.
    pub seconds: f64,
}

impl TestReport {
    /// Of a verdict.
    pub fn of(verdict: &Verdict, seconds: Option<f64>) -> Self {
        let own = verdict.problems.iter().map(|problem| told(None, None, problem));
        let suites = verdict.suites.iter().flat_map(|suite| {
            let about = |(file, problem)| told(Some(&suite.name), file, problem);
            suite.all_problems().map(about)
        });
        Self {
            passed: verdict.passed,
            totals: verdict.totals,
            seconds,
            suites: verdict.suites.iter().map(suite).collect(),
            problems: own.chain(suites).collect(),
            ..Self::default()
        }
        .within_bounds()
    }

    /// The same with every text and list cut to its bound, whoever made it.
    #[must_use]
    pub fn within_bounds(mut self) -> Self {
        self.suites.truncate(MOST_LINES);
        self.problems.truncate(MOST_LINES);
        self.notes.truncate(MOST_LINES);
        for problem in &mut self.problems {
            cut(&mut problem.text, MOST_MESSAGE_BYTES);
            let about = problem.suite.iter_mut().chain(&mut problem.file);
            about.for_each(|text| cut(text, MOST_NAME_BYTES));
        }
        self.notes
            .iter_mut()
            .for_each(|text| cut(text, MOST_MESSAGE_BYTES));
        let mut room = Room::default();
        for suite in &mut self.suites {
            room.fit(suite);
        }
        self.is_cut |= room.is_short;
        self
    }

    /// The same without tests that simply passed.
    #[must_use]
    pub fn without_passed(mut self) -> Self {
        let files = self.suites.iter_mut().flat_map(|suite| suite.files.values_mut());
        files.for_each(|file| file.tests.retain(|test| test.state != TestState::Passed));
        self.is_cut = true;
        self
    }

    /// The same without what attempts said.
    #[must_use]
    pub fn without_messages(mut self) -> Self {
        let files = self.suites.iter_mut().flat_map(|suite| suite.files.values_mut());
        let attempts = files
            .flat_map(|file| &mut file.tests)
            .flat_map(|test| &mut test.attempts);
        attempts.for_each(|attempt| attempt.message.clear());
        self
    }

    /// Why it cannot be believed, where that is so: a report that says green beside what is red is none.
    pub fn contradiction(&self) -> Option<&'static str> {
        let Totals { failed, problems, .. } = self.totals;
        let counted = std::iter::once(&self.totals).chain(self.suites.iter().map(|suite| &suite.totals));
        let failing = |test: &TestReported| test.state == TestState::Failed && test.quarantine.is_none();
        if counted.into_iter().any(|totals| totals.greatest() > MOST_COUNTED) {
            Some("it counts more than ten million of something")
        } else if self.passed && failed.saturating_add(problems) + self.problems.len() > 0 {
            Some("it says that the run passed, and counts what failed")
        } else if self.passed && self.tests().any(|(.., test)| failing(test)) {
            Some("it says that the run passed, and names a test that failed")
        } else if self.passed && self.totals.tests == 0 {
            Some("it says that the run passed, and no test ran")
        } else {
            None
        }
    }

    /// Every test with its suite and file.
    pub fn tests(&self) -> impl Iterator<Item = (&str, &str, &TestReported)> {
        self.suites.iter().flat_map(|suite| {
            suite.files.iter().flat_map(move |(file, kept)| {
                kept.tests
                    .iter()
                    .map(move |test| (suite.name.as_str(), file.as_str(), test))
            })
        })
    }

    /// The tests that stand out.
    pub fn standouts(&self) -> Standouts {
        let mut tests: Vec<_> = self.tests().collect();
        tests.sort_by(|a, b| b.2.seconds.total_cmp(&a.2.seconds));
        let flaky = tests.iter().filter(|(.., test)| test.state == TestState::Flaky);
        let slowest = tests.iter().filter(|(.., test)| test.seconds > 0.0);
        Standouts {
            slowest: slowest.take(MOST_STANDOUTS).map(standout).collect(),
            flaky: flaky.take(MOST_STANDOUTS).map(standout).collect(),
        }
    }
}

fn standout((suite, file, test): &(&str, &str, &TestReported)) -> Standout {
    let short = |text: &str| bounded(text.to_owned(), MOST_STANDOUT_BYTES);
    Standout {
        suite: short(suite),
        file: short(file),
        name: short(&test.name),
        seconds: test.seconds,
    }
}

fn cut(text: &mut String, most: usize) {
    *text = bounded(mem::take(text), most);
}

/// What was taken up so far.
#[derive(Default)]
struct Room {
    tests: usize,
    told: usize,
    is_short: bool,
}

impl Room {
    fn fit(&mut self, suite: &mut SuiteReport) {
        cut(&mut suite.name, MOST_NAME_BYTES);
        cut(&mut suite.runner, MOST_NAME_BYTES);
        for (mut name, mut file) in mem::take(&mut suite.files) {
            cut(&mut name, MOST_NAME_BYTES);
            let room = MOST_TESTS - self.tests;
            self.is_short |= file.tests.len() > room;
            file.tests.truncate(room);
            self.tests += file.tests.len();
            file.tests.iter_mut().for_each(|test| self.fit_test(test));
            suite.files.insert(name, file);
        }
    }

    fn fit_test(&mut self, test: &mut TestReported) {
        cut(&mut test.name, MOST_NAME_BYTES);
        if let Some(Quarantined { owner, reason, until }) = &mut test.quarantine {
            for text in [owner, reason, until] {
                cut(text, MOST_NAME_BYTES);
            }
        }
        test.attempts.truncate(MOST_ATTEMPTS);
        self.told += usize::from(!test.attempts.is_empty());
        for attempt in &mut test.attempts {
            if self.told > MOST_TOLD {
                attempt.message.clear();
            } else {
                cut(&mut attempt.message, MOST_MESSAGE_BYTES);
            }
        }
    }
}

fn told(suite: Option<&str>, file: Option<&str>, problem: &Problem) -> ProblemReport {
    ProblemReport {
        kind: problem.kind,
        suite: suite.map(str::to_owned),
        file: file.map(str::to_owned),
        text: problem.text.clone(),
    }
}

fn suite(suite: &SuiteResult) -> SuiteReport {
    let files = suite
        .files
        .iter()
        .map(|(name, result)| (name.clone(), file(result)));
    SuiteReport {
        name: suite.name.clone(),
        runner: suite.runner.clone(),
        totals: suite.totals(),
        files: files.collect(),
    }
}

fn file(result: &FileResult) -> FileReport {
    FileReport {
        seconds: result.seconds,
        tests: result.tests.iter().map(test).collect(),
    }
}

fn test(result: &TestResult) -> TestReported {
    TestReported {
        name: result.name.clone(),
        state: result.state,
        seconds: result.attempts.iter().map(|attempt| attempt.seconds).sum(),
        attempts: match result.state {
            TestState::Passed => Vec::new(),
            _ => result.attempts.clone(),
        },
        quarantine: result.quarantine.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Outcome;

    fn verdict(message: &str) -> Verdict {
        let mut result = FileResult::new("a.py");
        for (name, outcomes) in [
            ("ok", &[Outcome::Passed][..]),
            ("bad", &[Outcome::Failed]),
            ("flaky", &[Outcome::Failed, Outcome::Passed]),
        ] {
            let mut test = TestResult::new(name, name, TestState::Passed);
            for outcome in outcomes {
                test.add(Attempt {
                    outcome: *outcome,
                    seconds: 0.5,
                    message: message.to_owned(),
                });
            }
            result.tests.push(test);
        }
        let mut suite = SuiteResult::new("unit", "pytest", Vec::new());
        suite.add(result);
        let problem = Problem::new(ProblemKind::Killed, "x".repeat(100_000));
        Verdict::of(vec![suite], vec![problem])
    }

    #[test]
    fn what_did_not_simply_pass_is_told_and_nothing_is_endless() {
        let report = TestReport::of(&verdict(&"é".repeat(100_000)), Some(2.0));
        let attempts: Vec<_> = report
            .tests()
            .map(|(_, _, test)| (test.name.as_str(), test.attempts.len()))
            .collect();
        assert_eq!(attempts, [("ok", 0), ("bad", 1), ("flaky", 2)]);
        assert_eq!(report.problems[0].kind, ProblemKind::Killed);
        let written = serde_json::to_string(&report).unwrap();
        assert!(written.len() < 30_000, "{}", written.len());
        assert_eq!(serde_json::from_str::<TestReport>(&written).unwrap(), report);
        let standouts = report.standouts();
        assert_eq!((standouts.slowest.len(), standouts.flaky.len()), (3, 1));
        assert_eq!(
            standouts.slowest[0].name, "flaky",
            "two attempts take longer than one"
        );
        let short = report.without_passed().without_messages();
        assert_eq!((short.tests().count(), short.is_cut), (2, true));
        assert!(serde_json::to_vec(&short).unwrap().len() < 10_000);
    }

    #[test]
    fn a_report_that_contradicts_itself_is_none() {
        let honest = TestReport::of(&verdict(""), None);
        assert_eq!(honest.contradiction(), None);
        let lying = |change: fn(&mut TestReport)| {
            let mut report = honest.clone();
            report.passed = true;
            change(&mut report);
            report.contradiction().unwrap_or("nothing")
        };
        assert!(lying(|_| {}).contains("counts what failed"));
        let silent: fn(&mut TestReport) = |report| {
            report.problems.clear();
            report.totals = Totals {
                tests: 3,
                ..Totals::default()
            };
        };
        assert!(lying(silent).contains("names a test that failed"));
        assert!(
            lying(|report| *report = TestReport {
                passed: true,
                ..TestReport::default()
            })
            .contains("no test ran")
        );
        assert!(lying(|report| report.totals.tests = usize::MAX).contains("ten million"));
    }
}
