//! The JSON of `llvm-cov export` (format 2 and 3), which `cargo llvm-cov --json` writes, also with `--summary-only`.
//!
//! A file is a row of segments: from this place on, so many times. What that makes of a line is decided as LLVM decides it
//! (`LineCoverageStats` in `llvm/lib/ProfileData/Coverage/CoverageMapping.cpp`). Functions that were made several times of one
//! generic begin at the same place and are one.

use std::{collections::BTreeSet, io::Read};

use serde::Deserialize;

use super::coverage::{Coverage, Kind, Share, whole};
use crate::reading::Bounded;

/// The name of the provider.
const LLVM_COV: &str = "llvm-cov";
/// Most lines of a file.
const MOST_LINES: u32 = 1_000_000;

#[derive(Deserialize)]
struct Report {
    data: Vec<Export>,
}

#[derive(Deserialize)]
struct Export {
    files: Vec<File>,
    #[serde(default)]
    functions: Vec<Function>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    summary: Summary,
    #[serde(default)]
    segments: Vec<Segment>,
    /// Where it begins and ends, how often it held and did not, and what else newer versions add.
    #[serde(default)]
    branches: Vec<Vec<serde_json::Value>>,
}

/// Line, column, count, whether it has one, whether a region begins, and since LLVM 11 whether it is a gap.
#[derive(Deserialize)]
struct Segment(u32, u32, u64, bool, bool, #[serde(default)] bool);

impl Segment {
    /// Whether a region begins that is counted.
    const fn begins(&self) -> bool {
        self.3 && self.4 && !self.5
    }
}

#[derive(Deserialize)]
struct Function {
    count: u64,
    filenames: Vec<String>,
    regions: Vec<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
struct Summary {
    lines: Part,
    functions: Part,
    branches: Option<Part>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Part {
    count: u64,
    covered: u64,
}

impl Part {
    const fn share(self) -> Share {
        Share {
            covered: self.covered,
            total: self.count,
        }
    }
}

/// Adds a report.
///
/// # Errors
/// It is no such report, contradicts itself, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    read_text(coverage, &whole(input)?)
}

pub(super) fn read_text(coverage: &mut Coverage, text: &[u8]) -> Result<(), String> {
    coverage.note_format(LLVM_COV);
    let report: Report =
        serde_json::from_slice(text).map_err(|error| format!("it is no export of llvm-cov: {error}"))?;
    for export in &report.data {
        for file in &export.files {
            add(coverage, file, &export.functions)?;
        }
        // Functions of files that were left out are told all the same.
        let files: BTreeSet<&str> = export.files.iter().map(|file| file.filename.as_str()).collect();
        let is_told = |function: &&Function| {
            let first = function.filenames.first();
            first.is_some_and(|file| files.contains(file.as_str()))
        };
        for function in export.functions.iter().filter(is_told) {
            add_function(coverage, function)?;
        }
    }
    Ok(())
}

fn add(coverage: &mut Coverage, file: &File, functions: &[Function]) -> Result<(), String> {
    let Summary {
        lines,
        functions: number,
        branches,
    } = &file.summary;
    let known_branches = branches.filter(|branches| branches.count > 0);
    if file.segments.is_empty() {
        let shares = [
            Some(lines.share()),
            known_branches.map(Part::share),
            Some(number.share()),
        ];
        return coverage.add_summary(&file.filename, LLVM_COV, shares);
    }
    let path = coverage.path(&file.filename, &[]);
    if !functions.is_empty() {
        coverage.model.knows(&path, LLVM_COV, Kind::Functions)?;
    }
    add_lines(coverage, &path, &file.segments)?;
    for branch in &file.branches {
        let numbers: Option<Vec<u64>> = branch.iter().take(6).map(serde_json::Value::as_u64).collect();
        let Some(&[line, column, _, _, held, failed]) = numbers.as_deref() else {
            return Err("a branch that cannot be read".to_owned());
        };
        let line = u32::try_from(line).map_err(|_| "a branch on a line that cannot be")?;
        for (way, hits) in [("true", held), ("false", failed)] {
            coverage
                .model
                .branch(&path, LLVM_COV, line, &format!("{column} {way}"), hits)?;
        }
    }
    Ok(())
}

fn add_lines(coverage: &mut Coverage, path: &str, segments: &[Segment]) -> Result<(), String> {
    if !segments.is_sorted_by_key(|segment| (segment.0, segment.1)) {
        return Err("its segments are in no order".to_owned());
    }
    let mut wrapped: Option<&Segment> = None;
    let mut rest = segments;
    while let Some(first) = rest.first() {
        let line = first.0;
        let on_line = rest.iter().take_while(|segment| segment.0 == line).count();
        let (own, after) = rest.split_at(on_line);
        if let Some(hits) = hits(own, wrapped) {
            coverage.model.line(path, LLVM_COV, line, hits)?;
        }
        wrapped = own.last();
        let next = after.first().map_or(line, |segment| segment.0);
        if next - line > MOST_LINES {
            return Err("its segments are too far from each other".to_owned());
        }
        // Between two lines on which something begins, all lines are what the last one left open.
        if let Some(Segment(_, _, hits, true, ..)) = wrapped {
            (line + 1..next).try_for_each(|line| coverage.model.line(path, LLVM_COV, line, *hits))?;
        }
        rest = after;
    }
    Ok(())
}

/// How often a line ran on which these segments begin; `None` where nothing on it is counted.
fn hits(own: &[Segment], wrapped: Option<&Segment>) -> Option<u64> {
    let begins = own.iter().filter(|segment| segment.begins());
    let most = begins.map(|segment| segment.2).max();
    let is_skipped = own.first().is_some_and(|first| !first.3 && first.4);
    let open = wrapped.filter(|segment| segment.3);
    let is_mapped = (!is_skipped && (open.is_some() || most.is_some()))
        || own.iter().any(|segment| segment.3 && segment.4);
    is_mapped.then(|| {
        most.into_iter()
            .chain(wrapped.map(|segment| segment.2))
            .max()
            .unwrap_or(0)
    })
}

fn add_function(coverage: &mut Coverage, function: &Function) -> Result<(), String> {
    let Some(file) = function.filenames.first() else {
        return Ok(());
    };
    let number = |place: usize| function.regions.first()?.get(place)?.as_u64();
    let (Some(line), Some(column)) = (number(0), number(1)) else {
        return Err("a function that stands nowhere".to_owned());
    };
    let line = u32::try_from(line).map_err(|_| "a function on a line that cannot be")?;
    let path = coverage.path(file, &[]);
    coverage
        .model
        .function(&path, LLVM_COV, line, &column.to_string(), function.count)
}
