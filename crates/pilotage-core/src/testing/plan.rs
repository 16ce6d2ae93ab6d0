//! Who runs what, and when: files are spread over lanes, the longest first, each to the lane that is through with it
//! soonest, and the shortest are left for whoever is free.
//!
//! A lane is a runner process at a time on some machine. To start a runner costs time that is learnt like any other, so a
//! lane is handed few, large batches, and the rest in batches that outweigh a start
//! (list scheduling by longest processing time: R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969).

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use serde::Serialize;

/// Share of the time that is not handed out beforehand.
const TAIL: f64 = 0.2;
/// A file that takes more than this share of a lane's time is too long to fit.
const LONG: f64 = 0.34;
/// A part of a long file is to take this share of a lane's time.
const PART: f64 = 0.17;
/// A piece of a lane's work is at least this many starts long, so that starts stay cheap.
const STARTS_IN_PIECE: f64 = 12.0;
/// The same for what is left for whoever is free.
const STARTS_IN_TAIL: f64 = 2.0;
/// Shortest time that a start is thought to cost, in seconds.
const LEAST_START: f64 = 0.05;
/// Most files that a runner is given at once: their names have to fit on a command line.
const MOST_FILES: usize = 400;

/// A file that is to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The place of its suite.
    pub suite: usize,
    /// From the folder of the suite.
    pub file: String,
    /// How long it takes, as far as one knows.
    pub seconds: f64,
    /// Whether that is known from earlier runs.
    pub known: bool,
    /// Its tests with their seconds, where the file may be run in parts: every test that it has now.
    pub tests: Vec<(String, f64)>,
}

/// What it costs to start the runner of each suite, in seconds, by the place of the suite.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs(pub Vec<f64>);

impl Costs {
    /// Of one suite.
    pub fn start(&self, suite: usize) -> f64 {
        self.0.get(suite).copied().unwrap_or(0.0).max(LEAST_START)
    }
}

/// Which part of a file that is run in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Part {
    /// From 1.
    pub number: usize,
    /// Parts in all.
    pub of: usize,
}

/// A file, or a part of one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// From the folder of the suite.
    pub file: String,
    /// The tests, where it is a part; else empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<String>,
    /// Which part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// How long it is thought to take.
    pub seconds: f64,
}

/// What one runner is started with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Batch {
    /// The place of the suite.
    pub suite: usize,
    /// In the order in which they are handed over.
    pub items: Vec<Item>,
}

impl Batch {
    /// How long its tests are thought to take, without the start.
    pub fn seconds(&self) -> f64 {
        self.items.iter().map(|item| item.seconds).sum()
    }
}

/// Who runs what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// What each lane begins with, in order.
    pub lanes: Vec<Vec<Batch>>,
    /// What is left for whoever is free, in order.
    pub tail: Vec<Batch>,
    /// When the last lane is thought to be through, in seconds.
    pub makespan: f64,
    /// No way of spreading these files is faster than this, in seconds.
    pub lower_bound: f64,
}

impl Plan {
    /// Every batch of it.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.lanes.iter().flatten().chain(&self.tail)
    }
}

/// An item with its suite, while it has no lane.
#[derive(Clone)]
struct Piece {
    suite: usize,
    item: Item,
    known: bool,
}

/// Files that are too long for so many lanes and may be run in parts: suite and file. Their tests are to be looked up, now
/// and not from history, before [`plan`] is asked.
pub fn long_files(tasks: &[Task], costs: &Costs, lanes: usize) -> BTreeSet<(usize, String)> {
    let share = share(tasks, lanes);
    let is_long = |task: &&Task| task.known && is_long(task.seconds, costs.start(task.suite), share);
    let long = tasks.iter().filter(is_long);
    long.map(|task| (task.suite, task.file.clone())).collect()
}

fn is_long(seconds: f64, start: f64, share: f64) -> bool {
    seconds > LONG * share && seconds > 4.0 * start
}

/// What each lane has to do if all is spread evenly.
fn share(tasks: &[Task], lanes: usize) -> f64 {
    tasks.iter().map(|task| task.seconds).sum::<f64>() / count(lanes.max(1))
}

/// Spreads the files over lanes of one machine.
pub fn plan(tasks: &[Task], costs: &Costs, lanes: usize) -> Plan {
    let lanes = lanes.max(1);
    let pieces = pieces(tasks, costs, share(tasks, lanes));
    spread(pieces, costs, lanes, TAIL)
}

