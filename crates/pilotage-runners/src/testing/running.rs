//! Carries out a plan: so many runners at once, each listened to while it works, and whatever one took along when it died runs
//! again.

mod call;
mod memory;
mod state;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pilotage_core::testing::{
    Batch, Costs, Dispatch, Ending, History, Item, MachineClass, Outcome, Plan, Policy, Problem, ProblemKind,
    SuiteResult,
};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};

use self::{memory::Memory, state::State};
use super::{Ready, Suite, coverage, runners::Task, services::Services};

/// Longest line of a report, in bytes.
pub(crate) const MOST_LINE_BYTES: usize = 1 << 20;

/// Variables that runners need to be found and to find what they use, beside the harmless ones that every command is given.
/// None of them holds a secret.
const PASSED: &[&str] = &[
    "PYTHONPATH",
    "PYTHONHASHSEED",
    "PYTHONDONTWRITEBYTECODE",
    "PYTEST_ADDOPTS",
    "NODE_PATH",
    "NODE_OPTIONS",
    "NODE_ENV",
    "RUBYLIB",
    "RUBYOPT",
    "BUNDLE_GEMFILE",
    "BUNDLE_PATH",
    "GOPATH",
    "GOROOT",
    "GOCACHE",
    "GOMODCACHE",
    "GOFLAGS",
    "GOPROXY",
    "GO111MODULE",
    "RUSTFLAGS",
    "RUST_BACKTRACE",
    "LD_LIBRARY_PATH",
    "COLUMNS",
    "PILOTAGE_REQUIRE_ALL",
];

/// Something that people may want to see at once.
#[derive(Clone, Debug)]
pub enum Happened {
    /// A runner was started: the place of its suite, and how many files it has.
    Began {
        /// The place of the suite.
        suite: usize,
        /// Files.
        files: usize,
    },
    /// A test ended.
    Test {
        /// The place of the suite.
        suite: usize,
        /// Its file.
        file: String,
        /// What people call it.
        name: String,
        /// How.
        outcome: Outcome,
        /// Why it failed.
        message: String,
    },
    /// A file is through.
    File {
        /// The place of the suite.
        suite: usize,
        /// The file.
        file: String,
    },
    /// Something that is worth knowing on the way.
    Note {
        /// The place of the suite.
        suite: usize,
        /// What, in words.
        text: String,
    },
    /// Something has to run again, or is wrong besides failing tests.
    Trouble {
        /// The place of the suite.
        suite: usize,
        /// What, in words.
        text: String,
    },
}

/// What is to run, and how.
pub struct Run {
    /// Suites with what they hold.
    pub suites: Vec<Ready>,
    /// Who runs what.
    pub plan: Plan,
    /// What starting costs, as it was planned with.
    pub costs: Costs,
    /// Runners at once.
    pub workers: usize,
    /// Memory that they may take up together, in MB; what is free now where nothing is said.
    pub memory_mb: Option<u32>,
    /// What is made of failing tests.
    pub policy: Policy,
    /// A folder for this run alone.
    pub scratch: PathBuf,
    /// What reports of this run begin with.
    pub token: String,
    /// What suites need beside themselves.
    pub services: Option<Arc<Services>>,
    /// Where reports of what tests reach are collected, if they are asked for.
    pub coverage: Option<coverage::Collecting>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// Each suite, without what was not listed.
    pub suites: Vec<SuiteResult>,
    /// What starting the runners of each suite cost, by its place, in seconds.
    pub starts: Vec<Vec<f64>>,
    /// What is worth knowing and harmless.
    pub notes: Vec<String>,
    /// What it took to bring up the services of a suite, by its name, in seconds.
    pub services: BTreeMap<String, f64>,
}

impl Ran {
    /// Learns from it. `day` counts from 1970.
    pub fn teach(&self, history: &mut History, class: &MachineClass, day: i64) {
        for (suite, seconds) in &self.services {
            history.note_bring_up(class, suite, *seconds);
        }
        for (suite, starts) in self.suites.iter().zip(&self.starts) {
            for seconds in starts {
                history.note_start(class, &suite.name, *seconds);
            }
            for file in suite.files.values() {
                history.note(class, &suite.name, file, day);
            }
        }
    }
}

