//! Real reports and real outputs, changed in the ways that break parsers: no reader panics, each one ends, and what it hands
//! back stays small. The same seed each time, so that what fails here fails everywhere.

mod others;
mod rows;

use std::collections::BTreeSet;

use pilotage_core::gate::{Evidence, Measured};
use pilotage_runners::{Site, collectors::KINDS};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{RngSeed, TestRunner},
};

use crate::{Project, source};
use rows::{ELSEWHERE, Row, Way, rows};

/// Most bytes of one answer, with the notes; a report has megabytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;
const MAX_REASON_BYTES: usize = 4 << 10;

const NUMBERS: &[&str] = &[
    "-1",
    "1e999",
    "18446744073709551615",
    "99999999999999999999999999999999",
    "9007199254740993",
    "0.00000000000000000000001",
    "NaN",
    "",
];
const VALUES: &[&str] = &[
    "null",
    "[]",
    "{}",
    "true",
    "7",
    r#""""#,
    r#""\ud800""#,
    r#""\u0000\u001b[2J""#,
];
const NESTS: &[&str] = &[
    "[",
    "{\"a\":",
    "<testsuite>",
    "(",
    "!",
    "<a b='",
    "&lt;",
    "  ",
    "\n",
];

/// One change; places are shares of the length.
#[derive(Clone, Debug)]
enum Change {
    Cut(Index),
    Splice(Index, Index, Index),
    Nest(Index, Index, usize),
    Byte(Index, u8),
    Number(Index, Index),
    Value(Index, Index),
    Twice(Index, Index),
    Wide,
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        place().prop_map(Change::Cut),
        (place(), place(), place()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
        (place(), place(), 1..20_000_usize).prop_map(|(at, what, times)| Change::Nest(at, what, times)),
        (place(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (place(), place()).prop_map(|(at, what)| Change::Number(at, what)),
        (place(), place()).prop_map(|(at, what)| Change::Value(at, what)),
        (place(), place()).prop_map(|(from, to)| Change::Twice(from, to)),
        Just(Change::Wide),
    ]
}

/// Replaces one of the pieces of a text with another.
fn replaced(text: &[u8], pieces: &[(usize, usize)], which: Index, with: &str) -> Vec<u8> {
    if pieces.is_empty() {
        return text.to_vec();
    }
    let (from, to) = pieces[which.index(pieces.len())];
    [&text[..from], with.as_bytes(), &text[to..]].concat()
}

fn numbers(text: &[u8]) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 {
            pieces.push((at, at + digits));
        }
        at += digits.max(1);
    }
    pieces
}

fn quoted(text: &[u8]) -> Vec<(usize, usize)> {
    let marks: Vec<usize> = (0..text.len()).filter(|at| text[*at] == b'"').collect();
    marks.chunks_exact(2).map(|pair| (pair[0], pair[1] + 1)).collect()
}

fn apply(text: &[u8], change: &Change, examples: &[Vec<u8>]) -> Vec<u8> {
    let place = |index: &Index| index.index(text.len() + 1);
    match change {
        Change::Cut(at) => text[..place(at)].to_vec(),
        Change::Splice(at, other, from) => {
            let other = &examples[other.index(examples.len())];
            [&text[..place(at)], &other[from.index(other.len() + 1)..]].concat()
        }
        Change::Nest(at, what, times) => {
            let piece = NESTS[what.index(NESTS.len())].repeat(*times);
            let (before, after) = text.split_at(place(at));
            [before, piece.as_bytes(), after].concat()
        }
        Change::Byte(at, byte) => {
            let (before, after) = text.split_at(place(at));
            [before, &[*byte], after.get(1..).unwrap_or_default()].concat()
        }
        Change::Number(which, with) => {
            replaced(text, &numbers(text), *which, NUMBERS[with.index(NUMBERS.len())])
        }
        Change::Value(which, with) => replaced(text, &quoted(text), *which, VALUES[with.index(VALUES.len())]),
        Change::Twice(from, to) => {
            let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
            [&text[..to], &text[from..]].concat()
        }
        Change::Wide => String::from_utf8_lossy(text)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
    }
}

/// What a source of this row says of these bytes.
async fn look(project: &Project, row: &Row, bytes: &[u8]) -> Measured {
    std::fs::write(project.path().join(row.file), bytes).unwrap();
    let source = source((row.section)(project));
    let site = Site {
        root: project.path().to_owned(),
    };
    let limit = std::time::Duration::from_mins(2);
    source.conclude(&site, limit, &rows::known()).await
}

fn is_bounded(found: &Result<Evidence, String>) -> bool {
    match found {
        Ok(evidence) => format!("{evidence:?}").len() <= MAX_ANSWER_BYTES,
        Err(reason) => {
            let is_ours = ["took longer", "failed inside Pilotage"]
                .iter()
                .any(|fault| reason.contains(fault));
            reason.len() <= MAX_REASON_BYTES && !is_ours
        }
    }
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x9a7e),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    })
}

fn survive(rows: &[Row], cases: u32) {
    let examples: Vec<Vec<u8>> = rows.iter().map(|row| row.example.clone().into_bytes()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for row in rows {
        let project = Project::new();
        (row.prepare)(&project);
        // The example is a real one: what it was taken for reads it.
        let whole = runtime.block_on(look(&project, row, row.example.as_bytes()));
        assert!(whole.values().any(Result::is_ok), "{}: {whole:?}", row.reader);
        let changes = prop::collection::vec(change(), 1..4);
        let outcome = runner(cases).run(&changes, |changes| {
            let begin = row.example.clone().into_bytes();
            let bytes = changes
                .iter()
                .fold(begin, |text, change| apply(&text, change, &examples));
            let found = runtime.block_on(look(&project, row, &bytes));
            for (metric, found) in &found {
                prop_assert!(is_bounded(found), "{} of {}: {found:?}", metric, row.reader);
            }
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{}: {error}", row.reader));
    }
}

fn those(way: Way) -> Vec<Row> {
    rows().into_iter().filter(|row| row.way == way).collect()
}

#[test]
fn changed_reports_are_survived() {
    survive(&those(Way::File), 96);
}

#[test]
fn changed_outputs_of_tools_are_survived() {
    survive(&those(Way::Tool), 16);
}

/// A collector or a reader that is added without a row, and without a test of its own that is named, fails here.
#[test]
fn every_parser_has_a_row() {
    let rows = rows();
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.kind).collect();
    for kind in KINDS {
        let elsewhere = ELSEWHERE.iter().find(|(name, ..)| *name == kind.name);
        let is_there = elsewhere.is_some_and(|(_, text, test)| text.contains(&format!("fn {test}(")));
        assert!(kinds.contains(kind.name) || is_there, "{} has no row", kind.name);
    }
    let readers: BTreeSet<&str> = rows.iter().map(|row| row.reader).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/reports");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let reads = std::fs::read_to_string(&path).unwrap().contains("pub fn read<");
        let name = path.file_stem().unwrap().to_str().unwrap();
        // `coverage` only tells the formats apart: every row of that kind goes through it.
        let has_row = readers.contains(name) || (name == "coverage" && kinds.contains(name));
        assert!(!reads || has_row, "{name} has no row");
    }
}
