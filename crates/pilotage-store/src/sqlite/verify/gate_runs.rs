//! Runs of gates stand as recorded, and what they rest on is what its digests say.

use pilotage_core::{
    Digest, Timestamp,
    audit::{AuditRecord, kind},
    gate::{GateRunId, KeptFile, Verdict},
};
use rusqlite::Connection;
use serde::Deserialize;
use uuid::Uuid;

use super::{VerifyError, facts_of};
use crate::sqlite::{documents, gate_history};

/// The facts of an audit record `gate.run-ended`.
#[derive(Deserialize)]
struct Ended {
    environment: String,
    commit: Option<String>,
    verdict: Option<Verdict>,
    score: Option<u32>,
    report: Option<Digest>,
    measured: Option<Digest>,
    files: Vec<Digest>,
    message: String,
}

/// The moment before which runs may have lost their documents to retention, by the records on the trail.
pub(super) fn pruned_before(connection: &Connection) -> Result<Timestamp, VerifyError> {
    let mut statement = connection.prepare("SELECT facts FROM audit WHERE kind = ?1")?;
    let mut rows = statement.query([kind::GATE_DOCUMENTS_PRUNED])?;
    let mut before = Timestamp::from_micros(i64::MIN);
    while let Some(row) = rows.next()? {
        // What cannot be read prunes nothing; the chain says whether somebody changed it.
        let facts = serde_json::from_str::<documents::Pruned>(&row.get::<_, String>(0)?);
        before = before.max(facts.map_or(before, |facts| Timestamp::from_micros(facts.before)));
    }
    Ok(before)
}

/// Compares a run with the record of its end.
///
/// # Errors
/// It is gone or differs, or one of its documents does, other than by retention.
pub(super) fn check(
    connection: &Connection,
    record: &AuditRecord,
    pruned_before: Timestamp,
) -> Result<(), VerifyError> {
    let facts: Ended = facts_of(record)?;
    let changed = || VerifyError::GateRunChanged {
        sequence: record.sequence,
        run: record.subject.clone(),
    };
    let id = Uuid::parse_str(&record.subject).map_err(|_| changed())?;
    let run = gate_history::run(connection, GateRunId(id))?.ok_or_else(changed)?;
    let files: Vec<_> = run.files.iter().map(|KeptFile { digest, .. }| *digest).collect();
    let same = (run.environment, run.commit, run.verdict, run.message)
        == (facts.environment, facts.commit, facts.verdict, facts.message)
        && (run.score, run.report, run.measured, &files)
            == (
                facts.score.unwrap_or(0),
                facts.report,
                facts.measured,
                &facts.files,
            );
    if !same {
        return Err(changed());
    }
    for digest in run.report.into_iter().chain(run.measured).chain(files) {
        // A document that is not what its digest says cannot be read.
        let found = documents::read(connection, digest).map_err(|_| changed())?;
        if found.is_none() && record.at >= pruned_before {
            return Err(changed());
        }
    }
    Ok(())
}
