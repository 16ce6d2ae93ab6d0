//! The section `tests:` as people write it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{ServicesFile, coverage::CoverageFile, unknown_service};
use crate::config::{Problem, pointer_segment};

/// Most suites.
const MOST_SUITES: usize = 200;
/// Most places that one batch may take.
const MOST_WEIGHT: u32 = 1_000;
/// Memory of a runner, in MB.
const MEMORY_MB: std::ops::RangeInclusive<u32> = 1..=1 << 24;
/// Longest time for a file.
const MOST_TIMEOUT_S: u64 = 24 * 60 * 60;

/// How tests are run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TestsFile {
    /// Runners at once; as many as there are cores where nothing is said.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: Option<usize>,
    /// Memory that runners may take up together, in MB, as far as suites say what theirs need; what is free at the start where
    /// nothing is said.
    #[schemars(range(min = 1, max = 16_777_216))]
    pub memory_mb: Option<u32>,
    /// Whether suites are looked for beside those that are listed here.
    pub detect: bool,
    /// Services that every suite needs, beside its own: those of the section `services`, redis, postgres, nats and make-api-mock.
    pub services: Vec<String>,
    /// Suites by name. One that would be found anyway is changed by what is said here under its name.
    pub suites: BTreeMap<String, SuiteFile>,
    /// Which failing tests are run again; none where nothing is said.
    pub retries: Option<RetriesFile>,
    /// Tests that run and report, and whose failing does not stand in the way for a while.
    pub quarantine: Vec<QuarantineFile>,
    /// How much of the source tests have to reach; judged where coverage is asked for.
    pub coverage: CoverageFile,
}

impl Default for TestsFile {
    fn default() -> Self {
        Self {
            workers: None,
            memory_mb: None,
            detect: true,
            services: Vec::new(),
            suites: BTreeMap::new(),
            retries: None,
            quarantine: Vec::new(),
            coverage: CoverageFile::default(),
        }
    }
}

/// A suite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SuiteFile {
    /// What runs it: pytest, vitest, jest, rspec, cargo or go. Not needed where the suite would be found anyway.
    pub runner: Option<String>,
    /// Its folder, from the one in which the tests are run.
    pub folder: Option<String>,
    /// How the runner is called, such as `[poetry, run, pytest]`.
    pub command: Vec<String>,
    /// What the runner is given besides, such as `[-m, "not slow"]`.
    pub arguments: Vec<String>,
    /// Environment variables with their values.
    pub environment: BTreeMap<String, String>,
    /// Services that it needs, beside those that every suite needs.
    pub services: Vec<String>,
    /// Names of environment variables that are handed on as they are.
    pub pass: Vec<String>,
    /// Only files that match one of these; `*` stops at a slash, `**` does not.
    pub files: Vec<String>,
    /// No files that match one of these.
    pub ignore: Vec<String>,
    /// How many of the workers a runner of this suite takes up.
    #[schemars(range(min = 1, max = 1000))]
    pub weight: Option<u32>,
    /// How much memory a runner of this suite takes up, in MB.
    #[schemars(range(min = 1, max = 16_777_216))]
    pub memory_mb: Option<u32>,
    /// Longest time for a file, in seconds.
    #[schemars(range(min = 1, max = 86_400))]
    pub timeout_seconds: Option<u64>,
    /// Longest time for a test, in seconds; none where nothing is said. A runner that cannot end it by itself is ended, and its
    /// other files run again.
    #[schemars(range(min = 1, max = 86_400))]
    pub test_timeout_seconds: Option<u64>,
    /// Words to choose suites by.
    pub tags: Vec<String>,
    /// Whether it is left out.
    pub disabled: bool,
}

impl SuiteFile {
    /// Longest time for a file.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.unwrap_or(600))
    }

    /// Longest time for a test.
    pub fn test_timeout(&self) -> Option<Duration> {
        self.test_timeout_seconds.map(Duration::from_secs)
    }
}

/// Which failing tests are run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetriesFile {
    /// How often at most.
    #[schemars(range(min = 1, max = 5))]
    pub most: u32,
    /// Only tests that match one of these, in which `*` stands for any text; every test where nothing is said.
    #[serde(default = "every")]
    pub tests: Vec<String>,
    /// With more failing tests than this none is run again, as that is no flakiness; 20 where nothing is said.
    #[serde(default)]
    pub budget: Option<usize>,
}

