//! What people watch of runs of tests, written in the transaction of each change.

use pilotage_core::{
    OperationStatus, Timestamp,
    operation::Progress,
    testing::{NewTestRun, TestRunId, TestRunStatus},
};
use rusqlite::params;

use super::{error::Failure, operations::operation_code, transaction::Transaction};

/// The word for operations that are runs of tests.
const TEST_RUN: &str = "test";

/// Adds the operation of a run of tests that begins.
pub(super) fn add(transaction: &mut Transaction<'_>, new: &NewTestRun, message: &str) -> Result<(), Failure> {
    let description = new.description();
    let change = transaction.next_change()?;
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO operations (id, tenant, kind, name, status, total, message, metadata, steps,
                 created_at, updated_at, change)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '[]', ?9, ?9, ?10)",
        )?
        .execute(params![
            new.id.0.as_bytes(),
            new.tenant.0,
            TEST_RUN,
            description.name,
            operation_code(OperationStatus::Running),
            new.files,
            message,
            serde_json::to_string(&description.metadata)?,
            new.at.as_micros(),
            change.0,
        ])?;
    Ok(())
}

/// How far a run of tests is.
#[derive(Clone, Copy)]
pub(super) enum TestProgress {
    /// It goes on: files that are through, of all.
    Going(Progress),
    /// It has ended.
    Ended(TestRunStatus),
}

/// Writes what happens to a run of tests.
pub(super) fn show(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    id: TestRunId,
    progress: TestProgress,
    message: &str,
) -> Result<(), Failure> {
    let (status, done, total) = match progress {
        TestProgress::Going(progress) => (OperationStatus::Running, progress.current, Some(progress.total)),
        TestProgress::Ended(TestRunStatus::Passed) => (OperationStatus::Success, u32::MAX, None),
        TestProgress::Ended(TestRunStatus::Failed) => (OperationStatus::Failure, u32::MAX, None),
        // How far it had come stays to be seen.
        TestProgress::Ended(_) => (OperationStatus::Cancelled, 0, None),
    };
    let change = transaction.next_change()?;
    transaction
        .connection()
        .prepare_cached(
            "UPDATE operations SET status = ?2, total = coalesce(?3, total),
                 current = iif(?2 = ?9, current, min(?4, coalesce(?3, total))),
                 message = ?5, updated_at = ?6, finished_at = ?7, change = ?8 WHERE id = ?1",
        )?
        .execute(params![
            id.0.as_bytes(),
            operation_code(status),
            total,
            done,
            message,
            now.as_micros(),
            status.is_final().then(|| now.as_micros()),
            change.0,
            operation_code(OperationStatus::Cancelled),
        ])?;
    Ok(())
}
