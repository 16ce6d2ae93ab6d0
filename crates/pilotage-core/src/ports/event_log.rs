use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::{EventFacts, EventId, NewEvent, Position, StoredEvent};

/// What became of an appended event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Stored; durable from now on.
    New(Position),
    /// The same tenant, source and delivery id was stored before, as this event; nothing was changed.
    Duplicate(Position, EventId),
}

/// Whose data a reader will look into. Reading and unpacking a body costs far more than its facts, and most events of
/// a busy log concern no rule.
pub type Interest = Arc<dyn Fn(&EventFacts) -> bool + Send + Sync>;

/// The log of accepted deliveries.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Stores an event with its audit record and answers once both are durable. Idempotent on (tenant, source,
    /// delivery id) for ever; of several with the same key that arrive at once, exactly one is `New`.
    async fn append(&self, event: NewEvent) -> Result<Appended, StoreError>;

    /// Up to `limit` events after `after`, oldest first. Once a reader has been given p, nothing below p appears later.
    /// Fewer than `limit` does not mean the end: large bodies make the batch shorter. `data` is there only for events that
    /// `interest` holds for.
    async fn read_after(
        &self,
        after: Position,
        limit: usize,
        interest: &Interest,
    ) -> Result<Vec<StoredEvent>, StoreError>;
}
