//! `pilotage ci approve`.

use clap::Args;
use serde_json::json;

use super::platform::Target;
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::clean,
};

/// What a run waits for, and what is decided.
#[derive(Args, Debug)]
pub(crate) struct Approve {
    /// The run, as `ci trigger` names it
    #[arg(value_name = "RUN")]
    run: String,
    /// Only this environment, job or question; without it everything that waits
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Let it not go on
    #[arg(long)]
    reject: bool,
    /// Why, for those who read it on the platform
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
    #[command(flatten)]
    target: Target,
}

impl Approve {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let named = self.target.choose(context)?;
        let mut waiting = named.platform.approvals(&self.run).await?;
        if let Some(name) = &self.name {
            waiting.retain(|approval| approval.name == *name);
        }
        if waiting.is_empty() {
            return Err(usage(format!(
                "The run {} waits for nothing that can be decided.",
                self.run
            )));
        }
        let word = if self.reject { "rejected" } else { "approved" };
        for approval in &waiting {
            named
                .platform
                .decide(&self.run, approval, !self.reject, &self.comment)
                .await?;
            if !context.output.is_json() {
                let title = named.platform.title();
                let name = clean(&approval.name);
                context
                    .output
                    .line(format_args!("{title} was told: {name} is {word}."))?;
            }
        }
        if context.output.is_json() {
            context.output.json(&json!({"decided": waiting, "as": word}))?;
        }
        Ok(Done::Yes)
    }
}
