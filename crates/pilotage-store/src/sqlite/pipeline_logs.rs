//! Logs of what failed in runs of pipelines.

use bytes::Bytes;
use pilotage_core::{
    Timestamp,
    pipeline_run::{KeptLog, KeptLogs, PipelineRunId, RunState},
};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{
    append::compress, columns::moment, error::Failure, events, pipeline_history::state_code,
    transaction::Transaction,
};

/// Failed runs that are looked through for those without logs, the newest.
const MOST_LOOKED_AT: i64 = 200;

/// Keeps logs in place of those before; false where there is no such run.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    id: PipelineRunId,
    logs: &KeptLogs,
) -> Result<bool, Failure> {
    let text = serde_json::to_vec(&logs.logs)?;
    let size = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (data, compressed) = compress(Bytes::from(text));
    let kept = transaction
        .connection()
        .prepare_cached(
            "INSERT OR REPLACE INTO pipeline_logs (run, kept_at, size, compressed, data)
             SELECT id, ?2, ?3, ?4, ?5 FROM pipeline_runs WHERE id = ?1",
        )?
        .execute(params![
            id.0.as_bytes(),
            logs.at.as_micros(),
            size,
            compressed,
            &data[..]
        ])?;
    Ok(kept > 0)
}

/// The logs of a run.
pub(super) fn read(connection: &Connection, id: PipelineRunId) -> Result<Option<KeptLogs>, Failure> {
    let found = connection
        .prepare_cached("SELECT size, compressed, data, kept_at FROM pipeline_logs WHERE run = ?1")?
        .query_row([id.0.as_bytes()], |row| {
            Ok((events::data(row, 0)?, moment(row, 3)?))
        })
        .optional()?;
    let Some((Some(data), at)) = found else {
        return Ok(None);
    };
    let logs: Vec<KeptLog> = serde_json::from_slice(&data)?;
    Ok(Some(KeptLogs { at, logs }))
}

/// Of the newest runs that failed on their platform, those without logs of their end.
pub(super) fn missing(
    connection: &Connection,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<PipelineRunId>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM (
             SELECT id, number, finished_at FROM pipeline_runs WHERE state = ?1 AND run IS NOT NULL
             ORDER BY number DESC LIMIT ?2
         ) AS failed
         WHERE finished_at >= ?3
             AND NOT EXISTS (SELECT 1 FROM pipeline_logs WHERE run = failed.id AND kept_at >= failed.finished_at)
         ORDER BY number DESC LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let code = state_code(RunState::Failed);
    let rows = statement.query_map(params![code, MOST_LOOKED_AT, since.as_micros(), limit], |row| {
        let bytes: [u8; 16] = row.get(0)?;
        Ok(PipelineRunId(Uuid::from_bytes(bytes)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Removes what was kept before.
pub(super) fn prune(
    transaction: &Transaction<'_>,
    before: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let count = transaction
        .connection()
        .prepare_cached(
            "DELETE FROM pipeline_logs WHERE run IN (
                 SELECT run FROM pipeline_logs WHERE kept_at < ?1 ORDER BY kept_at LIMIT ?2
             )",
        )?
        .execute(params![before.as_micros(), limit])?;
    Ok(count)
}
