//! Suites as they were recorded, and ways of spreading them.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, ensure};
use pilotage_core::testing::{Batch, Costs, Dispatch, Item, Plan, Task, long_files, plan, shard};

/// Suites that run together, with what they really took.
pub(super) struct Recorded {
    /// What they are called.
    pub(super) name: String,
    suites: Vec<Suite>,
    /// The same in another run, from which plans are made then.
    before: Vec<Suite>,
}

/// A suite.
#[derive(Clone)]
struct Suite {
    name: String,
    /// What starting its runner costs, in seconds.
    start: f64,
    /// Whether a part of a file is a process of its own.
    is_apart: bool,
    files: Vec<File>,
}

#[derive(Clone)]
struct File {
    name: String,
    seconds: f64,
    /// Of its tests.
    tests: Vec<f64>,
}

impl File {
    /// What it takes beside its tests, and each of its parts too.
    fn load(&self) -> f64 {
        (self.seconds - self.tests.iter().sum::<f64>()).max(0.0)
    }

    /// The longest piece that cannot be divided: a test, with what everybody spends who runs any test of the file.
    fn longest(&self) -> f64 {
        self.load() + self.tests.iter().copied().fold(0.0, f64::max)
    }
}

impl Recorded {
    /// Every suite of a folder by itself, and all of them together. What another run took is in the folder `before` there.
    ///
    /// # Errors
    /// One is something else.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Vec<Self>> {
        let suites = read_folder(folder)?;
        let before = read_folder(&folder.join("before")).unwrap_or_default();
        let of = |name: &str| {
            before
                .iter()
                .filter(|suite| suite.name == name)
                .cloned()
                .collect()
        };
        let mut all: Vec<_> = suites
            .iter()
            .map(|suite| Self {
                name: suite.name.clone(),
                suites: vec![suite.clone()],
                before: of(&suite.name),
            })
            .collect();
        if suites.len() > 1 {
            all.push(Self {
                name: "together".into(),
                before: suites.iter().flat_map(|suite| of(&suite.name)).collect(),
                suites,
            });
        }
        Ok(all)
    }

    /// Whether it is known what every suite took in another run.
    pub(super) fn has_before(&self) -> bool {
        self.before.len() == self.suites.len()
    }

    /// No way is faster: all work spread evenly with a start on each node, or the longest piece with its start.
    ///
    /// Of several suites a node that is through after `height` has done at most `height - start` of one of them. So all suites
    /// together need at least the sum of `work / (height - start)` nodes, and the height is the lowest at which there are so many.
    pub(super) fn lower_bound(&self, nodes: usize) -> f64 {
        let longest = self.files().map(|(suite, file)| file.longest() + suite.start);
        let longest = longest.fold(0.0, f64::max);
        let nodes_for = |height: f64| -> f64 {
            let of = |suite: &Suite| suite.work() / (height - suite.start).max(f64::MIN_POSITIVE);
            self.suites.iter().map(of).sum()
        };
        let work: f64 = self.suites.iter().map(|suite| suite.start + suite.work()).sum();
        let (mut low, mut high) = (0.0, work);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if nodes_for(middle) > count(nodes) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low.max(longest)
    }

    fn files(&self) -> impl Iterator<Item = (&Suite, &File)> {
        self.suites
            .iter()
            .flat_map(|suite| suite.files.iter().map(move |file| (suite, file)))
    }

    fn costs(&self, known: Known) -> Costs {
        Costs(self.told(known).iter().map(|suite| suite.start).collect())
    }

    /// What plans are made from.
    fn told(&self, known: Known) -> &[Suite] {
        if matches!(known, Known::Before) {
            &self.before
        } else {
            &self.suites
        }
    }

    /// What a planner would know.
    fn tasks(&self, known: Known, nodes: usize, draw: u64) -> Vec<Task> {
        let mut dice = Dice(draw + 1);
        let told = self.told(known);
        let mut tasks = Vec::new();
        for (place, suite) in self.suites.iter().enumerate() {
            let Some(told) = told.get(place) else { continue };
            tasks.extend(
                suite
                    .files
                    .iter()
                    .map(|file| told.task(place, &file.name, known, &mut dice)),
            );
        }
        let long = long_files(&tasks, &self.costs(known), nodes);
        for task in &mut tasks {
            let is_long = long.contains(&(task.suite, task.file.clone()));
            let told = told.get(task.suite).and_then(|suite| suite.file(&task.file));
            if let Some(told) = told.filter(|_| is_long) {
                let scale = task.seconds / told.seconds.max(f64::MIN_POSITIVE);
                let tests = told.tests.iter().enumerate();
                task.tests = tests.map(|(at, test)| (at.to_string(), test * scale)).collect();
            }
        }
        tasks
    }

    /// What a batch really takes, with its starts.
    fn spent(&self, batch: &Batch) -> f64 {
        let Some(suite) = self.suites.get(batch.suite) else {
            return 0.0;
        };
        let parts = batch.items.iter().filter(|item| !item.tests.is_empty()).count();
        let starts = if suite.is_apart {
            parts + usize::from(parts < batch.items.len())
        } else {
            1
        };
        count(starts) * suite.start + batch.items.iter().map(|item| suite.spent(item)).sum::<f64>()
    }
}

