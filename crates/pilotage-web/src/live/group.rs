//! Subscribers that asked the same share what is encoded for them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use pilotage_core::operation::{Change, filter::StatusFilters};

use super::batch::Batch;

/// Batches kept for those who come a little later.
const KEPT_BATCHES: usize = 16;
/// Bytes of them, beyond the last one.
const KEPT_BYTES: usize = 1 << 20;
/// For how long a snapshot serves whoever comes.
const SNAPSHOT_SERVES: Duration = Duration::from_millis(100);

/// Those who asked for the same filters.
pub(super) struct Group {
    pub(super) filters: StatusFilters,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    batches: VecDeque<(Change, Arc<Batch>)>,
    bytes: usize,
    snapshot: Option<(Instant, Arc<Batch>)>,
}

impl Group {
    fn new(filters: StatusFilters) -> Self {
        Self {
            filters,
            kept: Mutex::default(),
        }
    }

    /// The batch after `after` up to `through`, made by `make` where nobody has asked for it yet.
    pub(super) fn batch<E>(
        &self,
        after: Change,
        through: Change,
        make: impl FnOnce() -> Result<Batch, E>,
    ) -> Result<Arc<Batch>, E> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept
            .batches
            .iter()
            .find(|(from, batch)| *from == after && batch.through == through);
        if let Some((_, batch)) = known {
            return Ok(batch.clone());
        }
        let batch = Arc::new(make()?);
        kept.bytes += batch.frame.len();
        kept.batches.push_back((after, batch.clone()));
        while kept.batches.len() > KEPT_BATCHES || (kept.bytes > KEPT_BYTES && kept.batches.len() > 1) {
            let oldest = kept.batches.pop_front();
            kept.bytes -= oldest.map_or(0, |(_, batch)| batch.frame.len());
        }
        Ok(batch)
    }

    /// A snapshot that is hardly older than now, and whether it was made for this call.
    pub(super) fn snapshot(&self, make: impl FnOnce() -> Batch) -> (Arc<Batch>, bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, batch)) = &kept.snapshot
            && made.elapsed() < SNAPSHOT_SERVES
        {
            return (batch.clone(), false);
        }
        let batch = Arc::new(make());
        kept.snapshot = Some((Instant::now(), batch.clone()));
        (batch, true)
    }

    /// Lets go of a snapshot that serves nobody any more: it may be large.
    fn trim(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept
            .snapshot
            .as_ref()
            .is_some_and(|(made, _)| made.elapsed() >= SNAPSHOT_SERVES)
        {
            kept.snapshot = None;
        }
    }
}

/// The groups that somebody is in.
#[derive(Default)]
pub(super) struct Groups(Mutex<HashMap<String, Weak<Group>>>);

impl Groups {
    /// The group for these filters.
    pub(super) fn join(&self, filters: StatusFilters) -> Arc<Group> {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = filters.canonical();
        if let Some(group) = groups.get(&key).and_then(Weak::upgrade) {
            return group;
        }
        let group = Arc::new(Group::new(filters));
        groups.insert(key, Arc::downgrade(&group));
        group
    }

    /// Forgets the groups that everybody has left.
    pub(super) fn sweep(&self) {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, group| {
            let group = group.upgrade();
            if let Some(group) = &group {
                group.trim();
            }
            group.is_some()
        });
    }
}
