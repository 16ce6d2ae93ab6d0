//! Reads the configuration of one platform into a definition, as far as it goes, and lists what could not be carried over.

mod condition;
mod github;
mod gitlab;
mod values;
mod write;

use pilotage_core::{
    config::{Document, Problem},
    pipeline::{PipelineFile, resolve},
};
use serde::Serialize;
use serde_json::Value;

use super::lint::Dialect;

/// A definition that was read from the configuration of a platform.
#[derive(Clone, Debug)]
pub struct Imported {
    /// A whole `pilotage.yaml`.
    pub text: String,
    /// What is not in it, by line.
    pub left: Vec<LeftOver>,
}

/// Something that could not be carried over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LeftOver {
    /// Its line in the configuration, from 1; 0 where it is about the definition as a whole.
    pub line: usize,
    /// What it is.
    pub what: String,
    /// Why, and what becomes of it.
    pub why: String,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no YAML.
    #[error("line {line}, column {column}: {message}")]
    Unread {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// It is of another platform.
    #[error("only workflows of GitHub Actions and configurations of GitLab CI can be read")]
    Platform,
}

/// Reads a configuration into the pipeline `id`.
///
/// # Errors
/// The text cannot be read at all.
pub fn import(dialect: Dialect, id: &str, text: &str) -> Result<Imported, ImportError> {
    // A list of names stays of the tag of GitLab, which would be refused; what it stands for is told of where it is used.
    let text = text.replace("!reference", "          ");
    let document = Document::parse(text).map_err(|unread| ImportError::Unread {
        line: unread.location.line,
        column: unread.location.column,
        message: unread.problem.message.clone(),
    })?;
    let mut sheet = Sheet {
        document: &document,
        left: Vec::new(),
    };
    let mut pipeline = match dialect {
        Dialect::GitHub => github::read(document.value(), &mut sheet),
        Dialect::GitLab => gitlab::read(document.value(), &mut sheet),
        _ => return Err(ImportError::Platform),
    };
    by_hand(&mut pipeline, &mut sheet);
    let mut left = sheet.left;
    let text = write::definition(&values::id(id), &pipeline);
    left.extend(refused(&values::id(id), &text));
    left.sort();
    left.dedup();
    Ok(Imported { text, left })
}

/// What runs only when it is started by hand needs a way to be started so.
fn by_hand(pipeline: &mut Value, sheet: &mut Sheet<'_>) {
    let is_needed = sheet.left.iter().any(|left| left.why == condition::BY_HAND);
    if let Some(on) = pipeline["on"].as_object_mut().filter(|_| is_needed)
        && !on.contains_key("manual")
    {
        on.insert("manual".to_owned(), Value::Object(serde_json::Map::new()));
        sheet.left.push(LeftOver {
            line: 0,
            what: "`on.manual`".to_owned(),
            why: "was added, so that what does not run by itself any more can be started by hand".to_owned(),
        });
    }
}

/// What the definition does not take as it was carried over.
fn refused(id: &str, text: &str) -> Vec<LeftOver> {
    let Ok(document) = Document::parse(text) else {
        return Vec::new();
    };
    let problems = match document.read::<PipelineFile>(&format!("/pipelines/{id}")) {
        Err(problems) => problems,
        Ok(file) => resolve(id, &file).err().unwrap_or_default(),
    };
    problems
        .into_iter()
        .map(|problem| LeftOver {
            line: 0,
            what: problem.pointer,
            why: format!("was carried over, but has to be changed: {}", problem.message),
        })
        .collect()
}

/// The configuration, and what could not be carried over so far.
struct Sheet<'a> {
    document: &'a Document,
    left: Vec<LeftOver>,
}

impl Sheet<'_> {
    /// Tells of something at a JSON pointer.
    fn leave(&mut self, at: &str, what: impl Into<String>, why: impl Into<String>) {
        let place = self.document.locate_problem(&Problem::at_key(at, ""));
        self.left.push(LeftOver {
            line: place.map_or(0, |place| place.line),
            what: what.into(),
            why: why.into(),
        });
    }

    /// Tells of every key beside those that are known.
    fn leave_others(&mut self, value: &Value, at: &str, known: &[&str]) {
        for (key, _) in value.as_object().into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                let pointer = format!("{at}/{}", pilotage_core::config::pointer_segment(key));
                self.leave(&pointer, format!("`{key}`"), "a definition has nothing like it");
            }
        }
    }
}
