//! Concurrency limits and debounce.

use std::{sync::Arc, time::Duration};

use pilotage_core::{
    ExecutionId, ExecutionStatus,
    ExecutionStatus::{Cancelled, Failed, Pending, Running, Succeeded, Waiting},
    NewExecution, StoredEvent,
    execution::{AttemptResult, Burst, Next, OnLimit},
    ports::Renewal,
};

use crate::{
    backend::Store,
    given::{
        LEASE, at, attempt, claimed, execution, fail, found, later, limited, scheduled, scheduled_one,
        succeed,
    },
};

async fn statuses(store: &dyn Store, ids: &[ExecutionId]) -> Vec<ExecutionStatus> {
    let mut statuses = Vec::new();
    for id in ids {
        statuses.push(found(store, *id).await.status);
    }
    statuses
}

async fn several(store: &dyn Store, count: usize, limit: u32, on_limit: OnLimit) -> Vec<ExecutionId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(scheduled_one(store, at(0), |event| limited(event, limit, on_limit)).await);
    }
    ids
}

pub(crate) async fn above_the_limit_they_queue_and_follow_in_order(store: Arc<dyn Store>) {
    let ids = several(&*store, 4, 2, OnLimit::Queue).await;
    assert_eq!(
        statuses(&*store, &ids).await,
        [Pending, Pending, Waiting, Waiting]
    );
    let claim = claimed(&*store, at(1)).await;
    assert_eq!(
        statuses(&*store, &ids).await,
        [Running, Pending, Waiting, Waiting]
    );
    succeed(&*store, &claim, at(2)).await;
    assert_eq!(
        statuses(&*store, &ids).await,
        [Succeeded, Pending, Pending, Waiting]
    );
    store.cancel(at(3), "ann".to_owned(), ids[1]).await.unwrap();
    assert_eq!(
        statuses(&*store, &ids).await,
        [Succeeded, Cancelled, Pending, Pending]
    );
}

pub(crate) async fn a_retry_keeps_its_place(store: Arc<dyn Store>) {
    let ids = several(&*store, 2, 1, OnLimit::Queue).await;
    let claim = claimed(&*store, at(1)).await;
    let tried = attempt(0, 1, AttemptResult::Retryable);
    store
        .record(&claim, at(2), Some(tried), later(at(60)))
        .await
        .unwrap();
    assert_eq!(statuses(&*store, &ids).await, [Pending, Waiting]);
}

pub(crate) async fn one_that_waits_can_be_cancelled(store: Arc<dyn Store>) {
    let ids = several(&*store, 3, 1, OnLimit::Queue).await;
    store.cancel(at(1), "ann".to_owned(), ids[1]).await.unwrap();
    assert_eq!(statuses(&*store, &ids).await, [Pending, Cancelled, Waiting]);
}

pub(crate) async fn keys_rules_and_tenants_do_not_share_a_limit(store: Arc<dyn Store>) {
    let ids = scheduled(&*store, at(0), |event| {
        let plain = |change: fn(&mut NewExecution)| {
            let mut new = limited(event, 1, OnLimit::Queue);
            change(&mut new);
            new
        };
        vec![
            plain(|_| {}),
            plain(|new| new.slot.as_mut().unwrap().key = "other".into()),
            plain(|new| new.rule = "other".into()),
            plain(|new| new.tenant.0 = "other".into()),
            plain(|_| {}),
        ]
    })
    .await;
    assert_eq!(
        statuses(&*store, &ids).await,
        [Pending, Pending, Pending, Pending, Waiting]
    );
}

pub(crate) async fn a_raised_limit_lets_those_who_wait_go_first(store: Arc<dyn Store>) {
    let mut ids = several(&*store, 3, 1, OnLimit::Queue).await;
    ids.extend(several(&*store, 1, 3, OnLimit::Queue).await);
    assert_eq!(
        statuses(&*store, &ids).await,
        [Pending, Pending, Pending, Waiting]
    );
}

pub(crate) async fn above_the_limit_they_are_dropped_with_the_reason(store: Arc<dyn Store>) {
    let ids = several(&*store, 3, 2, OnLimit::Drop).await;
    assert_eq!(statuses(&*store, &ids).await, [Pending, Pending, Cancelled]);
    let dropped = found(&*store, ids[2]).await;
    assert_eq!(
        dropped.reason.as_deref(),
        Some("dropped: 2 executions with the same concurrency key are active")
    );
    assert_eq!(dropped.finished_at, Some(at(0)));
}

