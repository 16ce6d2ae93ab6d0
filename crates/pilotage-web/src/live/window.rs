//! What the hub keeps: the latest state of every operation that is active or changed lately, in the order of last changes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use pilotage_core::{
    Operation, OperationId, Timestamp,
    operation::{Change, StatusUpdate},
};

/// One operation in its latest state, ready to be asked about and sent.
pub(super) struct Entry {
    pub(super) change: Change,
    pub(super) update: StatusUpdate,
    /// The update as JSON: made once, whoever it is for.
    pub(super) json: Box<str>,
    finished_at: Option<Timestamp>,
}

impl Entry {
    pub(super) fn of(operation: Operation) -> Self {
        let (change, finished_at) = (operation.change, operation.finished_at);
        let update = StatusUpdate::from(operation);
        // Numbers, texts and maps with text keys: this cannot fail.
        let json = serde_json::to_string(&update).unwrap_or_default();
        Self {
            change,
            update,
            json: json.into(),
            finished_at,
        }
    }

    /// Whether it has not ended, or ended at or after `since`.
    pub(super) fn is_active(&self, since: Timestamp) -> bool {
        self.finished_at.is_none_or(|moment| moment >= since)
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Changes behind the last one within which everything is kept.
    pub(super) changes: i64,
    /// Operations at most.
    pub(super) operations: usize,
    /// For how long an operation stays active after its end.
    pub(super) ended_for: Duration,
}

/// A subscriber asks for changes that are no longer all kept here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooFarBehind;

pub(super) struct Window {
    bounds: Bounds,
    entries: BTreeMap<Change, Arc<Entry>>,
    by_id: HashMap<OperationId, Change>,
    /// Every operation whose last change is after this one is kept.
    floor: Change,
    /// Every change up to this one is in.
    head: Change,
    /// Active operations had to go, because there were too many.
    truncated: bool,
}

impl Window {
    /// Keeps what changes after `floor`.
    pub(super) fn after(floor: Change, bounds: Bounds) -> Self {
        Self {
            bounds,
            entries: BTreeMap::new(),
            by_id: HashMap::new(),
            floor,
            head: floor,
            truncated: false,
        }
    }

    pub(super) const fn head(&self) -> Change {
        self.head
    }

    pub(super) const fn floor(&self) -> Change {
        self.floor
    }

    pub(super) const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// There are more active operations than were put in.
    pub(super) const fn truncate(&mut self) {
        self.truncated = true;
    }

    /// Puts the state of an operation in the place of an earlier one.
    pub(super) fn put(&mut self, entry: Entry) {
        if let Some(known) = self.by_id.get(&entry.update.id).copied() {
            if known >= entry.change {
                return;
            }
            self.entries.remove(&known);
        }
        self.by_id.insert(entry.update.id, entry.change);
        self.entries.insert(entry.change, Arc::new(entry));
    }

    /// Says that every change up to `head` was put in.
    pub(super) fn advance(&mut self, head: Change) {
        self.head = self.head.max(head);
    }

    /// Forgets what is neither active nor lately changed, and the oldest where that is still too much.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let since = now - self.bounds.ended_for;
        let old = Change(self.head.0.saturating_sub(self.bounds.changes));
        let ended: Vec<Change> = self
            .entries
            .range(..=old)
            .filter(|(_, entry)| !entry.is_active(since))
            .map(|(change, _)| *change)
            .collect();
        for change in ended {
            self.remove(change);
        }
        while self.entries.len() > self.bounds.operations {
            let Some(oldest) = self.entries.keys().next().copied() else {
                break;
            };
            self.truncated |= self.remove(oldest).is_some_and(|entry| entry.is_active(since));
        }
    }

    fn remove(&mut self, change: Change) -> Option<Arc<Entry>> {
        let entry = self.entries.remove(&change)?;
        self.by_id.remove(&entry.update.id);
        self.floor = self.floor.max(change);
        Some(entry)
    }