/// Everything that the lanes share.
struct Shared {
    suites: Vec<Ready>,
    policy: Policy,
    scratch: PathBuf,
    token: String,
    coverage: Option<coverage::Collecting>,
    state: Mutex<State>,
    changed: Notify,
    places: Arc<Semaphore>,
    memory: Memory,
    workers: usize,
    services: Option<Arc<Services>>,
    tell: Box<dyn Fn(Happened) + Send + Sync>,
}

impl Run {
    /// Runs everything. `results` are the suites with what was planned of each; `tell` is called for what happens. When
    /// nobody waits any more, everything that was started is ended.
    pub async fn run(
        self,
        results: Vec<SuiteResult>,
        tell: impl Fn(Happened) + Send + Sync + 'static,
    ) -> Ran {
        let workers = self.workers.max(1);
        let lanes = self.plan.lanes.len().max(1);
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(Dispatch::new(self.plan, self.costs.clone()), results)),
            suites: self.suites,
            policy: self.policy,
            scratch: self.scratch,
            token: self.token,
            coverage: self.coverage,
            changed: Notify::new(),
            places: Arc::new(Semaphore::new(workers)),
            memory: Memory::new(self.memory_mb),
            workers,
            services: self.services,
            tell: Box::new(tell),
        });
        shared.work(lanes).await;
        let most = shared.plan_retries();
        for attempt in 1..=most {
            shared
                .lock()
                .begin_retries(&shared.policy, attempt, self.costs.clone());
            shared.work(lanes).await;
        }
        shared.lock().take()
    }
}

impl Shared {
    fn lock(self: &Arc<Self>) -> MutexGuard<'_, State> {
        // A lane that panicked left nothing half done: each change of the state is one statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the lanes work until there is nothing to do.
    async fn work(self: &Arc<Self>, lanes: usize) {
        let mut at_work = JoinSet::new();
        for lane in 0..lanes {
            at_work.spawn(Arc::clone(self).lane(lane));
        }
        while let Some(ended) = at_work.join_next().await {
            if let Err(error) = ended {
                let problem = Problem::new(ProblemKind::EndedEarly, format!("a lane broke: {error}"));
                let mut state = self.lock();
                state
                    .results
                    .iter_mut()
                    .for_each(|suite| suite.problems.push(problem.clone()));
            }
        }
    }

    async fn lane(self: Arc<Self>, lane: usize) {
        loop {
            let changed = self.changed.notified();
            let next = self.lock().next(lane);
            match next {
                Some(batch) => {
                    self.batch(&batch).await;
                    self.lock().at_work -= 1;
                    self.changed.notify_waiters();
                }
                None if self.lock().at_work == 0 => return,
                // Somebody is still at work and may bring something back.
                None => changed.await,
            }
        }
    }

    async fn batch(self: &Arc<Self>, batch: &Batch) {
        let Some(ready) = self.suites.get(batch.suite) else {
            return;
        };
        let weight = usize::try_from(ready.suite.settings.weight.unwrap_or(1))
            .unwrap_or(1)
            .clamp(1, self.workers);
        if let Err(why) = self.services(batch.suite, &ready.suite.name).await {
            let heard = call::Heard::nothing(Ending::NotStarted(why));
            self.settle(batch, &heard, ready.suite.runner.idle_code());
            return;
        }
        let Ok(_place) = self.places.acquire_many(u32::try_from(weight).unwrap_or(1)).await else {
            return;
        };
        let Ok(_memory) = self.memory.take(ready.suite.settings.memory_mb).await else {
            return;
        };
        let number = self.lock().number();
        let scratch = self.scratch.join(format!("batch-{number}"));
        let made = std::fs::create_dir_all(&scratch)
            .map_err(|error| format!("cannot make {}: {error}", scratch.display()));
        let token = format!("{}-{number}", self.token);
        let coverage = self
            .coverage
            .as_ref()
            .and_then(|asked| asked.folder_of(batch.suite, number));
        let task = Task {
            suite: &ready.suite,
            listing: &ready.files,
            scratch: &scratch,
            token: &token,
            coverage: coverage.as_deref(),
        };
        match made.and_then(|()| ready.suite.runner.calls(&task, &batch.items)) {
            Ok(calls) => {
                for call in calls {
                    self.call(batch.suite, &ready.suite, call, &token).await;
                }
            }
            Err(why) => self.settle(
                batch,
                &call::Heard::nothing(Ending::NotStarted(why)),
                ready.suite.runner.idle_code(),
            ),
        }
        // What is left there is of no use to anybody, and goes with the folder of the run at the latest.
        let _ = std::fs::remove_dir_all(&scratch);
    }

