//! From suites and history to a plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use pilotage_core::{
    Digest,
    testing::{Costs, History, MachineClass, Plan, Planned, SuiteResult, Task, long_files, plan, shard},
};
use pilotage_runners::testing::{self, Choice, Ready, services::Services};

/// A plan and what it is for.
pub(super) struct Planning {
    /// Who runs what.
    pub(super) plan: Plan,
    /// What starting costs.
    pub(super) costs: Costs,
    /// Each suite with what is planned of it here.
    pub(super) results: Vec<SuiteResult>,
    /// Every file of every suite, whoever runs it.
    pub(super) whole: BTreeMap<String, BTreeSet<String>>,
    /// What all machines have to find in the same way.
    pub(super) digest: String,
    /// Files whose duration nobody knows.
    pub(super) unknown: usize,
    /// What suites wait for.
    pub(super) services: Vec<Wait>,
}

/// The services of a suite, and how many seconds it takes to bring them up, as far as that is known.
pub(super) struct Wait {
    pub(super) suite: String,
    pub(super) services: Vec<String>,
    pub(super) seconds: f64,
}

/// Which part of the work is done here.
#[derive(Clone, Copy)]
pub(super) struct Share {
    /// Machines in all.
    pub(super) shards: usize,
    /// Which of them this is, from 1.
    pub(super) shard: usize,
    /// Runners at once on each.
    pub(super) workers: usize,
}

impl Share {
    /// Nobody else has a part in it.
    pub(super) const WHOLE: Self = Self {
        shards: 1,
        shard: 1,
        workers: 1,
    };
}

/// Leaves of each suite only what a change asks for; whether anything is left.
pub(super) fn choose(suites: &mut [Ready], choices: &[Choice]) -> bool {
    for (ready, choice) in suites.iter_mut().zip(choices) {
        if let Choice::Files(files) = choice {
            ready.keep(|file| files.contains(file));
        }
    }
    suites.iter().any(|ready| ready.files().next().is_some())
}

/// Makes a plan.
pub(super) async fn make(
    suites: &[Ready],
    history: &History,
    share: Share,
    services: Option<&Services>,
    scratch: &Path,
) -> Planning {
    let class = testing::machine_class();
    let costs = Costs(
        suites
            .iter()
            .map(|ready| history.start(&class, &ready.suite.name))
            .collect(),
    );
    let mut tasks = tasks(suites, history, &class);
    let lanes = share.shards * share.workers;
    look_into_long_files(
        suites,
        history,
        &class,
        &mut tasks,
        &costs,
        lanes,
        scratch.join("tests"),
    )
    .await;
    let plan = if share.shards > 1 {
        shard(&tasks, &costs, share.shards, share.shard, share.workers)
    } else {
        plan(&tasks, &costs, share.workers)
    };
    let bring_up: Vec<f64> = suites
        .iter()
        .map(|ready| history.bring_up(&class, &ready.suite.name))
        .collect();
    let plan = plan.after(&bring_up, &costs);
    Planning {
        results: results(suites, &plan),
        whole: suites.iter().map(whole).collect(),
        digest: digest(suites, &tasks, share),
        unknown: tasks.iter().filter(|task| !task.known).count(),
        services: waits(suites, services, &bring_up),
        plan,
        costs,
    }
}

fn waits(suites: &[Ready], services: Option<&Services>, bring_up: &[f64]) -> Vec<Wait> {
    let wait = |(ready, seconds): (&Ready, &f64)| {
        let names = services?.names(&ready.suite.name);
        (!names.is_empty()).then(|| Wait {
            suite: ready.suite.name.clone(),
            services: names.into_iter().map(str::to_owned).collect(),
            seconds: *seconds,
        })
    };
    suites.iter().zip(bring_up).filter_map(wait).collect()
}

fn whole(ready: &Ready) -> (String, BTreeSet<String>) {
    let files = ready.files().map(|(file, _)| file.to_owned());
    (ready.suite.name.clone(), files.collect())
}