fn every() -> Vec<String> {
    vec!["*".to_owned()]
}

/// Tests whose failing does not stand in the way for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuarantineFile {
    /// Its name as reports show it, in which `*` stands for any text.
    pub test: String,
    /// Only in this suite.
    #[serde(default)]
    pub suite: Option<String>,
    /// Who has taken it upon them to mend it.
    pub owner: String,
    /// Why it is so.
    pub reason: String,
    /// The last day on which it does not count, such as `2026-12-31`.
    pub until: String,
}

impl TestsFile {
    /// What the types cannot say, with pointers from the root of the file. `runners` and
    /// `services` are those that there are.
    pub fn problems(&self, runners: &[&str], services: &ServicesFile) -> Vec<Problem> {
        let mut problems = unknown(&self.services, "/tests/services", services);
        if self.workers.is_some_and(|workers| !(1..=1024).contains(&workers)) {
            problems.push(Problem::at("/tests/workers", "between 1 and 1024"));
        }
        if self.memory_mb.is_some_and(|memory| !MEMORY_MB.contains(&memory)) {
            problems.push(Problem::at("/tests/memoryMb", "between 1 and 16777216"));
        }
        if self.suites.len() > MOST_SUITES {
            problems.push(Problem::at(
                "/tests/suites",
                format!("at most {MOST_SUITES} suites"),
            ));
        }
        let coverage = self.coverage.problems().into_iter();
        problems.extend(coverage.map(|problem| problem.under("/tests/coverage")));
        for (name, suite) in &self.suites {
            let pointer = format!("/tests/suites/{}", pointer_segment(name));
            problems.extend(unknown(&suite.services, &format!("{pointer}/services"), services));
            problems.extend(
                suite
                    .problems(runners)
                    .into_iter()
                    .map(|problem| problem.under(&pointer)),
            );
        }
        problems
    }
}

fn unknown(names: &[String], pointer: &str, services: &ServicesFile) -> Vec<Problem> {
    let names = names.iter().enumerate();
    let problem = |(place, name): (usize, &String)| {
        let message = unknown_service(name, services)?;
        Some(Problem::at(format!("{pointer}/{place}"), message))
    };
    names.filter_map(problem).collect()
}

impl SuiteFile {
    fn problems(&self, runners: &[&str]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, pointer: &str, message: String| {
            if !holds {
                problems.push(Problem::at(pointer, message));
            }
        };
        let known = self
            .runner
            .as_ref()
            .is_none_or(|name| runners.contains(&name.as_str()));
        require(known, "/runner", format!("one of {}", runners.join(", ")));
        let weight = self
            .weight
            .is_none_or(|weight| (1..=MOST_WEIGHT).contains(&weight));
        require(weight, "/weight", format!("between 1 and {MOST_WEIGHT}"));
        let memory = self.memory_mb.is_none_or(|memory| MEMORY_MB.contains(&memory));
        require(memory, "/memoryMb", "between 1 and 16777216".to_owned());
        let timeout = self
            .timeout_seconds
            .is_none_or(|seconds| (1..=MOST_TIMEOUT_S).contains(&seconds));
        require(
            timeout,
            "/timeoutSeconds",
            format!("between 1 and {MOST_TIMEOUT_S}"),
        );
        let for_a_test = self
            .test_timeout_seconds
            .is_none_or(|seconds| (1..=MOST_TIMEOUT_S).contains(&seconds));
        require(
            for_a_test,
            "/testTimeoutSeconds",
            format!("between 1 and {MOST_TIMEOUT_S}"),
        );
        let outside = self
            .folder
            .as_ref()
            .is_some_and(|folder| folder.split('/').any(|part| part == ".."));
        require(
            !outside,
            "/folder",
            "a folder below the one in which the tests are run".to_owned(),
        );
        for (key, patterns) in [("files", &self.files), ("ignore", &self.ignore)] {
            for (place, pattern) in patterns.iter().enumerate() {
                let holds = globset::Glob::new(pattern).is_ok();
                require(
                    holds,
                    &format!("/{key}/{place}"),
                    "a pattern such as `tests/**`".to_owned(),
                );
            }
        }
        problems
    }
}
