//! How long files and tests took before, and how they ended: what plans are made from.
//!
//! Times are wall clock of the whole file, with what it takes to read it, and are kept for each class of machines apart.
//! Files with failures do not count, as what fails early is short.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FileResult, TestResult, TestState};

/// Runs of a file that are remembered one by one.
const MOST_RUNS: usize = 20;
/// Outcomes of a test that are remembered.
const MOST_OUTCOMES: usize = 30;
/// How much the newest run counts in the average.
const WEIGHT: f64 = 0.3;
/// Most files of one suite, and tests of one file.
const MOST_FILES: usize = 20_000;
const MOST_TESTS: usize = 20_000;
/// Days after which a file that was not seen is forgotten.
const KEPT_DAYS: i64 = 180;
/// What a file costs in a suite that has never run, in seconds.
const UNHEARD_SECONDS: f64 = 1.0;
/// What starting a runner costs that has never run, in seconds.
const UNHEARD_START_SECONDS: f64 = 1.0;

/// Machines that are about as fast as each other: operating system, processor, number of cores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MachineClass(pub String);

/// Everything that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct History {
    /// By class of machines, by suite.
    classes: BTreeMap<MachineClass, BTreeMap<String, Kept>>,
}

/// What is remembered of a suite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Kept {
    /// What it took to bring up its services, where it has any.
    #[serde(skip_serializing_if = "Spent::is_empty")]
    services: Spent,
    start: Spent,
    files: BTreeMap<String, FileSpent>,
}

/// How long something took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spent {
    /// Exponentially weighted, in seconds.
    average: f64,
    /// The last runs, oldest first, in seconds.
    runs: Vec<f64>,
}

/// What is remembered of a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileSpent {
    /// The whole file.
    pub spent: Spent,
    /// The day it last ran, in days since 1970.
    pub day: i64,
    /// Its tests, by what selects them.
    pub tests: BTreeMap<String, TestKept>,
}

/// What is remembered of a test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TestKept {
    /// Exponentially weighted, in seconds.
    pub seconds: f64,
    /// A letter for each of the last runs, oldest first: P passed, F failed, R passed when it was run again.
    pub outcomes: String,
}

impl TestKept {
    /// Share of the runs that ended otherwise than the one before or needed another attempt, out of a hundred; `None` with
    /// less than two runs.
    pub fn flip_rate(&self) -> Option<u32> {
        let letters: Vec<char> = self.outcomes.chars().collect();
        let pairs = u32::try_from(letters.len().checked_sub(1)?)
            .ok()
            .filter(|pairs| *pairs > 0)?;
        let flips = letters.windows(2).filter(|pair| match pair {
            [before, now] => *now == 'R' || (*before == 'F') != (*now == 'F'),
            _ => false,
        });
        let first = u32::from(letters.first() == Some(&'R'));
        let flips = u32::try_from(flips.count())
            .unwrap_or(u32::MAX)
            .saturating_add(first);
        Some((flips.saturating_mul(100) / pairs).min(100))
    }
}

/// How long something is thought to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// What to plan with, in seconds.
    pub seconds: f64,
    /// Whether it has run before.
    pub known: bool,
}

impl Spent {
    const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    fn add(&mut self, seconds: f64) {
        self.average = if self.runs.is_empty() {
            seconds
        } else {
            self.average + WEIGHT * (seconds - self.average)
        };
        self.runs.push(seconds);
        let over = self.runs.len().saturating_sub(MOST_RUNS);
        self.runs.drain(..over);
    }

    /// Between the average and what four runs of five stay below: what varies is planned a little longer.
    fn estimate(&self) -> Option<f64> {
        let mut sorted = self.runs.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (sorted.len() * 4).div_ceil(5).saturating_sub(1);
        let high = *sorted.get(place)?;
        Some(f64::midpoint(self.average, high))
    }

    /// The last run, in seconds.
    pub fn last(&self) -> Option<f64> {
        self.runs.last().copied()
    }
}

impl History {
    /// What is known of a file on such a machine. One that has never run is priced at the suite's mean or median, whichever
    /// is more: the longest file of all may be among those that nobody knows.
    pub fn estimate(&self, class: &MachineClass, suite: &str, file: &str) -> Estimate {
        let kept = self.kept(class, suite);
        let own = kept.and_then(|kept| kept.files.get(file)?.spent.estimate());
        let seconds = own.or_else(|| kept.and_then(usual)).unwrap_or(UNHEARD_SECONDS);
        Estimate {
            seconds,
            known: own.is_some(),
        }
    }

