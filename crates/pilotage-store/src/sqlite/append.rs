//! Appending accepted deliveries.
//!
//! Everything that can be made ready without the write lock is made ready on the caller's task: digests,
//! compression, JSON. The writer only inserts and chains.

use std::{cell::RefCell, fmt::Write as _};

use bytes::Bytes;
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use pilotage_core::{
    Digest, EventFacts, EventId, NewEvent, Position,
    audit::{NewAuditRecord, kind},
    ports::{Appended, StoreError},
};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use tokio::sync::oneshot;

use super::{
    columns::uuid,
    error::Failure,
    keys::{self, Key},
    transaction::Transaction,
    writer::{Command, Writer},
};

/// Bodies shorter than this are not worth compressing.
const COMPRESS_FROM_BYTES: usize = 256;
/// Output memory that a thread keeps for the next body at most.
const KEPT_BYTES: usize = 64 << 10;

/// Stores an event; answers after the commit.
pub(super) async fn append(writer: &Writer, event: NewEvent) -> Result<Appended, StoreError> {
    let (reply, answer) = oneshot::channel();
    let append = Append {
        prepared: Prepared::of(event)?,
        result: None,
        reply,
    };
    writer.try_send(Box::new(append))?;
    answer
        .await
        .map_err(|_| StoreError::Unavailable("the store is closed".to_owned()))?
}

struct Prepared {
    facts: EventFacts,
    key: Key,
    attributes: Option<String>,
    body: Bytes,
    compressed: bool,
    size: usize,
    audit_tail: String,
}

/// The facts of an audit record `delivery.accepted`, behind the position. `dataDigest` is there only where `data` is not
/// the raw body byte for byte, so that a stored body can always be checked against the chain.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    delivery_id: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: i64,
    verified: bool,
    size: usize,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes_digest: Option<Digest>,
}

impl Prepared {
    fn of(event: NewEvent) -> Result<Self, Failure> {
        let NewEvent {
            facts,
            data,
            data_digest,
        } = event;
        let attributes = (!facts.attributes.is_empty())
            .then(|| serde_json::to_string(&facts.attributes))
            .transpose()?;
        let accepted = Accepted {
            delivery_id: &facts.delivery_id,
            event_type: &facts.event_type,
            timestamp: facts.timestamp.as_micros(),
            verified: facts.verified,
            size: data.len(),
            digest: facts.digest,
            data_digest,
            attributes_digest: attributes.as_ref().map(|text| Digest::of(text.as_bytes())),
        };
        let audit_tail = serde_json::to_string(&accepted)?;
        let size = data.len();
        let (body, compressed) = compress(data);
        Ok(Self {
            key: keys::key(&facts.tenant.0, &facts.source, &facts.delivery_id),
            facts,
            attributes,
            body,
            compressed,
            size,
            audit_tail,
        })
    }
}

/// LZ4, where that makes it smaller.
pub(super) fn compress(data: Bytes) -> (Bytes, bool) {
    if data.len() < COMPRESS_FROM_BYTES {
        return (data, false);
    }
    let compressed = COMPRESSION.with_borrow_mut(|compression| compression.compress(&data));
    match compressed {
        Some(compressed) if compressed.len() < data.len() => (compressed, true),
        _ => (data, false),
    }
}

thread_local! {
    static COMPRESSION: RefCell<Compression> = RefCell::default();
}

/// Memory that is used again for the next body.
#[derive(Default)]
struct Compression {
    table: CompressTable,
    output: Vec<u8>,
}

impl Compression {
    /// `None` where there is not enough room, which is not to be.
    fn compress(&mut self, data: &[u8]) -> Option<Bytes> {
        let room = get_maximum_output_size(data.len());
        if room > KEPT_BYTES {
            return Some(lz4_flex::block::compress(data).into());
        }
        if self.output.len() < room {
            self.output.resize(room, 0);
        }
        let length = compress_into_with_table(data, &mut self.output, &mut self.table).ok()?;
        self.output.get(..length).map(Bytes::copy_from_slice)
    }
}

struct Append {
    prepared: Prepared,
    result: Option<Result<Appended, StoreError>>,
    reply: oneshot::Sender<Result<Appended, StoreError>>,
}

impl Command for Append {
    fn bytes(&self) -> usize {
        self.prepared.body.len()
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        self.result = Some(Ok(self.prepared.store(transaction)?));
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let missing = || Err(StoreError::Unavailable("the store is closed".to_owned()));
        let Self { result, reply, .. } = *self;
        // The sender may have gone away; it will come again, and the second time is a duplicate.
        let _ = reply.send(committed.and_then(|()| result.unwrap_or_else(missing)));
    }
}

impl Prepared {
    fn store(&self, transaction: &mut Transaction<'_>) -> Result<Appended, Failure> {
        if let Some(earlier) = transaction.find(&self.key)? {
            return self.duplicate_of(earlier, transaction);
        }
        let position = Position(transaction.last_position().0 + 1);
        self.insert_facts(transaction, position)?;
        self.insert_body(transaction, position)?;
        transaction.audit(self.audit_record(position))?;
        transaction.advance(position, self.key, &self.facts)?;
        Ok(Appended::New(position))
    }

    fn insert_facts(&self, transaction: &Transaction<'_>, position: Position) -> Result<(), Failure> {
        let facts = &self.facts;
        transaction
            .connection()
            .prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?
            .execute(params![
                position.0,
                facts.id.0.as_bytes(),
                facts.tenant.0,
                facts.source,
                facts.event_type,
                facts.delivery_id,
                facts.timestamp.as_micros(),
                facts.received_at.as_micros(),
                facts.verified,
                self.attributes,
                facts.digest.0,
            ])?;
        Ok(())
    }

    fn duplicate_of(&self, earlier: Position, transaction: &Transaction<'_>) -> Result<Appended, Failure> {
        let facts = &self.facts;
        transaction
            .connection()
            .prepare_cached(
                "SELECT id FROM events WHERE position = ?1 AND tenant = ?2 AND source = ?3 AND delivery_id = ?4",
            )?
            .query_row(
                params![earlier.0, facts.tenant.0, facts.source, facts.delivery_id],
                |row| Ok(Appended::Duplicate(earlier, EventId(uuid(row, 0)?))),
            )
            .optional()?
            .ok_or_else(|| Failure::corrupt(format!("the key of the event at {earlier} is not its own")))
    }

    fn insert_body(&self, transaction: &Transaction<'_>, position: Position) -> Result<(), Failure> {
        transaction
            .connection()
            .prepare_cached("INSERT INTO bodies VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                position.0,
                self.facts.received_at.as_micros(),
                i64::try_from(self.size).unwrap_or(i64::MAX),
                self.compressed,
                &self.body[..],
            ])?;
        Ok(())
    }

    fn audit_record(&self, position: Position) -> NewAuditRecord {
        let mut facts = String::with_capacity(self.audit_tail.len() + 32);
        let _ = write!(facts, "{{\"position\":{position},");
        facts.push_str(self.audit_tail.strip_prefix('{').unwrap_or_default());
        NewAuditRecord {
            at: self.facts.received_at,
            tenant: self.facts.tenant.0.clone(),
            actor: format!("source:{}", self.facts.source),
            kind: kind::DELIVERY_ACCEPTED.to_owned(),
            subject: self.facts.id.to_string(),
            facts,
        }
    }
}
