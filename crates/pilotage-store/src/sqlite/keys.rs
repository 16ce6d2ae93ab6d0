//! Which deliveries are there already.
//!
//! A key is a digest, so keys come in random order, and adding each to its b-tree at once would rewrite a page for nearly
//! every delivery. The newest keys are therefore held in memory and go into the table `keys` in sorted order, a few with every
//! transaction, so that neighbours share a page. What is only in memory is also in `events`, behind `state.keyed_through`:
//! a crash loses nothing, the next look reads it back.

use std::collections::HashMap;

use pilotage_core::{Digest, Position};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Failure;

/// Keys that are collected before they begin to go into the table. Twice as many are in memory at most, about 1.5 MB.
const GENERATION: usize = if cfg!(test) { 64 } else { 16_384 };
/// Keys that go into the table with a transaction, for each that came with it; more than one, so that a generation is in
/// the table before the next is full.
const SETTLED_FOR_EACH: usize = 2;
/// Keys that go into the table with a transaction at least.
const SETTLED_AT_LEAST: usize = if cfg!(test) { 8 } else { 64 };

/// What makes a delivery unique: 8 bytes of SHA-256(delivery id), which serve look-ups by delivery id, and 16 bytes of
/// SHA-256(tenant, source, delivery id).
pub(super) type Key = [u8; 24];

/// The key of a delivery.
pub(super) fn key(tenant: &str, source: &str, delivery_id: &str) -> Key {
    let mut joined = Vec::with_capacity(tenant.len() + source.len() + delivery_id.len() + 16);
    for part in [tenant, source] {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part.as_bytes());
    }
    joined.extend_from_slice(delivery_id.as_bytes());
    let mut key = [0; 24];
    let (prefix, rest) = key.split_at_mut(8);
    prefix.copy_from_slice(&delivery_prefix(delivery_id));
    rest.iter_mut()
        .zip(Digest::of(&joined).0)
        .for_each(|(to, from)| *to = from);
    key
}

/// The part of the key that depends on the delivery id alone.
pub(super) fn delivery_prefix(delivery_id: &str) -> [u8; 8] {
    let mut prefix = [0; 8];
    prefix
        .iter_mut()
        .zip(Digest::of(delivery_id.as_bytes()).0)
        .for_each(|(to, from)| *to = from);
    prefix
}

/// The newest keys, as far as they are known in memory. Belongs to the writer.
#[derive(Default)]
pub(super) struct Keys {
    /// Every event up to here is in memory or in the table; `None` until the first look.
    through: Option<Position>,
    /// Keys that came last.
    young: HashMap<Key, Position>,
    /// The generation before, sorted by key.
    old: Vec<(Key, Position)>,
    /// How many of `old` are in the table.
    settled: usize,
    /// Every event up to here is in the table as soon as `old` is.
    old_through: Position,
    /// Keys that came with the present transaction.
    fresh: usize,
}

impl Keys {
    /// Forgets everything: a transaction was rolled back, and what it had added is not true.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Where the delivery with this key is. `last` is the last position of the log: what another process has appended
    /// since the last look is read first.
    pub(super) fn find(
        &mut self,
        connection: &Connection,
        key: &Key,
        last: Position,
    ) -> Result<Option<Position>, Failure> {
        if self.through.is_none_or(|through| through < last) {
            self.catch_up(connection, last)?;
        }
        if let Some(position) = self.young.get(key) {
            return Ok(Some(*position));
        }
        if let Ok(found) = self.old.binary_search_by(|(old, _)| old.cmp(key)) {
            return Ok(self.old.get(found).map(|(_, position)| *position));
        }
        in_table(connection, key)
    }

    /// Notes a delivery that was stored just now, at the position behind the last.
    pub(super) fn add(&mut self, key: Key, position: Position) {
        self.young.insert(key, position);
        self.through = Some(position);
        self.fresh += 1;
    }

    fn catch_up(&mut self, connection: &Connection, last: Position) -> Result<(), Failure> {
        let known = match self.through {
            Some(through) => through,
            None => keyed_through(connection)?,
        };
        let mut statement = connection.prepare_cached(
            "SELECT position, tenant, source, delivery_id FROM events WHERE position > ?1 ORDER BY position",
        )?;
        let mut rows = statement.query([known.0])?;
        while let Some(row) = rows.next()? {
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            let key = key(text(1)?, text(2)?, text(3)?);
            self.young.insert(key, Position(row.get(0)?));
        }
        self.through = Some(last);
        Ok(())
    }

    /// Brings some keys into the table; called once before every commit.
    pub(super) fn settle(&mut self, connection: &Connection) -> Result<(), Failure> {
        let fresh = std::mem::take(&mut self.fresh);
        if fresh == 0 {
            return Ok(());
        }
        if self.old.is_empty() && self.young.len() >= GENERATION {
            self.turn();
        }
        self.settle_some(connection, (fresh * SETTLED_FOR_EACH).max(SETTLED_AT_LEAST))
    }

    /// Brings every key into the table, so that the next start need not read any back.
    pub(super) fn settle_all(&mut self, connection: &Connection) -> Result<(), Failure> {
        self.settle_some(connection, usize::MAX)?;
        self.turn();
        self.settle_some(connection, usize::MAX)
    }

    /// The young generation becomes the old one, which must have been settled.
    fn turn(&mut self) {
        self.old = self.young.drain().collect();
        self.old.sort_unstable();
        self.settled = 0;
        self.old_through = self.through.unwrap_or_default();
    }

