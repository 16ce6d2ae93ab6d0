//! The operations that were told of, each in its latest state.

use std::collections::{HashMap, HashSet};

use pilotage_core::operation::{OperationId, OperationStatus, StatusUpdate};

/// Operations that are kept; above it the ones that ended first go.
const MOST_KEPT: usize = 10_000;
/// So many more may come before some go, so that not every one costs a search.
const SLACK: usize = 500;

/// What is known of the operations now.
#[derive(Clone, Debug, Default)]
pub(super) struct Board {
    operations: HashMap<OperationId, StatusUpdate>,
}

impl Board {
    /// Takes an update; answers whether it says something that was not known.
    pub(super) fn update(&mut self, update: &StatusUpdate) -> bool {
        if self.operations.get(&update.id) == Some(update) {
            return false;
        }
        self.operations.insert(update.id, update.clone());
        if self.operations.len() > MOST_KEPT + SLACK {
            self.forget_some();
        }
        true
    }

    /// Forgets whatever is not among these: a snapshot has all there is.
    pub(super) fn keep_only<'a>(&mut self, updates: impl Iterator<Item = &'a StatusUpdate>) {
        let there: HashSet<OperationId> = updates.map(|update| update.id).collect();
        self.operations.retain(|id, _| there.contains(id));
    }

    /// What ended first goes first, then what has not changed for the longest time.
    fn forget_some(&mut self) {
        let mut order: Vec<_> = self
            .operations
            .values()
            .map(|operation| (!operation.status.is_final(), operation.timestamp, operation.id))
            .collect();
        order.sort_unstable();
        for (_, _, id) in order.iter().take(order.len().saturating_sub(MOST_KEPT)) {
            self.operations.remove(id);
        }
    }

    /// All of them, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &StatusUpdate> {
        self.operations.values()
    }

    /// One of them.
    pub(super) fn get(&self, id: OperationId) -> Option<&StatusUpdate> {
        self.operations.get(&id)
    }

    /// How many there are in each state, in the order of `OperationStatus::ALL`.
    pub(super) fn counts(&self) -> [(OperationStatus, usize); 5] {
        OperationStatus::ALL.map(|status| {
            let of_status = self.all().filter(|operation| operation.status == status);
            (status, of_status.count())
        })
    }
}

#[cfg(test)]
mod tests {
    use pilotage_core::Timestamp;

    use super::*;
    use crate::commands::watch::screen::testing::update;

    #[test]
    fn what_is_known_is_not_news_and_what_ended_first_goes_first() {
        let mut board = Board::default();
        let running = update(0, OperationStatus::Running, "a");
        assert!(board.update(&running) && !board.update(&running));
        let mut later = running.clone();
        later.timestamp = Timestamp::from_secs(2_000_000_000);
        assert!(board.update(&later));

        let count = u32::try_from(MOST_KEPT + SLACK).unwrap();
        for number in 1..=count {
            board.update(&update(number, OperationStatus::Success, "b"));
        }
        assert_eq!(board.all().count(), MOST_KEPT);
        assert!(board.get(running.id).is_some(), "what goes on is kept");
        let first_ended = update(count, OperationStatus::Success, "b").id;
        assert!(board.get(first_ended).is_none());

        board.keep_only([&running].into_iter());
        assert_eq!(board.all().count(), 1);
    }
}
