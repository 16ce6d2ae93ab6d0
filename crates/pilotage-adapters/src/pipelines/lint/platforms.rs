//! Reads the files of each platform into what the checks look at.

mod azure;
mod definition;
mod github;
pub(in crate::pipelines) mod gitlab;
mod jenkins;

use pilotage_core::config::Document;

use super::{Finding, Severity, view::View};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `pilotage.yaml`, or the file of one pipeline.
    Definition,
    /// A workflow of GitHub Actions.
    GitHub,
    /// `.gitlab-ci.yml`.
    GitLab,
    /// A declarative `Jenkinsfile`.
    Jenkins,
    /// `azure-pipelines.yml`.
    Azure,
}

/// Whose file it is, going by its name and, where that is not enough, by its text.
pub fn dialect_of(path: &str, text: &str) -> Option<Dialect> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let says = |key: &str| text.lines().any(|line| line.starts_with(key));
    if path.contains(".github/workflows/") {
        return Some(Dialect::GitHub);
    }
    if name.contains("gitlab-ci") {
        return Some(Dialect::GitLab);
    }
    if name.starts_with("Jenkinsfile") || name.ends_with(".groovy") || name.ends_with(".jenkinsfile") {
        return Some(Dialect::Jenkins);
    }
    if name.contains("azure-pipelines") {
        return Some(Dialect::Azure);
    }
    if says("version:") && says("pipelines:") || name.starts_with("pilotage.") {
        return Some(Dialect::Definition);
    }
    if says("on:") && says("jobs:") {
        // Both have these keys; only jobs of GitHub say what they run on.
        let is_workflow = text.contains("runs-on:") || text.contains("uses:");
        return Some(if is_workflow {
            Dialect::GitHub
        } else {
            Dialect::Definition
        });
    }
    (says("trigger:") || says("pool:") || (says("stages:") && text.contains("- stage:")))
        .then_some(Dialect::Azure)
}

/// # Errors
/// The text cannot be read at all.
pub(super) fn view(dialect: Dialect, text: &str) -> Result<View, Box<Finding>> {
    if dialect == Dialect::Jenkins {
        return jenkins::view(text);
    }
    // The tag of GitLab would be refused; without it a list of names stays, which is let pass where it stands.
    let text = text.replace("!reference", "          ");
    let document = Document::parse(text).map_err(|unread| {
        Box::new(Finding {
            check: "shape",
            severity: Severity::Error,
            message: unread.problem.message.clone(),
            line: unread.location.line,
            column: unread.location.column,
        })
    })?;
    let mut view = View::new(dialect, None);
    match dialect {
        Dialect::Definition => definition::read(&document, &mut view),
        Dialect::GitHub => github::read(document.value(), &mut view),
        Dialect::GitLab => gitlab::read(document.value(), &mut view),
        Dialect::Azure => azure::read(document.value(), &mut view),
        Dialect::Jenkins => {}
    }
    view.document = Some(document);
    Ok(view)
}
