//! Gates that came through the API, and waivers.

use pilotage_core::{Timestamp, audit::NewAuditRecord, gate::Waiver, ports::StoredGate};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    columns::{moment, unreadable},
    error::Failure,
    gate_history::prefix,
    transaction::Transaction,
};

/// Waivers in one answer.
const WAIVERS_AT_MOST: i64 = 500;

pub(super) fn all(connection: &Connection) -> Result<Vec<StoredGate>, Failure> {
    let mut statement = connection.prepare_cached("SELECT id, json, changed_at FROM gates ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(StoredGate {
            id: row.get(0)?,
            json: row.get(1)?,
            changed_at: moment(row, 2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn put(
    transaction: &mut Transaction<'_>,
    gate: &StoredGate,
    audit: NewAuditRecord,
) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached("INSERT OR REPLACE INTO gates VALUES (?1, ?2, ?3)")?
        .execute(params![gate.id, gate.json, gate.changed_at.as_micros()])?;
    transaction.audit(audit)?;
    Ok(())
}

pub(super) fn delete(
    transaction: &mut Transaction<'_>,
    id: &str,
    audit: NewAuditRecord,
) -> Result<bool, Failure> {
    let deleted = transaction
        .connection()
        .prepare_cached("DELETE FROM gates WHERE id = ?1")?
        .execute([id])?
        > 0;
    if deleted {
        transaction.audit(audit)?;
    }
    Ok(deleted)
}

pub(super) fn waive(transaction: &mut Transaction<'_>, waiver: &Waiver) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached("INSERT INTO waivers (id, commit_id, json) VALUES (?1, ?2, ?3)")?
        .execute(params![
            waiver.id.as_bytes(),
            waiver.commit,
            serde_json::to_string(waiver)?
        ])?;
    transaction.audit(waiver.audit())?;
    Ok(())
}

pub(super) fn revoke(
    transaction: &mut Transaction<'_>,
    id: Uuid,
    now: Timestamp,
    actor: &str,
) -> Result<Option<Waiver>, Failure> {
    let found = transaction
        .connection()
        .prepare_cached("SELECT json FROM waivers WHERE id = ?1")?
        .query_row([id.as_bytes()], waiver)
        .optional()?;
    let Some(mut waiver) = found else {
        return Ok(None);
    };
    if waiver.revoked_at.is_none() {
        waiver.revoked_at = Some(now);
        waiver.revoked_by = Some(actor.to_owned());
        transaction
            .connection()
            .prepare_cached("UPDATE waivers SET json = ?2 WHERE id = ?1")?
            .execute(params![id.as_bytes(), serde_json::to_string(&waiver)?])?;
        transaction.audit(waiver.audit_of_revoking(now, actor))?;
    }
    Ok(Some(waiver))
}

fn waiver(row: &Row<'_>) -> rusqlite::Result<Waiver> {
    let json: String = row.get(0)?;
    serde_json::from_str(&json).map_err(|error| unreadable(0, error))
}

pub(super) fn waivers(connection: &Connection, commit: Option<&str>) -> Result<Vec<Waiver>, Failure> {
    let (from, behind) = prefix(commit.unwrap_or_default());
    let mut statement = connection.prepare_cached(
        "SELECT json FROM waivers WHERE commit_id >= ?1 AND commit_id < ?2 ORDER BY number DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(params![from, behind, WAIVERS_AT_MOST], waiver)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
