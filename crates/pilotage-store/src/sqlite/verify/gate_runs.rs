//! Runs of gates stand as recorded, and what they rest on is what its digests say.

use pilotage_core::{
    Digest,
    audit::AuditRecord,
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

/// Compares a run with the record of its end.
///
/// # Errors
/// It is gone or differs, or one of its documents does.
pub(super) fn check(connection: &Connection, record: &AuditRecord) -> Result<(), VerifyError> {
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
        documents::read(connection, digest)
            .ok()
            .flatten()
            .ok_or_else(changed)?;
    }
    Ok(())
}
