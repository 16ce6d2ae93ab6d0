//! Which failing tests are run again, and which do not stand in the way.

use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{QuarantineFile, RetriesFile, SuiteResult, TestResult, TestsFile, Verdict};
use crate::config::Problem;

/// Most attempts at one test beyond the first.
const MOST_RETRIES: u32 = 5;
/// Tests that may be run again in one run, where nothing is said.
const USUAL_BUDGET: usize = 20;
/// Most entries of a list.
const MOST_ENTRIES: usize = 1_000;

/// What a run makes of failing tests.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    retries: Option<Retries>,
    quarantine: Vec<Quarantine>,
    /// Today, as far as quarantine is concerned.
    today: Option<Date>,
}

#[derive(Clone, Debug)]
struct Retries {
    most: u32,
    budget: usize,
    tests: Vec<GlobMatcher>,
}

#[derive(Clone, Debug)]
struct Quarantine {
    test: GlobMatcher,
    suite: Option<String>,
    until: Date,
    shown: Quarantined,
}

/// Why the failing of a test does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Who has taken it upon them to mend it.
    pub owner: String,
    /// Why it is so.
    pub reason: String,
    /// The last day on which it does not count.
    pub until: String,
}

impl Policy {
    /// Understands what a file says; `today` as `2026-12-31`.
    ///
    /// # Errors
    /// Everything that is wrong, with pointers from the root of the file.
    pub fn new(file: &TestsFile, today: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let retries = file.retries.as_ref().map(|file| retries(file, &mut problems));
        let mut quarantine = Vec::new();
        if file.quarantine.len() > MOST_ENTRIES {
            problems.push(Problem::at(
                "/tests/quarantine",
                format!("at most {MOST_ENTRIES} entries"),
            ));
        }
        for (place, entry) in file.quarantine.iter().take(MOST_ENTRIES).enumerate() {
            let pointer = format!("/tests/quarantine/{place}");
            quarantine.extend(quarantined(entry, &pointer, &mut problems));
        }
        if problems.is_empty() {
            Ok(Self {
                retries,
                quarantine,
                today: today.parse().ok(),
            })
        } else {
            Err(problems)
        }
    }

    /// How often a test may be run again.
    pub fn retries(&self, test: &str) -> u32 {
        let retries = self
            .retries
            .as_ref()
            .filter(|retries| retries.tests.iter().any(|glob| glob.is_match(test)));
        retries.map_or(0, |retries| retries.most)
    }

    /// How many tests may be run again in one run. More failures than that are no flakiness.
    pub fn budget(&self) -> usize {
        self.retries.as_ref().map_or(0, |retries| retries.budget)
    }

    /// Marks what fails and does not stand in the way, and judges. What is quarantined no longer does.
    pub fn judge(&self, mut suites: Vec<SuiteResult>, problems: Vec<super::Problem>) -> Verdict {
        for suite in &mut suites {
            let name = suite.name.clone();
            for file in suite.files.values_mut() {
                let path = file.file.clone();
                for test in &mut file.tests {
                    test.quarantine = self.quarantine(&name, &path, test);
                }
            }
        }
        Verdict::of(suites, problems)
    }

    fn quarantine(&self, suite: &str, file: &str, test: &TestResult) -> Option<Quarantined> {
        let mut entries = self.quarantine.iter();
        let entry = entries.find(|entry| {
            let names = [
                test.id.clone(),
                test.name.clone(),
                format!("{file}::{}", test.name),
            ];
            entry.suite.as_ref().is_none_or(|own| own == suite)
                && self.today.is_some_and(|today| today <= entry.until)
                && names.iter().any(|name| entry.test.is_match(name))
        });
        entry.map(|entry| entry.shown.clone())
    }

    /// Entries whose last day is over: pattern and owner.
    pub fn expired(&self) -> impl Iterator<Item = (&str, &Quarantined)> {
        let over = |entry: &&Quarantine| self.today.is_some_and(|today| today > entry.until);
        self.quarantine
            .iter()
            .filter(over)
            .map(|entry| (entry.test.glob().glob(), &entry.shown))
    }
}

fn retries(file: &RetriesFile, problems: &mut Vec<Problem>) -> Retries {
    if !(1..=MOST_RETRIES).contains(&file.most) {
        problems.push(Problem::at(
            "/tests/retries/most",
            format!("between 1 and {MOST_RETRIES}"),
        ));
    }
    let mut tests = Vec::new();
    for (place, pattern) in file.tests.iter().take(MOST_ENTRIES).enumerate() {
        let pointer = format!("/tests/retries/tests/{place}");
        tests.extend(glob(pattern, &pointer, problems));
    }
    Retries {
        most: file.most,
        budget: file.budget.unwrap_or(USUAL_BUDGET),
        tests,
    }
}

