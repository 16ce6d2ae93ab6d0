//! `TestRuns`: runs of tests, written with their operations and records in one transaction.

use async_trait::async_trait;
use bytes::Bytes;
use pilotage_core::{
    Digest, TenantId, Timestamp,
    audit::{NewAuditRecord, kind},
    operation::{Progress, short_line},
    ports::{BegunTestRun, Page, StoreError, TestRunFilter, TestRuns},
    testing::{NewTestRun, Standouts, TestRun, TestRunEnding, TestRunId, Totals},
};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    SqliteStore,
    append::compress,
    columns::{moment, uuid},
    error::Failure,
    test_history::{self, status_code},
    test_operations::{self, TestProgress},
    transaction::Transaction,
};

/// Runs that are kept, and how many more there may be before the oldest go, so that they go many at once.
const MOST_RUNS: i64 = 1_000;
const MORE_RUNS: i64 = 50;
/// Bytes of reports that are kept, and how many more there may be.
const MOST_BYTES: i64 = 256 << 20;
const MORE_BYTES: i64 = 16 << 20;
/// Runs that go on at once.
const MOST_OPEN: i64 = 200;
/// Bytes of a message.
const MESSAGE_BYTES: usize = 500;
/// What is said of runs of which nothing was heard.
const LEFT_BEHIND: &str = "Broken off: nothing was heard of it any more.";

#[async_trait]
impl TestRuns for SqliteStore {
    async fn begin_test_run(&self, new: NewTestRun) -> Result<BegunTestRun, StoreError> {
        self.writer
            .call(move |transaction| Ok(begin(transaction, &new)?))
            .await
    }

    async fn show_test_run(
        &self,
        id: TestRunId,
        now: Timestamp,
        progress: Progress,
        message: &str,
    ) -> Result<bool, StoreError> {
        let message = short_line(message, MESSAGE_BYTES);
        self.writer
            .call(move |transaction| Ok(show(transaction, id, now, progress, &message)?))
            .await
    }

    async fn finish_test_run(&self, id: TestRunId, ending: TestRunEnding) -> Result<bool, StoreError> {
        self.writer
            .call(move |transaction| Ok(finish(transaction, id, &ending)?))
            .await
    }

    async fn break_off_test_runs(&self, now: Timestamp, before: Timestamp) -> Result<usize, StoreError> {
        self.writer
            .call(move |transaction| Ok(break_off(transaction, now, before)?))
            .await
    }

    async fn test_runs(
        &self,
        filter: &TestRunFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<TestRun>, StoreError> {
        let filter = filter.clone();
        self.readers
            .read(move |connection| test_history::runs(connection, &filter, after, limit))
            .await
    }

    async fn test_run(&self, id: TestRunId) -> Result<Option<TestRun>, StoreError> {
        self.readers
            .read(move |connection| test_history::run(connection, id))
            .await
    }

    async fn test_report(&self, id: TestRunId) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers
            .read(move |connection| test_history::report(connection, id))
            .await
    }

    async fn test_standouts(
        &self,
        filter: &TestRunFilter,
        limit: usize,
    ) -> Result<Vec<Standouts>, StoreError> {
        let filter = filter.clone();
        self.readers
            .read(move |connection| test_history::standouts(connection, &filter, limit))
            .await
    }
}

fn begin(transaction: &mut Transaction<'_>, new: &NewTestRun) -> Result<BegunTestRun, Failure> {
    let connection = transaction.connection();
    let id = new.id.0.as_bytes();
    let (known, taken): (bool, bool) = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM test_runs WHERE id = ?1), EXISTS (SELECT 1 FROM operations WHERE id = ?1)",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let open: i64 = connection
        .prepare_cached("SELECT count(*) FROM test_runs WHERE status = 0")?
        .query_row([], |row| row.get(0))?;
    match (known, taken) {
        (true, _) => return Ok(BegunTestRun::Known),
        (false, true) => return Ok(BegunTestRun::Taken),
        _ if open >= MOST_OPEN => return Ok(BegunTestRun::TooMany),
        _ => {}
    }
    let message = short_line(&format!("0 of {} files", new.files), MESSAGE_BYTES);
    insert(transaction, new, &message)?;
    test_operations::add(transaction, new, &message)?;
    transaction.audit(new.audit())?;
    forget(transaction, new.at)?;
    Ok(BegunTestRun::New)
}

fn insert(transaction: &Transaction<'_>, new: &NewTestRun, message: &str) -> Result<(), Failure> {
    let part = new.shard.as_ref();
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO test_runs (id, tenant, name, commit_id, plan, shard, shards, files, totals, actor, started_at,
                 heard_at, message)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12)",
        )?
        .execute(params![
            new.id.0.as_bytes(),
            new.tenant.0,
            new.name,
            new.commit,
            part.map(|part| &part.plan),
            part.map_or(1, |part| part.shard),
            part.map_or(1, |part| part.shards),
            new.files,
            serde_json::to_string(&Totals::default())?,
            new.actor,
            new.at.as_micros(),
            message,
        ])?;
    Ok(())
}

/// The facts of an audit record `test.runs-pruned`.
#[derive(Serialize, Deserialize)]
pub(super) struct Pruned {
    /// How many runs.
    pub(super) count: i64,
    /// None of them began after this moment, in microseconds.
    before: i64,
}

