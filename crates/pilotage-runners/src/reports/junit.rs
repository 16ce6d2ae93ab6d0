//! JUnit XML, in the dialects of pytest, vitest, jest-junit, RSpec, gotestsum and nextest.
//!
//! There is no standard. What the dialects share: `testcase` with `failure`, `error` or `skipped` in it, within any number of
//! `testsuite`. A suite's own counts are read too: gotestsum reports a package that does not compile as `errors="1"` without a
//! case, and a report that promises more tests than it holds was cut short.

use std::io::Read;

use super::xml::{Step, Tag, Xml};
use crate::reading::{Bounded, brief};

/// Most test cases.
const MAX_CASES: u64 = 20_000_000;
/// Most names of failed tests that are kept.
const MAX_NAMES: usize = 10;

/// What reports say together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tests {
    /// Cases, whatever became of them.
    pub cases: u64,
    /// Failed cases.
    pub failed: u64,
    /// Failures that a suite counts without a case.
    pub outside: u64,
    /// Skipped cases.
    pub skipped: u64,
    /// Passed after a failed attempt, where the dialect says so.
    pub flaky: u64,
    /// Seconds; `None` where no report says.
    pub seconds: Option<f64>,
    /// Names of the first failed cases.
    pub failures: Vec<String>,
    /// Why the reports cannot be whole.
    pub incomplete: Option<String>,
}

impl Tests {
    /// Cases that ran, and failures outside of them.
    pub fn ran(&self) -> u64 {
        self.cases.saturating_sub(self.skipped) + self.outside
    }

    /// Cases that passed.
    pub fn passed(&self) -> u64 {
        self.ran().saturating_sub(self.failed + self.outside)
    }
}

/// An open suite: what it promises, and what was found in it.
#[derive(Default)]
struct Suite {
    name: String,
    promised_tests: u64,
    promised_failures: u64,
    cases: u64,
    failed: u64,
    seconds: Option<f64>,
    inner_seconds: Option<f64>,
}

/// An open case.
#[derive(Default)]
struct Case {
    name: String,
    failed: bool,
    skipped: bool,
    flaky: bool,
}

#[derive(Default)]
struct Reading {
    tests: Tests,
    suites: Vec<Suite>,
    case: Option<Case>,
    inside: usize,
    known: bool,
}

/// Adds a report.
///
/// # Errors
/// It is no JUnit report, is cut off, or is over the limits.
pub fn read<R: Read>(tests: &mut Tests, input: &mut Bounded<R>) -> Result<(), String> {
    let mut reading = Reading {
        tests: std::mem::take(tests),
        ..Reading::default()
    };
    let mut xml = Xml::new(input);
    let before = (reading.tests.cases, reading.tests.outside);
    while let Some(step) = xml.step()? {
        match step {
            Step::Open(tag) => reading.open(&tag)?,
            Step::Close(name) => reading.close(&name)?,
        }
    }
    // Beside other reports an empty one would go unseen; RSpec writes it when a file does not load.
    if (reading.tests.cases, reading.tests.outside) == before {
        return Err("it holds no test: no test ran".to_owned());
    }
    *tests = reading.tests;
    Ok(())
}

impl Reading {
    fn open(&mut self, tag: &Tag) -> Result<(), String> {
        if !std::mem::replace(&mut self.known, true)
            && !matches!(tag.name.as_str(), "testsuites" | "testsuite")
        {
            return Err(format!(
                "it is no JUnit report: it begins with <{}>",
                brief(&tag.name)
            ));
        }
        if let Some(case) = &mut self.case {
            self.inside += 1;
            if self.inside == 1 {
                case.note(&tag.name);
            }
            return Ok(());
        }
        match tag.name.as_str() {
            "testsuites" | "testsuite" => self.suites.push(Suite::open(tag)?),
            "testcase" => self.open_case(tag)?,
            _ => {}
        }
        Ok(())
    }

