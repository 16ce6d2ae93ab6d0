//! `pilotage ci runs`.

use clap::Args;
use serde_json::json;

use super::platform::{Target, style};
use crate::{
    cli::Context,
    exit::Done,
    output::{Cell, Table},
};

/// Which runs to list.
#[derive(Args, Debug)]
pub(crate) struct Runs {
    /// Only of this pipeline, named as for `ci trigger`
    #[arg(value_name = "PIPELINE")]
    pipeline: Option<String>,
    /// How many, the newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    limit: u16,
    #[command(flatten)]
    target: Target,
}

impl Runs {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let named = self.target.choose(context)?;
        let runs = named
            .platform
            .runs(self.pipeline.as_deref(), usize::from(self.limit))
            .await?;
        if context.output.is_json() {
            context.output.json(&json!({ "items": runs }))?;
            return Ok(Done::Yes);
        }
        let mut table = Table::new(&["RUN", "STATE", "PIPELINE", "REF", "CREATED", "TITLE"]);
        for run in &runs {
            table.row([
                Cell::id(&run.id),
                Cell::styled(style(run.standing.state), run.standing.state.as_str()),
                Cell::from(&run.pipeline),
                Cell::from(run.reference.as_deref().unwrap_or("-")),
                Cell::from(run.created_at.map_or("-".to_owned(), |at| context.output.age(at))),
                Cell::from(&run.title),
            ]);
        }
        context.output.table(&table)?;
        Ok(Done::Yes)
    }
}
