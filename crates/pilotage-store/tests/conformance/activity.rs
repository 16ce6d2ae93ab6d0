//! What happened when.

use std::{sync::Arc, time::Duration};

use pilotage_core::{
    Timestamp,
    execution::{AttemptResult, Next},
    ports::{Activity, ScheduleError},
};

use crate::{
    backend::Store,
    given::{
        LEASE, appended, at, attempt, claimed, decision, event, execution, fail, later, scheduled, step_to,
        succeed,
    },
};

const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// Seconds from the beginning of the checks until the next 5 minutes begin.
const NEXT: i64 = 100;

async fn series(store: &dyn Store, until: i64) -> Vec<Activity> {
    store.activity(at(0), at(until), FIVE_MINUTES).await.unwrap()
}

pub(crate) async fn what_happened_is_counted_when_it_happened(store: Arc<dyn Store>) {
    let store = &*store;
    scheduled(store, at(1), |_| Vec::new()).await;
    let ids = scheduled(store, at(1), |event| {
        ["a", "b", "c"].map(|rule| execution(event, rule)).into()
    })
    .await;
    let first = claimed(store, at(2)).await;
    let tried = attempt(0, 1, AttemptResult::Retryable);
    store
        .record(&first, at(3), Some(tried), later(at(NEXT)))
        .await
        .unwrap();
    let second = claimed(store, at(NEXT)).await;
    fail(store, &second, at(NEXT)).await;
    store.cancel(at(NEXT), "ann".to_owned(), ids[2]).await.unwrap();
    let again = claimed(store, at(NEXT)).await;
    succeed(store, &again, at(NEXT + 1)).await;
    store
        .retry(at(NEXT + 300), "ann".to_owned(), second.execution.id)
        .await
        .unwrap();
    let back = claimed(store, at(NEXT + 300)).await;
    succeed(store, &back, at(NEXT + 301)).await;

    let found = series(store, NEXT + 302).await;
    let start = Timestamp::from_secs(1_790_000_000 - 200);
    let starts: Vec<_> = (0..3).map(|number| start + FIVE_MINUTES * number).collect();
    let expected = [
        Activity {
            start: starts[0],
            deliveries: 2,
            unhandled: 1,
            attempts_failed: 1,
            ..Activity::default()
        },
        Activity {
            start: starts[1],
            succeeded: 1,
            failed: 1,
            cancelled: 1,
            attempts_failed: 1,
            timed: 2,
            duration_us: (NEXT - 1 + NEXT) * 1_000_000,
            ..Activity::default()
        },
        Activity {
            start: starts[2],
            succeeded: 1,
            ..Activity::default()
        },
    ];
    assert_eq!(found, expected);
}

pub(crate) async fn stretches_are_whole_and_the_empty_ones_are_there(store: Arc<dyn Store>) {
    let store = &*store;
    for seconds in [0, 3_600, 7_200] {
        let mut new = event(&seconds.to_string());
        new.facts.received_at = at(seconds);
        appended(store, new).await;
    }
    let counts = async |since, until, step| -> Vec<i64> {
        let series = store.activity(at(since), at(until), step).await.unwrap();
        let step = series
            .first()
            .zip(series.get(1))
            .map(|(a, b)| b.start.since(a.start));
        assert!(series.is_sorted_by_key(|activity| activity.start));
        assert!(step.is_none_or(|step| step.as_secs() % 300 == 0));
        series.iter().map(|activity| activity.deliveries).collect()
    };
    let by_half_hours = [1, 0, 1, 0, 1];
    assert_eq!(counts(0, 7_201, Duration::from_mins(30)).await, by_half_hours);
    assert_eq!(
        counts(0, 7_201, Duration::from_secs(1_799)).await,
        by_half_hours,
        "a step is rounded up"
    );
    assert_eq!(counts(0, 7_201, FIVE_MINUTES).await.len(), 25);
    assert_eq!(
        counts(0, 100 * 86_400, Duration::ZERO).await.iter().sum::<i64>(),
        3
    );
    assert!(counts(0, 100 * 86_400, Duration::ZERO).await.len() <= 1_000);
    assert!(counts(0, 0, FIVE_MINUTES).await.is_empty());
    assert!(counts(10, 0, FIVE_MINUTES).await.is_empty());
}

pub(crate) async fn deliveries_of_one_commit_are_counted_each_in_its_time(store: Arc<dyn Store>) {
    let appends: Vec<_> = (0..60)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut new = event(&number.to_string());
                new.facts.received_at = at(number % 3 * 300);
                appended(&*store, new).await;
            })
        })
        .collect();
    for append in appends {
        append.await.unwrap();
    }
    let counts: Vec<_> = series(&*store, 601)
        .await
        .iter()
        .map(|activity| activity.deliveries)
        .collect();
    assert_eq!(counts, [20, 20, 20]);
}

pub(crate) async fn a_step_that_fails_counts_nothing(store: Arc<dyn Store>) {
    let store = &*store;
    let stored = appended(store, event("1")).await;
    let other = appended(store, event("2")).await;
    let before = series(store, 1_000).await;
    let new = execution(&other, "a");
    let unhandled_and_twice = vec![
        decision(&stored, Vec::new()),
        decision(&other, vec![new.clone(), new]),
    ];
    let advance = pilotage_core::ports::Advance {
        from: step_to(&stored).from,
        to: other.position,
    };
    let failed = store.schedule(at(400), advance, unhandled_and_twice).await;
    assert!(matches!(failed, Err(ScheduleError::Store(_))));
    assert_eq!(series(store, 1_000).await, before);
}

pub(crate) async fn the_histogram_of_a_rule_holds_every_execution(store: Arc<dyn Store>) {
    let store = &*store;
    assert_eq!(store.rule_latency("a").await.unwrap(), []);
    for seconds in [1, 1, 100] {
        scheduled(store, at(0), |event| vec![execution(event, "a")]).await;
        let claim = claimed(store, at(0)).await;
        succeed(store, &claim, at(seconds)).await;
    }
    scheduled(store, at(0), |event| vec![execution(event, "b")]).await;
    let claim = store.claim(at(0), LEASE, 1).await.unwrap().remove(0);
    let reason = "no".to_owned();
    store
        .record(&claim, at(0), None, Next::Failed { reason })
        .await
        .unwrap();
    let found = store.rule_latency("a").await.unwrap();
    let counts: Vec<_> = found.iter().map(|bucket| bucket.count).collect();
    assert_eq!(counts, [2, 1]);
    for (bucket, seconds) in found.iter().zip([1, 100]) {
        let us = seconds * 1_000_000;
        assert!((bucket.from_us..=bucket.up_to_us).contains(&us), "{bucket:?}");
        assert!(bucket.up_to_us - bucket.from_us <= us / 8, "{bucket:?}");
    }
    let found = store.rule_latency("b").await.unwrap();
    assert_eq!((found[0].from_us, found[0].up_to_us, found[0].count), (0, 0, 1));
}
