//! `pilotage ci`: one pipeline for every platform.

mod approve;
mod artifacts;
mod cancel;
mod check;
mod deployments;
mod diff;
mod follow;
mod import;
mod lint;
mod log;
mod platform;
mod remote;
mod render;
mod retry;
mod runs;
mod status;
mod trigger;
mod watch;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pilotage_core::pipeline::Pipeline;

use crate::{
    cli::Context,
    exit::{Done, usage},
    settings,
};

/// One pipeline for every platform: write its files, start it there, follow it.
#[derive(Debug, Subcommand)]
pub(crate) enum CiCommand {
    /// Write the files of GitHub Actions, GitLab CI, Jenkins and Azure DevOps.
    Render(render::Render),
    /// Check them, and files that were written by hand, without asking anybody.
    Lint(lint::Lint),
    /// Read a configuration of GitHub or GitLab into a definition, as far as it goes.
    Import(import::Import),
    /// Start a pipeline on its platform.
    Trigger(trigger::Trigger),
    /// List the newest runs of a platform.
    Runs(runs::Runs),
    /// Follow a run to its end; the exit code is its result.
    Watch(watch::Watch),
    /// Show the logs of a run.
    Logs(log::Logs),
    /// Stop a run.
    Cancel(cancel::Cancel),
    /// Run it again, all of it or what failed.
    Retry(retry::Retry),
    /// Let a run go on that waits for somebody, or not.
    Approve(approve::Approve),
    /// List and download what a run left behind.
    Artifacts(artifacts::Artifacts),
    /// Say on a commit how something stands, such as the gates.
    Status(status::Status),
    /// Write on a commit what was found and where, as a check that GitHub shows on a page of its own.
    Check(check::Check),
    /// List the newest deployments that a platform keeps.
    Deployments(deployments::Deployments),
}

impl CiCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::Render(command) => command.run(context),
            Self::Lint(command) => command.run(context),
            Self::Import(command) => command.run(context),
            Self::Trigger(command) => command.run(context).await,
            Self::Runs(command) => command.run(context).await,
            Self::Watch(command) => command.run(context).await,
            Self::Logs(command) => command.run(context).await,
            Self::Cancel(command) => command.run(context).await,
            Self::Retry(command) => command.run(context).await,
            Self::Approve(command) => command.run(context).await,
            Self::Artifacts(command) => command.run(context).await,
            Self::Status(command) => command.run(context).await,
            Self::Check(command) => command.run(context).await,
            Self::Deployments(command) => command.run(context).await,
        }
    }
}

/// Which pipelines are meant.
#[derive(Args, Debug)]
pub(super) struct Definition {
    /// The configuration that holds the pipelines, or names their files
    #[arg(
        long,
        env = "PILOTAGE_CONFIG",
        default_value = "pilotage.yaml",
        value_name = "FILE"
    )]
    pub(super) config: PathBuf,
    /// Only this pipeline
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
}

impl Definition {
    /// The files that say what the pipelines are: the configuration, and those that it names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let named = settings::pipeline_files(&self.config).unwrap_or_default();
        std::iter::once(self.config.clone()).chain(named).collect()
    }

    pub(super) fn read(&self) -> anyhow::Result<Vec<Pipeline>> {
        let mut pipelines = settings::pipelines(&self.config)?;
        if pipelines.is_empty() {
            return Err(usage(format!(
                "There are no `pipelines` in {}.",
                self.config.display()
            )));
        }
        if let Some(name) = &self.pipeline {
            pipelines.retain(|pipeline| pipeline.id == *name);
            if pipelines.is_empty() {
                return Err(usage(format!(
                    "There is no pipeline called `{name}` in {}.",
                    self.config.display()
                )));
            }
        }
        Ok(pipelines)
    }
}
