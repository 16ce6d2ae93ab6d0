//! `pilotage test`: the suites of a repository, in whatever language, on one plan and with one verdict.

mod annotations;
mod choosing;
mod coverage;
mod environment;
mod flaky;
mod junit;
mod keeping;
mod list;
mod merge;
mod page;
mod places;
mod planning;
mod printing;
mod progress;
mod reached;
mod run;
mod section;
mod serving;
mod text;

use clap::Subcommand;

use crate::{cli::Context, exit::Done};

/// Run the tests of this repository, in whatever language
#[derive(Debug, Subcommand)]
pub(crate) enum TestCommand {
    /// Show the suites, their files and tests, and how long they took.
    List(list::List),
    /// Run the suites side by side on a plan from history, and judge them as one.
    Run(run::Run),
    /// Run any command with the services of the tests beside it.
    Env(environment::Env),
    /// Merge reports of what tests reached, of whatever format, and judge them.
    Coverage(coverage::Coverage),
    /// Judge what several machines have run as one.
    Merge(merge::Merge),
    /// Show tests that do not always end the same, and those that are in quarantine.
    Flaky(flaky::Flaky),
}

impl TestCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::List(command) => command.run(context).await,
            Self::Run(command) => command.run(context).await,
            Self::Env(command) => command.run(context).await,
            Self::Merge(command) => command.run(context).await,
            Self::Coverage(command) => command.run(context).await,
            Self::Flaky(command) => command.run(context),
        }
    }

    /// Whether it prints pages and reports beside text and JSON.
    pub(crate) const fn prints_reports(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Merge(_))
    }
}