    fn settle_some(&mut self, connection: &Connection, most: usize) -> Result<(), Failure> {
        if self.old.is_empty() {
            return Ok(());
        }
        let end = self.settled.saturating_add(most).min(self.old.len());
        // Another process may have brought some of them in, or this one before a crash.
        let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO keys VALUES (?1, ?2)")?;
        for (key, position) in self.old.get(self.settled..end).unwrap_or_default() {
            insert.execute(params![key, position.0])?;
        }
        self.settled = end;
        if end == self.old.len() {
            connection
                .prepare_cached("UPDATE state SET keyed_through = max(keyed_through, ?1)")?
                .execute([self.old_through.0])?;
            self.old = Vec::new();
        }
        Ok(())
    }
}

/// Where the table says that the delivery with this key is.
pub(super) fn in_table(connection: &Connection, key: &Key) -> Result<Option<Position>, Failure> {
    let found = connection
        .prepare_cached("SELECT position FROM keys WHERE key = ?1")?
        .query_row([key], |row| row.get(0).map(Position))
        .optional()?;
    Ok(found)
}

/// Every event up to here has its key in the table.
pub(super) fn keyed_through(connection: &Connection) -> Result<Position, Failure> {
    let position = connection
        .prepare_cached("SELECT keyed_through FROM state")?
        .query_row([], |row| row.get(0))?;
    Ok(Position(position))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path, sync::Arc};

    use bytes::Bytes;
    use pilotage_core::{
        EventFacts, EventId, NewEvent, TenantId, Timestamp,
        ports::{Appended, EventFilter, EventLog as _, History as _, StoreError},
    };

    use super::*;
    use crate::{LocalBell, SqliteStore};

    fn event(delivery: usize) -> NewEvent {
        let data = Bytes::from_static(b"{}");
        NewEvent {
            facts: EventFacts {
                id: EventId::fresh(),
                tenant: TenantId::default(),
                source: "github".to_owned(),
                event_type: "push".to_owned(),
                delivery_id: delivery.to_string(),
                timestamp: Timestamp::from_secs(1),
                received_at: Timestamp::from_secs(1),
                verified: true,
                attributes: BTreeMap::new(),
                digest: Digest::of(&data),
            },
            data,
            data_digest: None,
        }
    }

    fn open(path: &Path) -> SqliteStore {
        SqliteStore::open(path, Arc::new(LocalBell::new())).unwrap()
    }

    /// What a crash at this moment would leave.
    fn crashed(from: &Path, to: &Path) {
        for end in ["", "-wal"] {
            let name = |path: &Path| format!("{}{end}", path.display());
            std::fs::copy(name(from), name(to)).unwrap();
        }
    }

    /// Every delivery is known, at the position at which it was stored first, and is found by its id.
    async fn knows(store: &SqliteStore, deliveries: usize) {
        for delivery in 1..=deliveries {
            let position = Position(i64::try_from(delivery).unwrap());
            let appended = store.append(event(delivery)).await.unwrap();
            assert!(
                matches!(appended, Appended::Duplicate(earlier, _) if earlier == position),
                "{delivery}: {appended:?}"
            );
        }
        for delivery in [1, deliveries / 2, deliveries] {
            let filter = EventFilter {
                delivery_id: Some(delivery.to_string()),
                ..EventFilter::default()
            };
            let found = store.events(&filter, None, 10).await.unwrap();
            assert_eq!(found.items.len(), 1, "{delivery}");
        }
    }

    #[tokio::test]
    async fn a_delivery_is_known_for_ever_whatever_happened_in_between() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut store = open(&path);
        for delivery in 1..=500 {
            let appended = store.append(event(delivery)).await.unwrap();
            assert!(matches!(appended, Appended::New(_)), "{delivery}");
            if delivery % 37 == 0 {
                let copy = folder.path().join(format!("crash-{delivery}.db"));
                crashed(&path, &copy);
                let after = open(&copy);
                knows(&after, delivery).await;
                after.close().await;
            }
            if delivery % 150 == 0 {
                store.close().await;
                store = open(&path);
            }
        }
        knows(&store, 500).await;
        store.close().await;
        let connection = Connection::open(&path).unwrap();
        let kept: i64 = connection
            .query_row("SELECT count(*) FROM keys", [], |row| row.get(0))
            .unwrap();
        assert_eq!((kept, keyed_through(&connection).unwrap()), (500, Position(500)));
    }

    #[tokio::test]
    async fn two_processes_on_one_file_know_each_others_deliveries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let stores = [open(&path), open(&path)];
        for delivery in 1..=400 {
            let (one, other) = (&stores[delivery / 7 % 2], &stores[(delivery / 7 + 1) % 2]);
            assert!(matches!(
                one.append(event(delivery)).await.unwrap(),
                Appended::New(_)
            ));
            assert!(matches!(
                other.append(event(delivery)).await.unwrap(),
                Appended::Duplicate(..)
            ));
        }
        for store in &stores {
            knows(store, 400).await;
        }
        for store in &stores {
            store.close().await;
        }
    }

    #[tokio::test]
    async fn what_was_rolled_back_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = open(&path);
        for delivery in 1..=100 {
            store.append(event(delivery)).await.unwrap();
        }
        // The same identity for two deliveries breaks the transaction of the second.
        let mut broken = event(101);
        let first = store.events(&EventFilter::default(), None, 1).await.unwrap();
        broken.facts.id = first.items.first().unwrap().event.facts.id;
        let refused = store.append(broken).await;
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
        assert!(matches!(
            store.append(event(101)).await.unwrap(),
            Appended::New(Position(101))
        ));
        knows(&store, 101).await;
        store.close().await;
    }
}
