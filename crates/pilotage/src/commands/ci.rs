//! `pilotage ci`: one pipeline for every platform.

mod diff;
mod render;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pilotage_core::pipeline::Pipeline;

use crate::{
    cli::Context,
    exit::{Done, usage},
    settings,
};

/// One pipeline for every platform: write its files, check them
#[derive(Debug, Subcommand)]
pub(crate) enum CiCommand {
    /// Write the files of GitHub Actions, GitLab CI, Jenkins and Azure DevOps.
    Render(render::Render),
}

impl CiCommand {
    #[expect(clippy::unused_async, reason = "commands of every noun are awaited")]
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::Render(command) => command.run(context),
        }
    }
}

/// Which pipelines are meant.
#[derive(Args, Debug)]
struct Definition {
    /// The configuration that holds the pipelines, or names their files
    #[arg(
        long,
        env = "PILOTAGE_CONFIG",
        default_value = "pilotage.yaml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// Only this pipeline
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
}

impl Definition {
    fn read(&self) -> anyhow::Result<Vec<Pipeline>> {
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
