//! `pilotage watch`: what is going on, as it happens.

mod board;
mod filter;
mod lines;
mod screen;

use std::io::{self, IsTerminal as _};

use clap::Args;
use pilotage_core::operation::{OperationStatus, StatusUpdate};
use uuid::Uuid;

use self::{filter::Filter, lines::Lines};
use crate::{cli::Context, client::Stream, exit::Done};

/// Which operations, and until when.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  pilotage watch                                     one screen; q quits, f filters
  pilotage watch --filter rule=deploy | tee log      a line for each update
  pilotage watch --filter 'name~^release-' --format json
  pilotage watch --exit-when-done EXECUTION_ID       waits; exit code 0 if it succeeded, else 1")]
pub(crate) struct Watch {
    /// Only operations with this value in a field, or with a text that matches a pattern: `rule=deploy`, `name~^release-`.
    #[arg(long = "filter", value_name = "FIELD=VALUE|FIELD~REGEX", value_parser = filter::parse)]
    filters: Vec<Filter>,

    /// Follow this operation alone and end with it.
    #[arg(long, value_name = "ID")]
    exit_when_done: Option<Uuid>,
}

impl Watch {
    /// Follows the stream until somebody ends it.
    ///
    /// # Errors
    /// The first connection fails, or the server refuses.
    pub(crate) async fn run(mut self, context: &Context) -> anyhow::Result<Done> {
        if let Some(id) = self.exit_when_done {
            if let Some(done) = already_done(context, id).await? {
                return Ok(done);
            }
            self.filters.push(Filter::of_id(id));
        }
        if self.exit_when_done.is_none() && shows_a_screen(context) {
            // An operation that ceases to pass is not told of, so on a screen it would stay as it was.
            let (lasting, passing) = self.filters.into_iter().partition(Filter::is_lasting);
            let stream = begin(context, lasting)?;
            return screen::run(stream, context, passing).await;
        }
        let stream = begin(context, self.filters)?;
        Lines::new(context, self.exit_when_done).follow(stream).await
    }
}

fn begin(context: &Context, filters: Vec<Filter>) -> anyhow::Result<Stream> {
    let filters = filters.into_iter().map(|filter| filter.json().to_string());
    Stream::begin(context.client()?, filters.collect())
}

/// Somebody sits there, and what they sit at can move its cursor.
fn shows_a_screen(context: &Context) -> bool {
    !context.output.is_json()
        && context.output.is_terminal()
        && io::stdin().is_terminal()
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The stream tells nothing of what ended long ago, so an operation is looked for before it is waited for.
async fn already_done(context: &Context, id: Uuid) -> anyhow::Result<Option<Done>> {
    let answer = context
        .client()?
        .get(&["operations", &id.to_string()], &[])
        .await?;
    let update: StatusUpdate = answer.read()?;
    if !update.status.is_final() {
        return Ok(None);
    }
    lines::print(context, &update, &answer.text)?;
    Ok(Some(done(&update)))
}

fn done(update: &StatusUpdate) -> Done {
    Done::when(update.status == OperationStatus::Success)
}