impl Suite {
    fn work(&self) -> f64 {
        self.files.iter().map(|file| file.seconds).sum()
    }

    fn file(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|file| file.name == name)
    }

    /// What is known of a file: everything; or wrong by about so much, and nothing of every tenth.
    fn task(&self, place: usize, name: &str, known: Known, dice: &mut Dice) -> Task {
        let noise = if let Known::Wrong(noise) = known {
            noise
        } else {
            0.0
        };
        let factor = (noise * dice.normal()).exp();
        let told = self.file(name).filter(|_| noise == 0.0 || dice.unit() > 0.1);
        let mean = self.files.iter().map(|file| file.seconds).sum::<f64>() / count(self.files.len());
        let start = if self.is_apart { self.start } else { 0.0 };
        Task {
            suite: place,
            file: name.to_owned(),
            seconds: told.map_or(mean, |file| file.seconds * factor),
            known: told.is_some(),
            load: told.map_or(mean, |file| file.load() * factor) + start,
            tests: Vec::new(),
        }
    }

    fn spent(&self, item: &Item) -> f64 {
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
        file.load() + item.tests.iter().filter_map(test).sum::<f64>()
    }
}

fn read_folder(folder: &Path) -> anyhow::Result<Vec<Suite>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "tsv"));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// Reads lines of tabs: first `start`, its seconds, and `apart` where a part of a file is a process of its own; then a file, its
/// seconds, and milliseconds of each of its tests.
fn read(path: &Path) -> anyhow::Result<Suite> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split('\t');
    ensure!(first.next() == Some("start"), "{} has no start", path.display());
    let start = first.next().context("no seconds")?.parse()?;
    let files: Vec<_> = lines.map(file).collect::<anyhow::Result<_>>()?;
    ensure!(!files.is_empty(), "{} holds no file", path.display());
    Ok(Suite {
        name: path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        start,
        is_apart: first.next() == Some("apart"),
        files,
    })
}

fn file(line: &str) -> anyhow::Result<File> {
    let mut fields = line.split('\t');
    let name = fields.next().context("no file")?.to_owned();
    let seconds: f64 = fields.next().context("no seconds")?.parse()?;
    let tests = fields.next().unwrap_or_default().split_whitespace();
    let tests: Vec<f64> = tests
        .map(|test| Ok(test.parse::<f64>()? / 1_000.0))
        .collect::<anyhow::Result<_>>()?;
    Ok(File { name, seconds, tests })
}

/// What a planner knows of the durations by which it is judged.
#[derive(Clone, Copy)]
pub(super) enum Known {
    /// All of them.
    Exactly,
    /// Those of another run.
    Before,
    /// Each wrong by about this share, and a tenth of them not at all.
    Wrong(f64),
}

