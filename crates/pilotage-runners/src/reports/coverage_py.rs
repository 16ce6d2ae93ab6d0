//! The JSON report of coverage.py (`coverage json`, format 2 and 3): for each file the lines and branches that were and were not
//! reached, and since 7.6 the same for each function.

use std::{collections::BTreeMap, io::Read};

use serde::Deserialize;

use super::coverage::{Coverage, Kind, whole};
use crate::reading::Bounded;

/// The name of the provider.
const COVERAGE_PY: &str = "coverage.py";

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    meta: Meta,
    files: BTreeMap<String, Reached>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    branch_coverage: bool,
}

#[derive(Deserialize)]
struct Reached {
    executed_lines: Vec<u32>,
    missing_lines: Vec<u32>,
    #[serde(default)]
    executed_branches: Vec<(i64, i64)>,
    #[serde(default)]
    missing_branches: Vec<(i64, i64)>,
    functions: Option<BTreeMap<String, Function>>,
}

#[derive(Deserialize)]
struct Function {
    executed_lines: Vec<u32>,
    missing_lines: Vec<u32>,
}

/// Adds a report.
///
/// # Errors
/// It is no such report, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    read_text(coverage, &whole(input)?)
}

pub(super) fn read_text(coverage: &mut Coverage, text: &[u8]) -> Result<(), String> {
    coverage.note_format(COVERAGE_PY);
    let report: Report = serde_json::from_slice(text)
        .map_err(|error| format!("it is no JSON report of coverage.py: {error}"))?;
    for (file, reached) in &report.files {
        let path = coverage.path(file, &[]);
        coverage.model.file(&path, COVERAGE_PY)?;
        if report.meta.branch_coverage {
            coverage.model.knows(&path, COVERAGE_PY, Kind::Branches)?;
        }
        add(coverage, &path, reached)?;
    }
    Ok(())
}

fn add(coverage: &mut Coverage, path: &str, reached: &Reached) -> Result<(), String> {
    for (lines, hits) in [(&reached.executed_lines, 1), (&reached.missing_lines, 0)] {
        for line in lines {
            coverage.model.line(path, COVERAGE_PY, *line, hits)?;
        }
    }
    let branches = [(&reached.executed_branches, 1), (&reached.missing_branches, 0)];
    for (branches, hits) in branches {
        for (from, to) in branches {
            // An end that is below zero is the end of the function that begins there.
            let line = u32::try_from(from.unsigned_abs()).map_err(|_| "a branch on a line that cannot be")?;
            coverage
                .model
                .branch(path, COVERAGE_PY, line, &to.to_string(), hits)?;
        }
    }
    let Some(functions) = &reached.functions else {
        return Ok(());
    };
    coverage.model.knows(path, COVERAGE_PY, Kind::Functions)?;
    // What stands outside of every function comes under an empty name.
    for (name, function) in functions.iter().filter(|(name, _)| !name.is_empty()) {
        let is_entered = !function.executed_lines.is_empty();
        let first = function
            .executed_lines
            .iter()
            .chain(&function.missing_lines)
            .min();
        if let Some(first) = first {
            coverage
                .model
                .function(path, COVERAGE_PY, *first, name, u64::from(is_entered))?;
        }
    }
    Ok(())
}
