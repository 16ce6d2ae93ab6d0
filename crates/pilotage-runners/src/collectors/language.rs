//! What the collectors of a language share: a type checker or compiler, a linter, and a build, each run and read.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Evidence, Measured, Tool, Unit, Value},
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::section;
use crate::{
    Collector, Input, Measures, Site,
    process::{self, Ran},
    reading::{Proof, brief, count},
};

const METRICS: &[(&str, Unit)] = &[
    ("build_success", Unit::Bool),
    ("compile_errors", Unit::Count),
    ("build_time", Unit::Seconds),
    ("lint_errors", Unit::Count),
    ("lint_warnings", Unit::Count),
];
/// Most findings that are named.
const MAX_NAMES: usize = 10;

/// A tool of a language.
pub(super) struct Check {
    /// The program, looked for in the folder of the project's own tools first.
    pub(super) program: &'static str,
    /// Its arguments where the configuration gives none.
    pub(super) arguments: &'static [&'static str],
    /// Arguments that its output is read by, whatever the configuration says.
    pub(super) always: &'static [&'static str],
    /// Exit codes with which it says something.
    pub(super) codes: &'static [i32],
    /// Reads what it says.
    pub(super) read: fn(&Ran) -> Result<Found, String>,
    /// Asks the same tool for the files that it looks at, where its report does not have them.
    pub(super) files: Option<&'static [&'static str]>,
}

/// A language.
pub(super) struct Language {
    /// What makes a tool say its version, and that of everything it is extended by.
    pub(super) version: &'static str,
    /// What the tools look at although git ignores it, as git takes patterns.
    pub(super) ignored: &'static [&'static str],
    /// What tells which packages of others are installed.
    pub(super) packages: Packages,
    /// Where a project keeps its own tools.
    pub(super) tools: &'static str,
    /// The compiler or type checker; without one the linter finds what cannot be parsed.
    pub(super) check: Option<Check>,
    /// The linter.
    pub(super) lint: Check,
}

/// What tells which packages of others are installed, where they matter to the tools.
pub(super) enum Packages {
    /// They do not.
    DoNotMatter,
    /// A file that the package manager writes, from the folder of the project.
    File(&'static str),
    /// A command; its program is that of the project, where it has one.
    Command(&'static [&'static str]),
}

/// What a tool found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What it calls errors.
    pub(super) errors: Vec<String>,
    /// Everything else.
    pub(super) warnings: Vec<String>,
    /// What cannot be parsed, where a linter tells.
    pub(super) broken: Vec<String>,
    /// Files that it looked at.
    pub(super) files: u64,
}

/// How a project in this language is looked at.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Section {
    /// The folder of the project, from that of the repository.
    #[serde(default)]
    folder: Option<String>,
    /// The build and its arguments; without one the check is the build.
    #[serde(default)]
    build: Vec<String>,
    /// The compiler or type checker and its arguments.
    #[serde(default)]
    check: Vec<String>,
    /// The linter and its arguments.
    #[serde(default)]
    lint: Vec<String>,
    /// Fewer files looked at than this are no evidence.
    #[serde(default)]
    at_least: Option<u64>,
    /// Environment variables that they are given beside the harmless ones.
    #[serde(default)]
    env: Vec<String>,
}

struct Project {
    language: &'static Language,
    section: Section,
}

pub(super) fn build(language: &'static Language, value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    match &section.folder {
        Some(folder) if !crate::reading::is_within(folder) => Err(vec![Problem::at(
            "/folder",
            "a path from the folder of the repository, without `..`",
        )]),
        _ => Ok(Box::new(Project { language, section })),
    }
}

