//! One open write transaction: the place in the audit chain and the counters that change with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pilotage_core::{
    EventFacts, ExecutionStatus, Position, Timestamp,
    audit::{AuditRecord, Head, NewAuditRecord},
    operation::Change,
    ports::{Activity, News, StoreError},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    activity,
    columns::{digest, status_code},
    error::{Failure, store_error},
    keys::{Key, Keys},
    kinds::Kinds,
};

/// What a transaction carries in memory beside the database. Copied before each savepoint and put back with it.
#[derive(Clone, Copy)]
struct Progress {
    head: Head,
    position: Position,
    by_status: [i64; ExecutionStatus::ALL.len()],
    unhandled: i64,
    events: bool,
    executions: bool,
    /// Number of the last change of an operation, once this transaction has made one.
    change: Option<Change>,
    /// What happened in the 5 minutes that were counted last and are not written yet.
    activity: Option<Activity>,
}

/// What the writer keeps in memory from one transaction to the next. It repeats what is stored, so it may be forgotten at
/// any time, and must be when a transaction is rolled back.
#[derive(Default)]
pub(super) struct Memory {
    keys: Keys,
    kinds: Kinds,
}

impl Memory {
    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.keys.forget();
        self.kinds.forget();
    }

    /// Puts everything into the database that is only here.
    pub(super) fn settle(&mut self, connection: &Connection) -> Result<(), Failure> {
        self.keys.settle_all(connection)
    }
}

/// The writer's open transaction. Other processes may write to the same file between transactions, so the chain's head
/// and the last position are read anew in each.
pub(super) struct Transaction<'c> {
    connection: &'c Connection,
    memory: &'c mut Memory,
    progress: Progress,
    audited_from: i64,
}