pub(crate) async fn the_newest_supersedes_the_oldest(store: Arc<dyn Store>) {
    let first = several(&*store, 1, 1, OnLimit::Cancel).await;
    let claim = claimed(&*store, at(1)).await;
    let later = several(&*store, 2, 1, OnLimit::Cancel).await;
    let ids = [first[0], later[0], later[1]];
    assert_eq!(statuses(&*store, &ids).await, [Running, Cancelled, Waiting]);
    let superseded = found(&*store, ids[1]).await;
    assert_eq!(superseded.reason, Some(format!("superseded by {}", ids[2])));
    assert_eq!(
        store.renew(&claim, at(2), LEASE).await.unwrap(),
        Renewal::CancelRequested {
            by: "concurrency".to_owned()
        }
    );
    let reason = "superseded".to_owned();
    store
        .record(&claim, at(3), None, Next::Cancelled { reason })
        .await
        .unwrap();
    assert_eq!(statuses(&*store, &ids).await, [Cancelled, Cancelled, Pending]);
}

pub(crate) async fn a_pending_one_is_superseded_at_once(store: Arc<dyn Store>) {
    let ids = several(&*store, 3, 1, OnLimit::Cancel).await;
    assert_eq!(statuses(&*store, &ids).await, [Cancelled, Cancelled, Pending]);
}

pub(crate) async fn a_dead_letter_comes_back_through_the_limit(store: Arc<dyn Store>) {
    let ids = several(&*store, 1, 1, OnLimit::Queue).await;
    let claim = claimed(&*store, at(1)).await;
    fail(&*store, &claim, at(2)).await;
    let next = several(&*store, 1, 1, OnLimit::Queue).await;
    let ids = [ids[0], next[0]];
    store.retry(at(3), "ann".to_owned(), ids[0]).await.unwrap();
    assert_eq!(statuses(&*store, &ids).await, [Waiting, Pending]);
    let claim = claimed(&*store, at(4)).await;
    succeed(&*store, &claim, at(5)).await;
    assert_eq!(statuses(&*store, &ids).await, [Pending, Succeeded]);
    let claim = claimed(&*store, at(6)).await;
    fail(&*store, &claim, at(7)).await;
    store.retry(at(8), "ann".to_owned(), ids[0]).await.unwrap();
    assert_eq!(statuses(&*store, &ids).await, [Pending, Succeeded]);
    let claim = claimed(&*store, at(9)).await;
    fail(&*store, &claim, at(10)).await;
    assert_eq!(statuses(&*store, &ids).await, [Failed, Succeeded]);
}

fn debounced(event: &StoredEvent, key: &str) -> NewExecution {
    NewExecution {
        debounce: Some(Burst {
            key: key.to_owned(),
            max_wait: Duration::from_secs(100),
        }),
        due: at(10),
        ..execution(event, "burst")
    }
}

pub(crate) async fn a_burst_becomes_its_last_event(store: Arc<dyn Store>) {
    let mut ids = Vec::new();
    for key in ["main", "other", "main", "main"] {
        ids.push(scheduled_one(&*store, at(0), |event| debounced(event, key)).await);
    }
    assert_eq!(
        statuses(&*store, &ids).await,
        [Cancelled, Pending, Cancelled, Pending]
    );
    assert_eq!(
        found(&*store, ids[0]).await.reason,
        Some(format!("coalesced into {}", ids[2]))
    );
    assert_eq!(store.claim(at(10), LEASE, 9).await.unwrap().len(), 2);
}

pub(crate) async fn a_burst_that_never_pauses_is_acted_on(store: Arc<dyn Store>) {
    let mut last = None;
    for seconds in [0, 40, 80, 95] {
        let new = |event: &StoredEvent| NewExecution {
            due: at(seconds + 50),
            ..debounced(event, "main")
        };
        last = Some(scheduled_one(&*store, at(seconds), new).await);
    }
    assert_eq!(found(&*store, last.unwrap()).await.due, at(100));
    assert_eq!(claimed(&*store, at(100)).await.execution.id, last.unwrap());
    let new = |event: &StoredEvent| NewExecution {
        due: at(151),
        ..debounced(event, "main")
    };
    let next = scheduled_one(&*store, at(101), new).await;
    assert_eq!(found(&*store, next).await.due, at(151));
}

pub(crate) async fn what_was_tried_is_not_coalesced(store: Arc<dyn Store>) {
    let running = scheduled_one(&*store, at(0), |event| debounced(event, "main")).await;
    let claim = claimed(&*store, at(10)).await;
    let second = scheduled_one(&*store, at(11), |event| debounced(event, "main")).await;
    let tried = attempt(0, 1, AttemptResult::Retryable);
    store
        .record(&claim, at(12), Some(tried), later(at(60)))
        .await
        .unwrap();
    let third = scheduled_one(&*store, at(13), |event| debounced(event, "main")).await;
    assert_eq!(
        statuses(&*store, &[running, second, third]).await,
        [Pending, Cancelled, Pending]
    );
}

pub(crate) async fn coalescing_makes_room_under_the_limit(store: Arc<dyn Store>) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let new = |event: &StoredEvent| NewExecution {
            slot: limited(event, 1, OnLimit::Queue).slot,
            ..debounced(event, "main")
        };
        ids.push(scheduled_one(&*store, at(0), new).await);
    }
    assert_eq!(statuses(&*store, &ids).await, [Cancelled, Cancelled, Pending]);
}
