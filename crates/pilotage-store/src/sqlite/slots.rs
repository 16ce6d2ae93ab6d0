//! Concurrency limits and debounce: which executions wait, and which make way.

use pilotage_core::{
    ExecutionStatus, NewExecution, TenantId, Timestamp,
    audit::kind,
    execution::{Burst, OnLimit, Slot},
};
use rusqlite::{OptionalExtension, Row, params};

use super::{
    error::Failure,
    executions::{Ending, audit_record, by_id, by_number, finish},
    operations::{self, Happening},
    transaction::Transaction,
};

/// Who ends or cancels executions because of a concurrency limit or debounce.
const CONCURRENCY: &str = "concurrency";

/// Makes room for a new execution under its slot, or decides that it waits or is dropped. It was inserted as waiting
/// just before.
pub(super) fn admit(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    new: &NewExecution,
    slot: &Slot,
) -> Result<(), Failure> {
    if slot.on_limit == OnLimit::Cancel {
        supersede(transaction, now, new, slot)?;
    }
    promote(transaction, now, &new.tenant, &new.rule, &slot.key)?;
    if slot.on_limit == OnLimit::Drop {
        drop_waiting(transaction, now, new, slot)?;
    }
    Ok(())
}

fn drop_waiting(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    new: &NewExecution,
    slot: &Slot,
) -> Result<(), Failure> {
    let Some(stored) = by_id(transaction.connection(), new.id)? else {
        return Ok(());
    };
    if stored.execution.status != ExecutionStatus::Waiting {
        return Ok(());
    }
    let active = active(transaction, &new.tenant, &new.rule, &slot.key, i64::MAX)?;
    let reason = format!("dropped: {active} executions with the same concurrency key are active");
    let ending = Ending {
        status: ExecutionStatus::Cancelled,
        reason: Some(&reason),
        actor: CONCURRENCY,
    };
    finish(transaction, now, &stored, &ending)
}

