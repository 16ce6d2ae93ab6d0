//! Where in the log to look for events of a source or of a type.
//!
//! An index over every event would be written with every delivery. Instead the log is seen in blocks of positions, and a
//! row for each block, source and type says what is in it: a reader visits only blocks that have what it looks for.

use std::collections::{HashMap, HashSet};

use pilotage_core::Position;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Failure;

/// Positions in a block.
const BLOCK: i64 = 1_024;

/// The block of a position.
pub(super) const fn block_of(position: Position) -> i64 {
    position.0.div_euclid(BLOCK)
}

/// First position of a block, and of the one behind it.
pub(super) const fn positions_of(block: i64) -> (i64, i64) {
    let first = block.saturating_mul(BLOCK);
    (first, first.saturating_add(BLOCK))
}

/// What is known to be on record for the block that is being filled. Belongs to the writer.
#[derive(Default)]
pub(super) struct Kinds {
    block: i64,
    seen: HashMap<String, HashSet<String>>,
}

impl Kinds {
    /// Forgets everything: a transaction was rolled back.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Puts on record that the block of `position` has an event of this source and type.
    pub(super) fn note(
        &mut self,
        connection: &Connection,
        position: Position,
        source: &str,
        event_type: &str,
    ) -> Result<(), Failure> {
        let block = block_of(position);
        if block != self.block {
            self.block = block;
            self.seen.clear();
        }
        if self
            .seen
            .get(source)
            .is_some_and(|types| types.contains(event_type))
        {
            return Ok(());
        }
        connection
            .prepare_cached("INSERT OR IGNORE INTO event_kinds VALUES (?1, ?2, ?3)")?
            .execute(params![block, source, event_type])?;
        let types = self.seen.entry(source.to_owned()).or_default();
        types.insert(event_type.to_owned());
        Ok(())
    }
}

/// The last block before `before` that has an event of this source, of this type, or of both.
pub(super) fn block_before(
    connection: &Connection,
    before: i64,
    source: Option<&str>,
    event_type: Option<&str>,
) -> Result<Option<i64>, Failure> {
    let condition = match (source, event_type) {
        (Some(_), Some(_)) => "source = ?2 AND type = ?3",
        (Some(_), None) => "source = ?2 AND ?3 IS NULL",
        (None, _) => "type = ?3 AND ?2 IS NULL",
    };
    let sql =
        format!("SELECT block FROM event_kinds WHERE block < ?1 AND {condition} ORDER BY block DESC LIMIT 1");
    let block = connection
        .prepare_cached(&sql)?
        .query_row(params![before, source, event_type], |row| row.get(0))
        .optional()?;
    Ok(block)
}
