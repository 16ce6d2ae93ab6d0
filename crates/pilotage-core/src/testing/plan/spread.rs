//! Pieces over lanes: ways of spreading them, of which the one that ends soonest is taken.
//!
//! The first gives the longest piece to the lane that is through with it soonest (list scheduling by longest processing
//! time: R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969). It starts every suite on almost every lane. The
//! second fills one lane after the other up to a height, suite by suite, and looks for the lowest height at which all fits
//! (MULTIFIT: E. G. Coffman, M. R. Garey, D. S. Johnson, "An Application of Bin-Packing to Multiprocessor Scheduling", 1978). The
//! third is the first again, where each lane takes only suites that the second gave to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Batch, Costs, Piece, count,
    parts::{join, sort},
};

/// Most files that a runner is given at once: their names have to fit on a command line.
const MOST_FILES: usize = 400;
/// Heights that are tried: each halves what is not known of the lowest one.
const HEIGHTS: usize = 12;
/// By how much a file takes another time than it did before, as a share of it.
const NOISE: f64 = 0.3;
/// A filling that puts long files together has to be this much lower: among those that are thought to be long are more that are
/// not than among the others, so it is further from what happens.
const WORTH: f64 = 0.97;
/// What is left for whoever is free has to win this many starts.
const STARTS_TO_WIN: f64 = 3.0;

/// What a lane has been given.
#[derive(Clone, Default)]
pub(super) struct Load {
    seconds: f64,
    suites: BTreeMap<usize, Vec<Piece>>,
    /// Files of which it has a part, by suite.
    parts: BTreeMap<usize, BTreeSet<String>>,
}

impl Load {
    fn with(&self, piece: &Piece, costs: &Costs) -> f64 {
        let start = if self.suites.contains_key(&piece.suite) {
            0.0
        } else {
            costs.start(piece.suite)
        };
        // Parts of a file are one part when they meet.
        let files = self.parts.get(&piece.suite).filter(|_| piece.item.part.is_some());
        let meets = files.is_some_and(|files| files.contains(&piece.item.file));
        let twice = if meets { piece.load } else { 0.0 };
        self.seconds + start + piece.item.seconds - twice
    }

    fn add(&mut self, piece: Piece, costs: &Costs) {
        self.seconds = self.with(&piece, costs);
        if piece.item.part.is_some() {
            let files = self.parts.entry(piece.suite).or_default();
            files.insert(piece.item.file.clone());
        }
        self.suites.entry(piece.suite).or_default().push(piece);
    }

    /// Everything, the longest first.
    pub(super) fn into_pieces(self) -> Vec<Piece> {
        let mut pieces: Vec<_> = self.suites.into_values().flatten().collect();
        sort(&mut pieces);
        pieces
    }

    /// The longest work first, so that what is short is left when others are free.
    pub(super) fn batches(self, costs: &Costs, starts: f64) -> Vec<Batch> {
        let suites = self.suites.into_values();
        let mut batches: Vec<_> = suites
            .flat_map(|pieces| batches(join(pieces), costs, starts))
            .collect();
        batches.sort_by(|a, b| b.seconds().total_cmp(&a.seconds()).then(a.suite.cmp(&b.suite)));
        batches
    }
}

/// Spreads pieces, which come with the longest first.
pub(super) fn loads(pieces: Vec<Piece>, costs: &Costs, lanes: usize) -> Vec<Load> {
    let by_length = longest_first(pieces.clone(), costs, &vec![None; lanes]);
    let height = highest(&by_length);
    let Some(filled) = by_suite(pieces.clone(), costs, lanes, height) else {
        return by_length;
    };
    let suites = |load: &Load| Some(load.suites.keys().copied().collect());
    let taken: Vec<_> = filled.iter().map(suites).collect();
    let mixed = longest_first(pieces, costs, &taken);
    let best = if highest(&mixed) < height {
        mixed
    } else {
        by_length
    };
    if highest(&filled) < WORTH * highest(&best) {
        filled
    } else {
        best
    }
}

fn highest(loads: &[Load]) -> f64 {
    loads.iter().map(|load| load.seconds).fold(0.0, f64::max)
}

/// Each piece to whoever is through with it soonest, of the lanes that take its suite; one that says nothing takes all.
fn longest_first(pieces: Vec<Piece>, costs: &Costs, lanes: &[Option<BTreeSet<usize>>]) -> Vec<Load> {
    let mut loads = vec![Load::default(); lanes.len()];
    for piece in pieces {
        let takes = |suites: &Option<BTreeSet<usize>>| {
            suites.as_ref().is_none_or(|suites| suites.contains(&piece.suite))
        };
        let open = loads.iter_mut().zip(lanes).filter(|(_, suites)| takes(suites));
        let soonest = open
            .map(|(load, _)| (load.with(&piece, costs), load))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, load)) = soonest {
            load.add(piece, costs);
        }
    }
    loads
}

