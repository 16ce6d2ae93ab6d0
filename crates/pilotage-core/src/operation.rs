//! What is going on, as people watch it: every execution is an operation, and so is whatever else takes a while (a gate
//! run, a test run, a pipeline, a deployment).
//!
//! An operation is stored in the same transaction as the change that it shows, and carries the number of its last
//! [`Change`]. Numbers are given in commit order, without one being used twice, so a follower that remembers the last
//! number it saw gets every operation that changed since, in its present state: nothing missed, nothing twice.

pub mod filter;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{ExecutionStatus, TenantId, Timestamp};

/// Identity of an operation. That of an execution's operation is the execution's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub Uuid);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a change of an operation: 1, 2, 3, ... over all operations, in the order of commits. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Change(pub i64);

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationStatus {
    /// Has not begun, or waits before it goes on.
    Pending,
    /// Is being worked on.
    Running,
    /// Ended well.
    Success,
    /// Ended badly.
    Failure,
    /// Was stopped, or gave way to another.
    Cancelled,
}

impl OperationStatus {
    /// Every status, in the order of an operation's life.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Success,
        Self::Failure,
        Self::Cancelled,
    ];

    /// The word used in API, store and UI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Cancelled)
    }

    /// The status with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl From<ExecutionStatus> for OperationStatus {
    fn from(status: ExecutionStatus) -> Self {
        match status {
            ExecutionStatus::Waiting | ExecutionStatus::Pending => Self::Pending,
            ExecutionStatus::Running => Self::Running,
            ExecutionStatus::Succeeded => Self::Success,
            ExecutionStatus::Failed => Self::Failure,
            ExecutionStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// What is known of an operation before it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// What people call it, at most 200 bytes.
    pub name: String,
    /// What its steps are called, in order, such as the types of a rule's actions; each at most 200 bytes.
    pub steps: Vec<String>,
    /// Further facts; see `Operation::metadata`.
    pub metadata: Map<String, Value>,
}

impl Description {
    /// Bytes of a name, of a step and of a value in the metadata.
    const MOST_BYTES: usize = 200;

    /// A description without metadata. Texts that are too long are cut.
    pub fn new<'a>(name: &str, steps: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            name: short_line(name, Self::MOST_BYTES),
            steps: steps
                .into_iter()
                .map(|step| short_line(step, Self::MOST_BYTES))
                .collect(),
            metadata: Map::new(),
        }
    }

    /// Adds a fact. A text that is too long is cut.
    pub fn add(&mut self, key: &str, text: &str) {
        let text = short_line(text, Self::MOST_BYTES);
        self.metadata.insert(key.to_owned(), text.into());
    }
}

/// The text with every control character as a space, so that it is one line and JSON does not make it much longer, and
/// cut after so many bytes, which an ellipsis shows.
pub fn short_line(text: &str, most_bytes: usize) -> String {
    const ELLIPSIS: char = '\u{2026}';
    let mut line = String::with_capacity(text.len().min(most_bytes));
    for character in text.chars() {
        if line.len() + character.len_utf8() > most_bytes {
            let room = most_bytes.saturating_sub(ELLIPSIS.len_utf8());
            line.truncate(line.floor_char_boundary(room));
            line.push(ELLIPSIS);
            break;
        }
        line.push(if character.is_control() { ' ' } else { character });
    }
    line
}

/// How far an operation has come, in steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub current: u32,
    /// Steps in all; 0 where that is not known.
    pub total: u32,
}

impl Progress {
    /// Steps done of a hundred, 0 to 100, rounded down; 0 where the total is not known.
    pub fn percentage(self) -> u32 {
        let percentage = (u64::from(self.current) * 100).checked_div(u64::from(self.total));
        let percentage = percentage.unwrap_or(0).min(100);
        u32::try_from(percentage).unwrap_or(100)
    }
}

/// An operation in its present state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its identity.
    pub id: OperationId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is: `execution`, and further words as further kinds come.
    pub kind: String,
    /// What people call it, such as the name of the rule that is executed.
    pub name: String,
    /// Where it stands.
    pub status: OperationStatus,
    /// How far it has come.
    pub progress: Progress,
    /// What happens or has happened, in words, at most 500 bytes. Never a secret.
    pub message: String,
    /// Further facts, such as `rule`, `eventId`, `source`, `eventType`; at most 4 KiB as JSON. Never a secret, never a body.
    pub metadata: Map<String, Value>,
    /// When it was scheduled.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended, if its status is final.
    pub finished_at: Option<Timestamp>,
    /// Number of its last change.
    pub change: Change,
}

/// What a watcher is told of an operation: `{id, type, status, progress{current,total,percentage}, message, timestamp,
/// metadata}`. `metadata` has the operation's own facts and `name`, `tenant`, `createdAt`, `finishedAt` (or null).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The operation.
    pub id: OperationId,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it stands.
    pub status: OperationStatus,
    /// How far it has come.
    pub progress: ShownProgress,
    /// What happens, in words.
    pub message: String,
    /// When it last changed.
    pub timestamp: Timestamp,
    /// Further facts.
    pub metadata: Map<String, Value>,
}

/// [`Progress`] with its percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownProgress {
    /// Steps done.
    pub current: u32,
    /// Steps in all; 0 where that is not known.
    pub total: u32,
    /// Steps done of a hundred.
    pub percentage: u32,
}

impl From<Operation> for StatusUpdate {
    fn from(operation: Operation) -> Self {
        let mut metadata = operation.metadata;
        metadata.insert("name".to_owned(), operation.name.into());
        metadata.insert("tenant".to_owned(), operation.tenant.0.into());
        metadata.insert("createdAt".to_owned(), operation.created_at.to_string().into());
        let finished_at = operation.finished_at.map(|moment| moment.to_string());
        metadata.insert("finishedAt".to_owned(), finished_at.into());
        Self {
            id: operation.id,
            kind: operation.kind,
            status: operation.status,
            progress: ShownProgress {
                current: operation.progress.current,
                total: operation.progress.total,
                percentage: operation.progress.percentage(),
            },
            message: operation.message,
            timestamp: operation.updated_at,
            metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_stays_between_0_and_100() {
        let of = |current, total| Progress { current, total }.percentage();
        assert_eq!(
            [of(0, 0), of(5, 0), of(0, 3), of(1, 3), of(3, 3), of(4, 3)],
            [0, 0, 0, 33, 100, 100]
        );
        assert_eq!(of(u32::MAX, u32::MAX), 100);
    }

    #[test]
    fn a_short_line_is_one_line_within_its_bytes() {
        for (text, most, expected) in [
            ("", 10, ""),
            ("short", 5, "short"),
            ("longer", 5, "lo\u{2026}"),
            ("a\nb\u{1b}[1m", 20, "a b [1m"),
            ("\u{e9}\u{e9}\u{e9}", 6, "\u{e9}\u{e9}\u{e9}"),
            ("\u{e9}\u{e9}\u{e9}\u{e9}", 6, "\u{e9}\u{2026}"),
        ] {
            assert_eq!(short_line(text, most), expected, "{text:?}");
        }
        let mut description = Description::new(&"n".repeat(300), ["webhook"]);
        description.add("source", &"s".repeat(300));
        assert_eq!(description.name.len(), 200);
        assert_eq!(description.metadata["source"].as_str().map(str::len), Some(200));
    }

    #[test]
    fn the_words_are_the_ones_on_the_wire() {
        for status in OperationStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(OperationStatus::parse(status.as_str()), Some(status));
        }
    }
}
