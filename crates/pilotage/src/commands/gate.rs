//! `pilotage gate`: may this commit go to this environment, and why not?

mod collecting;
mod history;
mod keeping;
mod list;
mod place;
mod printing;
mod replay;
pub(super) mod report;
mod run;
mod secrets;
mod text;
mod waive;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pilotage_runners::secrets::Search;

use crate::{
    cli::Context,
    exit::Done,
    settings::{Gates, Settings, SettingsError},
};

/// Judge this commit by quality gates
#[derive(Debug, Subcommand)]
pub(crate) enum GateCommand {
    /// Look at the evidence and say whether this commit may go, and why not.
    Run(run::Run),
    /// Show the gates and what each asks.
    List(list::List),
    /// Show the secrets that stand in files or in what commits added.
    Secrets(secrets::Secrets),
    /// List the runs that are kept.
    History(history::History),
    /// Show the report of a run that is kept.
    Report(history::ShowReport),
    /// Let a criterion be for one commit: by name, with a reason, for a while.
    Waive(waive::Waive),
    /// List what was waived, or take it back.
    Waivers(waive::Waivers),
}

impl GateCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::Run(command) => command.run(context).await,
            Self::List(command) => command.run(context),
            Self::Secrets(command) => command.run(context).await,
            Self::History(command) => command.run(context).await,
            Self::Report(command) => command.run(context).await,
            Self::Waive(command) => command.run(context).await,
            Self::Waivers(command) => command.run(context).await,
        }
    }
}

/// Which configuration says what the gates are.
#[derive(Args, Debug)]
struct Config {
    /// The configuration; without it `pilotage.yaml` if there is one, else the built-in gates alone
    #[arg(long, env = "PILOTAGE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Config {
    fn gates(&self) -> Result<Gates, SettingsError> {
        self.settings()?.gates()
    }

    /// How secrets are searched for.
    fn secrets(&self) -> Result<Search, SettingsError> {
        self.settings()?.secrets()
    }

    /// How long the evidence of a run is kept; `None` is for ever.
    fn evidence_age(&self) -> Result<Option<std::time::Duration>, SettingsError> {
        Ok(self.settings()?.file.retention.ages().evidence)
    }

    fn settings(&self) -> Result<Settings, SettingsError> {
        let usual = PathBuf::from("pilotage.yaml");
        match &self.config {
            Some(path) => Settings::read(path),
            None if usual.exists() => Settings::read(&usual),
            None => Ok(Settings::empty()),
        }
    }
}
