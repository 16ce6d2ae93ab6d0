//! What every scanner of dependencies shares: it is run, or its report is read; what it looked at is held against the lock
//! file; and it must find something that is known to be vulnerable in a scratch folder, or nobody believes it.

mod said;

use std::{fs::File, path::Path, time::Duration};

use async_trait::async_trait;
use pilotage_core::{
    Timestamp,
    config::Problem,
    gate::{Evidence, Measured, Tool, Unit, Value},
};
use serde::Deserialize;
use serde_json::Value as Json;

pub(super) use said::{json, text, texts};
use said::{read_lock, read_report};

use super::section;
use crate::{
    Collector, Measures, Site,
    audit::{Audited, Exceptions, Ignored, Tally, read_vex, tally},
    process::{self, Ran},
    reading::{Files, Proof, count},
};

const METRICS: [&str; 3] = [
    "high_severity_vulnerabilities",
    "medium_severity_vulnerabilities",
    "low_severity_vulnerabilities",
];
/// How old a database may be where the configuration does not say.
const DEFAULT_DATABASE_AGE: Duration = Duration::from_hours(7 * 24);

/// One scanner.
pub(super) struct Scanner {
    /// The program with what always follows it.
    pub(super) program: &'static [&'static str],
    /// Its arguments for a lock file of this name.
    pub(super) arguments: fn(&str) -> Vec<String>,
    /// The lock files that it reads, by preference.
    pub(super) locks: &'static [&'static str],
    /// Exit codes with which it says something.
    pub(super) codes: &'static [i32],
    /// Reads what it says.
    pub(super) read: fn(&[u8]) -> Result<Audited, String>,
    /// A project with a package that everybody knows to be vulnerable: the lock file first.
    pub(super) control: &'static [(&'static str, &'static str)],
}

/// How known vulnerabilities are looked for.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Section {
    /// The folder of the project, from that of the repository.
    #[serde(default)]
    folder: Option<String>,
    /// The lock file within the folder; the usual one where it is not given.
    #[serde(default)]
    lock: Option<String>,
    /// The program and what comes before its own arguments, such as `[npx, npm]`.
    #[serde(default)]
    command: Vec<String>,
    /// Reports that the scanner left, from the folder of the repository. The scanner is not run then.
    #[serde(default)]
    files: Vec<String>,
    /// A report of the same scanner on a project with something known to be vulnerable, which it must have found.
    #[serde(default)]
    control: Option<String>,
    /// How old a report may be, such as `24h`; a day where it is not given.
    #[serde(default)]
    max_age: Option<Json>,
    /// How old the scanner's database may be, where it says; `7d` where it is not given.
    #[serde(default)]
    max_database_age: Option<Json>,
    /// Fewer packages looked at than this are no evidence.
    #[serde(default)]
    at_least: Option<u64>,
    /// Advisories that are left out of the count, each with a reason and an end.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    ignore: Vec<Ignored>,
    /// `OpenVEX` documents, from the folder of the repository.
    #[serde(default)]
    #[schemars(length(max = 64))]
    vex: Vec<String>,
    /// Environment variables that the scanner is given beside the harmless ones.
    #[serde(default)]
    env: Vec<String>,
}

struct Audit {
    scanner: &'static Scanner,
    section: Section,
    database_age: Duration,
}

