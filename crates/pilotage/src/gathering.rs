//! Gathers evidence for the server: reads what was sent, and collects in a working folder where the configuration names one.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use pilotage_core::{
    Timestamp,
    config::Problem,
    gate::Measured,
    operation::short_line,
    ports::{Gatherer, SentReport, Tell, Wanted},
};
use pilotage_runners::{Site, Source, collector, collectors, process};
use serde_json::json;

/// For reading the reports of one kind.
const READ_LIMIT: Duration = Duration::from_mins(1);

/// Gathers evidence.
pub(crate) struct Gathering {
    folder: Option<PathBuf>,
    sources: Vec<Source>,
}

impl Gathering {
    /// `folder` is where evidence may be collected, `sources` what the configuration says of evidence.
    pub(crate) fn new(folder: Option<PathBuf>, sources: Vec<Source>) -> Self {
        Self { folder, sources }
    }

    /// What can be asked here, in order of precedence.
    fn all_sources(&self) -> Vec<Source> {
        let Some(folder) = &self.folder else {
            return Vec::new();
        };
        let mut sources = self.sources.clone();
        sources.extend(collector::detected(folder, &self.sources));
        sources
    }
}

#[async_trait]
impl Gatherer for Gathering {
    async fn read(&self, reports: &[SentReport]) -> Result<Measured, Vec<Problem>> {
        let mut kinds: BTreeMap<&str, Vec<&SentReport>> = BTreeMap::new();
        for (place, report) in reports.iter().enumerate() {
            if !collectors::READ_REPORTS.contains(&report.kind.as_str()) {
                let known = collectors::READ_REPORTS.join(", ");
                let message = format!("reports of the kind `{}` cannot be sent", report.kind);
                let problem = Problem::at(format!("/{place}/kind"), message);
                return Err(vec![problem.help(format!("there are: {known}"))]);
            }
            kinds.entry(&report.kind).or_default().push(report);
        }
        let mut measured = Measured::new();
        for (kind, reports) in kinds {
            measured.extend(read_kind(kind, &reports).await);
        }
        Ok(measured)
    }

    fn collects(&self) -> Vec<String> {
        let sources = self.all_sources();
        let metrics = sources.iter().flat_map(Source::measures);
        metrics.map(|(metric, _)| metric).collect()
    }

    async fn collect(&self, commit: &str, wanted: &[Wanted], tell: Tell<'_>) -> Measured {
        let Some(folder) = &self.folder else {
            return Measured::new();
        };
        if let Err(reason) = is_at(folder, commit).await {
            let none = |wanted: &Wanted| (wanted.metric.clone(), Err(reason.clone()));
            return wanted.iter().map(none).collect();
        }
        let sources = self.all_sources();
        let site = Site { root: folder.clone() };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut looks = Vec::new();
        for (source, metrics, limit) in needed(&sources, wanted) {
            looks.push(look(source, metrics, limit, &site, tell));
        }
        let found: Vec<_> = stream::iter(looks).buffer_unordered(cores).collect().await;
        found.into_iter().flatten().collect()
    }
}

async fn look(
    source: &Source,
    metrics: Vec<String>,
    limit: Duration,
    site: &Site,
    tell: Tell<'_>,
) -> Measured {
    tell(&format!("looking at {}", source.name));
    let mut found = source.collect(site, limit).await;
    found.retain(|metric, _| metrics.contains(metric));
    found
}

/// The sources that measure what is wanted, each with those metrics and the shortest time for one of them.
fn needed<'a>(sources: &'a [Source], wanted: &[Wanted]) -> Vec<(&'a Source, Vec<String>, Duration)> {
    let mut needed: Vec<(&Source, Vec<String>, Duration)> = Vec::new();
    for Wanted { metric, limit } in wanted {
        let owner = sources
            .iter()
            .find(|source| source.measures().iter().any(|(name, _)| name == metric));
        let Some(owner) = owner else { continue };
        match needed.iter_mut().find(|(source, ..)| source.name == owner.name) {
            Some((_, metrics, shortest)) => {
                metrics.push(metric.clone());
                *shortest = (*shortest).min(*limit);
            }
            None => needed.push((owner, vec![metric.clone()], *limit)),
        }
    }
    needed
}

