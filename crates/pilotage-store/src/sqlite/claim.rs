//! Taking executions under a lease, and holding on to them.

use std::time::Duration;

use pilotage_core::{
    ExecutionId, ExecutionStatus, Timestamp,
    audit::kind,
    execution::Claim,
    ports::{ClaimError, Renewal},
};
use rusqlite::{Connection, params};
use serde::Serialize;

use super::{
    columns::uuid,
    error::Failure,
    executions::{Stored, audit_record, by_id, by_number},
    operations::{self, Happening},
    transaction::Transaction,
};

/// Executions that one call may take.
const CLAIM_AT_MOST: usize = 500;

/// Who moves executions along.
pub(super) const SYSTEM: &str = "system";

/// Takes due executions and those whose lease has ended, the longest due first.
pub(super) fn claim(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    lease: Duration,
    limit: usize,
) -> Result<Vec<Claim>, Failure> {
    let limit = limit.min(CLAIM_AT_MOST);
    let mut found = due(transaction.connection(), now, limit)?;
    found.extend(abandoned(transaction.connection(), now, limit)?);
    found.sort_unstable();
    found.truncate(limit);
    found
        .into_iter()
        .map(|(_, number)| take(transaction, now, now + lease, number))
        .collect()
}

fn due(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<(i64, i64)>, Failure> {
    let sql = "SELECT due, number FROM executions INDEXED BY executions_due
               WHERE status = 1 AND due <= ?1 ORDER BY due, number LIMIT ?2";
    moments_and_numbers(connection, sql, now, limit)
}

fn abandoned(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<(i64, i64)>, Failure> {
    let sql = "SELECT lease_until, number FROM executions INDEXED BY executions_leased
               WHERE status = 2 AND lease_until <= ?1 ORDER BY lease_until, number LIMIT ?2";
    moments_and_numbers(connection, sql, now, limit)
}

fn moments_and_numbers(
    connection: &Connection,
    sql: &str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(i64, i64)>, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![now.as_micros(), limit], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClaimFacts<'a> {
    rule: &'a str,
    claims: u32,
    action: u32,
    attempt: u32,
    lease_lost: bool,
}

fn take(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    lease_until: Timestamp,
    number: i64,
) -> Result<Claim, Failure> {
    let before = by_number(transaction.connection(), number)?.execution;
    transaction
        .connection()
        .prepare_cached(
            "UPDATE executions SET status = 2, claims = claims + 1, lease_until = ?2,
             started_at = coalesce(started_at, ?3) WHERE number = ?1",
        )?
        .execute(params![number, lease_until.as_micros(), now.as_micros()])?;
    transaction.count(Some(before.status), ExecutionStatus::Running);
    let execution = by_number(transaction.connection(), number)?.execution;
    let facts = ClaimFacts {
        rule: &execution.rule,
        claims: execution.claims,
        action: execution.action,
        attempt: execution.attempts.saturating_add(1),
        lease_lost: before.status == ExecutionStatus::Running,
    };
    let record = audit_record(&execution, now, SYSTEM, kind::EXECUTION_CLAIMED, &facts)?;
    let happening = Happening::Attempt {
        lease_lost: facts.lease_lost,
    };
    transaction.audit(record)?;
    operations::show(transaction, now, &execution, &happening)?;
    Ok(Claim {
        execution,
        lease_until,
    })
}

/// The execution, if the claim is still the present one.
pub(super) fn held(
    transaction: &Transaction<'_>,
    id: ExecutionId,
    claims: u32,
) -> Result<Stored, ClaimError> {
    let stored = by_id(transaction.connection(), id)?;
    stored
        .filter(|stored| {
            stored.execution.status == ExecutionStatus::Running && stored.execution.claims == claims
        })
        .ok_or(ClaimError::LeaseLost)
}

/// Lengthens a lease.
pub(super) fn renew(
    transaction: &mut Transaction<'_>,
    id: ExecutionId,
    claims: u32,
    lease_until: Timestamp,
) -> Result<Renewal, ClaimError> {
    let stored = held(transaction, id, claims)?;
    set_lease(transaction, stored.number, lease_until)?;
    Ok(match stored.execution.cancel_requested_by {
        Some(by) => Renewal::CancelRequested { by },
        None => Renewal::Held,
    })
}

fn set_lease(transaction: &Transaction<'_>, number: i64, lease_until: Timestamp) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached("UPDATE executions SET lease_until = ?2 WHERE number = ?1")?
        .execute(params![number, lease_until.as_micros()])?;
    Ok(())
}

/// Running executions that are asked to cancel. Looks only at what runs, which the number of workers bounds.
pub(super) fn cancel_requested(connection: &Connection) -> Result<Vec<ExecutionId>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM executions INDEXED BY executions_leased
         WHERE status = 2 AND cancel_requested_by IS NOT NULL LIMIT 1000",
    )?;
    let rows = statement.query_map([], |row| Ok(ExecutionId(uuid(row, 0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The earliest moment at which something is due or a lease ends.
pub(super) fn next_due(connection: &Connection) -> Result<Option<Timestamp>, Failure> {
    let due: Option<i64> = connection
        .prepare_cached("SELECT min(due) FROM executions INDEXED BY executions_due WHERE status = 1")?
        .query_row([], |row| row.get(0))?;
    let leased: Option<i64> = connection
        .prepare_cached(
            "SELECT min(lease_until) FROM executions INDEXED BY executions_leased WHERE status = 2",
        )?
        .query_row([], |row| row.get(0))?;
    Ok([due, leased]
        .into_iter()
        .flatten()
        .min()
        .map(Timestamp::from_micros))
}
