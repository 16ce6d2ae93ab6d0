//! What this process is running now, so that an execution is never run twice side by side by one process.
//!
//! A process that was paused for longer than a lease (a suspended machine, a step of the clock) claims its own executions
//! anew. The new claim is then handed to the worker that is at it already.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use pilotage_core::{ExecutionId, execution::Claim};
use tokio_util::sync::CancellationToken;

/// A claim in the hands of a worker.
pub(super) struct Held {
    id: ExecutionId,
    claim: Mutex<Claim>,
    /// Fencing token of the claim that the worker has used last.
    used: AtomicU32,
    cancelled: CancellationToken,
}

impl Held {
    fn new(claim: Claim) -> Self {
        Self {
            id: claim.execution.id,
            claim: Mutex::new(claim),
            used: AtomicU32::new(0),
            cancelled: CancellationToken::new(),
        }
    }

    pub(super) const fn id(&self) -> ExecutionId {
        self.id
    }

    /// The present claim, to be used now.
    pub(super) fn claim(&self) -> Claim {
        let claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.used.store(claim.execution.claims, Ordering::Relaxed);
        claim
    }

    fn present(&self) -> u32 {
        self.claim
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .execution
            .claims
    }

    /// Whether `used` is not the present claim any more.
    pub(super) fn was_handed_another(&self, used: &Claim) -> bool {
        self.present() != used.execution.claims
    }

    /// Returns once somebody has asked to cancel.
    pub(super) async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }
}

/// The executions that workers of this process are at.
#[derive(Default)]
pub(super) struct Running(Mutex<HashMap<ExecutionId, Arc<Held>>>);

impl Running {
    /// Takes a claim for a new worker; `None` when a worker is at it already, which then goes on under this claim.
    pub(super) fn take(&self, claim: Claim) -> Option<Arc<Held>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = running.get(&claim.execution.id) {
            *held.claim.lock().unwrap_or_else(PoisonError::into_inner) = claim;
            return None;
        }
        let held = Arc::new(Held::new(claim));
        running.insert(held.id, held.clone());
        Some(held)
    }

    /// The worker is done. False when it was handed a claim that it has not used: then it must go on under that.
    pub(super) fn release(&self, held: &Held) -> bool {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.used.load(Ordering::Relaxed) != held.present() {
            return false;
        }
        running.remove(&held.id);
        true
    }

    /// Whether nothing runs.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Stops the worker that is at this execution, if there is one.
    pub(super) fn cancel(&self, id: ExecutionId) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = running.get(&id) {
            held.cancelled.cancel();
        }
    }
}