fn quarantined(entry: &QuarantineFile, pointer: &str, problems: &mut Vec<Problem>) -> Option<Quarantine> {
    for (key, text) in [("owner", &entry.owner), ("reason", &entry.reason)] {
        if text.trim().is_empty() {
            problems.push(Problem::at(
                format!("{pointer}/{key}"),
                "somebody has to answer for it, with a reason",
            ));
        }
    }
    let until: Result<Date, _> = entry.until.parse();
    if until.is_err() {
        problems.push(Problem::at(
            format!("{pointer}/until"),
            "a day, such as 2026-12-31",
        ));
    }
    let test = glob(&entry.test, &format!("{pointer}/test"), problems)?;
    Some(Quarantine {
        test,
        suite: entry.suite.clone(),
        until: until.ok()?,
        shown: Quarantined {
            owner: entry.owner.clone(),
            reason: entry.reason.clone(),
            until: entry.until.clone(),
        },
    })
}

/// A pattern for tests: `*` stands for any text. Brackets are what parametrised tests are called by, so they mean themselves.
fn glob(pattern: &str, pointer: &str, problems: &mut Vec<Problem>) -> Option<GlobMatcher> {
    let escaped: String = pattern
        .chars()
        .flat_map(|letter| {
            let special = matches!(letter, '[' | ']' | '{' | '}' | '\\');
            special.then_some('\\').into_iter().chain(std::iter::once(letter))
        })
        .collect();
    let built = GlobBuilder::new(&escaped)
        .literal_separator(false)
        .backslash_escape(true)
        .build();
    match built {
        Ok(glob) if !pattern.is_empty() && pattern.len() <= 1 << 10 => Some(glob.compile_matcher()),
        _ => {
            problems.push(Problem::at(
                pointer,
                "a name of a test, in which `*` stands for any text",
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attempt, FileResult, Outcome, TestState};

    fn file(text: &str) -> TestsFile {
        serde_json::from_str(text).unwrap()
    }

    fn failing() -> Vec<SuiteResult> {
        let mut suite = SuiteResult::new("unit", "pytest", Vec::new());
        let mut result = FileResult::new("a.py");
        let mut test = TestResult::new("a.py::one[x]", "one[x]", TestState::Passed);
        test.add(Attempt {
            outcome: Outcome::Failed,
            seconds: 0.0,
            message: String::new(),
        });
        result.tests.push(test);
        let mut passing = TestResult::new("a.py::two", "two", TestState::Passed);
        passing.add(Attempt {
            outcome: Outcome::Passed,
            seconds: 0.0,
            message: String::new(),
        });
        result.tests.push(passing);
        suite.add(result);
        vec![suite]
    }

    #[test]
    fn quarantine_has_an_owner_a_reason_and_an_end() {
        let entry =
            r#"{"quarantine":[{"test":"a.py::one[x]","owner":"ann","reason":"clock","until":"2026-05-31"}]}"#;
        for (today, passes) in [("2026-05-31", true), ("2026-06-01", false)] {
            let policy = Policy::new(&file(entry), today).unwrap();
            let verdict = policy.judge(failing(), Vec::new());
            assert_eq!(verdict.passed, passes, "{today}");
            assert_eq!(verdict.totals.quarantined, usize::from(passes));
            assert_eq!(policy.expired().count(), usize::from(!passes));
        }
        let wrong = r#"{"quarantine":[{"test":"","owner":" ","reason":"","until":"soon"}]}"#;
        let problems = Policy::new(&file(wrong), "2026-05-31").unwrap_err();
        assert_eq!(problems.len(), 4, "{problems:?}");
    }

    #[test]
    fn only_what_is_listed_is_run_again() {
        let policy = Policy::new(
            &file(r#"{"retries":{"most":2,"tests":["a.py::*"]}}"#),
            "2026-05-31",
        )
        .unwrap();
        assert_eq!(
            (
                policy.retries("a.py::one[x]"),
                policy.retries("b.py::one"),
                policy.budget()
            ),
            (2, 0, 20)
        );
        assert!(Policy::new(&file(r#"{"retries":{"most":9}}"#), "2026-05-31").is_err());
    }
}
