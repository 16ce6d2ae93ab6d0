//! What is wrong in a file that a person wrote: for people with the line quoted, for programs with line and column.

use pilotage_core::config::{Document, DocumentError, Location, Problem};
use serde::Serialize;

/// Everything that is wrong in one file. `Display` is for people.
#[derive(Debug, thiserror::Error)]
#[error("{rendered}")]
pub(crate) struct Findings {
    rendered: String,
    file: String,
    /// The same for programs, in the same order.
    pub(crate) found: Vec<Finding>,
}

/// One thing that is wrong, and its place as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What is wrong, in one sentence.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
    /// JSON pointer (RFC 6901) to the value or the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    /// The file, as it was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// 1 is the first line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// 1 is the first character of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        Self {
            message: problem.message.clone(),
            help: problem.help.clone(),
            pointer: Some(problem.pointer.clone()),
            ..Self::default()
        }
    }
}

impl Finding {
    fn at(problem: &Problem, file: &str, location: Option<Location>) -> Self {
        Self {
            file: Some(file.to_owned()),
            line: location.map(|location| location.line),
            column: location.map(|location| location.column),
            ..Self::from(problem)
        }
    }
}

impl Findings {
    /// Problems of a document that could be read.
    pub(crate) fn of_document(file: &str, document: &Document, problems: &[Problem]) -> Self {
        let place = |problem| Finding::at(problem, file, document.locate_problem(problem));
        Self {
            rendered: document.render(file, problems),
            file: file.to_owned(),
            found: problems.iter().map(place).collect(),
        }
    }

    /// The text of the file is no document.
    pub(crate) fn of_text(file: &str, unread: &DocumentError) -> Self {
        Self {
            rendered: unread.render(file),
            file: file.to_owned(),
            found: vec![Finding::at(&unread.problem, file, Some(unread.location))],
        }
    }

    /// Problems of a file without a text to quote: of one that is not there, or is not UTF-8.
    pub(crate) fn without_text(file: &str, prefix: &str, problems: &[Problem]) -> Self {
        let lines: Vec<_> = problems
            .iter()
            .map(|problem| format!("{prefix}{problem}\n"))
            .collect();
        Self {
            rendered: lines.concat(),
            file: file.to_owned(),
            found: problems
                .iter()
                .map(|problem| Finding::at(problem, file, None))
                .collect(),
        }
    }

    /// All of it in one line; what is wrong in detail is in `found`.
    pub(crate) fn summary(&self) -> String {
        match self.found.as_slice() {
            [only] => format!("{} does not hold: {}", self.file, only.message),
            found => format!("{} does not hold: {} problems", self.file, found.len()),
        }
    }
}
