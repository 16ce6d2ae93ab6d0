//! How fast whole states go out.
//!
//! A whole state may have megabytes, and whoever asked for it may not read it: then it lies in memory until the connection is
//! given up. Without a bound a few hundred such readers would take all there is.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::intake::{Cell, Limit, now};

/// Bytes that count as one.
const UNIT: usize = 64 << 10;
/// 32 MiB in a second, and 128 MiB at once. A connection that takes nothing is given up after 30 seconds, so about 1 GiB
/// is the most that may lie around.
const RATE: Limit = Limit {
    per_second: 512,
    burst: 2_048,
};
/// Whole states that are made, and wait to go out.
const MOST_WAITING: usize = 16;

/// Shared by everybody who is sent a whole state.
pub(super) struct Pace {
    turns: Semaphore,
    spent: Cell,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(MOST_WAITING),
            spent: Cell::default(),
        }
    }
}

impl Pace {
    /// Waits until a whole state may be made; it is held until that has gone out.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.turns.acquire().await.ok()
    }

    /// Waits until so many bytes may go out. What is small goes at once.
    pub(super) async fn spend(&self, bytes: usize) {
        for _ in 0..bytes / UNIT {
            while let Err(wait) = self.spent.take(RATE, now()) {
                tokio::time::sleep(wait).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn small_states_go_at_once_and_large_ones_at_a_pace() {
        let pace = Pace::default();
        let all_at_once = RATE.burst as usize * UNIT;
        assert!(pace.spend(all_at_once).now_or_never().is_some());
        assert!(pace.spend(all_at_once).now_or_never().is_none());
        assert!(pace.spend(UNIT - 1).now_or_never().is_some());
    }

    #[tokio::test]
    async fn only_so_many_are_made_at_once() {
        let pace = Pace::default();
        let mut turns = Vec::new();
        for _ in 0..MOST_WAITING {
            turns.push(pace.turn().await);
        }
        assert!(pace.turn().now_or_never().is_none());
        turns.pop();
        assert!(pace.turn().now_or_never().is_some());
    }
}