/// The lowest filling below `height` that is found; `None` if there is none.
fn by_suite(mut pieces: Vec<Piece>, costs: &Costs, lanes: usize, height: f64) -> Option<Vec<Load>> {
    // Suites that are dear to start come first, as the last lanes have to put up with what is left.
    pieces.sort_by(|a, b| {
        let dearest = costs.start(b.suite).total_cmp(&costs.start(a.suite));
        dearest
            .then(a.suite.cmp(&b.suite))
            .then(b.item.seconds.total_cmp(&a.item.seconds))
    });
    let (mut low, mut high) = (lower_bound(&pieces, costs, lanes), height);
    let mut best = None;
    for _ in 0..HEIGHTS {
        let middle = f64::midpoint(low, high);
        match filled(&pieces, costs, lanes, middle) {
            Some(loads) => {
                high = middle;
                best = Some(loads);
            }
            None => low = middle,
        }
    }
    best
}

/// Lanes filled one after the other up to a height, if everything fits.
fn filled(pieces: &[Piece], costs: &Costs, lanes: usize, height: f64) -> Option<Vec<Load>> {
    let mut loads = Vec::with_capacity(lanes);
    let mut left: Vec<&Piece> = pieces.iter().collect();
    for _ in 0..lanes {
        let mut load = Load::default();
        left.retain(|piece| {
            let fits = load.with(piece, costs) <= height;
            if fits {
                load.add((*piece).clone(), costs);
            }
            !fits
        });
        loads.push(load);
    }
    left.is_empty().then_some(loads)
}

/// Takes away the shortest known pieces for whoever is free, about as much as lanes may be apart at the end because files
/// take another time than they did before; only of suites whose start costs little beside that.
pub(super) fn leave(pieces: Vec<Piece>, costs: &Costs, lanes: usize) -> (Vec<Piece>, Vec<Piece>) {
    let squares: f64 = pieces
        .iter()
        .map(|piece| piece.item.seconds * piece.item.seconds)
        .sum();
    let apart = NOISE * (squares / count(lanes)).sqrt();
    if lanes < 2 {
        return (pieces, Vec::new());
    }
    let mut left = 2.0 * apart * count(lanes);
    let (mut seeds, mut rest) = (Vec::new(), Vec::new());
    for piece in pieces.into_iter().rev() {
        let is_cheap = STARTS_TO_WIN * costs.start(piece.suite) <= apart;
        if piece.known && is_cheap && piece.item.seconds <= left {
            left -= piece.item.seconds;
            rest.push(piece);
        } else {
            seeds.push(piece);
        }
    }
    seeds.reverse();
    rest.reverse();
    (seeds, rest)
}

/// Pieces of each suite together, in batches that take at least so many starts.
pub(super) fn batches(pieces: Vec<Piece>, costs: &Costs, starts: f64) -> Vec<Batch> {
    let mut open: BTreeMap<usize, Batch> = BTreeMap::new();
    let mut batches = Vec::new();
    for piece in pieces {
        let least = starts * costs.start(piece.suite);
        let batch = open
            .entry(piece.suite)
            .or_insert_with(|| Batch::none(piece.suite));
        // Two parts of one file are no two files for a runner, so they never meet in a batch.
        let meets = piece.item.part.is_some() && batch.items.iter().any(|item| item.file == piece.item.file);
        if meets || batch.items.len() >= MOST_FILES || batch.seconds() >= least {
            batches.push(std::mem::replace(batch, Batch::none(piece.suite)));
        }
        batch.items.push(piece.item);
    }
    batches.extend(open.into_values().filter(|batch| !batch.items.is_empty()));
    batches
}

impl Batch {
    fn none(suite: usize) -> Self {
        Self {
            suite,
            items: Vec::new(),
        }
    }
}

/// When the last lane is through, if everything takes as long as it is thought to.
pub(super) fn makespan(lanes: &[Vec<Batch>], tail: &[Batch], costs: &Costs) -> f64 {
    let cost = |batch: &Batch| costs.start(batch.suite) + batch.seconds();
    let mut ends: Vec<f64> = lanes.iter().map(|lane| lane.iter().map(cost).sum()).collect();
    for batch in tail {
        if let Some(end) = ends.iter_mut().min_by(|a, b| a.total_cmp(b)) {
            *end += cost(batch);
        }
    }
    ends.into_iter().fold(0.0, f64::max)
}

/// All work and one start of each suite, spread evenly; all work and the cheapest start on every lane; the longest piece.
pub(super) fn lower_bound(pieces: &[Piece], costs: &Costs, lanes: usize) -> f64 {
    let work: f64 = pieces.iter().map(Piece::work).sum();
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
