//! The embedded store: one SQLite file, one writer, a few readers.

mod activity;
mod append;
mod checkpoint;
mod claim;
mod columns;
mod decisions;
mod documents;
mod error;
mod events;
mod executions;
mod gate_history;
mod gate_runs;
mod gates;
mod history;
mod keys;
mod kinds;
mod operate;
mod operation_feed;
mod operations;
mod pipeline_history;
mod pipeline_logs;
mod pipeline_runs;
mod queue;
mod readers;
mod record;
mod registry;
mod schedule;
mod schema;
mod slots;
mod statistics;
mod test_history;
mod test_operations;
mod test_runs;
mod transaction;
mod verify;
mod writer;

use std::{
    fmt,
    fs::{DirBuilder, OpenOptions},
    io,
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use pilotage_core::{
    NewEvent, Position, StoredEvent,
    ports::{Appended, Bell, EventLog, Interest, StoreError},
};

pub use error::OpenError;
use readers::Readers;
pub use verify::{VerifyError, VerifyReport, verify_file};
use writer::Writer;

/// One open database. Cheap to clone; all clones share the writer and the readers.
///
/// Several processes may hold the same file open; each rings only its own bell.
#[derive(Clone)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file at `path`, creating it (mode 0600) and its folder (mode 0700) where they are missing, and brings
    /// its schema up to date. After a commit it rings `bell`: `News::Events` for appended events, `News::Executions` for
    /// executions that became pending or were asked to cancel, `News::Audit` for audit records, `News::Operations` for
    /// operations that changed.
    ///
    /// # Errors
    /// The file cannot be used, is no Pilotage database, or was written by a newer Pilotage.
    pub fn open(path: &Path, bell: Arc<dyn Bell>) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io {
            path: path.to_owned(),
            source,
        };
        create_private(path).map_err(io)?;
        let connection = schema::open_writer(path)?;
        let readers = Readers::open(path).map_err(|source| OpenError::Database {
            path: path.to_owned(),
            source,
        })?;
        let writer = Writer::start(connection, path, bell)?;
        Ok(Self { writer, readers })
    }

    /// Finishes every write that was asked for before, closes the file and leaves no write-ahead log behind. Whatever is
    /// asked afterwards, on this or any clone, is answered with `StoreError::Unavailable`.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // The write-ahead log and the shared memory file take over the mode of the database.
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path).map(drop)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).create(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path).map(drop)
}

#[async_trait]
impl EventLog for SqliteStore {
    async fn append(&self, event: NewEvent) -> Result<Appended, StoreError> {
        append::append(&self.writer, event).await
    }

    async fn read_after(
        &self,
        after: Position,
        limit: usize,
        interest: &Interest,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let interest = interest.clone();
        self.readers
            .read(move |connection| events::read_after(connection, after, limit, &interest))
            .await
    }
}
