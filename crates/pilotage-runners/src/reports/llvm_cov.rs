//! The JSON of `llvm-cov export` (format 2), which `cargo llvm-cov --json` writes, also with `--summary-only`.

use std::io::Read;

use serde::Deserialize;

use super::coverage::{Coverage, Share};
use crate::reading::Bounded;

#[derive(Deserialize)]
struct Report {
    data: Vec<Export>,
}

#[derive(Deserialize)]
struct Export {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    lines: Part,
    functions: Part,
    #[serde(default)]
    branches: Part,
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
    coverage.note_format("llvm-cov");
    let text = input.whole(8).map_err(|error| error.to_string())?;
    let report: Report =
        serde_json::from_slice(&text).map_err(|error| format!("it is no export of llvm-cov: {error}"))?;
    for File { filename, summary } in report.data.iter().flat_map(|export| &export.files) {
        let shares = [summary.lines, summary.branches, summary.functions].map(Part::share);
        coverage.add_summary(filename, shares)?;
    }
    Ok(())
}
