//! Reading events from rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use pilotage_core::{EventFacts, EventId, Position, StoredEvent, TenantId, ports::Interest};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    columns::{digest, moment, unreadable, uuid},
    error::Failure,
};

/// Columns of `events` in the order that `facts` reads them.
pub(super) const FACTS: &str = "e.position, e.id, e.tenant, e.source, e.type, e.delivery_id, e.timestamp, \
     e.received_at, e.verified, e.attributes, e.digest";

/// First column behind `FACTS`.
pub(super) const BEHIND_FACTS: usize = 11;

/// No stored body is larger when decompressed; a damaged size must not become an allocation.
const MAX_BODY_BYTES: usize = 256 << 20;

/// `read_after` stops behind this many bytes of bodies, so that its memory does not depend on what was sent.
const READ_BYTES: usize = 16 << 20;

/// The position and the facts of a row that selects `FACTS` first.
pub(super) fn facts(row: &Row<'_>) -> rusqlite::Result<(Position, EventFacts)> {
    let attributes: Option<&str> = row.get_ref(9)?.as_str_or_null()?;
    let facts = EventFacts {
        id: EventId(uuid(row, 1)?),
        tenant: TenantId(row.get(2)?),
        source: row.get(3)?,
        event_type: row.get(4)?,
        delivery_id: row.get(5)?,
        timestamp: moment(row, 6)?,
        received_at: moment(row, 7)?,
        verified: row.get(8)?,
        attributes: attributes
            .map_or_else(|| Ok(BTreeMap::new()), serde_json::from_str)
            .map_err(|error| unreadable(9, error))?,
        digest: digest(row, 10)?,
    };
    Ok((Position(row.get(0)?), facts))
}

/// The data of a row whose columns from `first` on are `size, compressed, data`; `None` once pruned.
pub(super) fn data(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Bytes>> {
    let Some(size) = row.get::<_, Option<i64>>(first)? else {
        return Ok(None);
    };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let compressed: bool = row.get(first + 1)?;
    let stored = row
        .get_ref(first + 2)?
        .as_blob()
        .map_err(|error| unreadable(first + 2, error))?;
    if !compressed {
        return Ok(Some(Bytes::copy_from_slice(stored)));
    }
    if size > MAX_BODY_BYTES {
        return Err(unreadable(first, "the size is impossible"));
    }
    let data = lz4_flex::block::decompress(stored, size).map_err(|error| unreadable(first + 2, error))?;
    Ok(Some(data.into()))
}

/// An event with its data, from a row that selects `FACTS, b.size, b.compressed, b.data`.
pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let (position, facts) = facts(row)?;
    Ok(StoredEvent {
        position,
        facts,
        data: data(row, BEHIND_FACTS)?,
    })
}

/// Events after a position, oldest first, with the data of those that are of interest; fewer than `limit` where bodies are
/// large.
pub(super) fn read_after(
    connection: &Connection,
    after: Position,
    limit: usize,
    interest: &Interest,
) -> Result<Vec<StoredEvent>, Failure> {
    let sql = format!("SELECT {FACTS} FROM events e WHERE e.position > ?1 ORDER BY e.position LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![after.0, limit])?;
    let mut events = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let (position, facts) = facts(row)?;
        let data = if interest(&facts) {
            body(connection, position)?
        } else {
            None
        };
        bytes += data.as_ref().map_or(0, Bytes::len);
        events.push(StoredEvent {
            position,
            facts,
            data,
        });
        if bytes >= READ_BYTES {
            break;
        }
    }
    Ok(events)
}

/// The data of the event at a position; `None` once pruned.
fn body(connection: &Connection, position: Position) -> Result<Option<Bytes>, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT size, compressed, data FROM bodies WHERE position = ?1")?;
    let found = statement
        .query_row(params![position.0], |row| data(row, 0))
        .optional()?;
    Ok(found.flatten())
}
