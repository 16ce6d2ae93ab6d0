//! Operations, and a feed of them in memory.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use pilotage_core::{
    Operation, OperationId, OperationStatus, TenantId, Timestamp,
    operation::{Change, Progress},
    ports::{Bell, News, OperationFeed, OperationFilter, Page, Snapshot, StoreError},
};
use pilotage_store::LocalBell;
use uuid::Uuid;

/// An operation in its state after `change`; with the second of its end where it has ended.
pub(super) fn operation(id: u128, change: i64, ended: Option<i64>) -> Operation {
    let status = if ended.is_some() {
        OperationStatus::Success
    } else {
        OperationStatus::Running
    };
    let metadata = serde_json::json!({ "rule": format!("rule-{}", id % 2), "step": change });
    Operation {
        id: OperationId(Uuid::from_u128(id)),
        tenant: TenantId("default".to_owned()),
        kind: "execution".to_owned(),
        name: format!("operation {id}"),
        status,
        progress: Progress { current: 1, total: 2 },
        message: format!("change {change}"),
        metadata: metadata.as_object().unwrap().clone(),
        created_at: Timestamp::from_secs(1),
        updated_at: Timestamp::now(),
        finished_at: ended.map(Timestamp::from_secs),
        change: Change(change),
    }
}

/// A feed that tests write.
#[derive(Default)]
pub(super) struct MemoryFeed {
    operations: Mutex<Vec<Operation>>,
    failing: AtomicBool,
    pub(super) bell: Arc<LocalBell>,
}

impl MemoryFeed {
    /// Changes operation `id`, and gives the number of the change.
    pub(super) fn change(&self, id: u128) -> i64 {
        self.put(id, None)
    }

    /// Ends it now.
    pub(super) fn end(&self, id: u128) -> i64 {
        self.put(id, Some(Timestamp::now().as_micros() / 1_000_000))
    }

    /// Changes operation `id` without telling anybody.
    pub(super) fn change_silently(&self, id: u128) -> i64 {
        self.store(id, None)
    }

    /// From now on reading fails, or no longer.
    pub(super) fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    fn put(&self, id: u128, ended: Option<i64>) -> i64 {
        let change = self.store(id, ended);
        self.bell.ring(News::Operations);
        change
    }

    fn store(&self, id: u128, ended: Option<i64>) -> i64 {
        let mut operations = self.operations.lock().unwrap();
        let change = operations.last().map_or(0, |operation| operation.change.0) + 1;
        operations.retain(|operation| operation.id.0.as_u128() != id);
        operations.push(operation(id, change, ended));
        change
    }
}

#[async_trait]
impl OperationFeed for MemoryFeed {
    async fn changed_after(&self, after: Change, limit: usize) -> Result<Vec<Operation>, StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("it fails".into()));
        }
        let operations = self.operations.lock().unwrap();
        let changed = operations.iter().filter(|operation| operation.change > after);
        Ok(changed.take(limit).cloned().collect())
    }

    async fn active(&self, since: Timestamp, limit: usize) -> Result<Snapshot, StoreError> {
        let operations = self.operations.lock().unwrap();
        let is_active = |operation: &&Operation| operation.finished_at.is_none_or(|moment| moment >= since);
        let active: Vec<_> = operations.iter().rev().filter(is_active).cloned().collect();
        Ok(Snapshot {
            truncated: active.len() > limit,
            operations: active.into_iter().take(limit).collect(),
            through: operations.last().map_or(Change(0), |operation| operation.change),
        })
    }

    async fn last_change(&self) -> Result<Change, StoreError> {
        Ok(self
            .operations
            .lock()
            .unwrap()
            .last()
            .map_or(Change(0), |operation| operation.change))
    }

    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        let operations = self.operations.lock().unwrap();
        Ok(operations.iter().find(|operation| operation.id == id).cloned())
    }

    async fn operations(
        &self,
        _: &OperationFilter,
        _: Option<i64>,
        _: usize,
    ) -> Result<Page<Operation>, StoreError> {
        Ok(Page {
            items: Vec::new(),
            next: None,
        })
    }
}
