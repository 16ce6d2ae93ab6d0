//! Copying the write-ahead log back into the database, beside the writer.
//!
//! While the writer copies, nobody is answered; so a thread of its own copies what was committed, again and again, until
//! little is left. That little the writer copies itself between two transactions: only when nothing at all is left can the
//! log begin anew instead of growing.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
        mpsc,
    },
    thread,
};

use rusqlite::Connection;

/// Pages in the log from which on it is copied back.
const BEGIN_AT: i64 = 3_000;
/// Pages that the writer may copy itself: a few milliseconds.
const LEFT_FOR_WRITER: i64 = 256;
/// Pages that must have come before it is tried again: where a reader holds it up, trying at every commit would not help.
const WORTH_A_ROUND: i64 = 64;

/// How far the log has grown and how much of it is copied.
#[derive(Default)]
struct Log {
    /// Pages in the log at the last commit.
    pages: AtomicI64,
    /// Pages of it that are in the database.
    copied: AtomicI64,
    /// Whether the thread is at it.
    copying: AtomicBool,
}

/// The writer's side.
pub(super) struct Checkpoints {
    log: Arc<Log>,
    rounds: Option<mpsc::SyncSender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    /// Pages in the log when it was last copied back, or was to be.
    asked_at: i64,
}

impl Checkpoints {
    /// Takes checkpoints out of the hands of `writer`'s commits and starts the thread. Where that fails, the writer does
    /// all of it.
    pub(super) fn start(writer: &mut Connection, path: &Path) -> rusqlite::Result<Self> {
        let log = Arc::new(Log::default());
        let seen = Arc::clone(&log);
        // Replaces SQLite's own automatic checkpoint, which is such a hook too.
        writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.pages.store(i64::from(pages), Ordering::Relaxed);
            Ok(())
        }))?;
        let (rounds, thread) = spawn(path, &log)
            .inspect_err(|error| tracing::warn!(%error, "the log is copied back by the writer alone"))
            .ok()
            .unzip();
        Ok(Self {
            log,
            rounds,
            thread,
            asked_at: 0,
        })
    }

    /// Called between two transactions.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        let pages = self.log.pages.load(Ordering::Relaxed);
        if pages < self.asked_at {
            // The log has begun anew.
            self.asked_at = 0;
            self.log.copied.store(0, Ordering::Relaxed);
        }
        let waiting = pages < BEGIN_AT || pages - self.asked_at < WORTH_A_ROUND;
        if waiting || self.log.copying.load(Ordering::Acquire) {
            return;
        }
        self.asked_at = pages;
        let left = pages - self.log.copied.load(Ordering::Relaxed);
        if left <= LEFT_FOR_WRITER || self.rounds.is_none() {
            self.finish(writer);
        } else {
            self.ask();
        }
    }

    /// Ends the thread and waits for it, so that the writer is the last to close the file and leaves no log behind.
    pub(super) fn end(&mut self) {
        self.rounds = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    fn finish(&self, writer: &Connection) {
        match copy(writer) {
            Ok(copied) => self.log.copied.store(copied, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "the log could not be copied back; it will be tried again"),
        }
    }

    fn ask(&self) {
        self.log.copying.store(true, Ordering::Release);
        let sent = self.rounds.as_ref().map(|rounds| rounds.try_send(()));
        if !matches!(sent, Some(Ok(()))) {
            self.log.copying.store(false, Ordering::Release);
        }
    }
}

type Rounds = (mpsc::SyncSender<()>, thread::JoinHandle<()>);

fn spawn(path: &Path, log: &Arc<Log>) -> std::io::Result<Rounds> {
    let (rounds, asked) = mpsc::sync_channel(1);
    let (path, log) = (path.to_owned(), Arc::clone(log));
    let thread = thread::Builder::new()
        .name("pilotage-checkpoint".to_owned())
        .spawn(move || {
            let mut connection = None;
            while asked.recv().is_ok() {
                if let Err(error) = round(&path, &mut connection, &log) {
                    tracing::warn!(%error, "the log could not be copied back; it will be tried again");
                    connection = None;
                }
                log.copying.store(false, Ordering::Release);
            }
        })?;
    Ok((rounds, thread))
}

fn round(path: &Path, connection: &mut Option<Connection>, log: &Log) -> rusqlite::Result<()> {
    let opened = match connection.take() {
        Some(opened) => opened,
        None => open(path)?,
    };
    let copied = copy(&opened)?;
    log.copied.store(copied, Ordering::Relaxed);
    *connection = Some(opened);
    Ok(())
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    use rusqlite::OpenFlags;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -64)?;
    Ok(connection)
}

/// Copies what can be copied without waiting for anybody; answers how many pages of the log are in the database.
fn copy(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row([], |row| row.get(2))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::sqlite::schema;

    #[test]
    fn the_log_begins_anew_under_steady_writing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        std::fs::File::create(&path).unwrap();
        let mut writer = schema::open_writer(&path).unwrap();
        let mut checkpoints = Checkpoints::start(&mut writer, &path).unwrap();
        let insert = "INSERT INTO bodies SELECT value + ?1, 0, 0, 0, randomblob(8000) FROM generate";
        let insert = insert.replace(
            "generate",
            "(WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 20) SELECT value FROM c)",
        );
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut most = 0;
        let mut begun_anew = 0;
        let mut number = 0;
        while begun_anew < 3 {
            assert!(
                Instant::now() < deadline,
                "the log had {most} pages and did not begin anew"
            );
            writer.execute(&insert, [number * 20]).unwrap();
            number += 1;
            let before = checkpoints.log.pages.load(Ordering::Relaxed);
            begun_anew += i32::from(before < most / 2);
            most = if before < most / 2 {
                before
            } else {
                most.max(before)
            };
            checkpoints.after_commit(&writer);
        }
        let rows: i64 = writer
            .query_row("SELECT count(*) FROM bodies", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, number * 20);
    }
}
