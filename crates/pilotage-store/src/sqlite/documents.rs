//! Documents: what runs of gates rest on, each once, under the digest of its bytes.

use bytes::Bytes;
use pilotage_core::{Digest, gate::MOST_DOCUMENT_BYTES};
use rusqlite::{Connection, OptionalExtension, params};

use super::{append::compress, error::Failure, events, transaction::Transaction};

/// Keeps a document, if it is not there yet; answers its digest. A longer one than is allowed is refused.
pub(super) fn keep(transaction: &Transaction<'_>, data: Vec<u8>) -> Result<Digest, Failure> {
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
            "INSERT OR IGNORE INTO documents (digest, size, compressed, data) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            digest.0,
            i64::try_from(size).unwrap_or(i64::MAX),
            compressed,
            &data[..]
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