    /// What starting the runner of a suite costs, in seconds.
    pub fn start(&self, class: &MachineClass, suite: &str) -> f64 {
        let start = self.kept(class, suite).and_then(|kept| kept.start.estimate());
        start.unwrap_or(UNHEARD_START_SECONDS)
    }

    /// What it costs to bring up the services of a suite, in seconds; nothing where that was never seen.
    pub fn bring_up(&self, class: &MachineClass, suite: &str) -> f64 {
        let known = self.kept(class, suite).and_then(|kept| kept.services.estimate());
        known.unwrap_or_default()
    }

    /// Learns what it cost to bring up the services of a suite.
    pub fn note_bring_up(&mut self, class: &MachineClass, suite: &str, seconds: f64) {
        self.kept_mut(class, suite).services.add(seconds.max(0.0));
    }

    /// What is remembered of a file on such a machine.
    pub fn file(&self, class: &MachineClass, suite: &str, file: &str) -> Option<&FileSpent> {
        self.kept(class, suite)?.files.get(file)
    }

    /// Every test that is remembered on such a machine: suite, file, what selects it, and what is known.
    pub fn tests<'a>(
        &'a self,
        class: &MachineClass,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a str, &'a TestKept)> + use<'a> {
        let suites = self.classes.get(class).into_iter().flatten();
        suites.flat_map(|(suite, kept)| {
            kept.files.iter().flat_map(move |(file, spent)| {
                let tests = spent.tests.iter();
                tests.map(move |(id, test)| (suite.as_str(), file.as_str(), id.as_str(), test))
            })
        })
    }

    fn kept(&self, class: &MachineClass, suite: &str) -> Option<&Kept> {
        self.classes.get(class)?.get(suite)
    }

    fn kept_mut(&mut self, class: &MachineClass, suite: &str) -> &mut Kept {
        let suites = self.classes.entry(class.clone()).or_default();
        suites.entry(suite.to_owned()).or_default()
    }

    /// Remembers what starting a runner cost.
    pub fn note_start(&mut self, class: &MachineClass, suite: &str, seconds: f64) {
        self.kept_mut(class, suite).start.add(seconds.max(0.0));
    }

    /// Remembers a file that has run, on a day counted from 1970.
    pub fn note(&mut self, class: &MachineClass, suite: &str, result: &FileResult, day: i64) {
        let files = &mut self.kept_mut(class, suite).files;
        if files.len() >= MOST_FILES && !files.contains_key(&result.file) {
            return;
        }
        let file = files.entry(result.file.clone()).or_default();
        file.day = day;
        let failed = result.tests.iter().any(|test| test.state == TestState::Failed);
        // Who ran some of the tests alone does not know how long the file takes.
        let is_whole = !result.is_part || result.tests.len() >= file.tests.len();
        let holds = !failed && result.problems.is_empty() && is_whole;
        if let Some(seconds) = result.seconds.filter(|_| holds) {
            file.spent.add(at_once(result, seconds));
        }
        if result.problems.is_empty() && !result.is_part {
            // What is no longer there is forgotten.
            file.tests
                .retain(|id, _| result.tests.iter().any(|test| test.id == *id));
        }
        for test in result.tests.iter().take(MOST_TESTS) {
            let letter = match test.state {
                TestState::Passed => 'P',
                TestState::Failed => 'F',
                TestState::Flaky => 'R',
                TestState::Skipped => continue,
            };
            let seconds = test.attempts.last().map_or(0.0, |attempt| attempt.seconds);
            let kept = file.tests.entry(test.id.clone()).or_insert_with(|| TestKept {
                seconds,
                outcomes: String::new(),
            });
            kept.seconds += WEIGHT * (seconds - kept.seconds);
            kept.outcomes.push(letter);
            let over = kept.outcomes.chars().count().saturating_sub(MOST_OUTCOMES);
            kept.outcomes = kept.outcomes.chars().skip(over).collect();
        }
    }

    /// Forgets files that have not run for half a year.
    pub fn forget(&mut self, today: i64) {
        for kept in self.classes.values_mut().flat_map(BTreeMap::values_mut) {
            kept.files.retain(|_, file| today - file.day <= KEPT_DAYS);
        }
    }
}

/// What a file takes at once that took so long in parts: what each of them took beside its tests is spent once.
fn at_once(result: &FileResult, seconds: f64) -> f64 {
    let last = |test: &TestResult| test.attempts.last().map_or(0.0, |attempt| attempt.seconds);
    let tests: f64 = result.tests.iter().map(last).sum();
    let besides = (seconds - tests).max(0.0);
    seconds - besides + besides / f64::from(result.parts.max(1))
}

