//! What was measured, from what, and how much was really looked at.

use serde::{Deserialize, Serialize};

use super::{Unit, Value};
use crate::{Digest, Timestamp};

/// One measured value with its proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// What was measured, in the base of `unit`.
    pub value: Value,
    /// What it is measured in.
    pub unit: Unit,
    /// The name of the evidence in the configuration, or of what was found without one.
    pub source: String,
    /// The kind of collector: `junit`, `coverage`, `sarif`, `command`, `cargo`.
    pub collector: String,
    /// What made the report.
    pub tool: Tool,
    /// What was read, at most the first twenty files by name.
    pub files: Vec<EvidenceFile>,
    /// How many files were read.
    pub file_count: usize,
    /// SHA-256 of the one file or output; of several, of the lines `digest  path` in order of path.
    pub digest: Digest,
    /// When it was measured: for several files the oldest.
    pub measured_at: Moment,
    /// After this it is too old; `None` for what was measured just now.
    pub expires_at: Option<Timestamp>,
    /// How much was looked at.
    pub examined: Examined,
    /// More in words, such as the names of the first failed tests; bounded.
    pub notes: Vec<String>,
}

/// When something was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "how", content = "at")]
pub enum Moment {
    /// By this run.
    Now(Timestamp),
    /// Before, as the time of the file says.
    Report(Timestamp),
    /// By an earlier run, over exactly the same input.
    Cached(Timestamp),
}

/// What made a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name, or the format where the report does not say.
    pub name: String,
    /// Its version, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFile {
    /// From the folder of the repository.
    pub path: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// How much was really looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Examined {
    /// How many.
    pub count: u64,
    /// Of what: `tests`, `lines`, `packages`.
    pub what: String,
    /// Fewer than this are not enough; never below 1.
    pub at_least: u64,
}

impl Moment {
    /// When.
    pub const fn at(self) -> Timestamp {
        match self {
            Self::Now(at) | Self::Report(at) | Self::Cached(at) => at,
        }
    }
}

impl Evidence {
    /// Why this is not enough to judge by; `None` if it is.
    pub fn insufficient(&self, unit: Unit, now: Timestamp, commit_at: Option<Timestamp>) -> Option<String> {
        let Examined {
            count,
            what,
            at_least,
        } = &self.examined;
        let needed = (*at_least).max(1);
        if *count < needed {
            return Some(format!(
                "looked at {count} {what}, and at least {needed} are needed"
            ));
        }
        if self.unit != unit {
            return Some(format!("measured in {}, and {unit} is needed", self.unit));
        }
        self.stale(now, commit_at)
    }

    fn stale(&self, now: Timestamp, commit_at: Option<Timestamp>) -> Option<String> {
        let Moment::Report(at) = self.measured_at else {
            return None;
        };
        if commit_at.is_some_and(|commit_at| at < commit_at) {
            return Some(format!("the report of {at} is older than the commit"));
        }
        if self.expires_at.is_some_and(|end| end < now) {
            return Some(format!("the report of {at} is too old"));
        }
        // A clock may be a little off; a date far ahead says nothing about when this was measured.
        let ahead = at.since(now) > std::time::Duration::from_mins(5);
        ahead.then(|| format!("the report is dated {at}, which is in the future"))
    }
}
