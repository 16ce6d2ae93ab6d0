//! Suites as they were recorded, and ways of spreading them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, ensure};
use pilotage_core::testing::{Batch, Costs, Dispatch, Item, Plan, Task, long_files, plan, shard};

/// A suite with what it really took.
pub(super) struct Suite {
    /// What it is called.
    pub(super) name: String,
    /// What starting its runner costs, in seconds.
    start: f64,
    files: Vec<File>,
}

struct File {
    name: String,
    seconds: f64,
    /// Of its tests, with their share of what the file takes besides.
    tests: Vec<f64>,
}

impl Suite {
    /// Reads lines of tabs: first `start` and its seconds; then a file, its seconds, and milliseconds of each of its tests.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = text.lines();
        let start = lines
            .next()
            .and_then(|line| line.strip_prefix("start\t"))
            .context("no start")?
            .parse()?;
        let files: Vec<_> = lines.map(file).collect::<anyhow::Result<_>>()?;
        ensure!(!files.is_empty(), "{} holds no file", path.display());
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Self { name, start, files })
    }

    /// No way is faster: all work and a start on each node, or the longest test with its start.
    pub(super) fn lower_bound(&self, nodes: usize) -> f64 {
        let work: f64 = self.files.iter().map(|file| file.seconds).sum();
        let longest = self
            .files
            .iter()
            .flat_map(|file| &file.tests)
            .copied()
            .fold(0.0, f64::max);
        (work / count(nodes)).max(longest) + self.start
    }

    /// What a planner would know: everything, wrong by about so much, and nothing of every tenth file if at all wrong.
    fn tasks(&self, noise: f64, draw: u64) -> Vec<Task> {
        let mut dice = Dice(draw + 1);
        let mean = self.files.iter().map(|file| file.seconds).sum::<f64>() / count(self.files.len());
        let task = |file: &File| {
            let factor = (noise * dice.normal()).exp();
            let known = noise == 0.0 || dice.unit() > 0.1;
            let seconds = if known { file.seconds * factor } else { mean };
            Task {
                suite: 0,
                file: file.name.clone(),
                seconds,
                known,
                tests: Vec::new(),
            }
        };
        self.files.iter().map(task).collect()
    }

    fn file(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|file| file.name == name)
    }

    /// What a batch really takes, with the start.
    fn spent(&self, batch: &Batch) -> f64 {
        let item = |item: &Item| {
            let Some(file) = self.file(&item.file) else {
                return 0.0;
            };
            if item.tests.is_empty() {
                return file.seconds;
            }
            let test = |name: &String| {
                name.parse()
                    .ok()
                    .and_then(|at: usize| file.tests.get(at))
                    .copied()
            };
            item.tests.iter().filter_map(test).sum()
        };
        self.start + batch.items.iter().map(item).sum::<f64>()
    }
}

fn file(line: &str) -> anyhow::Result<File> {
    let mut fields = line.split('\t');
    let name = fields.next().context("no file")?.to_owned();
    let seconds: f64 = fields.next().context("no seconds")?.parse()?;
    let tests: Vec<f64> = fields
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let told: f64 = tests.iter().sum::<f64>() / 1_000.0;
    let besides = (seconds - told).max(0.0) / count(tests.len().max(1));
    let tests: Vec<f64> = tests.into_iter().map(|test| test / 1_000.0 + besides).collect();
    // A file of one piece is as long as it is.
    let tests = if tests.is_empty() { vec![seconds] } else { tests };
    Ok(File { name, seconds, tests })
}

/// A way of spreading files over nodes.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// The product's own; with a queue that all share on one machine, or every node by itself.
    Ours { noise: f64, shared: bool },
    /// Sorted by a digest of the name, cut into equal numbers.
    HashedCount,
    /// In the order of the names, by turns.
    Turns,
    /// The longest first to whoever is through soonest, in one go.
    LongestFirst { noise: f64 },
    /// One file after the other to whoever is free, each with a start.
    Queue,
}

