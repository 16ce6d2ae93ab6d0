//! Long files in parts, and parts of one file together again.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{Costs, Item, Part, Piece, Task, ceil, count};

/// A file that takes more than this share of a lane's time is too long to fit.
const LONG: f64 = 0.34;
/// A part of a long file is to take this share of a lane's time.
const PART: f64 = 0.17;

/// Files as they are, long ones in parts.
pub(super) fn pieces(tasks: &[Task], costs: &Costs, share: f64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for task in tasks {
        match parts_of(task, costs.start(task.suite), share) {
            Some(number) if task.tests.len() > 1 => pieces.extend(parts(task, number)),
            _ => pieces.push(Piece::whole(task)),
        }
    }
    sort(&mut pieces);
    pieces
}

/// In how many parts a file is run, where it is too long and that pays: the tests of a part take at least as long as what it takes
/// besides.
pub(super) fn parts_of(task: &Task, start: f64, share: f64) -> Option<usize> {
    let tests = task.seconds - task.load;
    let target = (PART * share).max(0.5 * start).max(task.load);
    let is_long = task.seconds > LONG * share && task.seconds > start;
    (is_long && tests >= 2.0 * target).then(|| ceil(tests / target))
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
    let first = parts.first()?;
    let is_whole = first.item.part?.of == parts.len();
    let twice = first.load * count(parts.len() - 1);
    let seconds = parts.iter().map(|part| part.item.seconds).sum::<f64>() - twice;
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
        joined.load = 0.0;
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
            load: 0.0,
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
    // What tests say of themselves lacks what the file takes besides; what is no load is spread over them.
    let own = task.seconds - task.load;
    let besides = (own - sum).max(0.0) / count(task.tests.len());
    let scale = if sum > own { own / sum } else { 1.0 };
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
    let mut bins: Vec<(f64, Vec<usize>)> = vec![(task.load, Vec::new()); of];
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
            load: task.load,
        }
    });
    parts.collect()
}
