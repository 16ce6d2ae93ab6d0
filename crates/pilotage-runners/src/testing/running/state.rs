//! What is done and what is not, while lanes are at work.

use std::collections::{BTreeMap, BTreeSet};

use pilotage_core::testing::{
    Batch, Costs, Dispatch, FileResult, Item, Plan, Policy, SuiteResult, TestResult, TestState, settle,
};

use super::{Happened, Ran, Tries, call::Heard, key};

/// What the lanes share and change.
pub(super) struct State {
    dispatch: Dispatch,
    pub(super) results: Vec<SuiteResult>,
    starts: Vec<Vec<f64>>,
    notes: Vec<String>,
    /// What it took to bring up the services of a suite, by its name, in seconds.
    pub(super) services: BTreeMap<String, f64>,
    /// Suites whose services did not come up.
    pub(super) failed: BTreeSet<String>,
    tries: Tries,
    /// Lanes that are at something.
    pub(super) at_work: usize,
    numbers: usize,
    /// Whether what runs now has run before and failed.
    is_retrying: bool,
}

impl State {
    pub(super) fn new(dispatch: Dispatch, results: Vec<SuiteResult>) -> Self {
        Self {
            dispatch,
            starts: vec![Vec::new(); results.len()],
            results,
            notes: Vec::new(),
            services: BTreeMap::new(),
            failed: BTreeSet::new(),
            tries: Tries::new(),
            at_work: 0,
            numbers: 0,
            is_retrying: false,
        }
    }

    pub(super) fn next(&mut self, lane: usize) -> Option<Batch> {
        let next = self.dispatch.next(lane)?;
        self.at_work += 1;
        Some(next)
    }

    pub(super) fn number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn began(&mut self, batch: &Batch) {
        for item in &batch.items {
            *self.tries.entry(key(batch.suite, item)).or_default() += 1;
        }
    }

    /// Takes what a runner told and how it ended.
    pub(super) fn settle(&mut self, batch: &Batch, heard: &Heard, idle_code: Option<i32>) -> Vec<Happened> {
        let suite = batch.suite;
        let tries = |item: &Item| self.tries.get(&key(suite, item)).copied().unwrap_or(1);
        let settled = settle(
            batch,
            &heard.transcript,
            &heard.ending,
            &heard.said,
            idle_code,
            tries,
        );
        let mut told = Vec::new();
        let trouble = |text: String| Happened::Trouble { suite, text };
        let whole = settled.again.is_empty() && settled.finished.iter().all(|file| file.problems.is_empty());
        if whole && !self.is_retrying {
            let spent: f64 = settled.finished.iter().filter_map(|file| file.seconds).sum();
            if let Some(starts) = self.starts.get_mut(suite) {
                starts.push((heard.seconds - spent).max(0.0));
            }
        }
        for problem in settled.problems {
            told.push(trouble(problem.text.clone()));
            if let Some(result) = self.results.get_mut(suite) {
                result.problems.push(problem);
            }
        }
        for file in settled.finished {
            told.extend(
                file.problems
                    .iter()
                    .map(|problem| trouble(format!("{}: {}", file.file, problem.text))),
            );
            told.push(Happened::File {
                suite,
                file: file.file.clone(),
            });
            self.finish(suite, file);
        }
        for items in settled.again {
            if let [only] = items.as_slice() {
                let how = heard.how();
                let text = format!("{}: its runner {how}; it runs again alone", only.file);
                self.notes.push(text.clone());
                told.push(trouble(text));
            }
            self.dispatch.again(Batch { suite, items });
        }
        told
    }

    fn finish(&mut self, suite: usize, mut file: FileResult) {
        let Some(result) = self.results.get_mut(suite) else {
            return;
        };
        if !self.is_retrying {
            result.add(file);
            return;
        }
        // What goes wrong while a test is run again leaves it as it was: failed.
        let Some(known) = result.files.get_mut(&file.file) else {
            return;
        };
        for again in file.tests.drain(..) {
            if let Some(test) = known
                .tests
                .iter_mut()
                .find(|test| test.id == again.id && test.state == TestState::Failed)
            {
                again.attempts.into_iter().for_each(|attempt| test.add(attempt));
            }
        }
    }

    /// How often failing tests are to be run again: nothing if more fail than may.
    pub(super) fn plan_retries(&mut self, policy: &Policy, can: impl Fn(usize) -> bool) -> u32 {
        let mut failing = 0;
        let mut most = 0;
        for (_, _, test) in failing_tests(&self.results).filter(|(suite, _, _)| can(*suite)) {
            let retries = allowed(policy, test);
            most = most.max(retries);
            failing += usize::from(retries > 0);
        }
        if failing > policy.budget() {
            let budget = policy.budget();
            self.notes.push(format!(
                "{failing} tests failed, more than the {budget} that may be run again: none was"
            ));
            return 0;
        }
        most
    }

    /// Hands out what still fails and may be run again for this time.
    pub(super) fn begin_retries(&mut self, policy: &Policy, attempt: u32, costs: Costs) {
        let mut batches: Vec<Batch> = Vec::new();
        for (suite, file, test) in failing_tests(&self.results) {
            if allowed(policy, test) < attempt {
                continue;
            }
            match batches.last_mut() {
                // One file to a runner: names of tests select in every file that it is given.
                Some(Batch { suite: last, items })
                    if *last == suite && items.iter().any(|item| item.file == *file.file) =>
                {
                    for item in items {
                        item.tests.push(test.id.clone());
                    }
                }
                _ => {
                    let item = Item {
                        file: file.file.clone(),
                        tests: vec![test.id.clone()],
                        part: None,
                        seconds: 0.0,
                    };
                    batches.push(Batch {
                        suite,
                        items: vec![item],
                    });
                }
            }
        }
        self.is_retrying = true;
        let plan = Plan {
            lanes: Vec::new(),
            tail: batches,
            makespan: 0.0,
            lower_bound: 0.0,
        };
        self.dispatch = Dispatch::new(plan, costs);
    }

    pub(super) fn take(&mut self) -> Ran {
        Ran {
            suites: std::mem::take(&mut self.results),
            starts: std::mem::take(&mut self.starts),
            notes: std::mem::take(&mut self.notes),
            services: std::mem::take(&mut self.services),
        }
    }
}

fn allowed(policy: &Policy, test: &TestResult) -> u32 {
    policy.retries(&test.id).max(policy.retries(&test.name))
}

fn failing_tests(results: &[SuiteResult]) -> impl Iterator<Item = (usize, &FileResult, &TestResult)> {
    results.iter().enumerate().flat_map(|(place, suite)| {
        suite.files.values().flat_map(move |file| {
            let failing = file.tests.iter().filter(|test| test.state == TestState::Failed);
            failing.map(move |test| (place, file, test))
        })
    })
}
