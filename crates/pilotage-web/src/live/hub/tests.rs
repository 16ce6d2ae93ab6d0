//! The hub over a feed in memory. Time is tokio's, and paused: what waits for it waits in no time.

use std::time::Duration;

use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::*;
use crate::live::{
    subscription::{Step, TICK},
    testing::MemoryFeed,
};

/// A deadline that no test reaches unless it hangs.
const LONG: Duration = Duration::from_mins(1);

struct House {
    feed: Arc<MemoryFeed>,
    hub: Arc<Hub>,
}

impl House {
    fn with(sizes: Sizes, most_subscribers: usize) -> Self {
        let feed = Arc::new(MemoryFeed::default());
        let settings = LiveSettings {
            most_subscribers,
            ended_for: Duration::from_mins(30),
        };
        let meters = Meters::registered(&mut Registry::default());
        let hub = Hub::with_sizes(feed.clone(), feed.bell.clone(), settings, meters, sizes);
        Self { feed, hub }
    }

    async fn usual() -> Self {
        let house = Self::with(Sizes::default(), 10);
        house.hub.begin().await.unwrap();
        house
    }

    fn subscribe(&self, filters: &serde_json::Value) -> (Subscription, Arc<Batch>) {
        let filters = StatusFilters::parse(filters).unwrap();
        self.hub.subscribe(filters, Transport::Sse)
    }

    /// Waits until the hub has read everything.
    async fn has_read(&self, change: i64) {
        let mut heads = self.hub.heads();
        timeout(LONG, heads.wait_for(|head| head.through.0 >= change))
            .await
            .unwrap()
            .unwrap();
    }
}

/// What comes next, as `(id, message)`.
async fn next(subscription: &mut Subscription) -> Vec<(String, String)> {
    match timeout(LONG, subscription.next()).await.unwrap() {
        Step::Send(batch) => shown(&batch),
        Step::Behind => panic!("too far behind"),
        Step::Stopped => panic!("stopped"),
    }
}

fn shown(batch: &Batch) -> Vec<(String, String)> {
    let updates: serde_json::Value = serde_json::from_str(batch.updates().unwrap().get()).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let shown = updates.as_array().unwrap().iter();
    shown
        .map(|update| (text(&update["metadata"]["name"]), text(&update["message"])))
        .collect()
}

fn told(operation: u128, change: i64) -> (String, String) {
    (format!("operation {operation}"), format!("change {change}"))
}

