//! `Registry` and `AuditTrail`.

use async_trait::async_trait;
use pilotage_core::{
    Timestamp,
    audit::{AuditRecord, Head, NewAuditRecord, kind},
    ports::{AuditTrail, Registry, Role, StoreError, StoredRule, Token},
};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::{
    SqliteStore,
    columns::{digest, moment, unreadable},
    error::Failure,
    transaction::{self, Transaction},
};

/// Audit records on a page at most.
const RECORDS_AT_MOST: usize = 5_000;

#[async_trait]
impl Registry for SqliteStore {
    async fn rules(&self) -> Result<Vec<StoredRule>, StoreError> {
        self.readers.read(rules).await
    }

    async fn put_rule(&self, rule: StoredRule, audit: NewAuditRecord) -> Result<(), StoreError> {
        self.writer
            .call(move |transaction| Ok(put_rule(transaction, &rule, audit)?))
            .await
    }

    async fn delete_rule(&self, id: &str, audit: NewAuditRecord) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer
            .call(move |transaction| {
                Ok(change(
                    transaction,
                    "DELETE FROM rules WHERE id = ?1",
                    &id,
                    audit,
                )?)
            })
            .await
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.readers.read(tokens).await
    }

    async fn add_token(&self, token: Token, audit: NewAuditRecord) -> Result<bool, StoreError> {
        self.writer
            .call(move |transaction| Ok(add_token(transaction, &token, audit)?))
            .await
    }

    async fn revoke_token(&self, name: &str, audit: NewAuditRecord) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.writer
            .call(move |transaction| {
                Ok(change(
                    transaction,
                    "DELETE FROM tokens WHERE name = ?1",
                    &name,
                    audit,
                )?)
            })
            .await
    }

    async fn note(&self, audit: NewAuditRecord) -> Result<(), StoreError> {
        self.writer
            .call(move |transaction| {
                transaction.audit(audit)?;
                Ok(())
            })
            .await
    }

    async fn prune_bodies(
        &self,
        now: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.writer
            .call(move |transaction| Ok(prune_bodies(transaction, now, before, limit)?))
            .await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.writer
            .call(|transaction| Ok(count_probe(transaction)?))
            .await
    }
}

#[async_trait]
impl AuditTrail for SqliteStore {
    async fn records_after(&self, after: i64, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        self.readers
            .read(move |connection| records_after(connection, after, limit))
            .await
    }

    async fn head(&self) -> Result<Head, StoreError> {
        self.readers.read(transaction::head).await
    }
}

fn rules(connection: &Connection) -> Result<Vec<StoredRule>, Failure> {
    let mut statement = connection.prepare_cached("SELECT id, json, changed_at FROM rules ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(StoredRule {
            id: row.get(0)?,
            json: row.get(1)?,
            changed_at: moment(row, 2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn put_rule(
    transaction: &mut Transaction<'_>,
    rule: &StoredRule,
    audit: NewAuditRecord,
) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached("INSERT OR REPLACE INTO rules VALUES (?1, ?2, ?3)")?
        .execute(params![rule.id, rule.json, rule.changed_at.as_micros()])?;
    transaction.audit(audit)?;
    Ok(())
}

/// Runs a statement about one name; records it where it changed something.
fn change(
    transaction: &mut Transaction<'_>,
    sql: &str,
    name: &str,
    audit: NewAuditRecord,
) -> Result<bool, Failure> {
    let changed = transaction.connection().prepare_cached(sql)?.execute([name])? > 0;
    if changed {
        transaction.audit(audit)?;
    }
    Ok(changed)
}

fn tokens(connection: &Connection) -> Result<Vec<Token>, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT name, role, digest, created_at FROM tokens ORDER BY name")?;
    let rows = statement.query_map([], |row| {
        let role: String = row.get(1)?;
        Ok(Token {
            name: row.get(0)?,
            role: Role::parse(&role).ok_or_else(|| unreadable(1, format!("`{role}` is no role")))?,
            digest: digest(row, 2)?,
            created_at: moment(row, 3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn add_token(
    transaction: &mut Transaction<'_>,
    token: &Token,
    audit: NewAuditRecord,
) -> Result<bool, Failure> {
    let added = transaction
        .connection()
        .prepare_cached("INSERT OR IGNORE INTO tokens VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            token.name,
            token.role.as_str(),
            token.digest.0,
            token.created_at.as_micros()
        ])?
        > 0;
    if added {
        transaction.audit(audit)?;
    }
    Ok(added)
}

/// The facts of an audit record `retention.pruned`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrunedFacts {
    /// How many bodies.
    pub(super) count: usize,
    /// The highest position among them.
    pub(super) up_to_position: i64,
    /// They were received before this moment, in microseconds.
    pub(super) before: i64,
}

fn prune_bodies(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    before: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let pruned: Vec<i64> = transaction
        .connection()
        .prepare_cached(
            // Looks no further than the first body that is young enough: they lie in the order in which they came.
            "DELETE FROM bodies WHERE position IN (
                 SELECT position FROM bodies
                 WHERE position < coalesce(
                     (SELECT position FROM bodies WHERE received_at >= ?1 ORDER BY position LIMIT 1),
                     9223372036854775807
                 ) AND position <= (SELECT cursor FROM state)
                   AND NOT EXISTS (
                       SELECT 1 FROM executions
                       WHERE executions.position = bodies.position AND executions.status <= 2
                   )
                 ORDER BY position LIMIT ?2
             ) RETURNING position",
        )?
        .query_map(params![before.as_micros(), limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let Some(up_to_position) = pruned.iter().copied().max() else {
        return Ok(0);
    };
    let facts = PrunedFacts {
        count: pruned.len(),
        up_to_position,
        before: before.as_micros(),
    };
    transaction.audit(NewAuditRecord {
        at: now,
        tenant: "default".to_owned(),
        actor: "system".to_owned(),
        kind: kind::BODIES_PRUNED.to_owned(),
        subject: "bodies".to_owned(),
        facts: serde_json::to_string(&facts)?,
    })?;
    Ok(pruned.len())
}

fn count_probe(transaction: &Transaction<'_>) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached("UPDATE state SET probes = probes + 1")?
        .execute([])?;
    Ok(())
}

/// The columns of `audit` in their order.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    Ok(AuditRecord {
        sequence: row.get(0)?,
        at: moment(row, 1)?,
        tenant: row.get(2)?,
        actor: row.get(3)?,
        kind: row.get(4)?,
        subject: row.get(5)?,
        facts: row.get(6)?,
        previous: digest(row, 7)?,
        hash: digest(row, 8)?,
    })
}

fn records_after(connection: &Connection, after: i64, limit: usize) -> Result<Vec<AuditRecord>, Failure> {
    let limit = i64::try_from(limit.min(RECORDS_AT_MOST)).unwrap_or(i64::MAX);
    let mut statement =
        connection.prepare_cached("SELECT * FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2")?;
    let rows = statement.query_map(params![after, limit], record)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