/// Evidence is about the commit that was asked about, or it is none.
async fn is_at(folder: &Path, commit: &str) -> Result<(), String> {
    let folder_is =
        |what: &str| format!("the working folder of the server {what}, so nothing there is evidence");
    match process::commit(folder).await {
        None => Err(folder_is("is no repository")),
        Some((id, ..)) if !id.starts_with(commit) => Err(folder_is(&format!("is at another commit ({id})"))),
        Some((_, _, true)) => Err(folder_is("has changes that are not committed")),
        Some(_) => Ok(()),
    }
}

/// Reads the reports of one kind as its collector reads files, in a folder that is gone afterwards.
async fn read_kind(kind: &str, reports: &[&SentReport]) -> Measured {
    let (folder, names) = match write_all(reports) {
        Ok(written) => written,
        Err(error) => {
            tracing::error!(%error, "reports that were sent cannot be written to a folder of their own");
            return Measured::new();
        }
    };
    let section = json!({ "kind": kind, "files": names.keys().collect::<Vec<_>>() });
    let configured = collector::configured(&BTreeMap::from([("sent".to_owned(), section)]));
    let Ok([source]) = configured.as_deref() else {
        return Measured::new();
    };
    let site = Site {
        root: folder.path().to_owned(),
    };
    let mut measured = source.collect(&site, READ_LIMIT).await;
    let rename = |text: &mut String| {
        for (name, own) in &names {
            *text = text.replace(name, own);
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
    measured
}

/// The reports as files, and what their senders call them.
fn write_all(reports: &[&SentReport]) -> io::Result<(tempfile::TempDir, BTreeMap<String, String>)> {
    let folder = tempfile::tempdir()?;
    let mut names = BTreeMap::new();
    for (place, report) in reports.iter().enumerate() {
        let name = format!("sent-{place}/{}", plain(&report.name));
        let path = folder.path().join(&name);
        if let Some(inside) = path.parent() {
            fs::create_dir_all(inside)?;
        }
        let mut file = File::create(&path)?;
        file.write_all(&report.data)?;
        file.set_modified(UNIX_EPOCH + report.measured_at.since(Timestamp::from_secs(0)))?;
        names.insert(name, short_line(&report.name, 200));
    }
    Ok((folder, names))
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
mod tests {
    use super::*;

    fn report(kind: &str, name: &str, data: &str) -> SentReport {
        SentReport {
            name: name.to_owned(),
            kind: kind.to_owned(),
            data: data.to_owned().into(),
            measured_at: Timestamp::now(),
        }
    }

    #[tokio::test]
    async fn what_was_sent_is_read_and_named_as_its_sender_names_it() {
        let junit = r#"<testsuite name="a" tests="2" failures="1"><testcase name="x"/><testcase name="y"><failure/></testcase></testsuite>"#;
        let reports = [
            report("junit", "out/../../junit.xml", junit),
            report("coverage", "lcov.info", "not a report"),
        ];
        let measured = Gathering::new(None, Vec::new()).read(&reports).await.unwrap();
        let tests = measured["tests_failed"].as_ref().unwrap();
        assert_eq!(tests.value, pilotage_core::gate::Value::Number(1.0));
        assert_eq!(tests.files[0].path, "out/../../junit.xml");
        let reason = measured["code_coverage_lines"].as_ref().unwrap_err();
        assert!(
            reason.contains("lcov.info") && !reason.contains("sent-"),
            "{reason}"
        );
    }

    #[tokio::test]
    async fn only_reports_can_be_sent() {
        for kind in ["command", "cargo", "zzz"] {
            let problems = Gathering::new(None, Vec::new())
                .read(&[report(kind, "a", "{}")])
                .await;
            assert_eq!(problems.unwrap_err()[0].pointer, "/0/kind");
        }
    }

    #[test]
    fn names_of_strangers_are_no_paths() {
        for (name, expected) in [
            ("a/b/junit.xml", "junit.xml"),
            ("..", "report"),
            ("", "report"),
            ("C:\\x\\*.xml", "_.xml"),
            ("\u{0}{a,b}", "__a_b_"),
        ] {
            assert_eq!(plain(name), expected);
        }
    }
}
