//! Checks files of the four platforms without asking anybody: one file for each check, one line in [`checks`] to register it.
//!
//! A file is read into a view that is the same for all platforms (jobs, what they need, scripts, conditions), so
//! that most checks are written once; what only one platform has is in `platforms`.

mod checks;
pub(in crate::pipelines) mod expression;
pub(in crate::pipelines) mod platforms;
mod secret;
mod shape;
mod shell;
mod untrusted;
pub(in crate::pipelines) mod view;

use pilotage_core::config::Location;
use serde::Serialize;

pub use platforms::{Dialect, dialect_of};
pub use secret::without_secrets;
use view::View;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The platform would refuse the file, or it does something dangerous.
    Error,
    /// It works, and should be looked at.
    Warning,
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check that found it.
    pub check: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// 1 is the first line.
    pub line: usize,
    /// 1 is the first character of the line.
    pub column: usize,
}

/// A check.
pub struct Check {
    /// Names it.
    pub id: &'static str,
    /// What it looks for.
    pub about: &'static str,
    /// Looks.
    run: fn(&View, &mut Report<'_>),
}

/// Every check.
pub fn checks() -> &'static [Check] {
    &[
        checks::shape::CHECK,
        checks::graph::CHECK,
        checks::reach::CHECK,
        checks::names::CHECK,
        checks::conditions::CHECK,
        checks::injection::CHECK,
        checks::shell::CHECK,
        checks::secrets::CHECK,
        checks::pinning::CHECK,
        checks::permissions::CHECK,
    ]
}

/// What was found so far by one check.
struct Report<'a> {
    check: &'static str,
    view: &'a View,
    found: Vec<Finding>,
}

impl Report<'_> {
    fn error(&mut self, at: &view::Spot, message: impl Into<String>) {
        self.add(Severity::Error, at, message.into());
    }

    fn warn(&mut self, at: &view::Spot, message: impl Into<String>) {
        self.add(Severity::Warning, at, message.into());
    }

    fn add(&mut self, severity: Severity, at: &view::Spot, message: String) {
        let Location { line, column } = self.view.locate(at);
        self.found.push(Finding {
            check: self.check,
            severity,
            message,
            line,
            column,
        });
    }
}

/// Everything that is wrong with the text of a file, by place.
pub fn lint(dialect: Dialect, text: &str) -> Vec<Finding> {
    let view = match platforms::view(dialect, text) {
        Ok(view) => view,
        Err(finding) => return vec![*finding],
    };
    let mut found = Vec::new();
    for check in checks() {
        let mut report = Report {
            check: check.id,
            view: &view,
            found: Vec::new(),
        };
        (check.run)(&view, &mut report);
        found.extend(report.found);
    }
    found.sort_by(|one, other| {
        (one.line, one.column, one.check, &one.message).cmp(&(
            other.line,
            other.column,
            other.check,
            &other.message,
        ))
    });
    found.dedup();
    found
}
