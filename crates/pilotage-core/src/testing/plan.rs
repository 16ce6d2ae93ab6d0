//! Who runs what, and when. A lane is a runner process at a time on some machine. To start a runner costs time that is
//! learnt like any other, so what belongs together is kept together as far as that ends sooner, a lane is handed few, large
//! batches, and only what starts cheaply is left for whoever is free.

use std::collections::BTreeSet;

use serde::Serialize;

use self::{
    parts::{parts_of, pieces},
    spread::{Load, batches, leave, loads, lower_bound, makespan},
};

mod bring_up;
mod parts;
mod spread;

/// A piece of a lane's work is at least this many starts long, so that starts stay cheap.
const STARTS_IN_PIECE: f64 = 40.0;
/// The same for what is left for whoever is free.
const STARTS_IN_TAIL: f64 = 4.0;
/// Shortest time that a start is thought to cost, in seconds.
const LEAST_START: f64 = 0.05;

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
    /// What every part of it takes beside its tests, if it is run in parts: reading it, and a process of its own where its runner needs one.
    pub load: f64,
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
    /// Where its tests stand in the file, where it is a part.
    places: Vec<usize>,
    known: bool,
    /// What each further part of the file takes that another lane would not.
    load: f64,
}

impl Piece {
    /// Its share of what the file takes as a whole.
    fn work(&self) -> f64 {
        let of = self.item.part.map_or(1, |part| part.of);
        self.item.seconds - self.load * count(of - 1) / count(of)
    }
}

/// Files that are too long for so many lanes and may be run in parts: suite and file. Their tests are to be looked up, now
/// and not from history, before [`plan`] is asked.
pub fn long_files(tasks: &[Task], costs: &Costs, lanes: usize) -> BTreeSet<(usize, String)> {
    let share = share(tasks, lanes);
    let is_long = |task: &&Task| task.known && parts_of(task, costs.start(task.suite), share).is_some();
    let long = tasks.iter().filter(is_long);
    long.map(|task| (task.suite, task.file.clone())).collect()
}

/// What each lane has to do if all is spread evenly.
fn share(tasks: &[Task], lanes: usize) -> f64 {
    tasks.iter().map(|task| task.seconds).sum::<f64>() / count(lanes.max(1))
}

/// Spreads the files over lanes of one machine.
pub fn plan(tasks: &[Task], costs: &Costs, lanes: usize) -> Plan {
    let lanes = lanes.max(1);
    on_lanes(pieces(tasks, costs, share(tasks, lanes)), costs, lanes)
}

/// The files of one of several machines with so many lanes each. From the same tasks, costs and numbers every machine finds
/// the same parts, which have nothing in common and leave nothing out. `shard` counts from 1.
pub fn shard(tasks: &[Task], costs: &Costs, shards: usize, shard: usize, lanes: usize) -> Plan {
    let (shards, lanes) = (shards.max(1), lanes.max(1));
    let pieces = pieces(tasks, costs, share(tasks, shards * lanes));
    let own = loads(pieces, costs, shards)
        .into_iter()
        .nth(shard.wrapping_sub(1));
    on_lanes(own.map(Load::into_pieces).unwrap_or_default(), costs, lanes)
}

fn on_lanes(pieces: Vec<Piece>, costs: &Costs, lanes: usize) -> Plan {
    let lower_bound = lower_bound(&pieces, costs, lanes);
    let (seeds, rest) = leave(pieces, costs, lanes);
    let loads = loads(seeds, costs, lanes);
    // Who has nobody to take over from or to leave work to is best served by one start for each suite.
    let starts = if lanes == 1 {
        f64::INFINITY
    } else {
        STARTS_IN_PIECE
    };
    let lanes: Vec<_> = loads
        .into_iter()
        .map(|load| load.batches(costs, starts))
        .collect();
    let tail = batches(rest, costs, STARTS_IN_TAIL);
    let makespan = makespan(&lanes, &tail, costs);
    Plan {
        lanes,
        tail,
        makespan,
        lower_bound,
    }
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
