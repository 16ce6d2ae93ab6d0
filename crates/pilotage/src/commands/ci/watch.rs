//! `pilotage ci watch`.

use clap::Args;

use super::{
    follow::{Following, Pace},
    platform::Target,
};
use crate::{cli::Context, exit::Done};

const EXAMPLES: &str = "\
Examples:
  pilotage ci watch 1234567 --platform github
  pilotage ci watch 1234567 --format json       one JSON document for each change

Exit codes: 0 it succeeded, 1 it did not, 3 it could not be followed to its end. Ctrl-C leaves the run alone.";

/// Which run to follow.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Watch {
    /// The run, as `ci trigger` names it
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    target: Target,
}

impl Watch {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let named = self.target.choose(context)?;
        Following::new(named, &self.run, context.output, &self.pace)
            .until_it_ends()
            .await
    }
}
