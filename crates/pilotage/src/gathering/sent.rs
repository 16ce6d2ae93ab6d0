//! Files that were sent: read as their collectors read files of a repository, in a folder that is gone afterwards.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::PathBuf,
    time::{Duration, UNIX_EPOCH},
};

use pilotage_core::{
    Timestamp,
    config::Problem,
    gate::Measured,
    operation::short_line,
    ports::{SentReport, SentRole},
};
use pilotage_runners::{
    Site, collector,
    collectors::{READABLE, Readable},
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// For reading the files of one kind.
const LIMIT: Duration = Duration::from_mins(1);

/// What the files say.
///
/// # Errors
/// One is of a kind that cannot be sent, or its settings do not hold; pointers begin at the list.
pub(super) async fn read(reports: &[SentReport]) -> Result<Measured, Vec<Problem>> {
    let problems: Vec<_> = reports
        .iter()
        .enumerate()
        .filter_map(|(place, report)| refusal(place, report))
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let (folder, files) = match write_all(reports) {
        Ok(written) => written,
        Err(error) => {
            tracing::error!(%error, "reports that were sent cannot be written to a folder of their own");
            return Ok(Measured::new());
        }
    };
    let sections = sections(reports, &files);
    let configured = sections
        .iter()
        .map(|(name, (_, section))| (name.clone(), section.clone()))
        .collect();
    let sources = collector::configured(&configured).map_err(|problems| {
        problems
            .into_iter()
            .map(|problem| placed(problem, &sections))
            .collect::<Vec<_>>()
    })?;
    let site = Site {
        root: folder.path().to_owned(),
    };
    let mut measured = Measured::new();
    for source in sources {
        measured.extend(source.collect(&site, LIMIT).await);
    }
    let names: Vec<_> = files.iter().map(String::as_str).zip(reports).collect();
    name_as_sent(&mut measured, &names);
    Ok(measured)
}

/// A bill of materials: it is kept with the run, and nothing is measured by it.
const KEPT_ALONE: &str = "sbom";

fn refusal(place: usize, report: &SentReport) -> Option<Problem> {
    if report.kind == KEPT_ALONE && report.role == SentRole::Report && report.settings.is_empty() {
        return None;
    }
    let Some(readable) = READABLE.iter().find(|readable| readable.kind == report.kind) else {
        let kinds = READABLE.iter().map(|readable| readable.kind);
        let known: Vec<_> = kinds.chain([KEPT_ALONE]).collect();
        let message = format!("reports of the kind `{}` cannot be sent", report.kind);
        let problem = Problem::at(format!("/{place}/kind"), message);
        return Some(problem.help(format!("there are: {}", known.join(", "))));
    };
    if report.role != SentRole::Report && !readable.is_audit {
        let message = format!("`{}` reads reports alone", report.kind);
        return Some(Problem::at(format!("/{place}/role"), message));
    }
    let unknown = report
        .settings
        .keys()
        .find(|key| !readable.settings.contains(&key.as_str()))?;
    let message = format!(
        "`{}` has no setting `{unknown}` for files that are sent",
        report.kind
    );
    let problem = Problem::at(format!("/{place}/settings"), message);
    Some(problem.help(format!("there are: {}", readable.settings.join(", "))))
}

/// By the name of a source, the place of its first file and its section. Files of one kind with the same settings are read
/// as one.
fn sections(reports: &[SentReport], files: &[String]) -> BTreeMap<String, (usize, Value)> {
    let mut groups: Vec<(usize, &Readable, Map<String, Value>)> = Vec::new();
    for (place, (report, file)) in reports.iter().zip(files).enumerate() {
        let Some(readable) = READABLE.iter().find(|readable| readable.kind == report.kind) else {
            continue;
        };
        let found = groups.iter().position(|(first, other, _)| {
            let same = reports
                .get(*first)
                .is_some_and(|first| first.settings == report.settings);
            other.kind == readable.kind && (same || readable.is_audit)
        });
        if found.is_none() {
            let files = json!({ "kind": readable.kind, "files": [] });
            let section = files.as_object().cloned().unwrap_or_default();
            groups.push((place, readable, section));
        }
        let last = groups.len().saturating_sub(1);
        let Some((.., section)) = groups.get_mut(found.unwrap_or(last)) else {
            continue;
        };
        section.extend(report.settings.clone());
        put(section, report.role, file);
    }
    let mut named = BTreeMap::new();
    for (place, readable, section) in groups {
        let name = if named.contains_key(readable.kind) {
            format!("{}-{place}", readable.kind)
        } else {
            readable.kind.to_owned()
        };
        named.insert(name, (place, Value::Object(section)));
    }
    named
}

fn put(section: &mut Map<String, Value>, role: SentRole, file: &str) {
    let (key, is_list) = match role {
        SentRole::Report => ("files", true),
        SentRole::Vex => ("vex", true),
        SentRole::Lock => ("lock", false),
        SentRole::Control => ("control", false),
    };
    if !is_list {
        section.insert(key.to_owned(), json!(file));
    } else if let Some(list) = section.entry(key).or_insert_with(|| json!([])).as_array_mut() {
        list.push(json!(file));
    }
}

/// A problem with a section, at the file that brought it.
fn placed(mut problem: Problem, sections: &BTreeMap<String, (usize, Value)>) -> Problem {
    let inside = problem.pointer.trim_start_matches("/evidence/").to_owned();
    let (name, rest) = inside.split_once('/').unwrap_or((&inside, ""));
    let place = sections.get(name).map_or(0, |(place, _)| *place);
    problem.pointer = if rest.is_empty() {
        format!("/{place}/settings")
    } else {
        format!("/{place}/settings/{rest}")
    };
    problem
}

/// Whoever sent a file knows it by its own name.
fn name_as_sent(measured: &mut Measured, names: &[(&str, &SentReport)]) {
    let rename = |text: &mut String| {
        for (file, report) in names {
            *text = text.replace(file, &short_line(&report.name, 200));
        }
    };
    for found in measured.values_mut() {
        match found {
            Ok(evidence) => {
                evidence.files.iter_mut().for_each(|file| rename(&mut file.path));
                evidence.notes.iter_mut().for_each(rename);
            }
            Err(reason) => rename(reason),
        }
    }
}

/// The files in a folder of their own, each by its path there, in the order in which they were sent.
fn write_all(reports: &[SentReport]) -> io::Result<(TempDir, Vec<String>)> {
    let folder = tempfile::tempdir()?;
    let mut files = Vec::new();
    for (place, report) in reports.iter().enumerate() {
        let name = format!("sent-{place}/{}", plain(&report.name));
        let path: PathBuf = folder.path().join(&name);
        if let Some(inside) = path.parent() {
            fs::create_dir_all(inside)?;
        }
        let mut file = File::create(&path)?;
        file.write_all(&report.data)?;
        file.set_modified(UNIX_EPOCH + report.measured_at.since(Timestamp::from_secs(0)))?;
        files.push(name);
    }
    Ok((folder, files))
}

/// The last part of a name, as letters that mean nothing to a file system: formats are told apart by it.
fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
            letter
        } else {
            '_'
        }
    };
    let name: String = last.chars().map(plain).take(100).collect();
    if name.trim_matches('.').is_empty() {
        "report".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests;