/// The mean or the median of what is known of a suite, whichever is more.
fn usual(kept: &Kept) -> Option<f64> {
    let mut known: Vec<f64> = kept
        .files
        .values()
        .filter_map(|file| file.spent.estimate())
        .collect();
    known.sort_by(f64::total_cmp);
    let median = *known.get(known.len() / 2)?;
    let files = u32::try_from(known.len()).ok()?;
    Some((known.iter().sum::<f64>() / f64::from(files)).max(median))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attempt, Outcome};

    fn ran(file: &str, seconds: f64, state: TestState) -> FileResult {
        let outcome = if state == TestState::Failed {
            Outcome::Failed
        } else {
            Outcome::Passed
        };
        FileResult {
            seconds: Some(seconds),
            tests: vec![TestResult {
                attempts: vec![Attempt {
                    outcome,
                    seconds,
                    message: String::new(),
                }],
                ..TestResult::new("one", "one", state)
            }],
            ..FileResult::new(file)
        }
    }

    fn class() -> MachineClass {
        MachineClass("linux".into())
    }

    #[test]
    fn what_nobody_knows_is_priced_at_the_mean_or_the_median() {
        let mut history = History::default();
        assert_eq!(
            history.estimate(&class(), "unit", "a"),
            Estimate {
                seconds: 1.0,
                known: false
            }
        );
        for (file, seconds) in [("a", 1.0), ("b", 1.0), ("c", 10.0)] {
            history.note(&class(), "unit", &ran(file, seconds, TestState::Passed), 1);
        }
        assert_eq!(
            history.estimate(&class(), "unit", "new"),
            Estimate {
                seconds: 4.0,
                known: false
            }
        );
        assert_eq!(
            history.estimate(&class(), "unit", "c"),
            Estimate {
                seconds: 10.0,
                known: true
            }
        );
        let other = MachineClass("mac".into());
        assert!(
            !history.estimate(&other, "unit", "c").known,
            "another machine is another clock"
        );
    }

    #[test]
    fn failures_are_remembered_and_their_times_are_not() {
        let mut history = History::default();
        history.note(&class(), "unit", &ran("a", 8.0, TestState::Passed), 1);
        history.note(&class(), "unit", &ran("a", 0.1, TestState::Failed), 2);
        history.note(&class(), "unit", &ran("a", 8.0, TestState::Flaky), 3);
        assert!((history.estimate(&class(), "unit", "a").seconds - 8.0).abs() < 1e-9);
        let (_, _, _, test) = history.tests(&class()).next().unwrap();
        assert_eq!(test.outcomes, "PFR");
        assert_eq!(test.flip_rate(), Some(100));
        history.forget(3 + KEPT_DAYS + 1);
        assert_eq!(history.tests(&class()).count(), 0);
    }

    #[test]
    fn what_parts_of_a_file_take_each_is_spent_once() {
        let mut history = History::default();
        let mut result = ran("a", 3.0, TestState::Passed);
        result.is_part = true;
        let mut other = ran("a", 4.0, TestState::Passed);
        (other.is_part, other.tests[0].id) = (true, "two".into());
        for (result, seconds) in [(&mut result, 5.0), (&mut other, 6.0)] {
            result.seconds = Some(seconds);
        }
        result.join(other);
        history.note(&class(), "unit", &result, 1);
        let seconds = history.estimate(&class(), "unit", "a").seconds;
        assert!(
            (seconds - 9.0).abs() < 1e-9,
            "seven of tests, and two besides: {seconds}"
        );
        // One of the parts says nothing about the whole.
        let mut part = ran("a", 1.0, TestState::Passed);
        part.is_part = true;
        history.note(&class(), "unit", &part, 2);
        assert!((history.estimate(&class(), "unit", "a").seconds - 9.0).abs() < 1e-9);
    }

    #[test]
    fn only_so_much_is_remembered() {
        let mut history = History::default();
        for day in 0..100 {
            history.note(&class(), "unit", &ran("a", 1.0, TestState::Passed), day);
        }
        let file = history.file(&class(), "unit", "a").unwrap();
        assert_eq!(file.spent.runs.len(), MOST_RUNS);
        assert_eq!(file.tests["one"].outcomes.len(), MOST_OUTCOMES);
        assert_eq!(file.tests["one"].flip_rate(), Some(0));
    }
}
