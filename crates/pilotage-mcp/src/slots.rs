//! How many calls of one caller run at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls of one caller that run at once; further ones wait.
const MOST_RUNNING: usize = 64;
/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The turns of all callers.
#[derive(Debug, Default)]
pub(crate) struct Slots(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Slots {
    /// A turn of this caller, or nothing when none comes in time.
    pub(crate) async fn take(&self, actor: &str) -> Option<OwnedSemaphorePermit> {
        let slots = self.of(actor);
        tokio::time::timeout(PATIENCE, slots.acquire_owned())
            .await
            .ok()?
            .ok()
    }

    fn of(&self, actor: &str) -> Arc<Semaphore> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slots) = slots.get(actor) {
            return slots.clone();
        }
        // Those who run nothing are forgotten, so that nobody is remembered for ever.
        slots.retain(|_, slots| Arc::strong_count(slots) > 1);
        let own = Arc::new(Semaphore::new(MOST_RUNNING));
        slots.insert(actor.to_owned(), own.clone());
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_runs_too_much_waits_and_nobody_else() {
        let slots = Slots::default();
        let mut running = Vec::new();
        for _ in 0..MOST_RUNNING {
            running.push(slots.take("a").await.unwrap());
        }
        assert!(slots.take("a").await.is_none());
        assert!(slots.take("b").await.is_some());
        running.pop();
        assert!(slots.take("a").await.is_some());
    }
}