/// A way of spreading files over nodes.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// The product's own, every node by itself.
    Ours(Known),
    /// The product's own on one machine with so many workers, which hand out what comes next.
    Shared(Known),
    /// Each suite sorted by a digest of the name, cut into equal numbers.
    HashedCount,
    /// Each suite in the order of the names, by turns.
    Turns,
    /// The longest first to whoever is through soonest, in one go.
    LongestFirst(Known),
    /// One file after the other to whoever is free, each with a start.
    Queue,
}

impl Way {
    /// When the last node is through, in seconds.
    pub(super) fn makespan(self, suites: &Recorded, nodes: usize, draw: u64) -> f64 {
        match self {
            Self::Ours(known) => {
                let (tasks, costs) = (suites.tasks(known, nodes, draw), suites.costs(known));
                most((1..=nodes).map(|node| carry_out(suites, shard(&tasks, &costs, nodes, node, 1), &costs)))
            }
            Self::Shared(known) => {
                let (tasks, costs) = (suites.tasks(known, nodes, draw), suites.costs(known));
                carry_out(suites, plan(&tasks, &costs, nodes), &costs)
            }
            Self::HashedCount => counted(suites, nodes, |files| {
                files.sort_by_key(|file| digest(&file.name, draw));
                let each = files.len().div_ceil(nodes);
                files.chunks(each).map(<[_]>::to_vec).collect()
            }),
            Self::Turns => counted(suites, nodes, |files| {
                files.sort_by(|a, b| a.name.cmp(&b.name));
                let part = |node| files.iter().skip(node).step_by(nodes).copied().collect();
                (0..nodes).map(part).collect()
            }),
            Self::LongestFirst(known) => longest_first(suites, nodes, known, draw),
            Self::Queue => {
                let mut ends = vec![0.0; nodes];
                for (suite, file) in suites.files() {
                    if let Some(end) = ends.iter_mut().min_by(|a: &&mut f64, b| a.total_cmp(b)) {
                        *end += suite.start + file.seconds;
                    }
                }
                most(ends)
            }
        }
    }
}

/// Each node has its part of each suite, and starts its runner where that is not empty.
fn counted<'a>(
    suites: &'a Recorded,
    nodes: usize,
    cut: impl Fn(&mut Vec<&'a File>) -> Vec<Vec<&'a File>>,
) -> f64 {
    let mut ends = vec![0.0; nodes];
    for suite in &suites.suites {
        let mut files: Vec<_> = suite.files.iter().collect();
        for (end, part) in ends.iter_mut().zip(cut(&mut files)) {
            let seconds: f64 = part.iter().map(|file| file.seconds).sum();
            *end += if part.is_empty() {
                0.0
            } else {
                suite.start + seconds
            };
        }
    }
    most(ends)
}

/// Lanes that take what comes next when they are through with what they have.
fn carry_out(suites: &Recorded, plan: Plan, costs: &Costs) -> f64 {
    let mut ends = vec![0.0; plan.lanes.len()];
    let mut dispatch = Dispatch::new(plan, costs.clone());
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
            *end += suites.spent(&batch);
        }
    }
}

fn longest_first(suites: &Recorded, nodes: usize, known: Known, draw: u64) -> f64 {
    let mut tasks = suites.tasks(known, nodes, draw);
    tasks.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then_with(|| a.file.cmp(&b.file)));
    let mut loads = vec![(0.0, 0.0, BTreeSet::new()); nodes];
    for task in tasks {
        let soonest = |a: &&mut (f64, f64, _), b: &&mut (f64, f64, _)| a.0.total_cmp(&b.0);
        let (Some(load), Some(suite)) = (loads.iter_mut().min_by(soonest), suites.suites.get(task.suite))
        else {
            continue;
        };
        load.0 += task.seconds;
        load.1 += suite.file(&task.file).map_or(0.0, |file| file.seconds);
        if load.2.insert(task.suite) {
            load.1 += suite.start;
        }
    }
    most(loads.into_iter().map(|(_, real, _)| real))
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