/// The files of one of several machines with so many lanes each. From the same tasks, costs and numbers every machine finds
/// the same parts, which have nothing in common and leave nothing out. `shard` counts from 1.
pub fn shard(tasks: &[Task], costs: &Costs, shards: usize, shard: usize, lanes: usize) -> Plan {
    let (shards, lanes) = (shards.max(1), lanes.max(1));
    let pieces = pieces(tasks, costs, share(tasks, shards * lanes));
    let own: BTreeSet<(usize, String, Option<Part>)> = spread(pieces.clone(), costs, shards, 0.0)
        .lanes
        .get(shard.wrapping_sub(1))
        .into_iter()
        .flatten()
        .flat_map(|batch| {
            let key = |item: &Item| (batch.suite, item.file.clone(), item.part);
            batch.items.iter().map(key).collect::<Vec<_>>()
        })
        .collect();
    let is_own = |piece: &Piece| own.contains(&(piece.suite, piece.item.file.clone(), piece.item.part));
    let mine = pieces.into_iter().filter(is_own).collect();
    spread(mine, costs, lanes, TAIL)
}

/// Files as they are, long ones in parts.
fn pieces(tasks: &[Task], costs: &Costs, share: f64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for task in tasks {
        let start = costs.start(task.suite);
        let target = (PART * share).max(2.0 * start);
        if task.tests.len() < 2 || !is_long(task.seconds, start, share) || task.seconds < 2.0 * target {
            pieces.push(Piece::whole(task));
        } else {
            pieces.extend(parts(task, ceil(task.seconds / target)));
        }
    }
    // What nobody knows might be long, so it goes first; then the longest. Names make the order the same everywhere.
    pieces.sort_by(|a, b| {
        a.known
            .cmp(&b.known)
            .then(
                b.item
                    .seconds
                    .partial_cmp(&a.item.seconds)
                    .unwrap_or(Ordering::Equal),
            )
            .then_with(|| a.suite.cmp(&b.suite))
            .then_with(|| a.item.file.cmp(&b.item.file))
            .then(a.item.part.cmp(&b.item.part))
    });
    pieces
}

impl Piece {
    fn whole(task: &Task) -> Self {
        Self {
            suite: task.suite,
            known: task.known,
            item: Item {
                file: task.file.clone(),
                tests: Vec::new(),
                part: None,
                seconds: task.seconds,
            },
        }
    }
}

/// The tests of a file in at most so many parts of about the same length, each in the order of the file.
fn parts(task: &Task, most: usize) -> Vec<Piece> {
    let of = most.min(task.tests.len()).max(1);
    let sum: f64 = task.tests.iter().map(|(_, seconds)| seconds).sum();
    // What tests say of themselves lacks what the file takes besides; it is spread over them.
    let besides = (task.seconds - sum).max(0.0) / count(task.tests.len());
    let scale = if sum > task.seconds {
        task.seconds / sum
    } else {
        1.0
    };
    let mut order: Vec<_> = (0..task.tests.len()).collect();
    let cost = |at: usize| {
        task.tests
            .get(at)
            .map_or(0.0, |(_, seconds)| seconds * scale + besides)
    };
    order.sort_by(|a, b| {
        cost(*b)
            .partial_cmp(&cost(*a))
            .unwrap_or(Ordering::Equal)
            .then(a.cmp(b))
    });
    let mut bins: Vec<(f64, Vec<usize>)> = vec![(0.0, Vec::new()); of];
    for at in order {
        if let Some(bin) = bins
            .iter_mut()
            .min_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal))
        {
            bin.0 += cost(at);
            bin.1.push(at);
        }
    }
    let parts = bins.into_iter().enumerate().map(|(place, (seconds, mut tests))| {
        tests.sort_unstable();
        let names = tests
            .into_iter()
            .filter_map(|at| Some(task.tests.get(at)?.0.clone()));
        let part = Part {
            number: place + 1,
            of,
        };
        Piece {
            suite: task.suite,
            known: true,
            item: Item {
                file: task.file.clone(),
                tests: names.collect(),
                part: Some(part),
                seconds,
            },
        }
    });
    parts.collect()
}

/// Spreads pieces, which come with the longest first.
fn spread(pieces: Vec<Piece>, costs: &Costs, lanes: usize, tail: f64) -> Plan {
    let lower_bound = lower_bound(&pieces, costs, lanes);
    let (seeds, rest) = leave(pieces, costs, lanes, tail);
    let mut loads = vec![Load::default(); lanes];
    for piece in seeds {
        let load = loads.iter_mut().min_by(|a, b| {
            let (a, b) = (a.with(&piece, costs), b.with(&piece, costs));
            a.partial_cmp(&b).unwrap_or(Ordering::Equal)
        });
        if let Some(load) = load {
            load.add(piece, costs);
        }
    }
    let lanes: Vec<_> = loads.into_iter().map(|load| load.batches(costs)).collect();
    let tail = in_batches(rest, costs, STARTS_IN_TAIL);
    let makespan = makespan(&lanes, &tail, costs);
    Plan {
        lanes,
        tail,
        makespan,
        lower_bound,
    }
}

