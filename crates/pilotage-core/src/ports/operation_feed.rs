use async_trait::async_trait;

use super::{Page, StoreError};
use crate::{
    Timestamp,
    operation::{Change, Operation, OperationId, OperationStatus},
};

/// Which operations to list; every field that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationFilter {
    /// Only in this state.
    pub status: Option<OperationStatus>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only active ones: those that have not ended, and those that ended at or after this moment.
    pub active_since: Option<Timestamp>,
}

/// The active operations at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The operations, the one that changed last first.
    pub operations: Vec<Operation>,
    /// Every change up to this one is in them.
    pub through: Change,
    /// Whether there were more than asked for; then the ones that changed last are there.
    pub truncated: bool,
}

/// Operations, live and past. Nothing can be written here: operations change with what they show.
#[async_trait]
pub trait OperationFeed: Send + Sync {
    /// Up to `limit` operations whose last change is after `after`, in the order of their last changes, each in its
    /// present state. Once a follower has been given change c, nothing at or below c appears later.
    async fn changed_after(&self, after: Change, limit: usize) -> Result<Vec<Operation>, StoreError>;

    /// The operations that have not ended, and those that ended at or after `ended_since`; at most `limit`.
    async fn active(&self, ended_since: Timestamp, limit: usize) -> Result<Snapshot, StoreError>;

    /// Number of the last change.
    async fn last_change(&self) -> Result<Change, StoreError>;

    /// One operation.
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError>;

    /// A page of operations, newest first by creation; `after` is the `next` of the page before. `limit` is at most 500.
    async fn operations(
        &self,
        filter: &OperationFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<Operation>, StoreError>;
}
