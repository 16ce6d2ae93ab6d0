//! Runs of tests and their reports stand as the record of their end says, or went when there were too many.

use pilotage_core::{
    Digest,
    audit::AuditRecord,
    testing::{TestRunId, TestRunStatus, Totals},
};
use rusqlite::Connection;
use serde::Deserialize;
use uuid::Uuid;

use super::{VerifyError, facts_of};
use crate::sqlite::test_history;

/// The facts of an audit record `test.run-ended`.
#[derive(Deserialize)]
struct Ended {
    status: TestRunStatus,
    totals: Option<Totals>,
    report: Option<Digest>,
}

/// Compares a run with the record of its end; answers whether it is there.
///
/// # Errors
/// It, or its report, differs.
pub(super) fn check(connection: &Connection, record: &AuditRecord) -> Result<bool, VerifyError> {
    let facts: Ended = facts_of(record)?;
    let changed = || VerifyError::TestRunChanged {
        sequence: record.sequence,
        run: record.subject.clone(),
    };
    let id = TestRunId(Uuid::parse_str(&record.subject).map_err(|_| changed())?);
    let Some(run) = test_history::run(connection, id)? else {
        return Ok(false);
    };
    let expected = (facts.status, facts.totals.unwrap_or_default(), facts.report);
    if (run.status, run.totals, run.report) != expected {
        return Err(changed());
    }
    let report = test_history::report(connection, id).map_err(|_| changed())?;
    if report.is_some() == facts.report.is_some() {
        Ok(true)
    } else {
        Err(changed())
    }
}
