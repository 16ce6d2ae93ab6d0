//! How the types of the domain stand in columns.

use pilotage_core::{Digest, ExecutionStatus, Timestamp, execution::AttemptResult};
use rusqlite::{Row, types::Type};
use uuid::Uuid;

/// A moment from integer microseconds.
pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

/// A moment that may be missing.
pub(super) fn optional_moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(Timestamp::from_micros))
}

/// A digest from its 32 bytes.
pub(super) fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    row.get(column).map(Digest)
}

/// A UUID from its 16 bytes.
pub(super) fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

/// The number that stands for a status; see the schema.
pub(super) const fn status_code(status: ExecutionStatus) -> u8 {
    match status {
        ExecutionStatus::Waiting => 0,
        ExecutionStatus::Pending => 1,
        ExecutionStatus::Running => 2,
        ExecutionStatus::Succeeded => 3,
        ExecutionStatus::Failed => 4,
        ExecutionStatus::Cancelled => 5,
    }
}

/// The status that a number stands for.
pub(super) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<ExecutionStatus> {
    let code: u8 = row.get(column)?;
    ExecutionStatus::ALL
        .into_iter()
        .find(|status| status_code(*status) == code)
        .ok_or_else(|| unreadable(column, format!("{code} is no status")))
}

/// A value that this code never writes.
pub(super) fn unreadable(
    column: usize,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, why.into())
}

/// The word that stands for an attempt's result.
pub(super) const fn result_word(result: AttemptResult) -> &'static str {
    match result {
        AttemptResult::Success => "success",
        AttemptResult::Retryable => "retryable",
        AttemptResult::Permanent => "permanent",
        AttemptResult::Cancelled => "cancelled",
    }
}

/// The result that a word stands for.
pub(super) fn result(row: &Row<'_>, column: usize) -> rusqlite::Result<AttemptResult> {
    let word: String = row.get(column)?;
    [
        AttemptResult::Success,
        AttemptResult::Retryable,
        AttemptResult::Permanent,
        AttemptResult::Cancelled,
    ]
    .into_iter()
    .find(|result| result_word(*result) == word)
    .ok_or_else(|| unreadable(column, format!("`{word}` is no result")))
}