/// What one tool said, or why it says nothing.
type Said = Result<(Ran, Found, &'static str), String>;

#[async_trait]
impl Collector for Project {
    fn measures(&self) -> Measures {
        METRICS
            .iter()
            .map(|(name, unit)| ((*name).to_owned(), *unit))
            .collect()
    }

    /// Commands of one's own may look at anything, and say their versions in any way.
    fn input(&self, site: &Site) -> Option<Input> {
        let Section {
            build, check, lint, ..
        } = &self.section;
        if !(build.is_empty() && check.is_empty() && lint.is_empty()) {
            return None;
        }
        let folder = self.folder(site);
        let tools = self.language.check.iter().chain([&self.language.lint]);
        let ask = |program: &str, arguments: &[&str]| -> Vec<String> {
            let program = self.place(&folder, Path::new(program));
            let arguments = arguments.iter().map(ToString::to_string);
            std::iter::once(program).chain(arguments).collect()
        };
        let mut input = Input {
            settings: format!("{:?}", self.section),
            ignored: self.language.ignored.iter().map(ToString::to_string).collect(),
            versions: tools
                .map(|tool| ask(tool.program, &[self.language.version]))
                .collect(),
            variables: self.section.env.clone(),
            ..Input::default()
        };
        match self.language.packages {
            Packages::DoNotMatter => {}
            Packages::File(name) if !folder.join(name).is_file() => return None,
            Packages::File(name) => input.beside.push(folder.join(name)),
            Packages::Command(command) => {
                let (program, arguments) = command.split_first()?;
                input.versions.push(ask(program, arguments));
            }
        }
        Some(input)
    }

    async fn collect(&self, site: &Site) -> Measured {
        let folder = self.folder(site);
        let linted = self.run(&folder, &self.language.lint, &self.section.lint).await;
        let checked = match &self.language.check {
            Some(check) => self.run(&folder, check, &self.section.check).await,
            None => by_linter(&linted),
        };
        let built = self.built(&folder, &checked).await;
        let mut measured = Measured::from([
            (
                "compile_errors".to_owned(),
                self.counted(&checked, |found| &found.errors),
            ),
            (
                "lint_errors".to_owned(),
                self.counted(&linted, |found| &found.errors),
            ),
            (
                "lint_warnings".to_owned(),
                self.counted(&linted, |found| &found.warnings),
            ),
        ]);
        measured.extend(built);
        measured
    }
}

/// A linter that parses everything finds what would not run.
fn by_linter(linted: &Said) -> Said {
    let (ran, found, program) = linted.as_ref().map_err(Clone::clone)?;
    let broken = Found {
        errors: found.broken.clone(),
        files: found.files,
        ..Found::default()
    };
    Ok((ran.clone(), broken, program))
}

impl Project {
    fn folder(&self, site: &Site) -> PathBuf {
        match &self.section.folder {
            Some(folder) => site.root.join(folder),
            None => site.root.clone(),
        }
    }

    async fn run(&self, folder: &Path, check: &'static Check, own: &[String]) -> Said {
        let (program, arguments) = match own.split_first() {
            Some((program, arguments)) => (PathBuf::from(program), arguments.to_vec()),
            None => (
                PathBuf::from(check.program),
                check.arguments.iter().map(ToString::to_string).collect(),
            ),
        };
        let program = self.place(folder, &program);
        let with = |more: &[&str]| -> Vec<String> {
            let more = more.iter().map(ToString::to_string);
            arguments.iter().cloned().chain(more).collect()
        };
        let ran = process::run(&program, &with(check.always), folder, &self.section.env).await?;
        let failed = |reason: &str| {
            let code = ran
                .code
                .map_or_else(|| "a signal".to_owned(), |code| code.to_string());
            brief(&format!(
                "{} ended with {code}, {reason}; {}",
                check.program, ran.said
            ))
        };
        if !ran.code.is_some_and(|code| check.codes.contains(&code)) {
            return Err(failed("which is a failure of its own"));
        }
        let mut found = (check.read)(&ran).map_err(|reason| failed(&reason))?;
        if let Some(ask) = check.files {
            let listed = process::run(&program, &with(ask), folder, &self.section.env).await?;
            let lines = String::from_utf8_lossy(&listed.out);
            found.files = lines.lines().filter(|line| !line.trim().is_empty()).count() as u64;
        }
        Ok((ran, found, check.program))
    }

    /// The project's own tool, if it has one, or the one that is installed.
    fn place(&self, folder: &Path, program: &Path) -> String {
        let own = folder.join(self.language.tools).join(program);
        let found = if program.components().count() == 1 && own.is_file() {
            own
        } else {
            program.to_owned()
        };
        found.to_string_lossy().into_owned()
    }

    fn proof(&self, ran: &Ran, program: &str) -> Proof {
        let tool = Tool {
            name: program.to_owned(),
            version: None,
        };
        Proof::of_run(tool, &ran.out, self.section.at_least.unwrap_or(1))
    }

    fn counted(&self, said: &Said, pick: fn(&Found) -> &Vec<String>) -> Result<Evidence, String> {
        let (ran, found, program) = said.as_ref().map_err(Clone::clone)?;
        let all = pick(found);
        let named: Vec<_> = all.iter().take(MAX_NAMES).map(|text| brief(text)).collect();
        let number = count(all.len() as u64);
        Ok(self
            .proof(ran, program)
            .evidence(number, Unit::Count, (found.files, "files"), &named))
    }

    async fn built(&self, folder: &Path, checked: &Said) -> Measured {
        let (success, seconds, proof, examined) = match self.build_or_check(folder, checked).await {
            Ok(built) => built,
            Err(reason) => {
                let names = ["build_success", "build_time"];
                return names.map(|name| (name.to_owned(), Err(reason.clone()))).into();
            }
        };
        let time = if success {
            Ok(proof.evidence(Value::Number(seconds), Unit::Seconds, examined, &[]))
        } else {
            Err("the build did not go through, so its time says nothing".to_owned())
        };
        let success = proof.evidence(Value::Bool(success), Unit::Bool, examined, &[]);
        Measured::from([
            ("build_success".to_owned(), Ok(success)),
            ("build_time".to_owned(), time),
        ])
    }

    async fn build_or_check(
        &self,
        folder: &Path,
        checked: &Said,
    ) -> Result<(bool, f64, Proof, (u64, &'static str)), String> {
        let Some((program, arguments)) = self.section.build.split_first() else {
            let (ran, found, program) = checked.as_ref().map_err(Clone::clone)?;
            let proof = self.proof(ran, program);
            return Ok((
                found.errors.is_empty(),
                ran.seconds,
                proof,
                (found.files, "files"),
            ));
        };
        let place = self.place(folder, Path::new(program));
        let ran = process::run(&place, arguments, folder, &self.section.env).await?;
        match ran.code {
            None => Err("a signal ended the build".to_owned()),
            Some(126 | 127) => Err(format!("the build could not be run: {}", ran.said)),
            Some(code) => {
                let tool = Tool {
                    name: program.clone(),
                    version: None,
                };
                Ok((
                    code == 0,
                    ran.seconds,
                    Proof::of_run(tool, &ran.out, 1),
                    (1, "build"),
                ))
            }
        }
    }
}
