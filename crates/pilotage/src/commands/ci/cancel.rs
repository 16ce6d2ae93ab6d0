//! `pilotage ci cancel`.

use clap::Args;
use serde_json::json;

use super::platform::Target;
use crate::{cli::Context, exit::Done, output::clean};

/// Which run to stop.
#[derive(Args, Debug)]
pub(crate) struct Cancel {
    /// The run, as `ci trigger` names it
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    target: Target,
}

impl Cancel {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let named = self.target.choose(context)?;
        named.platform.cancel(&self.run).await?;
        if context.output.is_json() {
            context.output.json(&json!({"id": self.run, "cancelled": true}))?;
        } else {
            let title = named.platform.title();
            context
                .output
                .line(format_args!("{title} stops the run {}.", clean(&self.run)))?;
        }
        Ok(Done::Yes)
    }
}