#[tokio::test(start_paused = true)]
async fn the_first_change_leaves_at_once_and_what_follows_comes_together() {
    let house = House::usual().await;
    let (mut subscription, snapshot) = house.subscribe(&json!([]));
    assert_eq!(shown(&snapshot), []);
    tokio::time::advance(TICK * 3).await;
    let begun = Instant::now();
    house.feed.change(1);
    assert_eq!(next(&mut subscription).await, [told(1, 1)]);
    assert!(begun.elapsed() < TICK, "not held back");
    for _ in 0..5 {
        house.feed.change(1);
        house.feed.change(2);
    }
    assert_eq!(next(&mut subscription).await, [told(1, 10), told(2, 11)]);
    assert!(begun.elapsed() >= TICK, "not before its time");
    house.hub.stop();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_when_nothing_changes() {
    let house = House::usual().await;
    house.feed.change(1);
    house.has_read(1).await;
    let (mut subscription, snapshot) = house.subscribe(&json!([]));
    assert_eq!(shown(&snapshot), [told(1, 1)]);
    assert!(timeout(LONG, subscription.next()).await.is_err());
    house.feed.change(1);
    assert_eq!(next(&mut subscription).await, [told(1, 2)]);
    assert!(timeout(LONG, subscription.next()).await.is_err());
    house.hub.stop();
}

#[tokio::test(start_paused = true)]
async fn only_what_passes_the_filters_comes() {
    let house = House::usual().await;
    let odd = json!([{ "field": "rule", "operator": "equals", "value": "rule-1" }]);
    let (mut subscription, _) = house.subscribe(&odd);
    for id in 1..=6 {
        house.feed.change(id);
    }
    assert_eq!(
        next(&mut subscription).await,
        [told(1, 1), told(3, 3), told(5, 5)]
    );
    house.feed.change(2);
    assert!(timeout(LONG, subscription.next()).await.is_err());
    assert_eq!(
        subscription.cursor(),
        Change(7),
        "it moves on over what does not concern it"
    );
    house.hub.stop();
}

#[tokio::test(start_paused = true)]
async fn those_who_ask_the_same_share_one_batch() {
    let house = House::usual().await;
    let (a, b) = (
        json!({ "field": "type", "operator": "equals", "value": "execution" }),
        json!({ "field": "rule", "operator": "equals", "value": "rule-1" }),
    );
    let (mut one, _) = house.subscribe(&json!([a, b]));
    let (mut other, _) = house.subscribe(&json!([b, a]));
    house.feed.change(1);
    let batch = |step| match step {
        Step::Send(batch) => batch,
        Step::Behind | Step::Stopped => panic!("no batch"),
    };
    let one = batch(timeout(LONG, one.next()).await.unwrap());
    let other = batch(timeout(LONG, other.next()).await.unwrap());
    assert!(Arc::ptr_eq(&one, &other));
    house.hub.stop();
}

#[tokio::test(start_paused = true)]
async fn a_slow_one_finds_the_latest_state_and_holds_nobody_up() {
    let house = House::usual().await;
    let (mut slow, _) = house.subscribe(&json!([]));
    let (mut quick, _) = house.subscribe(&json!([]));
    for _ in 0..100 {
        house.feed.change(1);
        let change = house.feed.change(2);
        assert_eq!(next(&mut quick).await.last(), Some(&told(2, change)));
    }
    assert_eq!(next(&mut slow).await, [told(1, 199), told(2, 200)]);
    house.hub.stop();
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_handed_over_comes_again() {
    let house = House::usual().await;
    let (mut subscription, _) = house.subscribe(&json!([]));
    house.feed.change(1);
    assert_eq!(next(&mut subscription).await, [told(1, 1)]);
    subscription.put_back();
    house.feed.change(2);
    house.has_read(2).await;
    assert_eq!(next(&mut subscription).await, [told(1, 1), told(2, 2)]);
    house.hub.stop();
}

#[tokio::test(start_paused = true)]
async fn one_that_is_too_far_behind_is_told_so() {
    let small = Sizes {
        changes: 3,
        operations: 4,
        ..Sizes::default()
    };
    let house = House::with(small, 10);
    house.hub.begin().await.unwrap();
    let (mut subscription, _) = house.subscribe(&json!([]));
    for id in 1..=20 {
        house.feed.end(id);
    }
    house.has_read(20).await;
    house.hub.forget();
    assert!(matches!(
        timeout(LONG, subscription.next()).await.unwrap(),
        Step::Behind
    ));
    assert_eq!(house.hub.floor(), Change(16));
    house.hub.stop();
}

#[tokio::test(start_paused = true)]
async fn what_happened_before_the_first_subscriber_is_there() {
    let house = House::with(Sizes::default(), 10);
    let ended = house.feed.end(1);
    house.feed.change(2);
    house.feed.change(3);
    house.hub.begin().await.unwrap();
    let (_, snapshot) = house.subscribe(&json!([]));
    assert_eq!(shown(&snapshot), [told(1, ended), told(2, 2), told(3, 3)]);
    assert_eq!(snapshot.through, Change(3));
    house.hub.stop();
}

#[tokio::test(start_paused = true)]
async fn a_lost_ring_and_a_failing_store_only_delay() {
    let house = House::usual().await;
    let (mut subscription, _) = house.subscribe(&json!([]));
    house.feed.fail(true);
    house.feed.change_silently(1);
    assert!(timeout(LONG, subscription.next()).await.is_err());
    house.feed.fail(false);
    assert_eq!(next(&mut subscription).await, [told(1, 1)]);
    house.hub.stop();
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_every_subscription_and_lets_nobody_in() {
    let house = House::usual().await;
    let (mut subscription, _) = house.subscribe(&json!([]));
    house.feed.change(1);
    next(&mut subscription).await;
    house.feed.change(1);
    house.has_read(2).await;
    house.hub.stop();
    assert!(matches!(
        timeout(LONG, subscription.next()).await.unwrap(),
        Step::Stopped
    ));
    assert!(house.hub.slot().is_err());
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_places() {
    let house = House::with(Sizes::default(), 2);
    let (one, _two) = (house.hub.slot().unwrap(), house.hub.slot().unwrap());
    assert!(house.hub.slot().is_err());
    drop(one);
    assert!(house.hub.slot().is_ok());
}
