//! Runs of pipelines stand as the record of their end says.

use pilotage_core::{audit::AuditRecord, pipeline_run::RunState};
use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use uuid::Uuid;

use super::{VerifyError, facts_of};
use crate::sqlite::pipeline_history::state_code;

/// The facts of an audit record `pipeline.run-ended`.
#[derive(Deserialize)]
struct Ended {
    platform: String,
    run: Option<String>,
    state: RunState,
    word: String,
    message: String,
}

/// Compares a run with the record of its end, unless it went on since.
///
/// # Errors
/// It is gone or differs.
pub(super) fn check(connection: &Connection, record: &AuditRecord) -> Result<(), VerifyError> {
    let facts: Ended = facts_of(record)?;
    let changed = || VerifyError::PipelineRunChanged {
        sequence: record.sequence,
        run: record.subject.clone(),
    };
    let id = Uuid::parse_str(&record.subject).map_err(|_| changed())?;
    let (ended, same): (Option<i64>, bool) = connection
        .prepare_cached(
            "SELECT finished_record, platform = ?2 AND run IS ?3 AND state = ?4 AND word = ?5 AND message = ?6
             FROM pipeline_runs WHERE id = ?1",
        )?
        .query_row(
            rusqlite::params![
                id.as_bytes(),
                facts.platform,
                facts.run,
                state_code(facts.state),
                facts.word,
                facts.message
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?
        .ok_or_else(changed)?;
    if ended == Some(record.sequence) && !same {
        return Err(changed());
    }
    Ok(())
}
