//! Live status: whoever watches is told what changes, as it changes.
//!
//! One follower reads what changed from the durable feed into a [`window`], where every operation is kept once in its
//! latest state. Subscribers pull from there at their own pace, at most every 100 ms: nothing is queued for anybody, so a
//! slow one finds only the latest state of each operation when it comes back, and disturbs nobody. Subscribers that asked
//! for the same share what is encoded for them. One that is further behind than the window reads on in the feed.

mod batch;
mod group;
mod hub;
mod meters;
mod pace;
mod query;
mod socket;
pub(crate) mod stream;
mod subscription;
#[cfg(test)]
mod testing;
mod window;

use std::time::Duration;

pub(crate) use hub::Hub;
pub(crate) use meters::Meters;
pub(crate) use socket::routes as socket_routes;

/// How live status is bounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveSettings {
    /// Subscribers at once, over all transports; further ones are answered 503.
    pub(crate) most_subscribers: usize,
    /// For how long an operation is still shown as active after its end.
    pub(crate) ended_for: Duration,
}