/// A collector of this scanner from its section.
pub(super) fn build(scanner: &'static Scanner, value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    let mut problems = Vec::new();
    let lists = [("files", &section.files), ("vex", &section.vex)];
    for (key, files) in lists.into_iter().filter(|(_, files)| !files.is_empty()) {
        let found = section.reports(files).problems().into_iter();
        problems.extend(found.map(|problem| Problem {
            pointer: problem.pointer.replacen("/files", &format!("/{key}"), 1),
            ..problem
        }));
    }
    let places = [
        ("/folder", &section.folder),
        ("/lock", &section.lock),
        ("/control", &section.control),
    ];
    for (pointer, place) in places {
        let wrong = place
            .as_ref()
            .is_some_and(|place| !crate::reading::is_within(place));
        if wrong {
            problems.push(Problem::at(
                pointer,
                "a path from the folder of the repository, without `..`",
            ));
        }
    }
    for (place, ignored) in section.ignore.iter().enumerate() {
        let found = ignored.problems().into_iter();
        problems.extend(found.map(|problem| problem.under(&format!("/ignore/{place}"))));
    }
    let database_age = age(section.max_database_age.as_ref()).unwrap_or_else(|message| {
        problems.push(Problem::at("/maxDatabaseAge", message));
        DEFAULT_DATABASE_AGE
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Box::new(Audit {
        scanner,
        section,
        database_age,
    }))
}

fn age(written: Option<&Json>) -> Result<Duration, String> {
    let Some(written) = written else {
        return Ok(DEFAULT_DATABASE_AGE);
    };
    match Unit::Seconds.read(written)? {
        Value::Number(secs) if (60.0..=31_536_000.0).contains(&secs) => Ok(Duration::from_secs_f64(secs)),
        _ => Err("between 1m and 365d".to_owned()),
    }
}

/// The section of a repository that has one of the scanner's lock files at its top.
pub(super) fn detect(scanner: &Scanner, root: &Path) -> Option<Json> {
    let has = scanner.locks.iter().any(|name| root.join(name).is_file());
    has.then(|| serde_json::json!({}))
}

impl Section {
    fn reports(&self, files: &[String]) -> Files {
        Files {
            files: files.to_vec(),
            max_age: self.max_age.clone(),
            at_least: self.at_least,
        }
    }

    /// A path from the folder of the repository to a file of the project.
    fn within(&self, name: &str) -> String {
        match &self.folder {
            Some(folder) => format!("{}/{name}", folder.trim_end_matches('/')),
            None => name.to_owned(),
        }
    }
}

/// What there is to look at: the lock file's name and how many packages it has.
struct Lock {
    name: String,
    packages: u64,
    proof: Proof,
}

#[async_trait]
impl Collector for Audit {
    fn measures(&self) -> Measures {
        METRICS
            .iter()
            .map(|name| ((*name).to_owned(), Unit::Count))
            .collect()
    }

    async fn collect(&self, site: &Site) -> Measured {
        let answers = self.look(site).await;
        let answer = |pick: fn(&Tally) -> u64| {
            let (tally, proof, looked_at) = answers.as_ref().map_err(Clone::clone)?;
            let examined = (looked_at.0, looked_at.1.as_str());
            Ok::<Evidence, String>(proof.evidence(count(pick(tally)), Unit::Count, examined, &tally.notes))
        };
        let picks: [fn(&Tally) -> u64; 3] = [|found| found.high, |found| found.medium, |found| found.low];
        let answers = METRICS.iter().zip(picks);
        answers
            .map(|(name, pick)| ((*name).to_owned(), answer(pick)))
            .collect()
    }
}

type Looked = (Tally, Proof, (u64, String));

impl Audit {
    async fn look(&self, site: &Site) -> Result<Looked, String> {
        let exceptions = self.exceptions(site).await?;
        let lock = self.lock(site).await;
        let (audited, proof, is_proven) = if self.section.files.is_empty() {
            let lock = lock.as_ref().map_err(Clone::clone)?;
            self.run(site, lock).await?
        } else {
            self.read_reports(site).await?
        };
        let now = crate::collector::now();
        let expected = lock.as_ref().ok().map(|lock| lock.packages);
        let looked_at = self.enough(&audited, expected, is_proven, now)?;
        let mut tally = tally(&audited.findings, &exceptions, now);
        if is_proven {
            tally.notes.push("it found what was planted for it".to_owned());
        }
        let tool = Tool {
            name: self.name(),
            version: audited.version,
        };
        let proof = match &lock {
            Ok(lock) => proof.by(tool).beside(&lock.proof),
            Err(_) => proof.by(tool),
        };
        Ok((tally, proof, looked_at))
    }

    fn name(&self) -> String {
        self.scanner.program.join(" ")
    }

    async fn exceptions(&self, site: &Site) -> Result<Exceptions, String> {
        let begin = Exceptions {
            ignored: self.section.ignore.clone(),
            statements: Vec::new(),
        };
        if self.section.vex.is_empty() {
            return Ok(begin);
        }
        // A VEX document is as good as its statements, however old the file.
        let files = self.section.reports(&self.section.vex);
        let (exceptions, _) = files.read(&site.root, begin, read_vex::<File>).await?;
        Ok(exceptions)
    }

    async fn lock(&self, site: &Site) -> Result<Lock, String> {
        let own = self.section.lock.as_deref();
        let usual = || {
            let names = self.scanner.locks.iter().copied();
            names
                .into_iter()
                .find(|name| site.root.join(self.section.within(name)).is_file())
        };
        let name = own
            .or_else(usual)
            .ok_or_else(|| format!("there is no {}", self.scanner.locks.join(" or ")))?;
        let files = Files {
            files: vec![self.section.within(name)],
            max_age: None,
            at_least: self.section.at_least,
        };
        let begin = (name.rsplit('/').next().unwrap_or(name).to_owned(), 0);
        let ((_, packages), proof) = files.read(&site.root, begin, read_lock).await?;
        Ok(Lock {
            name: name.to_owned(),
            packages,
            proof,
        })
    }

    async fn run(&self, site: &Site, lock: &Lock) -> Result<(Audited, Proof, bool), String> {
        let folder = match &self.section.folder {
            Some(folder) => site.root.join(folder),
            None => site.root.clone(),
        };
        let (ran, audited) = self.scan(&folder, &lock.name).await?;
        let planted = self.plant().await?;
        if let Some(first) = audited.skipped.first().or(planted.skipped.first()) {
            return Err(format!("{} could not look at a package: {first}", self.name()));
        }
        if planted.findings.is_empty() {
            return Err(format!(
                "{} does not find what was planted for it, so that it finds nothing proves nothing",
                self.name()
            ));
        }
        let at_least = self.section.at_least.unwrap_or(1);
        let proof = Proof::of_run(Tool::default(), &ran.out, at_least);
        Ok((audited, proof, true))
    }

    /// The same scanner on a project with a package that is known to be vulnerable.
    async fn plant(&self) -> Result<Audited, String> {
        let scratch = tempfile::tempdir().map_err(|error| format!("no scratch folder: {error}"))?;
        for (name, text) in self.scanner.control {
            std::fs::write(scratch.path().join(name), text)
                .map_err(|error| format!("no scratch folder: {error}"))?;
        }
        let lock = self.scanner.control.first().map_or("", |(name, _)| *name);
        let scanned = self.scan(scratch.path(), lock).await;
        let (_, audited) = scanned.map_err(|reason| format!("on what was planted for it: {reason}"))?;
        Ok(audited)
    }

    async fn scan(&self, folder: &Path, lock: &str) -> Result<(Ran, Audited), String> {
        let own = &self.section.command;
        let usual = self.scanner.program.iter().map(ToString::to_string);
        let mut words: Vec<String> = if own.is_empty() {
            usual.collect()
        } else {
            own.clone()
        };
        words.extend((self.scanner.arguments)(lock));
        let (program, arguments) = words.split_first().ok_or("there is no command")?;
        let ran = process::run(program, arguments, folder, &self.section.env).await?;
        let said = |reason: String| {
            if ran.said.is_empty() {
                reason
            } else {
                format!("{reason}; it said: {}", ran.said)
            }
        };
        let code = ran.code.ok_or_else(|| said("a signal ended it".to_owned()))?;
        let audited = (self.scanner.read)(&ran.out)
            .map_err(|reason| said(format!("{} (exit code {code}): {reason}", self.name())))?;
        if !self.scanner.codes.contains(&code) {
            return Err(said(format!("{} ended with {code}", self.name())));
        }
        Ok((ran, audited))
    }

    async fn read_reports(&self, site: &Site) -> Result<(Audited, Proof, bool), String> {
        let begin = (Audited::default(), self.scanner.read);
        let files = self.section.reports(&self.section.files);
        let ((audited, _), proof) = files.read(&site.root, begin, read_report).await?;
        let Some(control) = &self.section.control else {
            return Ok((audited, proof, false));
        };
        let files = self.section.reports(std::slice::from_ref(control));
        let begin = (Audited::default(), self.scanner.read);
        let ((planted, _), _) = files.read(&site.root, begin, read_report).await?;
        if planted.findings.is_empty() {
            return Err(format!(
                "{control}: the scanner did not find what was planted for it"
            ));
        }
        Ok((audited, proof, true))
    }

    /// How much was looked at, or why that is not enough.
    fn enough(
        &self,
        audited: &Audited,
        expected: Option<u64>,
        is_proven: bool,
        now: Timestamp,
    ) -> Result<(u64, String), String> {
        if let Some(first) = audited.skipped.first() {
            return Err(format!(
                "{} packages could not be looked at, first {first}",
                audited.skipped.len()
            ));
        }
        self.is_database_fresh(audited, now)?;
        let looked_at = match (audited.looked_at, expected) {
            (Some(looked_at), Some(expected)) if looked_at < expected => {
                return Err(format!(
                    "looked at {looked_at} of the {expected} packages of the lock file"
                ));
            }
            (Some(looked_at), _) => looked_at,
            (None, Some(expected)) if is_proven => expected,
            (None, _) => {
                return Err(
                    "the report does not say what was looked at; give the lock file, and as `control` a report on something \
                     known to be vulnerable"
                        .to_owned(),
                );
            }
        };
        match (looked_at, expected) {
            // A project that needs nothing was looked at, and there was nothing to find.
            (0, Some(0)) if is_proven => Ok((1, "lock file without packages".to_owned())),
            _ => Ok((looked_at, "packages".to_owned())),
        }
    }

    fn is_database_fresh(&self, audited: &Audited, now: Timestamp) -> Result<(), String> {
        let Some(database) = &audited.database else {
            return Ok(());
        };
        if database.advisories == 0 {
            return Err("its database holds no advisory".to_owned());
        }
        let Some(updated_at) = database.updated_at else {
            return Err("nobody knows how old its database is".to_owned());
        };
        if now.since(updated_at) > self.database_age {
            return Err(format!("its database is of {updated_at}, which is too old"));
        }
        Ok(())
    }
}