/// What a lane has been given.
#[derive(Clone, Default)]
struct Load {
    seconds: f64,
    suites: BTreeMap<usize, Vec<Piece>>,
}

impl Load {
    fn with(&self, piece: &Piece, costs: &Costs) -> f64 {
        let start = if self.suites.contains_key(&piece.suite) {
            0.0
        } else {
            costs.start(piece.suite)
        };
        self.seconds + start + piece.item.seconds
    }

    fn add(&mut self, piece: Piece, costs: &Costs) {
        self.seconds = self.with(&piece, costs);
        self.suites.entry(piece.suite).or_default().push(piece);
    }

    /// The longest work first, so that what is short is left when others are free.
    fn batches(self, costs: &Costs) -> Vec<Batch> {
        let mut batches: Vec<_> = self
            .suites
            .into_values()
            .flat_map(|pieces| in_batches(pieces, costs, STARTS_IN_PIECE))
            .collect();
        batches.sort_by(|a, b| {
            let order = b.seconds().partial_cmp(&a.seconds()).unwrap_or(Ordering::Equal);
            order.then(a.suite.cmp(&b.suite))
        });
        batches
    }
}

/// Takes away the shortest known pieces, together at most `share` of the whole, unless starting for them would cost more
/// than it can win.
fn leave(pieces: Vec<Piece>, costs: &Costs, lanes: usize, share: f64) -> (Vec<Piece>, Vec<Piece>) {
    let whole: f64 = pieces.iter().map(|piece| piece.item.seconds).sum();
    let dearest = pieces
        .iter()
        .map(|piece| costs.start(piece.suite))
        .fold(0.0, f64::max);
    if lanes < 2 || whole * share / count(lanes) < STARTS_IN_TAIL * dearest {
        return (pieces, Vec::new());
    }
    let mut left = whole * share;
    let mut seeds = pieces;
    let mut rest = Vec::new();
    while let Some(last) = seeds
        .last()
        .filter(|piece| piece.known && piece.item.seconds <= left)
    {
        left -= last.item.seconds;
        rest.extend(seeds.pop());
    }
    rest.reverse();
    (seeds, rest)
}

/// Pieces of each suite together, in batches that take at least so many starts.
fn in_batches(pieces: Vec<Piece>, costs: &Costs, starts: f64) -> Vec<Batch> {
    let mut open: BTreeMap<usize, Batch> = BTreeMap::new();
    let mut batches = Vec::new();
    for piece in pieces {
        let least = starts * costs.start(piece.suite);
        let batch = open.entry(piece.suite).or_insert_with(|| Batch {
            suite: piece.suite,
            items: Vec::new(),
        });
        // Two parts of one file are no two files for a runner, so they never meet in a batch.
        let meets = batch.items.iter().any(|item| item.file == piece.item.file);
        if meets || batch.items.len() >= MOST_FILES || batch.seconds() >= least {
            batches.push(std::mem::replace(
                batch,
                Batch {
                    suite: piece.suite,
                    items: Vec::new(),
                },
            ));
        }
        batch.items.push(piece.item);
    }
    batches.extend(open.into_values().filter(|batch| !batch.items.is_empty()));
    batches
}

/// When the last lane is through, if everything takes as long as it is thought to.
fn makespan(lanes: &[Vec<Batch>], tail: &[Batch], costs: &Costs) -> f64 {
    let cost = |batch: &Batch| costs.start(batch.suite) + batch.seconds();
    let mut ends: Vec<f64> = lanes.iter().map(|lane| lane.iter().map(cost).sum()).collect();
    for batch in tail {
        let first = ends
            .iter_mut()
            .min_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        if let Some(end) = first {
            *end += cost(batch);
        }
    }
    ends.into_iter().fold(0.0, f64::max)
}

/// All work and one start of each suite, spread evenly; all work and the cheapest start on every lane; the longest piece.
fn lower_bound(pieces: &[Piece], costs: &Costs, lanes: usize) -> f64 {
    let work: f64 = pieces.iter().map(|piece| piece.item.seconds).sum();
    let suites: BTreeSet<_> = pieces.iter().map(|piece| piece.suite).collect();
    let starts = suites.iter().map(|suite| costs.start(*suite));
    let once: f64 = starts.clone().sum();
    let cheapest = starts.fold(f64::INFINITY, f64::min);
    if suites.is_empty() {
        return 0.0;
    }
    let longest = pieces
        .iter()
        .map(|piece| piece.item.seconds + costs.start(piece.suite))
        .fold(0.0, f64::max);
    ((work + once) / count(lanes))
        .max(work / count(lanes) + cheapest)
        .max(longest)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of files and lanes are far below 2^52"
)]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of positive seconds, cut to a small number"
)]
fn ceil(number: f64) -> usize {
    number.ceil().clamp(1.0, 10_000.0) as usize
}

#[cfg(test)]
mod tests;
