//! How much of what there is was reached.

use serde::{Deserialize, Serialize};

/// What was reached, of what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Reached.
    pub covered: u64,
    /// All.
    pub total: u64,
}

impl Share {
    /// A share of a hundred; `None` of nothing.
    #[expect(clippy::cast_precision_loss, reason = "counts of lines are far below 2^52")]
    pub fn percent(self) -> Option<f64> {
        (self.total > 0).then(|| self.covered as f64 * 100.0 / self.total as f64)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.covered = self.covered.saturating_add(other.covered);
        self.total = self.total.saturating_add(other.total);
    }

    pub(super) fn count(&mut self, hits: u64) {
        self.total += 1;
        self.covered += u64::from(hits > 0);
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Lines.
    Lines,
    /// Branches.
    Branches,
    /// Functions.
    Functions,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lines, Self::Branches, Self::Functions];

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Branches => "branches",
            Self::Functions => "functions",
        }
    }
}

/// The three shares, and of how many files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shares {
    /// Lines.
    pub lines: Share,
    /// Branches.
    pub branches: Share,
    /// Functions.
    pub functions: Share,
    /// Source files.
    pub files: u64,
    /// Files of which nobody told lines, branches, functions.
    #[serde(default)]
    pub unknown: [u64; 3],
}

impl Shares {
    /// One of the three.
    pub const fn of(&self, kind: Kind) -> Share {
        match kind {
            Kind::Lines => self.lines,
            Kind::Branches => self.branches,
            Kind::Functions => self.functions,
        }
    }

    /// Files of which nobody told this.
    pub const fn unknown_of(&self, kind: Kind) -> u64 {
        let [lines, branches, functions] = self.unknown;
        match kind {
            Kind::Lines => lines,
            Kind::Branches => branches,
            Kind::Functions => functions,
        }
    }

    /// Whether somebody told this of at least one file.
    pub const fn knows(&self, kind: Kind) -> bool {
        self.unknown_of(kind) < self.files
    }

    pub(super) fn add(&mut self, shares: [Option<Share>; 3]) {
        self.files += 1;
        let own = [&mut self.lines, &mut self.branches, &mut self.functions];
        for ((own, unknown), share) in own.into_iter().zip(&mut self.unknown).zip(shares) {
            match share {
                Some(share) => own.add(share),
                None => *unknown += 1,
            }
        }
    }
}