impl<'c> Transaction<'c> {
    /// Takes the write lock.
    pub(super) fn begin(connection: &'c Connection, memory: &'c mut Memory) -> Result<Self, Failure> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let head = head(connection)?;
        let position = last_position(connection)?;
        let progress = Progress {
            head,
            position,
            by_status: [0; ExecutionStatus::ALL.len()],
            unhandled: 0,
            events: false,
            executions: false,
            change: None,
            activity: None,
        };
        Ok(Self {
            connection,
            memory,
            progress,
            audited_from: head.sequence,
        })
    }

    /// The connection, for statements.
    pub(super) const fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// The position of the last event.
    pub(super) const fn last_position(&self) -> Position {
        self.progress.position
    }

    /// Where the delivery with this key is stored, if it is.
    pub(super) fn find(&mut self, key: &Key) -> Result<Option<Position>, Failure> {
        let last = self.last_position();
        self.memory.keys.find(self.connection, key, last)
    }

    /// Notes that an event was stored at the position behind the last.
    pub(super) fn advance(&mut self, to: Position, key: Key, facts: &EventFacts) -> Result<(), Failure> {
        self.memory
            .kinds
            .note(self.connection, to, &facts.source, &facts.event_type)?;
        self.memory.keys.add(key, to);
        self.progress.position = to;
        self.progress.events = true;
        self.happened(facts.received_at, |activity| activity.deliveries += 1)
    }

    /// Appends to the audit chain; answers the record's sequence.
    pub(super) fn audit(&mut self, new: NewAuditRecord) -> Result<i64, Failure> {
        let Head { sequence, hash } = self.progress.head;
        let record = AuditRecord::chain(sequence + 1, hash, new);
        self.connection
            .prepare_cached("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute(params![
                record.sequence,
                record.at.as_micros(),
                record.tenant,
                record.actor,
                record.kind,
                record.subject,
                record.facts,
                record.previous.0,
                record.hash.0,
            ])?;
        self.progress.head = Head {
            sequence: record.sequence,
            hash: record.hash,
        };
        Ok(record.sequence)
    }

    /// Counts an execution that goes from one status to another; `None` for one that did not exist.
    pub(super) fn count(&mut self, from: Option<ExecutionStatus>, to: ExecutionStatus) {
        let mut add = |status: ExecutionStatus, delta| {
            if let Some(count) = self.progress.by_status.get_mut(usize::from(status_code(status))) {
                *count += delta;
            }
        };
        if let Some(from) = from {
            add(from, -1);
        }
        add(to, 1);
        if to == ExecutionStatus::Pending {
            self.wake_workers();
        }
    }

    /// Counts decided events that no rule matched.
    pub(super) fn count_unhandled(&mut self, delta: i64) {
        self.progress.unhandled += delta;
    }

    /// Counts something that happened at this moment. What is counted within the same 5 minutes is written at once, at the
    /// commit: intake must not pay for it row by row.
    pub(super) fn happened(
        &mut self,
        at: Timestamp,
        count: impl FnOnce(&mut Activity),
    ) -> Result<(), Failure> {
        let start = activity::bucket_start(at);
        if let Some(earlier) = self.progress.activity.filter(|earlier| earlier.start != start) {
            activity::add(self.connection, &earlier)?;
            self.progress.activity = None;
        }
        let empty = || Activity {
            start,
            ..Activity::default()
        };
        count(self.progress.activity.get_or_insert_with(empty));
        Ok(())
    }

    /// The number of the next change of an operation.
    pub(super) fn next_change(&mut self) -> Result<Change, Failure> {
        let last = match self.progress.change {
            Some(change) => change,
            None => last_change(self.connection)?,
        };
        let next = Change(last.0 + 1);
        self.progress.change = Some(next);
        Ok(next)
    }

    /// Rings for workers after the commit.
    pub(super) fn wake_workers(&mut self) {
        self.progress.executions = true;
    }

    /// Runs `work` so that its error or panic undoes its changes and nobody else's.
    ///
    /// # Errors
    /// The outer error means that the transaction itself is lost.
    pub(super) fn attempt<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        let before = self.progress;
        self.run("SAVEPOINT command")?;
        let result = catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|_| {
            tracing::error!("a store command panicked; its changes are undone");
            Err(StoreError::Corrupt("the command panicked".to_owned()).into())
        });
        if self.connection.is_autocommit() {
            return Err(StoreError::Unavailable(
                "the database gave up the transaction".to_owned(),
            ));
        }
        if result.is_err() {
            self.run("ROLLBACK TO command")?;
            self.progress = before;
        }
        self.run("RELEASE command")?;
        Ok(result)
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        let execute = || self.connection.prepare_cached(sql)?.execute([]);
        execute().map(drop).map_err(|error| store_error(&error))
    }

    /// Commits; answers what there is news of.
    pub(super) fn commit(self) -> Result<Vec<News>, Failure> {
        self.flush_counters()?;
        if let Some(activity) = &self.progress.activity {
            activity::add(self.connection, activity)?;
        }
        self.memory.keys.settle(self.connection)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        let Progress {
            head,
            events,
            executions,
            change,
            ..
        } = self.progress;
        let rung = [
            (events, News::Events),
            (executions, News::Executions),
            (head.sequence != self.audited_from, News::Audit),
            (change.is_some(), News::Operations),
        ];
        Ok(rung
            .into_iter()
            .filter_map(|(is, news)| is.then_some(news))
            .collect())
    }

    fn flush_counters(&self) -> rusqlite::Result<()> {
        let Progress {
            by_status,
            unhandled,
            change,
            ..
        } = self.progress;
        if unhandled == 0 && change.is_none() && by_status.iter().all(|delta| *delta == 0) {
            return Ok(());
        }
        let [waiting, pending, running, succeeded, failed, cancelled] = by_status;
        self.connection
            .prepare_cached(
                "UPDATE state SET waiting = waiting + ?1, pending = pending + ?2, running = running + ?3,
                 succeeded = succeeded + ?4, failed = failed + ?5, cancelled = cancelled + ?6,
                 unhandled = unhandled + ?7, changes = coalesce(?8, changes)",
            )?
            .execute(params![
                waiting,
                pending,
                running,
                succeeded,
                failed,
                cancelled,
                unhandled,
                change.map(|change| change.0)
            ])?;
        Ok(())
    }
}

/// The number of the last change of an operation.
pub(super) fn last_change(connection: &Connection) -> Result<Change, Failure> {
    let change = connection
        .prepare_cached("SELECT changes FROM state")?
        .query_row([], |row| row.get(0))?;
    Ok(Change(change))
}

/// The last audit record's place.
pub(super) fn head(connection: &Connection) -> Result<Head, Failure> {
    let read = |row: &Row<'_>| {
        Ok(Head {
            sequence: row.get(0)?,
            hash: digest(row, 1)?,
        })
    };
    let head = connection
        .prepare_cached("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")?
        .query_row([], read)
        .optional()?;
    Ok(head.unwrap_or(Head::EMPTY))
}

/// The position of the last event; 0 for an empty log.
pub(super) fn last_position(connection: &Connection) -> Result<Position, Failure> {
    let position: Option<i64> = connection
        .prepare_cached("SELECT max(position) FROM events")?
        .query_row([], |row| row.get(0))?;
    Ok(Position(position.unwrap_or(0)))
}
