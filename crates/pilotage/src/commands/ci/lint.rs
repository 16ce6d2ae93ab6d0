//! `pilotage ci lint`.

mod printing;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use pilotage_adapters::pipelines::lint::{self, Dialect, Finding, Severity};
use pilotage_core::config::Document;

use super::Definition;
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::Format,
};

const EXAMPLES: &str = "\
Examples:
  pilotage ci lint                                  the definition, and the files of the platforms that are here
  pilotage ci lint .github/workflows/*.yml Jenkinsfile
  pilotage ci lint --format sarif > ci.sarif        for code scanning

Nobody is asked: everything is checked here. Exit 1 when something is wrong.";
/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// What is checked.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Lint {
    /// Definitions, workflows, .gitlab-ci.yml, Jenkinsfiles and azure-pipelines.yml; without any, those that are here
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whether warnings count as well
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    definition: Definition,
}

/// A file and what is wrong with it.
struct Checked {
    path: PathBuf,
    text: String,
    findings: Vec<Finding>,
}

impl Lint {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Done> {
        let mut checked = Vec::new();
        let mut waiting = self.files()?;
        while let Some(path) = waiting.pop() {
            let file = check(path)?;
            waiting.extend(named(&file));
            checked.push(file);
        }
        checked.sort_by(|one, other| one.path.cmp(&other.path));
        let output = context.output;
        match context.global.format {
            Format::Sarif => output.json(&printing::sarif(&checked))?,
            Format::Json => output.json(&printing::report(&checked))?,
            _ => printing::show(output, &checked)?,
        }
        let wrong = checked
            .iter()
            .flat_map(|file| &file.findings)
            .any(|finding| self.strict || finding.severity == Severity::Error);
        Ok(Done::when(!wrong))
    }

    /// Those that were named, or those that the platforms would read.
    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        if !self.files.is_empty() {
            return Ok(self.files.clone());
        }
        let workflows = std::fs::read_dir(".github/workflows")
            .into_iter()
            .flatten()
            .flatten();
        let is_yaml = |path: &PathBuf| path.extension().is_some_and(|end| end == "yml" || end == "yaml");
        let mut files: Vec<PathBuf> = workflows.map(|entry| entry.path()).filter(is_yaml).collect();
        files.push(self.definition.config.clone());
        files.extend([".gitlab-ci.yml", "Jenkinsfile", "azure-pipelines.yml"].map(PathBuf::from));
        files.retain(|path| path.exists());
        if files.is_empty() {
            return Err(usage("There is nothing to check here: name files."));
        }
        Ok(files)
    }
}

fn check(path: PathBuf) -> anyhow::Result<Checked> {
    let text = read(&path)?;
    let shown = path.to_string_lossy().replace('\\', "/");
    let Some(dialect) = lint::dialect_of(&shown, &text) else {
        return Err(usage(format!(
            "{} is of no platform that is known, going by its name and its text.",
            path.display()
        )));
    };
    Ok(Checked {
        findings: lint::lint(dialect, &text),
        path,
        text,
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let length = std::fs::metadata(path).with_context(cannot)?.len();
    if length > MAX_FILE_BYTES {
        bail!("{} is larger than {MAX_FILE_BYTES} bytes", path.display());
    }
    std::fs::read_to_string(path).with_context(cannot)
}

/// Pipelines that the definition keeps in files of their own.
fn named(file: &Checked) -> Vec<PathBuf> {
    let shown = file.path.to_string_lossy();
    if lint::dialect_of(&shown, &file.text) != Some(Dialect::Definition) {
        return Vec::new();
    }
    let Ok(document) = Document::parse(file.text.as_str()) else {
        return Vec::new();
    };
    let pipelines = document.value()["pipelines"].as_object().into_iter().flatten();
    let folder = file.path.parent().unwrap_or(Path::new(""));
    pipelines
        .filter_map(|(_, pipeline)| pipeline["file"].as_str())
        .map(|name| folder.join(name))
        .collect()
}
