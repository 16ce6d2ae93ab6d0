//! One line for each update: for logs and pipes as text, for programs as JSON.

use std::io::{self, Write as _};

use pilotage_core::operation::{OperationId, StatusUpdate};
use serde_json::json;
use uuid::Uuid;

use super::{board::Board, done};
use crate::{
    cli::Context,
    client::{Stream, Told, Update},
    exit::Done,
    output::{Output, clean, escape_json, remark, stdout},
};

/// Prints what is told.
pub(super) struct Lines {
    output: Output,
    /// Ends with this operation.
    until: Option<OperationId>,
    /// What was printed already: after a reset everything active is told again.
    board: Board,
    was_lost: bool,
}

impl Lines {
    pub(super) fn new(context: &Context, until: Option<Uuid>) -> Self {
        Self {
            output: context.output,
            until: until.map(OperationId),
            board: Board::default(),
            was_lost: false,
        }
    }

    pub(super) async fn follow(mut self, mut stream: Stream) -> anyhow::Result<Done> {
        loop {
            let told = tokio::select! {
                told = stream.next() => told?,
                stop = tokio::signal::ctrl_c() => {
                    stop?;
                    return Ok(Done::Yes);
                }
            };
            if let Some(done) = self.tell(told)? {
                return Ok(done);
            }
        }
    }

    fn tell(&mut self, told: Told) -> io::Result<Option<Done>> {
        match told {
            Told::Snapshot(mut updates) => {
                updates.sort_by_key(|update| update.status.timestamp);
                self.board.keep_only(updates.iter().map(|update| &update.status));
                self.updates(&updates)
            }
            Told::Updates(updates) => self.updates(&updates),
            connection => {
                self.connection(&connection);
                Ok(None)
            }
        }
    }

    fn updates(&mut self, updates: &[Update]) -> io::Result<Option<Done>> {
        let mut out = stdout();
        let mut ended = None;
        for update in updates {
            if self.board.update(&update.status) {
                writeln!(out, "{}", line(self.output, &update.status, update.text.get()))?;
            }
            if Some(update.status.id) == self.until && update.status.status.is_final() {
                ended = Some(done(&update.status));
            }
        }
        out.flush()?;
        Ok(ended)
    }

    /// How the connection stands, on the error output.
    fn connection(&mut self, told: &Told) {
        let (words, facts) = match told {
            Told::Connected if self.was_lost => (
                "Connected again; going on after the last update.".to_owned(),
                json!({ "state": "restored" }),
            ),
            Told::Reset(reason) => (
                format!("The present state follows: {reason}."),
                json!({ "state": "reset", "reason": reason }),
            ),
            Told::Lost { reason, wait } => (
                format!(
                    "The connection broke: {reason}. Trying again in {} s.",
                    wait.as_secs_f32()
                ),
                json!({ "state": "lost", "reason": reason, "waitMs": wait.as_millis() }),
            ),
            Told::Connected | Told::Snapshot(_) | Told::Updates(_) => return,
        };
        self.was_lost = matches!(told, Told::Lost { .. });
        if self.output.is_json() {
            let facts = json!({ "connection": facts }).to_string();
            // A remark that nobody can read must not end the command.
            let _ = writeln!(io::stderr().lock(), "{}", escape_json(&facts));
        } else {
            remark(words);
        }
    }
}

/// Prints one update.
pub(super) fn print(context: &Context, update: &StatusUpdate, text: &str) -> io::Result<()> {
    let line = line(context.output, update, text);
    context.output.line(line)
}

fn line(output: Output, update: &StatusUpdate, text: &str) -> String {
    if output.is_json() {
        // Line breaks can only stand between the tokens.
        return escape_json(text).replace(['\n', '\r'], "");
    }
    let progress = match update.progress.total {
        0 => "-".to_owned(),
        total => format!("{}/{total}", update.progress.current),
    };
    let line = format!(
        "{}  {:<9}  {}  {progress}  {}",
        update.timestamp,
        update.status.as_str(),
        clean(name(update)),
        clean(&update.message)
    );
    line.trim_end().to_owned()
}

/// What people call it.
pub(super) fn name(update: &StatusUpdate) -> &str {
    let name = update.metadata.get("name").and_then(serde_json::Value::as_str);
    name.filter(|name| !name.is_empty()).unwrap_or(&update.kind)
}
