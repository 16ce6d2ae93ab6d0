//! Istanbul's `coverage-summary.json`, which Jest, Vitest and nyc write: for each file, and for `total`, how many lines,
//! branches and functions there are and how many were reached. The files are added up; `total` must say the same.

use std::{collections::BTreeMap, io::Read};

use serde::Deserialize;

use super::coverage::{Coverage, Share};
use crate::reading::{Bounded, brief};

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

/// Adds a report.
///
/// # Errors
/// It is no such summary, contradicts itself, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    coverage.note_format("istanbul");
    let text = input.whole(2).map_err(|error| error.to_string())?;
    let entries: BTreeMap<String, Entry> =
        serde_json::from_slice(&text).map_err(|error| format!("it is no Istanbul summary: {error}"))?;
    let total = entries
        .get("total")
        .ok_or("it is no Istanbul summary: it has no `total`")?;
    let mut sum = [Share::default(); 3];
    for (file, entry) in entries.iter().filter(|(file, _)| *file != "total") {
        let shares = entry.shares();
        coverage
            .add_summary(file, shares)
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
