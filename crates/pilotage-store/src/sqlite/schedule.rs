//! Decisions become executions; the cursor moves with them.

use pilotage_core::{
    ExecutionStatus, NewExecution, Position, Timestamp,
    audit::kind,
    ports::{Advance, Decision, RuleVersion, ScheduleError},
};
use rusqlite::{Connection, params};

use super::{
    columns::status_code, decisions, error::Failure, executions::by_id, operations, slots, statistics,
    transaction::Transaction,
};

/// How far matching has come.
pub(super) fn cursor(connection: &Connection) -> Result<Position, Failure> {
    let position = connection
        .prepare_cached("SELECT cursor FROM state")?
        .query_row([], |row| row.get(0))?;
    Ok(Position(position))
}

/// Keeps rule versions.
pub(super) fn keep_rules(transaction: &mut Transaction<'_>, versions: &[RuleVersion]) -> Result<(), Failure> {
    let mut statement = transaction
        .connection()
        .prepare_cached("INSERT OR IGNORE INTO rule_versions VALUES (?1, ?2)")?;
    for version in versions {
        statement.execute(params![version.digest.0, version.json])?;
    }
    Ok(())
}

/// Moves the cursor and adds what the rules decided.
pub(super) fn schedule(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    advance: Advance,
    decided: &[Decision],
) -> Result<(), ScheduleError> {
    let stands = cursor(transaction.connection())?;
    if stands != advance.from {
        return Err(ScheduleError::CursorMoved(stands));
    }
    move_cursor(transaction, advance.to)?;
    decisions::keep(transaction, now, decided)?;
    for new in decided.iter().flat_map(|decision| &decision.executions) {
        add(transaction, now, new)?;
    }
    Ok(())
}

fn move_cursor(transaction: &Transaction<'_>, to: Position) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached("UPDATE state SET cursor = ?1")?
        .execute([to.0])?;
    Ok(())
}

/// Adds the executions of a replay; those that are there already are left alone.
pub(super) fn replay(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    actor: &str,
    mut decision: Decision,
) -> Result<(), Failure> {
    let asked = decision.executions.len();
    let mut fresh = Vec::with_capacity(asked);
    for new in decision.executions {
        if by_id(transaction.connection(), new.id)?.is_none() {
            fresh.push(new);
        }
    }
    decision.executions = fresh;
    if asked > 0 && decision.executions.is_empty() {
        return Ok(());
    }
    let record = decisions::audit_record(&decision, None, now, actor, kind::EVENT_REPLAYED)?;
    transaction.audit(record)?;
    decisions::count_replayed(transaction, &decision)?;
    for new in &decision.executions {
        add(transaction, now, new)?;
    }
    Ok(())
}

fn add(transaction: &mut Transaction<'_>, now: Timestamp, new: &NewExecution) -> Result<(), Failure> {
    let burst_began = match &new.debounce {
        Some(burst) => Some(slots::coalesce(transaction, now, new, burst)?),
        None => None,
    };
    let status = match new.slot {
        Some(_) => ExecutionStatus::Waiting,
        None => ExecutionStatus::Pending,
    };
    let due = insert(transaction, now, new, status, burst_began)?;
    operations::add(transaction, now, new, due)?;
    transaction.count(None, status);
    statistics::matched(transaction, now, &new.rule)?;
    match &new.slot {
        Some(slot) => slots::admit(transaction, now, new, slot),
        None => Ok(()),
    }
}

/// Adds the row; answers when it is due.
fn insert(
    transaction: &Transaction<'_>,
    now: Timestamp,
    new: &NewExecution,
    status: ExecutionStatus,
    burst_began: Option<Timestamp>,
) -> Result<Timestamp, Failure> {
    let latest = new
        .debounce
        .as_ref()
        .zip(burst_began)
        .map(|(burst, began)| began + burst.max_wait);
    let due = latest.map_or(new.due, |latest| latest.min(new.due));
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO executions (id, tenant, event, position, rule, rule_digest, status, due, created_at,
                 slot_key, slot_limit, debounce_key, burst_started_at, replayed_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            new.id.0.as_bytes(),
            new.tenant.0,
            new.event.0.as_bytes(),
            new.position.0,
            new.rule,
            new.rule_digest.0,
            status_code(status),
            due.as_micros(),
            now.as_micros(),
            new.slot.as_ref().map(|slot| &slot.key),
            new.slot.as_ref().map(|slot| slot.limit.max(1)),
            new.debounce.as_ref().map(|burst| &burst.key),
            burst_began.map(Timestamp::as_micros),
            new.replayed_by,
        ])?;
    Ok(due)
}
