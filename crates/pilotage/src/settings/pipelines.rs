//! Pipelines of the file, and of files that it names.

use std::path::{Path, PathBuf};

use pilotage_core::{
    config::{Document, Problem, pointer_segment},
    pipeline::{self, Pipeline, PipelineFile},
};

use super::{Settings, SettingsError, SettingsFile};
use crate::findings::Findings;

/// What is wrong with the pipelines that the file holds itself.
pub(super) fn check(file: &SettingsFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, written) in &file.pipelines {
        let pointer = format!("/pipelines/{}", pointer_segment(name));
        let found = match &written.file {
            None => pipeline::resolve(name, written).err().unwrap_or_default(),
            Some(_) if !written.jobs.is_empty() => {
                vec![Problem::at(
                    "/jobs",
                    "a pipeline of another file has no jobs here",
                )]
            }
            Some(_) => Vec::new(),
        };
        problems.extend(found.into_iter().map(|problem| problem.under(&pointer)));
    }
    problems
}

/// Every pipeline of the file at `path`, by name.
///
/// # Errors
/// The file or one that it names cannot be read, or something in it does not hold.
pub(crate) fn pipelines(path: &Path) -> Result<Vec<Pipeline>, SettingsError> {
    let settings = Settings::read(path)?;
    let mut pipelines = Vec::new();
    for (name, written) in &settings.file.pipelines {
        match &written.file {
            None => {
                let resolved = pipeline::resolve(name, written).map_err(|problems| {
                    let pointer = format!("/pipelines/{}", pointer_segment(name));
                    let problems: Vec<_> = problems
                        .into_iter()
                        .map(|problem| problem.under(&pointer))
                        .collect();
                    settings.problems(&problems)
                })?;
                pipelines.push(resolved);
            }
            Some(file) => {
                let place = path.parent().unwrap_or(Path::new("")).join(file);
                pipelines.push(alone(name, &place)?);
            }
        }
    }
    Ok(pipelines)
}

/// The files that the pipelines of the file at `path` are in, where they are in others.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn pipeline_files(path: &Path) -> Result<Vec<PathBuf>, SettingsError> {
    let settings = Settings::read(path)?;
    let files = settings
        .file
        .pipelines
        .values()
        .filter_map(|written| written.file.as_ref());
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(files.map(|file| folder.join(file)).collect())
}

/// A pipeline that has a file of its own.
///
/// # Errors
/// As for [`pipelines`].
pub(crate) fn alone(name: &str, path: &Path) -> Result<Pipeline, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let shown = path.display().to_string();
    let document = Document::parse(text).map_err(|unread| Findings::of_text(&shown, &unread))?;
    let refuse = |problems: Vec<Problem>| Findings::of_document(&shown, &document, &problems);
    let written: PipelineFile = document.read("").map_err(refuse)?;
    Ok(pipeline::resolve(name, &written).map_err(refuse)?)
}
