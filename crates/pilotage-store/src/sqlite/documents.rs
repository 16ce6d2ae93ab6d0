//! Documents: what runs of gates rest on, each once, under the digest of its bytes.

use bytes::Bytes;
use pilotage_core::{
    Digest, Timestamp,
    audit::{NewAuditRecord, kind},
    gate::MOST_DOCUMENT_BYTES,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{append::compress, error::Failure, events, transaction::Transaction};

/// Keeps a document that a run of this moment rests on; answers its digest. A longer one than is allowed is refused.
pub(super) fn keep(transaction: &Transaction<'_>, at: Timestamp, data: Vec<u8>) -> Result<Digest, Failure> {
    let (digest, size) = (Digest::of(&data), data.len());
    if size > MOST_DOCUMENT_BYTES {
        return Err(Failure::corrupt(format!(
            "a document of {size} bytes is too long to keep"
        )));
    }
    let (data, compressed) = compress(Bytes::from(data));
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO documents (digest, size, compressed, data, kept_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (digest) DO UPDATE SET kept_at = max(kept_at, excluded.kept_at)",
        )?
        .execute(params![
            digest.0,
            i64::try_from(size).unwrap_or(i64::MAX),
            compressed,
            &data[..],
            at.as_micros(),
        ])?;
    Ok(digest)
}

/// A document, if it is what its digest says.
pub(super) fn read(connection: &Connection, digest: Digest) -> Result<Option<Vec<u8>>, Failure> {
    let found = connection
        .prepare_cached("SELECT size, compressed, data FROM documents WHERE digest = ?1")?
        .query_row([digest.0], |row| events::data(row, 0))
        .optional()?
        .flatten();
    match found {
        Some(data) if Digest::of(&data) != digest => Err(Failure::corrupt(format!(
            "the document {digest} was changed after it was kept"
        ))),
        found => Ok(found.map(|data| data.to_vec())),
    }
}

/// The facts of an audit record `gate.documents-pruned`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pruned {
    /// How many documents.
    pub(super) count: usize,
    /// No run rested on them that ended at this moment or later, in microseconds.
    pub(super) before: i64,
}

/// Removes documents that only runs of before rest on, and what was measured on inputs before.
pub(super) fn prune(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    before: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let count = transaction
        .connection()
        .prepare_cached(
            "DELETE FROM documents WHERE rowid IN (
                 SELECT rowid FROM documents WHERE kept_at < ?1 ORDER BY kept_at LIMIT ?2
             )",
        )?
        .execute(params![before.as_micros(), limit])?;
    if count == 0 {
        return Ok(0);
    }
    transaction
        .connection()
        .prepare_cached("DELETE FROM gate_inputs WHERE at < ?1")?
        .execute([before.as_micros()])?;
    let facts = Pruned {
        count,
        before: before.as_micros(),
    };
    transaction.audit(NewAuditRecord {
        at: now,
        tenant: "default".to_owned(),
        actor: "system".to_owned(),
        kind: kind::GATE_DOCUMENTS_PRUNED.to_owned(),
        subject: "documents".to_owned(),
        facts: serde_json::to_string(&facts)?,
    })?;
    Ok(count)
}
