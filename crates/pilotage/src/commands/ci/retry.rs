//! `pilotage ci retry`.

use clap::Args;
use serde_json::json;

use super::{
    follow::{Following, Pace},
    platform::Target,
};
use crate::{
    cli::Context,
    exit::Done,
    output::{clean, remark},
};

/// Which run to run again.
#[derive(Args, Debug)]
pub(crate) struct Retry {
    /// The run, as `ci trigger` names it
    #[arg(value_name = "RUN")]
    run: String,
    /// Only what failed, where the platform can do that
    #[arg(long)]
    failed: bool,
    /// Follow it to its end, as `ci watch` does
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    target: Target,
}

impl Retry {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let named = self.target.choose(context)?;
        let run = named.platform.retry(&self.run, self.failed).await?;
        if self.watch {
            return Following::new(named, &run, context.output, &self.pace)
                .until_it_ends()
                .await;
        }
        if context.output.is_json() {
            context.output.json(&json!({"id": run}))?;
        } else {
            context
                .output
                .line(format_args!("It runs again as {}.", clean(&run)))?;
            remark(format_args!("Follow it: {}", named.command("watch", &run)));
        }
        Ok(Done::Yes)
    }
}
