use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use pilotage_core::{
    Timestamp,
    operation::{Change, filter::StatusFilters},
    ports::{Bell, News, OperationFeed, StoreError},
};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{
    LiveSettings,
    batch::{Batch, Purpose},
    group::{Group, Groups},
    meters::Meters,
    pace::Pace,
    subscription::{Subscription, Transport},
    window::{Bounds, Entry, TooFarBehind, Window},
};

/// Operations read from the feed at once.
pub(super) const PAGE: usize = 500;
/// Least time between two looks at the feed, so that what changes at once is read at once.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(10);
/// How often to look when no bell rang.
const POLL: Duration = Duration::from_millis(500);
/// How often what is old is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(1);
/// Those who read on in the feed at the same time, each a page in memory.
const MOST_CATCHING_UP: usize = 8;

/// Sizes that tests make small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Changes behind the last one within which the hub keeps everything.
    pub(super) changes: i64,
    /// Operations that the hub keeps at most.
    pub(super) operations: usize,
    /// Changed operations that a subscriber who was away is sent at most before a reset.
    pub(super) catch_up: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            changes: 4_096,
            operations: 10_000,
            catch_up: 10_000,
        }
    }
}

/// What subscribers wait for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    /// The last change that can be read.
    pub(super) through: Change,
    /// Nothing more comes.
    pub(super) stopped: bool,
}

/// Follows the feed for everybody who watches. It begins with the first of them.
pub(crate) struct Hub {
    pub(super) feed: Arc<dyn OperationFeed>,
    pub(super) meters: Meters,
    pub(super) sizes: Sizes,
    /// Those who read on in the feed.
    pub(super) catching_up: Semaphore,
    /// How fast whole states go out.
    pub(super) pace: Pace,
    bell: Arc<dyn Bell>,
    settings: LiveSettings,
    window: RwLock<Window>,
    groups: Groups,
    heads: watch::Sender<Head>,
    begun: OnceCell<()>,
    slots: Arc<Semaphore>,
    stop: CancellationToken,
}

