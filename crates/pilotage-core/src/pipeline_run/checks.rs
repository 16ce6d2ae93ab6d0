//! What is written back to a commit: marks, which say one thing in one line, and checks, which say what was found and where.

use serde::{Deserialize, Serialize};

use crate::operation::short_line;

/// Most places of a file that one check points at.
pub const MOST_ANNOTATIONS: usize = 500;

/// What a commit is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitState {
    /// Not decided yet.
    Pending,
    /// Good.
    Success,
    /// Not good.
    Failure,
    /// Could not be judged.
    Error,
}

/// A mark on a commit, which the platform shows beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitMark {
    /// The full hash.
    pub commit: String,
    /// Tells marks of one commit apart, such as `pilotage/gates`.
    pub context: String,
    /// What it says.
    pub state: CommitState,
    /// One line.
    pub description: String,
    /// Where to read more.
    pub url: Option<String>,
}

/// Where a check stands, in the words that platforms with checks have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// Has not begun.
    Queued,
    /// Goes on.
    Running,
    /// Good.
    Success,
    /// Not good.
    Failure,
    /// Says something and judges nothing.
    Neutral,
    /// Was stopped.
    Cancelled,
    /// Was left out.
    Skipped,
    /// Took too long.
    TimedOut,
    /// Goes on once a person did something.
    ActionRequired,
}

impl CheckState {
    /// Every state with its word.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Queued, "queued"),
        (Self::Running, "running"),
        (Self::Success, "success"),
        (Self::Failure, "failure"),
        (Self::Neutral, "neutral"),
        (Self::Cancelled, "cancelled"),
        (Self::Skipped, "skipped"),
        (Self::TimedOut, "timed-out"),
        (Self::ActionRequired, "action-required"),
    ];

    /// The word used in API and CLI.
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(state, _)| *state == self);
        found.map_or("", |(_, word)| word)
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(_, known)| *known == word);
        found.map(|(state, _)| state)
    }

    /// Whether nothing more is said by it.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// How bad it is what a check found at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnnotationLevel {
    /// Worth knowing.
    Notice,
    /// Worth a look.
    Warning,
    /// Wrong.
    Failure,
}

/// What a check found at a place of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Annotation {
    /// The file, from the root of the repository.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// The last line that is meant; the same where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// How bad it is.
    pub level: AnnotationLevel,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it says.
    pub message: String,
}

/// A check of a commit, which the platform shows on a page of its own with what was found where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The full hash.
    pub commit: String,
    /// Tells checks of one commit apart, such as `pilotage/gates`.
    pub name: String,
    /// Where it stands.
    pub state: CheckState,
    /// One line.
    pub title: String,
    /// Paragraphs in Markdown.
    pub summary: String,
    /// What was found where, at most [`MOST_ANNOTATIONS`].
    pub annotations: Vec<Annotation>,
    /// Where to read more.
    pub url: Option<String>,
    /// A mark will do where the credentials, or the platform, have no checks; without it that is an error.
    pub or_mark: bool,
}

impl Check {
    /// What a mark can say of it.
    pub fn as_mark(&self) -> CommitMark {
        let state = match self.state {
            CheckState::Queued | CheckState::Running => CommitState::Pending,
            CheckState::Success | CheckState::Neutral | CheckState::Skipped => CommitState::Success,
            CheckState::Failure | CheckState::TimedOut | CheckState::ActionRequired => CommitState::Failure,
            CheckState::Cancelled => CommitState::Error,
        };
        CommitMark {
            commit: self.commit.clone(),
            context: self.name.clone(),
            state,
            description: short_line(&self.title, 140),
            url: self.url.clone(),
        }
    }
}

/// How a check was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenCheck {
    /// As what the platform shows it.
    pub kind: WrittenKind,
    /// Its page, where the platform tells one.
    pub url: Option<String>,
    /// Why it is a mark and no check, and how it becomes one.
    pub remark: Option<String>,
}

/// As what a platform shows a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenKind {
    /// With its summary and what was found where.
    Check,
    /// As a mark on the commit, in one line.
    Mark,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_is_not_over_or_not_good_never_becomes_a_good_mark() {
        for (state, word) in CheckState::ALL {
            assert_eq!(CheckState::parse(word), Some(state));
            let check = Check {
                commit: "a".repeat(40),
                name: "gates".to_owned(),
                state,
                title: "t".repeat(500),
                summary: String::new(),
                annotations: Vec::new(),
                url: None,
                or_mark: true,
            };
            let mark = check.as_mark();
            let is_good = matches!(
                state,
                CheckState::Success | CheckState::Neutral | CheckState::Skipped
            );
            assert_eq!(mark.state == CommitState::Success, is_good, "{word}");
            assert_eq!(mark.state == CommitState::Pending, !state.is_final(), "{word}");
            assert!(mark.description.len() <= 140);
        }
    }
}
