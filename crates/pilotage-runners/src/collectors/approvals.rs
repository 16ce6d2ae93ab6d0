//! `approvals`: how many people approved this very commit, from files or from the trailers of its message.
//!
//! Nobody approves his own commit: its author, its committer and those who wrote it with them do not count. A trailer is as
//! trustworthy as the way in which a commit comes to its branch; a file as the place that wrote it.

use std::{collections::BTreeSet, fs::File};

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Measured, Tool, Unit},
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::section;
use crate::{
    Collector, CollectorKind, Measures, Site, process,
    reading::{Bounded, Files, Proof, brief, count},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "approvals",
    build,
    detect: |_| None,
    schema: <Section as schemars::JsonSchema>::json_schema,
};

const METRIC: &str = "required_approvals";
/// Most people that are named.
const MAX_NAMES: usize = 20;

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// Files of approvals, from the folder of the repository: `{"commit": "<hash>", "approvals": [{"by": "Ada <ada@example.com>"}]}`.
    #[serde(default)]
    files: Vec<String>,
    /// How old a file may be, such as `7d`; a day where it is not given. One from before the commit never counts.
    #[serde(default)]
    max_age: Option<Json>,
    /// Trailers of the commit message that approve it, such as `Approved-by`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    trailers: Vec<String>,
    /// Addresses or names of those whose approval counts; everybody's where nothing is given.
    #[serde(default)]
    people: Vec<String>,
}

struct Approvals {
    section: Section,
    people: BTreeSet<String>,
}

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    let mut problems = Vec::new();
    if section.files.is_empty() && section.trailers.is_empty() {
        problems.push(Problem::at(
            "",
            "neither `files` nor `trailers`: nobody could approve",
        ));
    }
    if !section.files.is_empty() {
        problems.extend(section.reports().problems());
    }
    let is_key = |text: &String| {
        !text.is_empty()
            && text.len() <= 64
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !section.trailers.iter().all(is_key) || section.trailers.len() > 16 {
        problems.push(Problem::at("/trailers", "keys such as `Approved-by`, at most 16"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let people = section.people.iter().map(|person| identity(person)).collect();
    Ok(Box::new(Approvals { section, people }))
}

impl Section {
    fn reports(&self) -> Files {
        Files {
            files: self.files.clone(),
            max_age: self.max_age.clone(),
            at_least: None,
        }
    }
}

/// The address of `Ada <ada@example.com>`, or the text itself, without regard to case.
fn identity(person: &str) -> String {
    let address = person.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    address
        .map_or(person, |(address, _)| address)
        .trim()
        .to_lowercase()
}

/// The name before the address.
fn name(person: &str) -> String {
    let name = person.split('<').next().unwrap_or(person);
    name.trim().to_lowercase()
}

async fn log(site: &Site, format: &str) -> Result<String, String> {
    let format = format!("--format={format}");
    process::git(&site.root, &["log", "-1", "--no-show-signature", &format]).await
}

#[derive(Deserialize)]
struct Document {
    commit: String,
    approvals: Vec<Approval>,
}

#[derive(Deserialize)]
struct Approval {
    by: String,
}

/// Who approved what, as files say.
#[derive(Default)]
struct Read {
    commit: String,
    by: Vec<String>,
    elsewhere: u64,
}

fn read(read: &mut Read, input: &mut Bounded<File>) -> Result<(), String> {
    let text = input.whole(1).map_err(|error| error.to_string())?;
    let document: Document =
        serde_json::from_slice(&text).map_err(|error| format!("it is no file of approvals: {error}"))?;
    if document.commit.eq_ignore_ascii_case(&read.commit) {
        read.by
            .extend(document.approvals.into_iter().map(|approval| approval.by));
    } else {
        read.elsewhere += document.approvals.len() as u64;
    }
    Ok(())
}

/// The commit and those who made it.
struct Commit {
    id: String,
    makers: BTreeSet<String>,
    message: Vec<u8>,
}

async fn commit(site: &Site) -> Result<Commit, String> {
    let told = log(
        site,
        "%H%n%ae%n%an%n%ce%n%cn%n%(trailers:key=Co-authored-by,valueonly,unfold)",
    )
    .await?;
    let mut lines = told.lines();
    let id = lines.next().unwrap_or_default().to_owned();
    let makers = lines.flat_map(|line| [identity(line), name(line)]);
    let makers = makers.filter(|maker| !maker.is_empty()).collect();
    let message = process::git(&site.root, &["cat-file", "commit", &id]).await?;
    Ok(Commit {
        id,
        makers,
        message: message.into_bytes(),
    })
}

#[async_trait]
impl Collector for Approvals {
    fn measures(&self) -> Measures {
        vec![(METRIC.to_owned(), Unit::Count)]
    }

    async fn collect(&self, site: &Site) -> Measured {
        let answer = self.look(site).await;
        Measured::from([(METRIC.to_owned(), answer)])
    }
}

impl Approvals {
    async fn look(&self, site: &Site) -> Result<pilotage_core::gate::Evidence, String> {
        let commit = commit(site).await?;
        let tool = Tool {
            name: "git".to_owned(),
            version: None,
        };
        let mut by = self.by_trailers(site).await?;
        let mut proof = Proof::of_run(tool, &commit.message, 1);
        let mut notes = Vec::new();
        if !self.section.files.is_empty() {
            let begin = Read {
                commit: commit.id.clone(),
                ..Read::default()
            };
            let (read, files) = self.section.reports().read(&site.root, begin, read).await?;
            if read.elsewhere > 0 {
                notes.push(format!("{} approvals are of other commits", read.elsewhere));
            }
            by.extend(read.by);
            proof = files.by(Tool {
                name: "file of approvals".to_owned(),
                version: None,
            });
        }
        let counted = self.count(&by, &commit, &mut notes);
        Ok(proof.evidence(count(counted), Unit::Count, (1, "commit"), &notes))
    }

    async fn by_trailers(&self, site: &Site) -> Result<Vec<String>, String> {
        let mut by = Vec::new();
        for key in &self.section.trailers {
            let told = log(site, &format!("%(trailers:key={key},valueonly,unfold)")).await?;
            let values = told.lines().map(str::trim).filter(|line| !line.is_empty());
            by.extend(values.map(ToOwned::to_owned));
        }
        Ok(by)
    }

    /// Different people who may approve and did not make the commit.
    fn count(&self, by: &[String], commit: &Commit, notes: &mut Vec<String>) -> u64 {
        let mut counted = BTreeSet::new();
        for person in by {
            let id = identity(person);
            let note = if id.is_empty() {
                continue;
            } else if commit.makers.contains(&id) || commit.makers.contains(&name(person)) {
                format!("does not count, made the commit: {person}")
            } else if !self.people.is_empty() && !self.people.contains(&id) {
                format!("does not count, may not approve: {person}")
            } else if counted.insert(id) {
                format!("approved: {person}")
            } else {
                continue;
            };
            if notes.len() < MAX_NAMES {
                notes.push(brief(&note));
            }
        }
        counted.len() as u64
    }
}