    /// Waits until the services of a suite are up.
    async fn services(self: &Arc<Self>, place: usize, suite: &str) -> Result<(), String> {
        let Some(services) = &self.services else {
            return Ok(());
        };
        match services.ready(suite).await {
            Ok(took) => {
                let names = services.names(suite);
                let seconds = took.as_secs_f64();
                let is_news =
                    !names.is_empty() && self.lock().services.insert(suite.to_owned(), seconds).is_none();
                if is_news {
                    let text = format!("{} up after {seconds:.1} s", names.join(", "));
                    (self.tell)(Happened::Note { suite: place, text });
                }
                Ok(())
            }
            // The log is told once, and not for every file.
            Err(why) if self.lock().failed.insert(suite.to_owned()) => Err(why),
            Err(why) => Err(why.lines().next().unwrap_or_default().to_owned()),
        }
    }

    async fn call(self: &Arc<Self>, place: usize, suite: &Suite, call: super::Call, token: &str) {
        let batch = Batch {
            suite: place,
            items: call.items.clone(),
        };
        (self.tell)(Happened::Began {
            suite: place,
            files: batch.items.len(),
        });
        self.lock().began(&batch);
        let limits = call::Limits {
            file: suite.settings.timeout(),
            test: suite.settings.test_timeout(),
        };
        let heard = call::listen(call, limits, token, |said| {
            self.show(place, said);
        })
        .await;
        self.settle(&batch, &heard, suite.runner.idle_code());
    }

    fn show(&self, suite: usize, said: &pilotage_core::testing::Said) {
        if let pilotage_core::testing::Said::Test(test) = said {
            (self.tell)(Happened::Test {
                suite,
                file: test.file.clone(),
                name: test.name.clone(),
                outcome: test.outcome,
                message: test.message.clone(),
            });
        }
    }

    fn settle(self: &Arc<Self>, batch: &Batch, heard: &call::Heard, idle_code: Option<i32>) {
        let told = self.lock().settle(batch, heard, idle_code);
        for happened in told {
            (self.tell)(happened);
        }
    }

    /// How often failing tests are run again; nothing where too many fail or none may be.
    fn plan_retries(self: &Arc<Self>) -> u32 {
        let can = |suite: usize| {
            self.suites
                .get(suite)
                .is_some_and(|ready| ready.suite.runner.selects_tests())
        };
        self.lock().plan_retries(&self.policy, can)
    }
}

/// Variables that a suite's commands are handed.
pub(crate) fn passed(suite: &Suite) -> Vec<String> {
    let own = suite.settings.pass.iter().cloned();
    PASSED.iter().map(ToString::to_string).chain(own).collect()
}

/// A path from the folder of a suite, with slashes.
pub(crate) fn relative(folder: &Path, path: &str) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let path = Path::new(path);
    let within = path
        .strip_prefix(&whole)
        .or_else(|_| path.strip_prefix(folder))
        .unwrap_or(path);
    within.to_string_lossy().replace('\\', "/")
}

/// The last lines that somebody wrote.
pub(crate) fn end_of(bytes: &[u8], lines: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all.get(all.len().saturating_sub(lines)..)
        .unwrap_or_default()
        .join("\n")
}

/// What an item is known by, whichever batch it is in.
fn key(suite: usize, item: &Item) -> (usize, String, Vec<String>) {
    (suite, item.file.clone(), item.tests.clone())
}

/// How often each item was begun.
type Tries = BTreeMap<(usize, String, Vec<String>), u32>;
