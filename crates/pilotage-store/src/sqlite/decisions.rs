//! What the rules said about events. Most events of a busy log concern no rule: neighbours of which nothing is to be said
//! but that share one row and one audit record, so that they cost next to nothing.

use pilotage_core::{
    Digest, Position, Timestamp,
    audit::{NewAuditRecord, kind},
    ports::{Decision, EventDecision, RuleFault},
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use super::{columns::moment, error::Failure, transaction::Transaction};

/// Rules and faults that an audit record names; the counts beside them are complete.
const NAMED_AT_MOST: usize = 50;

#[derive(Serialize)]
struct DecisionFacts<'a> {
    position: Position,
    /// The last position that this is said of, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    through: Option<Position>,
    /// A ping is not unhandled when no rule matches it.
    #[serde(rename = "ping", skip_serializing_if = "std::ops::Not::not")]
    is_ping: bool,
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

/// The audit record of what was decided about an event, and about its neighbours up to `through`.
pub(super) fn audit_record(
    decision: &Decision,
    through: Option<Position>,
    now: Timestamp,
    actor: &str,
    kind: &str,
) -> Result<NewAuditRecord, Failure> {
    let named = || decision.executions.iter().take(NAMED_AT_MOST);
    let facts = DecisionFacts {
        position: decision.position,
        through,
        is_ping: decision.is_ping,
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

/// Keeps what was decided, in the order of positions, with one audit record for each row.
pub(super) fn keep(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    decisions: &[Decision],
) -> Result<(), Failure> {
    for alike in decisions.chunk_by(may_share) {
        let (Some(first), Some(last)) = (alike.first(), alike.last()) else {
            continue;
        };
        // A person may have replayed an event before the matcher came to it.
        let share =
            !is_quiet(first) || !any_replayed(transaction.connection(), first.position, last.position)?;
        if share {
            keep_run(transaction, now, first, last.position)?;
        } else {
            for decision in alike {
                keep_run(transaction, now, decision, decision.position)?;
            }
        }
    }
    Ok(())
}

/// Nothing is to be done and nothing went wrong.
fn is_quiet(decision: &Decision) -> bool {
    decision.executions.is_empty() && decision.faults.is_empty()
}

fn may_share(left: &Decision, right: &Decision) -> bool {
    is_quiet(left)
        && is_quiet(right)
        && left.is_ping == right.is_ping
        && left.tenant == right.tenant
        && right.position.0 == left.position.0 + 1
}

fn any_replayed(connection: &Connection, first: Position, last: Position) -> Result<bool, Failure> {
    let any = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM executions WHERE position BETWEEN ?1 AND ?2)")?
        .query_row([first.0, last.0], |row| row.get(0))?;
    Ok(any)
}

fn keep_run(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    first: &Decision,
    last: Position,
) -> Result<(), Failure> {
    let faults = (!first.faults.is_empty())
        .then(|| serde_json::to_string(&first.faults))
        .transpose()?;
    let replayed: i64 = if first.position == last {
        transaction
            .connection()
            .prepare_cached("SELECT count(*) FROM executions WHERE position = ?1")?
            .query_row([last.0], |row| row.get(0))?
    } else {
        0
    };
    let executions = replayed.saturating_add(count(first));
    let unhandled = executions == 0 && !first.is_ping;
    transaction
        .connection()
        .prepare_cached("INSERT INTO decisions VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            first.position.0,
            last.0,
            now.as_micros(),
            executions,
            unhandled,
            faults
        ])?;
    if unhandled {
        let events = last.0 - first.position.0 + 1;
        transaction.count_unhandled(events);
        transaction.happened(now, |activity| activity.unhandled += events)?;
    }
    let through = (last != first.position).then_some(last);
    let record = audit_record(first, through, now, "system", kind::EVENT_DECIDED)?;
    transaction.audit(record).map(drop)
}

fn count(decision: &Decision) -> i64 {
    i64::try_from(decision.executions.len()).unwrap_or(i64::MAX)
}

/// Counts the executions that a replay has added to an event, if it was decided already.
pub(super) fn count_replayed(transaction: &mut Transaction<'_>, decision: &Decision) -> Result<(), Failure> {
    let added = count(decision);
    if added == 0 {
        return Ok(());
    }
    set_apart(transaction, decision.position)?;
    let was_unhandled: Option<bool> = transaction
        .connection()
        .prepare_cached("SELECT unhandled FROM decisions WHERE first_position = ?1")?
        .query_row([decision.position.0], |row| row.get(0))
        .optional()?;
    transaction
        .connection()
        .prepare_cached(
            "UPDATE decisions SET executions = executions + ?2, unhandled = 0 WHERE first_position = ?1",
        )?
        .execute([decision.position.0, added])?;
    if was_unhandled == Some(true) {
        transaction.count_unhandled(-1);
    }
    Ok(())
}

/// Gives a position a row of its own where it shares one.
fn set_apart(transaction: &Transaction<'_>, position: Position) -> Result<(), Failure> {
    let connection = transaction.connection();
    let run = connection
        .prepare_cached(
            "SELECT first_position, last_position FROM decisions WHERE first_position <= ?1
             ORDER BY first_position DESC LIMIT 1",
        )?
        .query_row([position.0], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    let Some((first, last)) = run.filter(|(first, last)| first < last && position.0 <= *last) else {
        return Ok(());
    };
    let mut split = connection.prepare_cached(
        "INSERT INTO decisions SELECT ?2, ?3, decided_at, executions, unhandled, faults FROM decisions
         WHERE first_position = ?1",
    )?;
    for (from, to) in [(position.0, position.0), (position.0 + 1, last)] {
        if from > first && from <= to {
            split.execute([first, from, to])?;
        }
    }
    connection
        .prepare_cached("UPDATE decisions SET last_position = ?2 WHERE first_position = ?1")?
        .execute([first, first.max(position.0 - 1)])?;
    Ok(())
}

/// What was decided about the event at a position.
pub(super) fn at(connection: &Connection, position: Position) -> Result<Option<EventDecision>, Failure> {
    let found = connection
        .prepare_cached(
            "SELECT last_position, decided_at, faults FROM decisions WHERE first_position <= ?1
             ORDER BY first_position DESC LIMIT 1",
        )?
        .query_row([position.0], |row| {
            Ok((row.get(0)?, moment(row, 1)?, row.get::<_, Option<String>>(2)?))
        })
        .optional()?;
    let Some((_, decided_at, faults)) = found.filter(|(last, ..)| position.0 <= *last) else {
        return Ok(None);
    };
    Ok(Some(EventDecision {
        decided_at,
        faults: faults.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(&text))?,
    }))
}
