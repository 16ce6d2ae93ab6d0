//! What is shown, apart from how it is drawn.

use std::time::Instant;

use pilotage_core::operation::{OperationId, OperationStatus, StatusUpdate, filter::StatusFilters};
use url::Url;

use crate::{
    client::{Told, Update},
    commands::watch::{board::Board, filter::Filter, lines::name},
};

/// How the connection stands.
#[derive(Clone, Debug)]
pub(super) enum Connection {
    /// Following along.
    Live,
    /// The last one broke; the next attempt comes then.
    Lost { reason: String, again_at: Instant },
}

/// Everything that the screen shows.
pub(super) struct View {
    pub(super) server: String,
    pub(super) connection: Connection,
    /// What is known now.
    pub(super) board: Board,
    /// What was known when somebody paused.
    paused: Option<Board>,
    /// From the command line.
    filters: StatusFilters,
    /// Typed: only operations with this text somewhere.
    pub(super) text: String,
    /// It is being typed.
    pub(super) is_typing: bool,
    /// Only operations in this state.
    pub(super) status: Option<OperationStatus>,
    /// The operation under the bar.
    pub(super) selected: Option<OperationId>,
    /// The first row in the window.
    pub(super) offset: usize,
    /// Rows in the window when it was last drawn.
    pub(super) window: usize,
    /// Whether the selected one is shown in full.
    pub(super) shows_details: bool,
}

impl View {
    /// Nothing yet.
    ///
    /// # Errors
    /// A filter does not hold.
    pub(super) fn new(server: &Url, filters: &[Filter]) -> anyhow::Result<Self> {
        let filters: Vec<_> = filters.iter().map(Filter::json).collect();
        Ok(Self {
            server: server.to_string(),
            connection: Connection::Live,
            board: Board::default(),
            paused: None,
            filters: StatusFilters::of(&filters)?,
            text: String::new(),
            is_typing: false,
            status: None,
            selected: None,
            offset: 0,
            window: 1,
            shows_details: false,
        })
    }

    pub(super) fn tell(&mut self, told: Told) {
        match told {
            Told::Connected => self.connection = Connection::Live,
            Told::Lost { reason, wait } => {
                let again_at = Instant::now() + wait;
                self.connection = Connection::Lost { reason, again_at };
            }
            // The snapshot that follows shows what there is.
            Told::Reset(_) => {}
            Told::Snapshot(updates) => {
                self.board.keep_only(updates.iter().map(|update| &update.status));
                self.take(&updates);
            }
            Told::Updates(updates) => self.take(&updates),
        }
    }

    fn take(&mut self, updates: &[Update]) {
        for update in updates {
            self.board.update(&update.status);
        }
    }

    /// What is on the screen: as it was when somebody paused, else as it is.
    pub(super) fn shown(&self) -> &Board {
        self.paused.as_ref().unwrap_or(&self.board)
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    pub(super) fn toggle_pause(&mut self) {
        self.paused = match self.paused {
            Some(_) => None,
            None => Some(self.board.clone()),
        };
    }

    /// The operations that pass: what goes on first, and what changed last first among those that have ended.
    pub(super) fn rows(&self) -> Vec<&StatusUpdate> {
        let text = self.text.to_lowercase();
        let mut rows: Vec<_> = self
            .shown()
            .all()
            .filter(|operation| self.status.is_none_or(|status| operation.status == status))
            .filter(|operation| contains(operation, &text) && self.filters.hold(operation))
            .collect();
        rows.sort_by_cached_key(|operation| {
            let newest_first = std::cmp::Reverse((operation.timestamp, operation.id));
            (rank(operation.status), newest_first)
        });
        rows
    }

    /// Every state in turn, and then all of them again.
    pub(super) fn cycle_status(&mut self) {
        let next = self.status.map_or(0, |status| {
            OperationStatus::ALL
                .iter()
                .position(|other| *other == status)
                .map_or(0, |at| at + 1)
        });
        self.status = OperationStatus::ALL.get(next).copied();
    }

    /// Moves the bar by so many rows, within what is shown.
    pub(super) fn step(&mut self, by: isize) {
        let rows: Vec<_> = self.rows().into_iter().map(|operation| operation.id).collect();
        let at = self
            .selected
            .and_then(|selected| rows.iter().position(|id| *id == selected));
        let to = match at {
            Some(at) => at.saturating_add_signed(by),
            None => 0,
        };
        self.selected = rows.get(to.min(rows.len().saturating_sub(1))).copied();
    }
}

const fn rank(status: OperationStatus) -> u8 {
    match status {
        OperationStatus::Running => 0,
        OperationStatus::Pending => 1,
        OperationStatus::Success | OperationStatus::Failure | OperationStatus::Cancelled => 2,
    }
}

/// `text` is in lower case.
fn contains(operation: &StatusUpdate, text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let has = |part: &str| part.to_lowercase().contains(text);
    let facts = || operation.metadata.values().filter_map(serde_json::Value::as_str);
    has(name(operation)) || has(&operation.message) || has(&operation.id.to_string()) || facts().any(has)
}