/// When there are too many, those that are over what is kept go with their reports, the oldest first. Those that run stay.
fn forget(transaction: &mut Transaction<'_>, now: Timestamp) -> Result<(), Failure> {
    let connection = transaction.connection();
    let (runs, bytes): (i64, i64) = connection
        .prepare_cached("SELECT count(*), coalesce(sum(report_bytes), 0) FROM test_runs")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if runs <= MOST_RUNS + MORE_RUNS && bytes <= MOST_BYTES + MORE_BYTES {
        return Ok(());
    }
    let old: Vec<(i64, Timestamp)> = connection
        .prepare_cached(
            "SELECT number, started_at FROM (
                 SELECT number, started_at, status, row_number() OVER newest AS place, sum(report_bytes) OVER newest AS bytes
                 FROM test_runs WINDOW newest AS (ORDER BY number DESC)
             ) WHERE status <> 0 AND (place > ?1 OR bytes > ?2)",
        )?
        .query_map([MOST_RUNS, MOST_BYTES], |row| Ok((row.get(0)?, moment(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (number, _) in &old {
        for table in [
            "DELETE FROM test_runs WHERE number = ?1",
            "DELETE FROM test_reports WHERE run = ?1",
        ] {
            connection.prepare_cached(table)?.execute([number])?;
        }
    }
    let Some(newest) = old.iter().map(|(_, began)| began.as_micros()).max() else {
        return Ok(());
    };
    let facts = Pruned {
        count: i64::try_from(old.len()).unwrap_or(i64::MAX),
        before: newest,
    };
    transaction.audit(NewAuditRecord {
        at: now,
        tenant: TenantId::default().0,
        actor: "system".to_owned(),
        kind: kind::TEST_RUNS_PRUNED.to_owned(),
        subject: "test-runs".to_owned(),
        facts: serde_json::to_string(&facts)?,
    })?;
    Ok(())
}

fn show(
    transaction: &mut Transaction<'_>,
    id: TestRunId,
    now: Timestamp,
    progress: Progress,
    message: &str,
) -> Result<bool, Failure> {
    let changed = transaction
        .connection()
        .prepare_cached(
            "UPDATE test_runs SET files = ?2, done = ?3, message = ?4, heard_at = max(heard_at, ?5)
             WHERE id = ?1 AND status = 0",
        )?
        .execute(params![
            id.0.as_bytes(),
            progress.total,
            progress.current.min(progress.total),
            message,
            now.as_micros()
        ])?;
    if changed > 0 {
        test_operations::show(transaction, now, id, TestProgress::Going(progress), message)?;
    }
    Ok(changed > 0)
}

fn finish(transaction: &mut Transaction<'_>, id: TestRunId, ending: &TestRunEnding) -> Result<bool, Failure> {
    let open: Option<(i64, TenantId)> = transaction
        .connection()
        .prepare_cached("SELECT number, tenant FROM test_runs WHERE id = ?1 AND status = 0")?
        .query_row([id.0.as_bytes()], |row| Ok((row.get(0)?, TenantId(row.get(1)?))))
        .optional()?;
    let Some((number, tenant)) = open else {
        return Ok(false);
    };
    let report = keep_report(transaction, number, ending)?;
    let came = ending.came.as_ref();
    let message = short_line(&ending.message, MESSAGE_BYTES);
    transaction
        .connection()
        .prepare_cached(
            "UPDATE test_runs SET status = ?2, totals = ?3, standouts = ?4, finished_at = ?5, heard_at = ?5, message = ?6,
                 report = ?7, report_bytes = ?8, done = iif(?2 = 3, done, files) WHERE number = ?1",
        )?
        .execute(params![
            number,
            status_code(ending.status()),
            serde_json::to_string(&came.map(|came| came.totals).unwrap_or_default())?,
            came.map(|came| serde_json::to_string(&came.standouts)).transpose()?,
            ending.at.as_micros(),
            message,
            report.map(|(digest, _)| digest.0),
            report.map_or(0, |(_, bytes)| bytes),
        ])?;
    let progress = TestProgress::Ended(ending.status());
    test_operations::show(transaction, ending.at, id, progress, &message)?;
    transaction.audit(ending.audit(id, &tenant, report.map(|(digest, _)| digest)))?;
    Ok(true)
}

/// Keeps the report of a run; answers its digest and how many bytes it takes.
fn keep_report(
    transaction: &Transaction<'_>,
    run: i64,
    ending: &TestRunEnding,
) -> Result<Option<(Digest, i64)>, Failure> {
    let Some(came) = &ending.came else {
        return Ok(None);
    };
    let number = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let (digest, size) = (Digest::of(&came.report), number(came.report.len()));
    let (data, compressed) = compress(Bytes::copy_from_slice(&came.report));
    transaction
        .connection()
        .prepare_cached("INSERT INTO test_reports (run, size, compressed, data) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![run, size, compressed, &data[..]])?;
    Ok(Some((digest, number(data.len()))))
}

fn break_off(transaction: &mut Transaction<'_>, now: Timestamp, before: Timestamp) -> Result<usize, Failure> {
    let silent: Vec<Uuid> = transaction
        .connection()
        .prepare_cached("SELECT id FROM test_runs WHERE status = 0 AND heard_at < ?1")?
        .query_map([before.as_micros()], |row| uuid(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &silent {
        let ending = TestRunEnding {
            at: now,
            actor: "system".to_owned(),
            message: LEFT_BEHIND.to_owned(),
            came: None,
        };
        finish(transaction, TestRunId(*id), &ending)?;
    }
    Ok(silent.len())
}