/// Cancels the oldest executions with the same key that nobody has asked to cancel yet, until the new one is within the
/// limit: those that wait or are pending end at once, those that run are asked to stop.
fn supersede(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    new: &NewExecution,
    slot: &Slot,
) -> Result<(), Failure> {
    let live: Vec<i64> = transaction
        .connection()
        .prepare_cached(
            "SELECT number FROM executions INDEXED BY executions_in_slot
             WHERE tenant = ?1 AND rule = ?2 AND slot_key = ?3 AND finished_at IS NULL AND cancel_requested_by IS NULL
             ORDER BY number",
        )?
        .query_map(params![new.tenant.0, new.rule, slot.key], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let keep = usize::try_from(slot.limit.max(1)).unwrap_or(usize::MAX);
    let excess = live.len().saturating_sub(keep);
    for number in live.into_iter().take(excess) {
        supersede_one(transaction, now, number, new)?;
    }
    Ok(())
}

fn supersede_one(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    number: i64,
    by: &NewExecution,
) -> Result<(), Failure> {
    let stored = by_number(transaction.connection(), number)?;
    if stored.execution.id == by.id {
        return Ok(());
    }
    if stored.execution.status == ExecutionStatus::Running {
        return request_cancel(transaction, now, number, CONCURRENCY);
    }
    let reason = format!("superseded by {}", by.id);
    let ending = Ending {
        status: ExecutionStatus::Cancelled,
        reason: Some(&reason),
        actor: CONCURRENCY,
    };
    finish(transaction, now, &stored, &ending)
}

/// Asks a running execution to stop; its holder learns it at the next renewal.
pub(super) fn request_cancel(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    number: i64,
    by: &str,
) -> Result<(), Failure> {
    let stored = by_number(transaction.connection(), number)?;
    transaction
        .connection()
        .prepare_cached("UPDATE executions SET cancel_requested_by = ?2 WHERE number = ?1")?
        .execute(params![number, by])?;
    let facts = serde_json::json!({ "status": stored.execution.status });
    let record = audit_record(
        &stored.execution,
        now,
        by,
        kind::EXECUTION_CANCEL_REQUESTED,
        &facts,
    )?;
    transaction.audit(record)?;
    transaction.wake_workers();
    operations::show(
        transaction,
        now,
        &stored.execution,
        &Happening::CancelAsked { by },
    )
}

/// Cancels the pending and waiting executions with the same debounce key that have not been tried yet. Answers when the
/// burst began whose last event the new one is now.
pub(super) fn coalesce(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    new: &NewExecution,
    burst: &Burst,
) -> Result<Timestamp, Failure> {
    let earlier: Vec<(i64, Option<i64>)> = transaction
        .connection()
        .prepare_cached(
            "SELECT number, burst_started_at FROM executions INDEXED BY executions_debounced
             WHERE tenant = ?1 AND rule = ?2 AND debounce_key = ?3 AND status <= 1
               AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.execution = executions.number)
             ORDER BY number",
        )?
        .query_map(params![new.tenant.0, new.rule, burst.key], |row: &Row<'_>| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let reason = format!("coalesced into {}", new.id);
    let ending = Ending {
        status: ExecutionStatus::Cancelled,
        reason: Some(&reason),
        actor: "debounce",
    };
    let mut began = now;
    for (number, burst_started_at) in earlier {
        let stored = by_number(transaction.connection(), number)?;
        finish(transaction, now, &stored, &ending)?;
        began = burst_started_at.map_or(began, |at| began.min(Timestamp::from_micros(at)));
    }
    Ok(began)
}

/// Turns the oldest waiting executions with this key into pending ones while there is room. The limit is that of the
/// youngest one that waits, because the rule may have changed since the older ones came.
pub(super) fn promote(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    tenant: &TenantId,
    rule: &str,
    key: &str,
) -> Result<(), Failure> {
    let connection = transaction.connection();
    let limit: Option<i64> = connection
        .prepare_cached(
            "SELECT slot_limit FROM executions INDEXED BY executions_in_slot
             WHERE tenant = ?1 AND rule = ?2 AND slot_key = ?3 AND finished_at IS NULL AND status = 0
             ORDER BY number DESC LIMIT 1",
        )?
        .query_row(params![tenant.0, rule, key], |row| row.get(0))
        .optional()?;
    let Some(limit) = limit else {
        return Ok(());
    };
    let room = limit - active(transaction, tenant, rule, key, limit)?;
    let promoted: Vec<i64> = connection
        .prepare_cached(
            "SELECT number FROM executions INDEXED BY executions_in_slot
             WHERE tenant = ?1 AND rule = ?2 AND slot_key = ?3 AND finished_at IS NULL AND status = 0
             ORDER BY number LIMIT max(?4, 0)",
        )?
        .query_map(params![tenant.0, rule, key, room], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for number in promoted {
        connection
            .prepare_cached("UPDATE executions SET status = 1 WHERE number = ?1")?
            .execute([number])?;
        transaction.count(Some(ExecutionStatus::Waiting), ExecutionStatus::Pending);
        let promoted = by_number(connection, number)?.execution;
        operations::show(transaction, now, &promoted, &Happening::Ready)?;
    }
    Ok(())
}

/// Pending and running executions with this key, counted up to `at_most`.
fn active(
    transaction: &Transaction<'_>,
    tenant: &TenantId,
    rule: &str,
    key: &str,
    at_most: i64,
) -> Result<i64, Failure> {
    let count = transaction
        .connection()
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM executions INDEXED BY executions_in_slot
             WHERE tenant = ?1 AND rule = ?2 AND slot_key = ?3 AND finished_at IS NULL AND status IN (1, 2) LIMIT ?4)",
        )?
        .query_row(params![tenant.0, rule, key, at_most], |row| row.get(0))?;
    Ok(count)
}
