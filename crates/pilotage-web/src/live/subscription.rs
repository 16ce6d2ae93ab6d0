use std::{sync::Arc, time::Duration};

use pilotage_core::{Timestamp, operation::Change};
use tokio::{sync::watch, time::Instant};

use super::{
    batch::Batch,
    group::Group,
    hub::{Head, Hub},
    meters::Left,
    window::TooFarBehind,
};

/// Least time between two batches for one subscriber.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// One that has taken nothing for so long although there was news is slow.
const SLOW_AFTER: Duration = Duration::from_secs(10);

/// How a subscriber is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Sse,
    SocketIo,
}

/// What a subscriber does next.
pub(super) enum Step {
    /// Sends this.
    Send(Arc<Batch>),
    /// Reads on in the feed, or begins anew: what it has not seen is no longer all kept.
    Behind,
    /// Ends.
    Stopped,
}

/// One subscriber: how far it has come, and when it may be told more. It holds no updates.
pub(super) struct Subscription {
    hub: Arc<Hub>,
    group: Arc<Group>,
    heads: watch::Receiver<Head>,
    cursor: Change,
    next_at: Instant,
    /// Where the cursor was before the batch taken last.
    before: Change,
    given_up: bool,
    transport: Transport,
}

impl Subscription {
    pub(super) fn new(hub: Arc<Hub>, group: Arc<Group>, cursor: Change, transport: Transport) -> Self {
        hub.meters.came(transport);
        Self {
            heads: hub.heads(),
            hub,
            group,
            cursor,
            next_at: Instant::now(),
            before: cursor,
            given_up: false,
            transport,
        }
    }

    pub(super) const fn cursor(&self) -> Change {
        self.cursor
    }

    pub(super) fn group(&self) -> &Group {
        &self.group
    }

    /// Goes on after this change.
    pub(super) const fn move_to(&mut self, cursor: Change) {
        self.cursor = cursor;
    }

    /// Waits until there is something to send, at most once in 100 ms. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Step {
        loop {
            // First the pause, then the news: whoever has just been told is not woken by every change until it may be told
            // more, and the end can wait as long.
            if self.next_at > Instant::now() {
                tokio::time::sleep_until(self.next_at).await;
            }
            let cursor = self.cursor;
            let news = self.heads.wait_for(|head| head.stopped || head.through > cursor);
            // The hub, which this holds, holds the sender, so it is no error that ends this.
            let Ok(Head {
                through: head,
                stopped: false,
            }) = news.await.map(|head| *head)
            else {
                return Step::Stopped;
            };
            let Ok(batch) = self.take(head) else {
                return Step::Behind;
            };
            if batch.count > 0 {
                return Step::Send(batch);
            }
        }
    }

    fn take(&mut self, head: Change) -> Result<Arc<Batch>, TooFarBehind> {
        let batch = self.hub.batch(&self.group, self.cursor, head)?;
        self.before = self.cursor;
        self.next_at = Instant::now() + TICK;
        self.cursor = head;
        Ok(batch)
    }

    /// Counts a batch as sent.
    pub(super) fn sent(&self, batch: &Batch) {
        let changes = batch.through.0.saturating_sub(self.before.0);
        self.hub.meters.sent(batch, changes, Timestamp::now());
    }

    /// Takes the last batch back, which could not be handed over: its updates come again, with whatever changes meanwhile.
    pub(super) fn put_back(&mut self) {
        self.cursor = self.before;
        self.next_at = Instant::now() + TICK;
    }

    /// It will be dropped, because it does not read.
    pub(super) const fn give_up(&mut self) {
        self.given_up = true;
    }

    fn is_slow(&self) -> bool {
        self.given_up || (self.heads.borrow().through > self.cursor && self.next_at.elapsed() > SLOW_AFTER)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let why = if self.hub.stopped().is_cancelled() {
            Left::Stopped
        } else if self.is_slow() {
            tracing::info!(transport = ?self.transport, cursor = %self.cursor, "dropped a subscriber that does not read");
            Left::Slow
        } else {
            Left::ByItself
        };
        self.hub.meters.left(self.transport, why);
    }
}
