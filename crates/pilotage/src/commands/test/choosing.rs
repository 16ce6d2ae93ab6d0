//! Which suites, and what is known of them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use pilotage_core::{
    Timestamp,
    config::nearest,
    testing::{History, Policy, ServicesFile, TestsFile},
};
use pilotage_runners::testing::{self, Ready, Suite};

use crate::{exit::usage, settings::Settings};

/// Which suites.
#[derive(Args, Debug)]
pub(super) struct Choosing {
    /// Only this suite; may be given several times
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,
    /// Only suites with this tag; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    #[command(flatten)]
    pub(super) known: Known,
}

/// Where what is known of tests stands.
#[derive(Args, Debug)]
pub(super) struct Known {
    /// The configuration; without it `pilotage.yaml` if there is one, else what is found
    #[arg(long, env = "PILOTAGE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// How long tests took before, and how they ended
    #[arg(long, value_name = "FILE", default_value = ".pilotage/test-history.json")]
    pub(super) history: PathBuf,
}

impl Known {
    pub(super) fn file(&self) -> anyhow::Result<TestsFile> {
        Ok(self.sections()?.0)
    }

    /// What is said of tests and of services.
    ///
    /// # Errors
    /// It cannot be read, or does not hold.
    pub(super) fn sections(&self) -> anyhow::Result<(TestsFile, ServicesFile)> {
        let usual = PathBuf::from("pilotage.yaml");
        let settings = match &self.config {
            Some(path) => Settings::read(path)?,
            None if usual.exists() => Settings::read(&usual)?,
            None => Settings::empty(),
        };
        Ok((settings.file.tests, settings.file.services))
    }

    /// # Errors
    /// There is a history, and it cannot be read.
    pub(super) fn history(&self) -> anyhow::Result<History> {
        testing::read_history(&self.history).map_err(|why| anyhow::anyhow!("{why}"))
    }
}

impl Choosing {
    /// The suites that are asked for.
    ///
    /// # Errors
    /// There is none, or none of a name that is asked for.
    pub(super) fn suites(&self, root: &Path, file: &TestsFile) -> anyhow::Result<Vec<Suite>> {
        let mut suites = testing::suites(root, file).map_err(usage)?;
        let names: Vec<String> = suites.iter().map(|suite| suite.name.clone()).collect();
        if let Some(name) = self.suite.iter().find(|name| !names.contains(name)) {
            let near = nearest(name, names.iter().map(String::as_str));
            let near = near.map_or_else(
                || format!("There are: {}.", names.join(", ")),
                |near| format!("Did you mean `{near}`?"),
            );
            return Err(usage(format!("There is no suite `{name}`. {near}")));
        }
        suites.retain(|suite| {
            let has_tag = suite.settings.tags.iter().any(|tag| self.tag.contains(tag));
            (self.suite.is_empty() || self.suite.contains(&suite.name)) && (self.tag.is_empty() || has_tag)
        });
        if suites.is_empty() {
            return Err(usage(
                "There is no suite of tests here. Suites of pytest, Vitest, Jest, RSpec, cargo and Go are found by their \
                 files; others are named under `tests:` in pilotage.yaml.",
            ));
        }
        Ok(suites)
    }
}

/// Suites with what they hold.
pub(super) async fn look(suites: Vec<Suite>, scratch: &Path) -> Vec<Ready> {
    let mut ready = testing::list(suites, scratch.to_owned()).await;
    // What shows itself and has no test is no suite: a package of Rust or Go may have none, a folder of helpers too.
    ready.retain(|ready| ready.suite.is_listed || ready.problem.is_some() || ready.files().next().is_some());
    ready
}

/// Days since 1970.
pub(super) fn today() -> i64 {
    Timestamp::now().as_micros() / 86_400_000_000
}

/// What is made of failing tests today.
///
/// # Errors
/// The section does not hold, which reading it has told before.
pub(super) fn policy(file: &TestsFile) -> anyhow::Result<Policy> {
    let now = Timestamp::now().to_string();
    let day = now.get(..10).unwrap_or_default();
    Policy::new(file, day).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        usage(problems.join("; "))
    })
}

/// A folder for one command, which goes with it.
///
/// # Errors
/// It cannot be made.
pub(super) fn scratch() -> anyhow::Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("pilotage-test-")
        .tempdir()
        .context("cannot make a folder to work in")
}
