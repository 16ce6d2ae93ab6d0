//! Istanbul, which Jest, Vitest and nyc write: `coverage-final.json`, the maps of statements, branches and functions with counters
//! (<https://github.com/istanbuljs/istanbuljs/tree/main/packages/istanbul-lib-coverage>), and `coverage-summary.json`, numbers
//! alone.
//!
//! Maps are joined by where things stand, as two providers number them differently. Of a summary the files are added up; `total`
//! must say the same.

use std::{collections::BTreeMap, io::Read};

use serde::{Deserialize, de::IgnoredAny};

use super::coverage::{Coverage, Kind, Share, whole};
use crate::reading::{Bounded, brief};

/// The name of the provider.
const ISTANBUL: &str = "istanbul";

#[derive(Deserialize)]
struct Entry {
    lines: Part,
    branches: Part,
    functions: Part,
}

#[derive(Clone, Copy, Deserialize)]
struct Part {
    total: u64,
    covered: u64,
}

impl Entry {
    fn shares(&self) -> [Share; 3] {
        [self.lines, self.branches, self.functions].map(|part| Share {
            covered: part.covered,
            total: part.total,
        })
    }
}

/// Adds a summary.
///
/// # Errors
/// It is no such summary, contradicts itself, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    read_summary(coverage, &whole(input)?)
}

pub(super) fn read_summary(coverage: &mut Coverage, text: &[u8]) -> Result<(), String> {
    coverage.note_format(ISTANBUL);
    let entries: BTreeMap<String, Entry> =
        serde_json::from_slice(text).map_err(|error| format!("it is no Istanbul summary: {error}"))?;
    let total = entries
        .get("total")
        .ok_or("it is no Istanbul summary: it has no `total`")?;
    let mut sum = [Share::default(); 3];
    for (file, entry) in entries.iter().filter(|(file, _)| *file != "total") {
        let shares = entry.shares();
        coverage
            .add_summary(file, ISTANBUL, shares.map(Some))
            .map_err(|error| brief(&error))?;
        for (sum, share) in sum.iter_mut().zip(shares) {
            sum.covered = sum.covered.saturating_add(share.covered);
            sum.total = sum.total.saturating_add(share.total);
        }
    }
    if sum == total.shares() {
        Ok(())
    } else {
        Err("its `total` is not the sum of its files".to_owned())
    }
}

/// A file of `coverage-final.json`. Jest writes some under `data`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Maps {
    path: Option<String>,
    #[serde(default)]
    statement_map: BTreeMap<String, Span>,
    #[serde(default)]
    fn_map: BTreeMap<String, Function>,
    #[serde(default)]
    branch_map: BTreeMap<String, Branch>,
    #[serde(default)]
    s: BTreeMap<String, u64>,
    #[serde(default)]
    f: BTreeMap<String, u64>,
    #[serde(default)]
    b: BTreeMap<String, Vec<u64>>,
    /// Whether nothing of it was ever looked at, as for a file that no test reads.
    #[serde(default)]
    #[expect(dead_code, reason = "counters say the same; it is named so that it is known")]
    all: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Span {
    start: Point,
}

/// A point that is not known has no numbers in it: an `else` that nobody wrote.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Point {
    line: Option<u32>,
    column: Option<f64>,
}

impl Point {
    fn column(self) -> f64 {
        self.column.unwrap_or(-1.0)
    }
}

#[derive(Deserialize)]
struct Function {
    #[serde(default)]
    name: String,
    decl: Option<Span>,
    loc: Option<Span>,
    line: Option<u32>,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(rename = "type", default)]
    kind: String,
    loc: Option<Span>,
    line: Option<u32>,
    #[serde(default)]
    locations: Vec<Span>,
}

#[derive(Deserialize)]
struct Wrapped {
    data: Maps,
}

/// Adds maps.
///
/// # Errors
/// They are no such maps, counters have no place, or it is over the limits.
pub(super) fn read_maps(coverage: &mut Coverage, text: &[u8]) -> Result<(), String> {
    coverage.note_format(ISTANBUL);
    let files: BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_slice(text).map_err(|error| format!("it is no map of Istanbul: {error}"))?;
    for (key, value) in files {
        let value = value.get();
        // What is wrapped would else be read as a file without anything in it.
        let maps = match serde_json::from_str::<Wrapped>(value) {
            Ok(wrapped) => Ok(wrapped.data),
            Err(_) => serde_json::from_str::<Maps>(value),
        };
        let shown = brief(&key);
        let maps = maps.map_err(|error| format!("{shown}: it is no map of Istanbul: {error}"))?;
        if maps.path.is_none() && maps.s.is_empty() && maps.statement_map.is_empty() {
            return Err(format!(
                "it is no report of a known format: `{shown}` is no map of Istanbul"
            ));
        }
        let path = coverage.path(maps.path.as_deref().unwrap_or(&key), &[]);
        add(coverage, &path, &maps).map_err(|error| format!("{shown}: {error}"))?;
    }
    Ok(())
}

fn add(coverage: &mut Coverage, path: &str, maps: &Maps) -> Result<(), String> {
    coverage.model.knows(path, ISTANBUL, Kind::Branches)?;
    coverage.model.knows(path, ISTANBUL, Kind::Functions)?;
    let placeless =
        |what: &str, key: &str| format!("the {what} {} is counted and stands nowhere", brief(key));
    // A line ran as often as the statement on it that ran most.
    let mut lines: BTreeMap<u32, u64> = BTreeMap::new();
    for (key, hits) in &maps.s {
        let line = maps.statement_map.get(key).and_then(|span| span.start.line);
        let line = line.ok_or_else(|| placeless("statement", key))?;
        let known = lines.entry(line).or_default();
        *known = (*known).max(*hits);
    }
    lines
        .into_iter()
        .try_for_each(|(line, hits)| coverage.model.line(path, ISTANBUL, line, hits))?;
    for (key, hits) in &maps.f {
        let function = maps.fn_map.get(key).ok_or_else(|| placeless("function", key))?;
        let begin = function
            .decl
            .as_ref()
            .or(function.loc.as_ref())
            .map(|span| span.start)
            .unwrap_or_default();
        let line = begin
            .line
            .or(function.line)
            .ok_or_else(|| placeless("function", key))?;
        // Functions without a name are numbered, which differs from run to run; where they stand does not.
        let name = if function.name.starts_with("(anonymous") {
            "(anonymous)"
        } else {
            function.name.as_str()
        };
        coverage
            .model
            .function(path, ISTANBUL, line, &format!("{name}:{}", begin.column()), *hits)?;
    }
    for (key, hits) in &maps.b {
        let branch = maps.branch_map.get(key).ok_or_else(|| placeless("branch", key))?;
        add_branch(coverage, path, branch, hits).ok_or_else(|| placeless("branch", key))??;
    }
    Ok(())
}

fn add_branch(
    coverage: &mut Coverage,
    path: &str,
    branch: &Branch,
    hits: &[u64],
) -> Option<Result<(), String>> {
    let first = branch.locations.first();
    let begin = branch
        .loc
        .as_ref()
        .or(first)
        .map(|span| span.start)
        .unwrap_or_default();
    let line = begin.line.or(branch.line)?;
    for (number, hits) in hits.iter().enumerate() {
        let name = format!("{} {} {number}", begin.column(), branch.kind);
        if let Err(error) = coverage.model.branch(path, ISTANBUL, line, &name, *hits) {
            return Some(Err(error));
        }
    }
    Some(Ok(()))
}
