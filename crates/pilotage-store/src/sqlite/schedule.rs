//! Decisions become executions; the cursor moves with them.

use pilotage_core::{
    Digest, ExecutionStatus, NewExecution, Position, Timestamp,
    audit::{NewAuditRecord, kind},
    ports::{Advance, Decision, RuleFault, RuleVersion, ScheduleError},
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::{
    columns::status_code, error::Failure, executions::by_id, operations, slots, statistics,
    transaction::Transaction,
};

/// Rules and faults that an audit record names; the counts beside them are complete.
const NAMED_AT_MOST: usize = 50;

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
    decisions: &[Decision],
) -> Result<(), ScheduleError> {
    let stands = cursor(transaction.connection())?;
    if stands != advance.from {
        return Err(ScheduleError::CursorMoved(stands));
    }
    move_cursor(transaction, advance.to)?;
    for decision in decisions {
        decide(transaction, now, decision)?;
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

#[derive(Serialize)]
struct DecisionFacts<'a> {
    position: Position,
    executions: usize,
    rules: Vec<&'a str>,
    /// Their versions, in the same order.
    #[serde(rename = "ruleDigests")]
    rule_digests: Vec<Digest>,
    #[serde(skip_serializing_if = "is_zero")]
    faults: usize,
    #[serde(rename = "faultyRules", skip_serializing_if = "<[_]>::is_empty")]
    faulty_rules: &'a [RuleFault],
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn audit_record(
    decision: &Decision,
    now: Timestamp,
    actor: &str,
    kind: &str,
) -> Result<NewAuditRecord, Failure> {
    let named = || decision.executions.iter().take(NAMED_AT_MOST);
    let facts = DecisionFacts {
        position: decision.position,
        executions: decision.executions.len(),
        rules: named().map(|execution| execution.rule.as_str()).collect(),
        rule_digests: named().map(|execution| execution.rule_digest).collect(),
        faults: decision.faults.len(),
        faulty_rules: decision.faults.get(..NAMED_AT_MOST).unwrap_or(&decision.faults),
    };
    Ok(NewAuditRecord {
        at: now,
        tenant: decision.tenant.clone(),
        actor: actor.to_owned(),
        kind: kind.to_owned(),
        subject: decision.event.clone(),
        facts: serde_json::to_string(&facts)?,
    })
}

fn decide(transaction: &mut Transaction<'_>, now: Timestamp, decision: &Decision) -> Result<(), Failure> {
    let faults = (!decision.faults.is_empty())
        .then(|| serde_json::to_string(&decision.faults))
        .transpose()?;
    // A person may have replayed the event before the matcher came to it.
    let replayed: i64 = transaction
        .connection()
        .prepare_cached("SELECT count(*) FROM executions WHERE position = ?1")?
        .query_row([decision.position.0], |row| row.get(0))?;
    let executions = replayed.saturating_add(count(decision));
    transaction
        .connection()
        .prepare_cached("INSERT INTO decisions VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![decision.position.0, now.as_micros(), executions, faults])?;
    if executions == 0 {
        transaction.count_unhandled(1);
    }
    transaction.audit(audit_record(decision, now, "system", kind::EVENT_DECIDED)?)?;
    for new in &decision.executions {
        add(transaction, now, new)?;
    }
    Ok(())
}

fn count(decision: &Decision) -> i64 {
    i64::try_from(decision.executions.len()).unwrap_or(i64::MAX)
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
    transaction.audit(audit_record(&decision, now, actor, kind::EVENT_REPLAYED)?)?;
    count_replayed(transaction, &decision)?;
    for new in &decision.executions {
        add(transaction, now, new)?;
    }
    Ok(())
}

fn count_replayed(transaction: &mut Transaction<'_>, decision: &Decision) -> Result<(), Failure> {
    let added = count(decision);
    let total: Option<i64> = transaction
        .connection()
        .prepare_cached(
            "UPDATE decisions SET executions = executions + ?2 WHERE position = ?1 RETURNING executions",
        )?
        .query_row(params![decision.position.0, added], |row| row.get(0))
        .optional()?;
    if added > 0 && total == Some(added) {
        transaction.count_unhandled(-1);
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
