//! The JSON report of coverage.py (`coverage json`, format 2 and 3): for each file the lines and branches that were and were not
//! reached, and since 7.6 the same for each function.

use std::{collections::BTreeMap, io::Read};

use serde::Deserialize;

use super::coverage::{Coverage, Item};
use crate::reading::Bounded;

#[derive(Deserialize)]
struct Report {
    files: BTreeMap<String, Reached>,
}

#[derive(Deserialize)]
struct Reached {
    executed_lines: Vec<u64>,
    missing_lines: Vec<u64>,
    #[serde(default)]
    executed_branches: Vec<(i64, i64)>,
    #[serde(default)]
    missing_branches: Vec<(i64, i64)>,
    #[serde(default)]
    functions: BTreeMap<String, Function>,
}

#[derive(Deserialize)]
struct Function {
    executed_lines: Vec<u64>,
    missing_lines: Vec<u64>,
}

/// Adds a report.
///
/// # Errors
/// It is no such report, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    coverage.note_format("coverage.py");
    let text = input.whole(4).map_err(|error| error.to_string())?;
    let report: Report = serde_json::from_slice(&text)
        .map_err(|error| format!("it is no JSON report of coverage.py: {error}"))?;
    for (file, reached) in &report.files {
        add(coverage, file, reached)?;
    }
    Ok(())
}

fn add(coverage: &mut Coverage, file: &str, reached: &Reached) -> Result<(), String> {
    for (lines, is_reached) in [(&reached.executed_lines, true), (&reached.missing_lines, false)] {
        for line in lines {
            coverage.add(file, Item::Line(*line), is_reached)?;
        }
    }
    let branches = [
        (&reached.executed_branches, true),
        (&reached.missing_branches, false),
    ];
    for (branches, is_reached) in branches {
        for (from, to) in branches {
            coverage.add(file, Item::Branch(&format!("{from},{to}")), is_reached)?;
        }
    }
    // What stands outside of every function comes under an empty name.
    for (name, function) in reached.functions.iter().filter(|(name, _)| !name.is_empty()) {
        let is_entered = !function.executed_lines.is_empty();
        if is_entered || !function.missing_lines.is_empty() {
            coverage.add(file, Item::Function(name), is_entered)?;
        }
    }
    Ok(())
}