    fn open_case(&mut self, tag: &Tag) -> Result<(), String> {
        self.tests.cases += 1;
        if self.tests.cases > MAX_CASES {
            return Err(format!("it has more than {MAX_CASES} tests"));
        }
        let class = tag.get("classname").unwrap_or_default();
        let name = format!("{} {}", class, tag.get("name").unwrap_or_default());
        self.case = Some(Case {
            name: brief(&name),
            ..Case::default()
        });
        self.inside = 0;
        if let (Some(suite), Some(seconds)) = (self.suites.last_mut(), seconds(tag)?) {
            *suite.inner_seconds.get_or_insert(0.0) += seconds;
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), String> {
        if self.case.is_some() {
            if self.inside > 0 {
                self.inside -= 1;
            } else if let Some(case) = self.case.take() {
                self.close_case(case);
            }
            return Ok(());
        }
        if matches!(name, "testsuites" | "testsuite") {
            let suite = self.suites.pop().ok_or("its suites do not match")?;
            self.close_suite(suite);
        }
        Ok(())
    }

    fn close_case(&mut self, case: Case) {
        let suite = self.suites.last_mut();
        if let Some(suite) = suite {
            suite.cases += 1;
            suite.failed += u64::from(case.failed);
        }
        self.tests.failed += u64::from(case.failed);
        self.tests.skipped += u64::from(case.skipped && !case.failed);
        self.tests.flaky += u64::from(case.flaky && !case.failed);
        if case.failed && self.tests.failures.len() < MAX_NAMES {
            self.tests.failures.push(case.name);
        }
    }

    fn close_suite(&mut self, mut suite: Suite) {
        let missing = suite.promised_failures.saturating_sub(suite.failed);
        if missing > 0 {
            self.tests.outside += missing;
            suite.failed += missing;
            if self.tests.failures.len() < MAX_NAMES {
                let name = &suite.name;
                self.tests
                    .failures
                    .push(format!("{name} ({missing} failed outside of a test)"));
            }
        }
        if suite.promised_tests > suite.cases && self.tests.incomplete.is_none() {
            let Suite {
                name,
                promised_tests,
                cases,
                ..
            } = &suite;
            let text = format!("the suite `{name}` promises {promised_tests} tests and holds {cases}");
            self.tests.incomplete = Some(text);
        }
        let seconds = suite.seconds.or(suite.inner_seconds);
        if let Some(outer) = self.suites.last_mut() {
            outer.cases += suite.cases;
            outer.failed += suite.failed;
            if let Some(seconds) = seconds {
                *outer.inner_seconds.get_or_insert(0.0) += seconds;
            }
        } else if let Some(seconds) = seconds {
            *self.tests.seconds.get_or_insert(0.0) += seconds;
        }
    }
}

impl Suite {
    fn open(tag: &Tag) -> Result<Self, String> {
        let failures = number(tag, "failures")?.saturating_add(number(tag, "errors")?);
        Ok(Self {
            name: brief(tag.get("name").unwrap_or_default()),
            promised_tests: number(tag, "tests")?,
            promised_failures: failures,
            seconds: seconds(tag)?,
            ..Self::default()
        })
    }
}

impl Case {
    fn note(&mut self, tag: &str) {
        match tag {
            "failure" | "error" => self.failed = true,
            "skipped" => self.skipped = true,
            "flakyFailure" | "flakyError" => self.flaky = true,
            _ => {}
        }
    }
}

/// A count; a missing or empty one is zero.
fn number(tag: &Tag, name: &str) -> Result<u64, String> {
    match tag.get(name).map(str::trim) {
        None | Some("") => Ok(0),
        Some(text) => text
            .parse()
            .map_err(|_| format!("`{name}=\"{}\"` is no count", brief(text))),
    }
}

/// Seconds, with a comma for thousands as Maven writes them; an empty time is none.
fn seconds(tag: &Tag) -> Result<Option<f64>, String> {
    let Some(text) = tag.get("time").map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number: Option<f64> = text.replace(',', "").parse().ok();
    match number.filter(|number| number.is_finite() && *number >= 0.0) {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(format!("`time=\"{}\"` is no time", brief(text))),
    }
}