fn tasks(suites: &[Ready], history: &History, class: &MachineClass) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (suite, ready) in suites.iter().enumerate() {
        for (file, _) in ready.files() {
            let estimate = history.estimate(class, &ready.suite.name, file);
            tasks.push(Task {
                suite,
                file: file.to_owned(),
                seconds: estimate.seconds,
                known: estimate.known,
                load: load(ready, history, class, file, estimate.seconds),
                tests: Vec::new(),
            });
        }
    }
    tasks
}

/// What every part of a file takes beside its tests: reading it, and a start where a part has to be a process of its own.
fn load(ready: &Ready, history: &History, class: &MachineClass, file: &str, seconds: f64) -> f64 {
    let name = &ready.suite.name;
    let known = history.file(class, name, file);
    let tests = known.map_or(0.0, |file| file.tests.values().map(|test| test.seconds).sum());
    let start = if ready.suite.starts_for_parts() {
        history.start(class, name)
    } else {
        0.0
    };
    (seconds - tests).max(0.0) + start
}

/// Files that are too long to fit are to be run in parts; which tests they have is asked now, as history would not know of
/// those that are new.
async fn look_into_long_files(
    suites: &[Ready],
    history: &History,
    class: &MachineClass,
    tasks: &mut [Task],
    costs: &Costs,
    lanes: usize,
    scratch: PathBuf,
) {
    let long = long_files(tasks, costs, lanes);
    for (place, ready) in suites.iter().enumerate() {
        let files: Vec<String> = long
            .iter()
            .filter(|(suite, _)| *suite == place)
            .map(|(_, file)| file.clone())
            .collect();
        if files.is_empty() {
            continue;
        }
        let found = testing::tests(ready, &files, &scratch.join(place.to_string())).await;
        for task in tasks.iter_mut().filter(|task| task.suite == place) {
            let Some(tests) = found.get(&task.file) else {
                continue;
            };
            let known = history.file(class, &ready.suite.name, &task.file);
            let mean = known.map_or(0.0, |file| {
                let count = u32::try_from(file.tests.len().max(1)).unwrap_or(u32::MAX);
                file.tests.values().map(|test| test.seconds).sum::<f64>() / f64::from(count)
            });
            let seconds = |id: &String| {
                known
                    .and_then(|file| file.tests.get(id))
                    .map_or(mean, |test| test.seconds)
            };
            task.tests = tests.iter().map(|id| (id.clone(), seconds(id))).collect();
        }
    }
}

/// What is planned of each suite; what could not be listed is a problem from the start.
fn results(suites: &[Ready], plan: &Plan) -> Vec<SuiteResult> {
    let mut planned: Vec<BTreeMap<String, Planned>> = vec![BTreeMap::new(); suites.len()];
    for batch in plan.batches() {
        let Some(files) = planned.get_mut(batch.suite) else {
            continue;
        };
        for item in &batch.items {
            let known = files.entry(item.file.clone()).or_insert_with(|| Planned {
                file: item.file.clone(),
                tests: BTreeSet::new(),
            });
            known.tests.extend(item.tests.iter().cloned());
        }
    }
    let results = suites.iter().zip(planned).map(|(ready, planned)| {
        let mut result = SuiteResult::new(
            &ready.suite.name,
            ready.suite.runner_name(),
            planned.into_values().collect(),
        );
        result.folder.clone_from(&ready.suite.folder);
        result.problems.extend(problem(ready));
        result
    });
    results.collect()
}

fn problem(ready: &Ready) -> Option<pilotage_core::testing::Problem> {
    use pilotage_core::testing::{Problem, ProblemKind};
    let is_empty = ready.files().next().is_none();
    match &ready.problem {
        Some(why) => Some(Problem::new(ProblemKind::NotListed, why)),
        None if is_empty && ready.suite.is_listed && !ready.is_narrowed => Some(Problem::new(
            ProblemKind::NothingRan,
            "it is listed, and there is no test file in it",
        )),
        None => None,
    }
}

/// The same for machines that found the same files with the same durations.
fn digest(suites: &[Ready], tasks: &[Task], share: Share) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{} {}\n", share.shards, share.workers);
    for task in tasks {
        let name = suites
            .get(task.suite)
            .map_or("", |ready| ready.suite.name.as_str());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name}\t{}\t{:.6}\t{}",
            task.file,
            task.seconds,
            task.tests.len()
        );
    }
    Digest::of(text.as_bytes()).to_string()
}
