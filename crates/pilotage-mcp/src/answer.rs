//! What tools answer.

use serde::Serialize;
use serde_json::{Value, json};

/// Structured content, or what went wrong and what to do next.
pub type ToolAnswer = Result<Answer, ToolError>;

/// What a tool found or did.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub(crate) structured: Value,
    pub(crate) text: Option<String>,
    pub(crate) untrusted: bool,
}

impl Answer {
    /// An answer with this structured content; its text is the same as compact JSON.
    pub fn json(structured: Value) -> Self {
        Self {
            structured,
            text: None,
            untrusted: false,
        }
    }

    /// An answer with this structured content.
    ///
    /// # Errors
    /// It cannot be written as JSON, which is our bug.
    pub fn of(structured: &impl Serialize) -> ToolAnswer {
        serde_json::to_value(structured).map(Self::json).map_err(|error| {
            ToolError::new(
                format!("the answer could not be written: {error}"),
                "This is a fault of the server; its log may say more.",
            )
        })
    }

    /// What a call would have done, for `dry_run`: one sentence, for example "delete the rule `deploy`", and facts.
    pub fn would(what: &str, facts: &Value) -> Self {
        let structured = json!({ "dry_run": true, "would": what, "facts": facts });
        Self::json(structured).with_text(format!("Nothing was changed. This call would {what}."))
    }

    /// The same with a text of its own, where that is better reading than the JSON.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// The same, marked as carrying text that strangers wrote: payloads, logs, names of things in other systems.
    #[must_use]
    pub fn untrusted(mut self) -> Self {
        self.untrusted = true;
        self
    }
}

/// Why a tool could not do what it was asked. It reaches the model as a result with `isError`, so it says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}. {next}")]
pub struct ToolError {
    what: String,
    next: String,
    untrusted: bool,
}

impl ToolError {
    /// What went wrong, without a full stop, and what to do next, as a sentence.
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            next: next.into(),
            untrusted: false,
        }
    }

    /// The same, marked as carrying text that strangers wrote.
    #[must_use]
    pub fn untrusted(mut self) -> Self {
        self.untrusted = true;
        self
    }

    pub(crate) const fn is_untrusted(&self) -> bool {
        self.untrusted
    }
}