/// A place among the subscribers, given back when it is dropped.
pub(super) struct Slot(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// There are as many subscribers as there may be.
#[derive(Debug, thiserror::Error)]
#[error("there are too many subscribers at present")]
pub(super) struct Full;

impl Hub {
    pub(crate) fn new(
        feed: Arc<dyn OperationFeed>,
        bell: Arc<dyn Bell>,
        settings: LiveSettings,
        meters: Meters,
    ) -> Arc<Self> {
        Self::with_sizes(feed, bell, settings, meters, Sizes::default())
    }

    pub(super) fn with_sizes(
        feed: Arc<dyn OperationFeed>,
        bell: Arc<dyn Bell>,
        settings: LiveSettings,
        meters: Meters,
        sizes: Sizes,
    ) -> Arc<Self> {
        let bounds = Bounds {
            changes: sizes.changes,
            operations: sizes.operations,
            ended_for: settings.ended_for,
        };
        Arc::new(Self {
            feed,
            meters,
            sizes,
            catching_up: Semaphore::new(MOST_CATCHING_UP),
            pace: Pace::default(),
            bell,
            settings,
            window: RwLock::new(Window::after(Change(0), bounds)),
            groups: Groups::default(),
            heads: watch::Sender::default(),
            begun: OnceCell::new(),
            slots: Arc::new(Semaphore::new(settings.most_subscribers)),
            stop: CancellationToken::new(),
        })
    }

    /// Ends every subscription, and lets nobody in any more.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.heads.send_modify(|head| head.stopped = true);
    }

    /// Runs `close` once the hub has stopped.
    pub(super) fn on_stop(&self, close: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stop.clone();
        tokio::spawn(async move {
            stopped.cancelled().await;
            close.await;
        });
    }

    /// Is cancelled when the hub stops.
    pub(super) const fn stopped(&self) -> &CancellationToken {
        &self.stop
    }

    /// A place for one more subscriber.
    ///
    /// # Errors
    /// There is none left, or the hub has stopped.
    pub(super) fn slot(&self) -> Result<Slot, Full> {
        let slot = self.slots.clone().try_acquire_owned().ok().map(Slot);
        let slot = slot.filter(|_| !self.stop.is_cancelled()).ok_or(Full);
        if slot.is_err() {
            self.meters.refused();
        }
        slot
    }

    /// Begins to follow the feed, if nobody watched before.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<(), StoreError> {
        let begin = async || {
            // Registered before looking, so that nothing falls in between.
            let rung = self.bell.listen(News::Operations);
            let window = self.load().await?;
            let head = window.head();
            *self.window.write().unwrap_or_else(PoisonError::into_inner) = window;
            self.move_head(head);
            tokio::spawn(self.clone().follow(rung));
            Ok(())
        };
        self.begun.get_or_try_init(begin).await.copied()
    }

    /// What is active and what changed lately.
    async fn load(&self) -> Result<Window, StoreError> {
        let bounds = Bounds {
            changes: self.sizes.changes,
            operations: self.sizes.operations,
            ended_for: self.settings.ended_for,
        };
        let last = self.feed.last_change().await?;
        let floor = Change(last.0.saturating_sub(bounds.changes).max(0));
        let mut window = Window::after(floor, bounds);
        let since = Timestamp::now() - bounds.ended_for;
        let active = self.feed.active(since, bounds.operations).await?;
        if active.truncated {
            window.truncate();
        }
        active
            .operations
            .into_iter()
            .map(Entry::of)
            .for_each(|entry| window.put(entry));
        loop {
            let page = self.feed.changed_after(window.head(), PAGE).await?;
            let Some(last) = page.last().map(|operation| operation.change) else {
                return Ok(window);
            };
            page.into_iter()
                .map(Entry::of)
                .for_each(|entry| window.put(entry));
            window.advance(last);
            window.forget(Timestamp::now());
        }
    }

    async fn follow(self: Arc<Self>, mut rung: Box<dyn pilotage_core::ports::Listener>) {
        let mut forgotten = tokio::time::Instant::now();
        let mut failing = false;
        loop {
            let read = self.read_on().await;
            let pause = if matches!(read, Ok(true)) {
                LOOK_AT_MOST_EVERY
            } else {
                POLL
            };
            match read {
                Err(error) if !failing => {
                    tracing::warn!(%error, "live status could not read on; it will try again");
                    failing = true;
                }
                Err(_) => {}
                Ok(_) => failing = false,
            }
            if forgotten.elapsed() >= FORGET_EVERY {
                forgotten = tokio::time::Instant::now();
                self.forget();
            }
            let hurried = pause == LOOK_AT_MOST_EVERY;
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = rung.wait(), if !hurried => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Reads what changed since the last look; whether anything did.
    async fn read_on(&self) -> Result<bool, StoreError> {
        let before = self.heads.borrow().through;
        let mut head = before;
        loop {
            let page = self.feed.changed_after(head, PAGE).await?;
            let is_last = page.len() < PAGE;
            if let Some(last) = page.last().map(|operation| operation.change) {
                // Encoding takes a while, and subscribers read meanwhile.
                let entries: Vec<Entry> = page.into_iter().map(Entry::of).collect();
                let mut window = self.window.write().unwrap_or_else(PoisonError::into_inner);
                for entry in entries {
                    window.put(entry);
                }
                window.advance(last);
                head = last;
            }
            if is_last {
                break;
            }
        }
        if head > before {
            self.move_head(head);
        }
        Ok(head > before)
    }

    fn forget(&self) {
        let mut window = self.window.write().unwrap_or_else(PoisonError::into_inner);
        window.forget(Timestamp::now());
        drop(window);
        self.groups.sweep();
    }

    /// Watches what passes `filters`, from the snapshot that is handed out with it.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        filters: StatusFilters,
        transport: Transport,
    ) -> (Subscription, Arc<Batch>) {
        let group = self.groups.join(filters);
        let snapshot = self.snapshot(&group);
        let subscription = Subscription::new(self.clone(), group, snapshot.through, transport);
        (subscription, snapshot)
    }

    /// Watches what passes `filters`, from a change on.
    pub(super) fn resume(
        self: &Arc<Self>,
        filters: StatusFilters,
        after: Change,
        transport: Transport,
    ) -> Subscription {
        Subscription::new(self.clone(), self.groups.join(filters), after, transport)
    }

    pub(super) fn snapshot(&self, group: &Group) -> Arc<Batch> {
        self.shared_snapshot(group).0
    }

    /// The same, when it may go out: what others are sent as well costs no memory again, and does not wait.
    pub(super) async fn paced_snapshot(&self, group: &Group) -> Arc<Batch> {
        let _turn = self.pace.turn().await;
        let (batch, is_new) = self.shared_snapshot(group);
        if is_new {
            self.pace.spend(batch.frame.len()).await;
        }
        batch
    }

    fn shared_snapshot(&self, group: &Group) -> (Arc<Batch>, bool) {
        group.snapshot(|| {
            let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
            let (entries, through) = (window.active(Timestamp::now()), window.head());
            let purpose = Purpose::Snapshot(window.is_truncated());
            drop(window);
            Batch::of(purpose, &entries, &group.filters, through)
        })
    }

    pub(super) fn batch(
        &self,
        group: &Group,
        after: Change,
        through: Change,
    ) -> Result<Arc<Batch>, TooFarBehind> {
        group.batch(after, through, || {
            let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
            let entries = window.changed(after, through)?;
            drop(window);
            Ok(Batch::of(Purpose::Updates, &entries, &group.filters, through))
        })
    }

    /// Everything that changed after this is kept here.
    pub(super) fn floor(&self) -> Change {
        self.window.read().unwrap_or_else(PoisonError::into_inner).floor()
    }

    fn move_head(&self, through: Change) {
        self.heads.send_modify(|head| head.through = through);
    }

    pub(super) fn heads(&self) -> watch::Receiver<Head> {
        self.heads.subscribe()
    }
}

#[cfg(test)]
mod tests;