impl Way {
    /// When the last node is through, in seconds.
    pub(super) fn makespan(self, suite: &Suite, nodes: usize, draw: u64) -> f64 {
        match self {
            Self::Ours { noise, shared } => ours(suite, nodes, noise, shared, draw),
            Self::HashedCount => {
                let mut files: Vec<_> = suite.files.iter().collect();
                files.sort_by_key(|file| digest(&file.name, draw));
                let each = files.len().div_ceil(nodes);
                most(
                    files
                        .chunks(each)
                        .map(|part| sum(part.iter().copied(), suite.start)),
                )
            }
            Self::Turns => {
                let mut files: Vec<_> = suite.files.iter().collect();
                files.sort_by(|a, b| a.name.cmp(&b.name));
                let part = |node| sum(files.iter().skip(node).step_by(nodes).copied(), suite.start);
                most((0..nodes).map(part))
            }
            Self::LongestFirst { noise } => longest_first(suite, nodes, noise, draw),
            Self::Queue => {
                let mut ends = vec![0.0; nodes];
                for file in &suite.files {
                    if let Some(end) = ends.iter_mut().min_by(|a: &&mut f64, b| a.total_cmp(b)) {
                        *end += suite.start + file.seconds;
                    }
                }
                most(ends)
            }
        }
    }
}

fn ours(suite: &Suite, nodes: usize, noise: f64, shared: bool, draw: u64) -> f64 {
    let costs = Costs(vec![suite.start]);
    let mut tasks = suite.tasks(noise, draw);
    let long = long_files(&tasks, &costs, nodes);
    for task in &mut tasks {
        if long.contains(&(0, task.file.clone()))
            && let Some(file) = suite.file(&task.file)
        {
            let scale = task.seconds / file.seconds.max(f64::MIN_POSITIVE);
            task.tests = file
                .tests
                .iter()
                .enumerate()
                .map(|(at, test)| (at.to_string(), test * scale))
                .collect();
        }
    }
    if shared {
        return carry_out(suite, plan(&tasks, &costs, nodes), costs);
    }
    most((1..=nodes).map(|node| carry_out(suite, shard(&tasks, &costs, nodes, node, 1), costs.clone())))
}

/// Lanes that take what comes next when they are through with what they have.
fn carry_out(suite: &Suite, plan: Plan, costs: Costs) -> f64 {
    let mut ends = vec![0.0; plan.lanes.len()];
    let mut dispatch = Dispatch::new(plan, costs);
    loop {
        let first = ends
            .iter()
            .enumerate()
            .min_by(|a: &(usize, &f64), b| a.1.total_cmp(b.1))
            .map(|(lane, _)| lane);
        let Some(lane) = first else { return 0.0 };
        let Some(batch) = dispatch.next(lane) else {
            return most(ends);
        };
        if let Some(end) = ends.get_mut(lane) {
            *end += suite.spent(&batch);
        }
    }
}

fn longest_first(suite: &Suite, nodes: usize, noise: f64, draw: u64) -> f64 {
    let mut tasks = suite.tasks(noise, draw);
    tasks.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then_with(|| a.file.cmp(&b.file)));
    let real: BTreeMap<&str, f64> = suite
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.seconds))
        .collect();
    let mut loads = vec![(0.0, suite.start); nodes];
    for task in tasks {
        if let Some(load) = loads
            .iter_mut()
            .min_by(|a: &&mut (f64, f64), b| a.0.total_cmp(&b.0))
        {
            load.0 += task.seconds;
            load.1 += real.get(task.file.as_str()).copied().unwrap_or_default();
        }
    }
    most(loads.into_iter().map(|(_, real)| real))
}

fn sum<'a>(files: impl Iterator<Item = &'a File>, start: f64) -> f64 {
    start + files.map(|file| file.seconds).sum::<f64>()
}

fn most(ends: impl IntoIterator<Item = f64>) -> f64 {
    ends.into_iter().fold(0.0, f64::max)
}

/// FNV-1a, with a number of the draw: where a suite lies is luck for whoever goes by digests of paths.
fn digest(name: &str, draw: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ draw.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    name.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of files and nodes are far below 2^52"
)]
fn count(number: usize) -> f64 {
    number as f64
}

/// The same numbers in every run (splitmix64, <https://prng.di.unimi.it/splitmix64.c>, public domain).
struct Dice(u64);

impl Dice {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normally distributed, near enough: twelve throws.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}