    /// The operations whose last change is after `after` and up to `through`, in the order of changes.
    ///
    /// # Errors
    /// Some of them may be missing here.
    pub(super) fn changed(&self, after: Change, through: Change) -> Result<Vec<Arc<Entry>>, TooFarBehind> {
        if after < self.floor {
            return Err(TooFarBehind);
        }
        if after >= through {
            return Ok(Vec::new());
        }
        let from = Change(after.0.saturating_add(1));
        Ok(self
            .entries
            .range(from..=through)
            .map(|(_, entry)| entry.clone())
            .collect())
    }

    /// The active operations up to the head, in the order of changes.
    pub(super) fn active(&self, now: Timestamp) -> Vec<Arc<Entry>> {
        let since = now - self.bounds.ended_for;
        let up_to_head = self.entries.range(..=self.head);
        up_to_head
            .filter(|(_, entry)| entry.is_active(since))
            .map(|(_, entry)| entry.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::testing::operation;

    const BOUNDS: Bounds = Bounds {
        changes: 3,
        operations: 4,
        ended_for: Duration::from_mins(1),
    };

    fn put(window: &mut Window, id: u128, change: i64, ended: Option<i64>) {
        window.put(Entry::of(operation(id, change, ended)));
        window.advance(Change(change));
    }

    fn changes(entries: &[Arc<Entry>]) -> Vec<i64> {
        entries.iter().map(|entry| entry.change.0).collect()
    }

    #[test]
    fn only_the_latest_state_is_kept_and_comes_once() {
        let mut window = Window::after(Change(0), BOUNDS);
        put(&mut window, 1, 1, None);
        put(&mut window, 2, 2, None);
        put(&mut window, 1, 3, None);
        put(&mut window, 1, 1, None);
        assert_eq!(changes(&window.changed(Change(0), Change(3)).unwrap()), [2, 3]);
        assert_eq!(changes(&window.changed(Change(2), Change(3)).unwrap()), [3]);
        assert_eq!(changes(&window.changed(Change(3), Change(3)).unwrap()), [0; 0]);
        assert_eq!(changes(&window.changed(Change(9), Change(3)).unwrap()), [0; 0]);
    }

    #[test]
    fn what_ended_long_ago_goes_and_whoever_needs_it_is_told() {
        let mut window = Window::after(Change(0), BOUNDS);
        put(&mut window, 1, 1, Some(100));
        put(&mut window, 2, 2, None);
        for change in 3..7 {
            put(&mut window, 1_000, change, None);
        }
        window.forget(Timestamp::from_secs(161));
        assert_eq!(changes(&window.active(Timestamp::from_secs(161))), [2, 6]);
        assert_eq!(window.changed(Change(0), Change(6)).err(), Some(TooFarBehind));
        assert_eq!(changes(&window.changed(Change(1), Change(6)).unwrap()), [2, 6]);
        assert!(!window.is_truncated());
    }

    #[test]
    fn what_ended_is_active_for_a_while_and_recent_changes_stay() {
        let mut window = Window::after(Change(0), BOUNDS);
        put(&mut window, 1, 1, Some(100));
        window.forget(Timestamp::from_secs(160));
        assert_eq!(changes(&window.active(Timestamp::from_secs(160))), [1]);
        window.forget(Timestamp::from_secs(161));
        assert_eq!(changes(&window.active(Timestamp::from_secs(161))), [0; 0]);
        assert_eq!(
            changes(&window.changed(Change(0), Change(1)).unwrap()),
            [1],
            "within three changes"
        );
    }

    #[test]
    fn there_is_a_bound_and_going_over_it_is_said() {
        let mut window = Window::after(Change(0), BOUNDS);
        for id in 1..7 {
            put(&mut window, id, i64::try_from(id).unwrap(), None);
        }
        window.forget(Timestamp::from_secs(0));
        assert_eq!(changes(&window.active(Timestamp::from_secs(0))), [3, 4, 5, 6]);
        assert_eq!(window.floor(), Change(2));
        assert!(window.is_truncated());
    }
}
