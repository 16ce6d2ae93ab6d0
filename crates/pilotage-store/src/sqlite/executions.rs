//! Reading executions from rows, and their endings.

use pilotage_core::{
    EventId, Execution, ExecutionId, ExecutionStatus, Position, TenantId, Timestamp,
    audit::{NewAuditRecord, kind},
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{
    columns::{digest, moment, optional_moment, status, status_code, uuid},
    error::Failure,
    operations::{self, Happening},
    slots, statistics,
    transaction::Transaction,
};

/// Columns of `executions` in the order that `execution` reads them.
pub(super) const COLUMNS: &str = "id, tenant, event, position, rule, rule_digest, status, reason, claims, action, \
     attempts, due, created_at, started_at, finished_at, slot_key, debounce_key, replayed_by, cancel_requested_by, \
     number, retries";

/// The column `number` among `COLUMNS`.
pub(super) const NUMBER: usize = 19;

/// An execution in its row.
pub(super) struct Stored {
    /// The row.
    pub(super) number: i64,
    /// How often it came back from the dead letters.
    pub(super) retries: i64,
    /// What everybody may see.
    pub(super) execution: Execution,
}

/// The execution of a row that selects `COLUMNS` first.
pub(super) fn execution(row: &Row<'_>) -> rusqlite::Result<Execution> {
    Ok(Execution {
        id: ExecutionId(uuid(row, 0)?),
        tenant: TenantId(row.get(1)?),
        event_id: EventId(uuid(row, 2)?),
        position: Position(row.get(3)?),
        rule: row.get(4)?,
        rule_digest: digest(row, 5)?,
        status: status(row, 6)?,
        reason: row.get(7)?,
        claims: row.get(8)?,
        action: row.get(9)?,
        attempts: row.get(10)?,
        due: moment(row, 11)?,
        created_at: moment(row, 12)?,
        started_at: optional_moment(row, 13)?,
        finished_at: optional_moment(row, 14)?,
        concurrency_key: row.get(15)?,
        debounce_key: row.get(16)?,
        replayed_by: row.get(17)?,
        cancel_requested_by: row.get(18)?,
    })
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        number: row.get(NUMBER)?,
        retries: row.get(NUMBER + 1)?,
        execution: execution(row)?,
    })
}

/// The execution with this identity.
pub(super) fn by_id(connection: &Connection, id: ExecutionId) -> Result<Option<Stored>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM executions WHERE id = ?1");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([id.0.as_bytes()], stored)
        .optional()?;
    Ok(found)
}

/// The execution in this row.
pub(super) fn by_number(connection: &Connection, number: i64) -> Result<Stored, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM executions WHERE number = ?1");
    let found = connection.prepare_cached(&sql)?.query_row([number], stored)?;
    Ok(found)
}

/// How an execution ends.
pub(super) struct Ending<'a> {
    /// A final status.
    pub(super) status: ExecutionStatus,
    /// Why, where it did not succeed.
    pub(super) reason: Option<&'a str>,
    /// Who ended it.
    pub(super) actor: &'a str,
}

/// The facts of an audit record `execution.finished`.
#[derive(Serialize, Deserialize)]
pub(super) struct FinishedFacts {
    /// A final status.
    pub(super) status: ExecutionStatus,
    /// Why, where it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// A record about an execution.
pub(super) fn audit_record<F: Serialize>(
    execution: &Execution,
    now: Timestamp,
    actor: &str,
    kind: &str,
    facts: &F,
) -> Result<NewAuditRecord, Failure> {
    Ok(NewAuditRecord {
        at: now,
        tenant: execution.tenant.0.clone(),
        actor: actor.to_owned(),
        kind: kind.to_owned(),
        subject: execution.id.to_string(),
        facts: serde_json::to_string(facts)?,
    })
}

/// Ends an execution: status, audit record, statistics, and room for whoever waits behind it.
pub(super) fn finish(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    stored: &Stored,
    ending: &Ending<'_>,
) -> Result<(), Failure> {
    let execution = &stored.execution;
    let facts = FinishedFacts {
        status: ending.status,
        reason: ending.reason.map(str::to_owned),
    };
    let record = audit_record(execution, now, ending.actor, kind::EXECUTION_FINISHED, &facts)?;
    let sequence = transaction.audit(record)?;
    transaction
        .connection()
        .prepare_cached(
            "UPDATE executions SET status = ?2, reason = ?3, finished_at = ?4, lease_until = NULL,
             finished_record = ?5 WHERE number = ?1",
        )?
        .execute(params![
            stored.number,
            status_code(ending.status),
            ending.reason,
            now.as_micros(),
            sequence
        ])?;
    transaction.count(Some(execution.status), ending.status);
    statistics::ended(transaction, now, stored, ending.status)?;
    let ended = Execution {
        status: ending.status,
        ..execution.clone()
    };
    let happening = Happening::Ended {
        number: stored.number,
        reason: ending.reason,
    };
    operations::show(transaction, now, &ended, &happening)?;
    match &execution.concurrency_key {
        Some(key) => slots::promote(transaction, now, &execution.tenant, &execution.rule, key),
        None => Ok(()),
    }
}
