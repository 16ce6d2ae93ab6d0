//! Known vulnerabilities: what scanners of dependencies found, how bad it is, what is excused, and how much was looked at.
//!
//! A scanner that looked at nothing says the same as one that found nothing, so what it looked at is part of what it says.

mod exceptions;
mod severity;

use pilotage_core::Timestamp;

pub use exceptions::{Exceptions, Ignored, read_vex};
pub use severity::Severity;

use crate::reading::brief;

/// Most findings that are named in evidence.
const MAX_NAMES: usize = 10;

/// What a scanner said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audited {
    /// What it found.
    pub findings: Vec<Finding>,
    /// How many packages it says it looked at; `None` where it does not say.
    pub looked_at: Option<u64>,
    /// Packages that it could not look at, with the reason.
    pub skipped: Vec<String>,
    /// What it says of its database; `None` where the format has no place for that.
    pub database: Option<Database>,
    /// Its version, where the report has it.
    pub version: Option<String>,
}

/// What a scanner compares with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// How many advisories it holds.
    pub advisories: u64,
    /// When it was last changed, where that is known.
    pub updated_at: Option<Timestamp>,
}

/// A package with something known against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The package.
    pub package: String,
    /// Its version, where the report has it.
    pub version: String,
    /// The ecosystem as package URLs have it: `npm`, `pypi`, `cargo`, `gem`; empty where the report does not say.
    pub ecosystem: String,
    /// The advisories: of each every name that is known.
    pub advisories: Vec<Vec<String>>,
    /// How bad it is.
    pub severity: Severity,
}

impl Finding {
    fn show(&self) -> String {
        let names: Vec<&str> = self
            .advisories
            .iter()
            .filter_map(|names| names.first())
            .take(3)
            .map(String::as_str)
            .collect();
        brief(&format!(
            "{}: {} in {} {}",
            self.severity.name(),
            names.join(", "),
            self.package,
            self.version
        ))
    }
}

/// How many of which severity, after what is excused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// High and critical, and those of which nobody says how bad they are.
    pub high: u64,
    /// Medium.
    pub medium: u64,
    /// Low.
    pub low: u64,
    /// The first findings and everything that was excused, in words.
    pub notes: Vec<String>,
}

/// Counts findings that nothing excuses at `now`.
pub fn tally(findings: &[Finding], exceptions: &Exceptions, now: Timestamp) -> Tally {
    let mut tally = Tally::default();
    let (mut unknown, mut excused) = (0, Vec::new());
    for finding in findings {
        if let Some(reason) = exceptions.excuse(finding, now) {
            excused.push(format!("excused: {}; {reason}", finding.show()));
            continue;
        }
        match finding.severity {
            Severity::Unknown => {
                unknown += 1;
                tally.high += 1;
            }
            Severity::High => tally.high += 1,
            Severity::Medium => tally.medium += 1,
            Severity::Low => tally.low += 1,
        }
        if tally.notes.len() < MAX_NAMES {
            tally.notes.push(finding.show());
        }
    }
    if unknown > 0 {
        tally.notes.push(format!(
            "{unknown} of them without a severity, which count as high"
        ));
    }
    let more = excused.len().saturating_sub(MAX_NAMES);
    tally.notes.extend(excused.into_iter().take(MAX_NAMES));
    if more > 0 {
        tally.notes.push(format!("{more} more are excused"));
    }
    tally.notes.extend(exceptions.expired(now));
    tally
}
