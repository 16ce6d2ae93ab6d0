//! Long files in parts, and parts of one file together again.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{Costs, Item, Part, Piece, Task, ceil, count, is_long};

/// A part of a long file is to take this share of a lane's time.
const PART: f64 = 0.17;

/// Files as they are, long ones in parts.
pub(super) fn pieces(tasks: &[Task], costs: &Costs, share: f64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for task in tasks {
        let start = costs.start(task.suite);
        let target = (PART * share).max(0.5 * start);
        if task.tests.len() < 2 || !is_long(task.seconds, start, share) || task.seconds < 2.0 * target {
            pieces.push(Piece::whole(task));
        } else {
            pieces.extend(parts(task, ceil(task.seconds / target)));
        }
    }
    sort(&mut pieces);
    pieces
}

/// What nobody knows might be long, so it goes first; then the longest. Names make the order the same everywhere.
pub(super) fn sort(pieces: &mut [Piece]) {
    pieces.sort_by(|a, b| {
        a.known
            .cmp(&b.known)
            .then(b.item.seconds.total_cmp(&a.item.seconds))
            .then_with(|| a.suite.cmp(&b.suite))
            .then_with(|| a.item.file.cmp(&b.item.file))
            .then(a.item.part.cmp(&b.item.part))
    });
}

/// Parts of one file become one part, or the file if that is all of them: a runner takes a file once.
pub(super) fn join(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut parts: BTreeMap<(usize, String), Vec<Piece>> = BTreeMap::new();
    for piece in pieces {
        if piece.item.part.is_none() {
            joined.push(piece);
        } else {
            let file = (piece.suite, piece.item.file.clone());
            parts.entry(file).or_default().push(piece);
        }
    }
    joined.extend(parts.into_values().filter_map(one));
    sort(&mut joined);
    joined
}

fn one(parts: Vec<Piece>) -> Option<Piece> {
    let is_whole = parts.first()?.item.part?.of == parts.len();
    let seconds = parts.iter().map(|part| part.item.seconds).sum();
    let mut parts = parts.into_iter();
    let mut joined = parts.next()?;
    let mut tests: Vec<_> = std::mem::take(&mut joined.places)
        .into_iter()
        .zip(std::mem::take(&mut joined.item.tests))
        .collect();
    tests.extend(parts.flat_map(|part| part.places.into_iter().zip(part.item.tests)));
    tests.sort_unstable();
    joined.item.seconds = seconds;
    if is_whole {
        joined.item.part = None;
    } else {
        (joined.places, joined.item.tests) = tests.into_iter().unzip();
    }
    Some(joined)
}

impl Piece {
    fn whole(task: &Task) -> Self {
        Self {
            suite: task.suite,
            known: task.known,
            places: Vec::new(),
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
        let names = tests.iter().filter_map(|at| Some(task.tests.get(*at)?.0.clone()));
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
            places: tests,
        }
    });
    parts.collect()
}
