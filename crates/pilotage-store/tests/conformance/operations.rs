//! What people watch: every change of an execution shows, in the order of commits.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use pilotage_core::{
    ExecutionId, Operation, OperationId, OperationStatus,
    OperationStatus::{Cancelled, Failure, Pending, Running, Success},
    execution::{AttemptResult, Burst, Next, OnLimit},
    operation::{Change, Progress},
    ports::{OperationFilter, ScheduleError},
};

use crate::{
    backend::Store,
    given::{
        LEASE, appended, at, attempt, claimed, decision, event, execution, fail, later, limited, scheduled,
        scheduled_one, step_to, succeed,
    },
};

async fn shown(store: &dyn Store, id: ExecutionId) -> Operation {
    let operation = store.operation(OperationId(id.0)).await.unwrap();
    operation.expect("every execution is an operation")
}

/// Asserts how an execution is shown.
async fn shows(store: &dyn Store, id: ExecutionId, status: OperationStatus, done: u32, message: &str) {
    let operation = shown(store, id).await;
    assert_eq!(
        (
            operation.status,
            operation.progress.current,
            operation.message.as_str()
        ),
        (status, done, message)
    );
}

pub(crate) async fn a_life_is_shown_step_by_step(store: Arc<dyn Store>) {
    let store = &*store;
    let id = scheduled_one(store, at(0), |event| execution(event, "a")).await;
    shows(store, id, Pending, 0, "ready to run").await;
    let claim = claimed(store, at(1)).await;
    shows(store, id, Running, 0, "action 1 of 2: webhook, attempt 1").await;
    let next = Next::RetryAt {
        at: at(60),
        reason: "action 1 (webhook): 503 Service Unavailable; attempt 1 of 3".to_owned(),
    };
    let tried = attempt(0, 1, AttemptResult::Retryable);
    store.record(&claim, at(2), Some(tried), next).await.unwrap();
    let put_off = "action 1 (webhook): 503 Service Unavailable; attempt 1 of 3; next at 14:14:20Z";
    shows(store, id, Pending, 0, put_off).await;
    let claim = claimed(store, at(60)).await;
    shows(store, id, Running, 0, "action 1 of 2: webhook, attempt 2").await;
    let tried = attempt(0, 2, AttemptResult::Success);
    store
        .record(&claim, at(61), Some(tried), Next::NextAction)
        .await
        .unwrap();
    shows(store, id, Running, 1, "action 2 of 2: notification, attempt 1").await;
    let tried = attempt(1, 1, AttemptResult::Success);
    store
        .record(&claim, at(62), Some(tried), Next::Succeeded)
        .await
        .unwrap();
    shows(store, id, Success, 2, "succeeded after 3 attempts").await;
    let operation = shown(store, id).await;
    assert_eq!((operation.created_at, operation.updated_at), (at(0), at(62)));
    assert_eq!(operation.finished_at, Some(at(62)));
}

pub(crate) async fn what_makes_way_is_shown_with_the_reason(store: Arc<dyn Store>) {
    let store = &*store;
    let mut ids = Vec::new();
    for on_limit in [OnLimit::Queue, OnLimit::Queue, OnLimit::Drop] {
        ids.push(scheduled_one(store, at(0), |event| limited(event, 1, on_limit)).await);
    }
    shows(store, ids[0], Pending, 0, "ready to run").await;
    shows(store, ids[1], Pending, 0, "waiting for a free place (limit 1)").await;
    let dropped = "dropped: 1 executions with the same concurrency key are active";
    shows(store, ids[2], Cancelled, 0, dropped).await;
    let newest = scheduled_one(store, at(1), |event| limited(event, 1, OnLimit::Cancel)).await;
    let superseded = format!("superseded by {newest}");
    shows(store, ids[0], Cancelled, 0, &superseded).await;
    shows(store, ids[1], Cancelled, 0, &superseded).await;
    shows(store, newest, Pending, 0, "ready to run").await;
    let mut burst = Vec::new();
    for _ in 0..2 {
        let id = scheduled_one(store, at(2), |event| {
            let mut new = execution(event, "burst");
            let max_wait = Duration::from_hours(1);
            new.debounce = Some(Burst {
                key: "main".to_owned(),
                max_wait,
            });
            new.due = at(12);
            new
        });
        burst.push(id.await);
    }
    shows(
        store,
        burst[0],
        Cancelled,
        0,
        &format!("coalesced into {}", burst[1]),
    )
    .await;
    let waits = "waiting until 14:13:32Z for further events";
    shows(store, burst[1], Pending, 0, waits).await;
}

pub(crate) async fn a_wish_to_cancel_is_shown(store: Arc<dyn Store>) {
    let store = &*store;
    let ids = scheduled(store, at(0), |event| {
        vec![execution(event, "a"), execution(event, "b")]
    })
    .await;
    let claim = claimed(store, at(1)).await;
    assert_eq!(claim.execution.id, ids[0]);
    for id in &ids {
        store.cancel(at(2), "ann".to_owned(), *id).await.unwrap();
    }
    let asked = "ann asked to cancel it: it stops at its next look";
    shows(store, ids[0], Running, 0, asked).await;
    shows(store, ids[1], Cancelled, 0, "cancelled by ann").await;
    let reason = "cancelled by ann".to_owned();
    store
        .record(&claim, at(3), None, Next::Cancelled { reason })
        .await
        .unwrap();
    shows(store, ids[0], Cancelled, 0, "cancelled by ann").await;
}

pub(crate) async fn a_return_from_the_dead_letters_is_shown(store: Arc<dyn Store>) {
    let store = &*store;
    let id = scheduled_one(store, at(0), |event| limited(event, 1, OnLimit::Queue)).await;
    let claim = claimed(store, at(1)).await;
    fail(store, &claim, at(2)).await;
    shows(store, id, Failure, 0, "it does not work").await;
    let other = scheduled_one(store, at(3), |event| limited(event, 1, OnLimit::Queue)).await;
    store.retry(at(4), "ann".to_owned(), id).await.unwrap();
    shows(store, id, Pending, 0, "sent back from the dead letters by ann").await;
    assert_eq!(shown(store, id).await.finished_at, None);
    let claim = claimed(store, at(5)).await;
    assert_eq!(claim.execution.id, other);
    succeed(store, &claim, at(6)).await;
    shows(store, other, Success, 2, "succeeded after 1 attempt").await;
    shows(store, id, Pending, 0, "ready to run").await;
}

pub(crate) async fn a_worker_that_falls_silent_is_shown(store: Arc<dyn Store>) {
    let store = &*store;
    let id = scheduled_one(store, at(0), |event| execution(event, "a")).await;
    claimed(store, at(1)).await;
    let before = shown(store, id).await.change;
    claimed(store, at(1) + LEASE).await;
    let message = "action 1 of 2: webhook, attempt 1, taken over after its worker fell silent";
    shows(store, id, Running, 0, message).await;
    assert!(shown(store, id).await.change > before);
}

pub(crate) async fn what_describes_an_operation_is_kept(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| {
        let mut new = execution(event, "a");
        "Tell <b>everybody</b>".clone_into(&mut new.operation.name);
        new.operation.add("deliveryId", "72d3162e");
        new
    })
    .await;
    let claim = claimed(&*store, at(1)).await;
    let reason = format!("\u{1b}[31m{}", "long ".repeat(200));
    store
        .record(&claim, at(2), None, Next::Failed { reason })
        .await
        .unwrap();
    let operation = shown(&*store, id).await;
    assert_eq!(operation.kind, "execution");
    assert_eq!(operation.tenant.0, "default");
    assert_eq!(operation.name, "Tell <b>everybody</b>");
    assert_eq!(operation.metadata["deliveryId"], "72d3162e");
    assert_eq!(operation.progress, Progress { current: 0, total: 2 });
    assert!(
        operation.message.len() <= 500,
        "{} bytes",
        operation.message.len()
    );
    assert!(!operation.message.contains('\u{1b}'));
    assert_eq!(
        store.operation(OperationId(uuid::Uuid::nil())).await.unwrap(),
        None
    );
}

pub(crate) async fn a_step_that_fails_makes_no_change(store: Arc<dyn Store>) {
    scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let stored = appended(&*store, event("2")).await;
    let before = store.last_change().await.unwrap();
    let new = execution(&stored, "a");
    let twice = vec![decision(&stored, vec![new.clone(), new.clone()])];
    let failed = store.schedule(at(1), step_to(&stored), twice).await;
    assert!(matches!(failed, Err(ScheduleError::Store(_))));
    assert_eq!(store.last_change().await.unwrap(), before);
    assert_eq!(store.changed_after(before, 10).await.unwrap(), []);
    assert_eq!(store.operation(OperationId(new.id.0)).await.unwrap(), None);
    let once = vec![decision(&stored, vec![new.clone()])];
    store.schedule(at(1), step_to(&stored), once).await.unwrap();
    let changed = store.changed_after(before, 10).await.unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].change, Change(before.0 + 1));
}

/// Takes whatever is due and lets it run to its end, now and then with a second attempt.
async fn work(store: Arc<dyn Store>, total: i64) {
    while store.totals().await.unwrap().succeeded < total {
        for claim in store.claim(at(10), LEASE, 3).await.unwrap() {
            let made = claim.execution.attempts;
            if claim.execution.position.0 % 3 == 0 && made == 0 {
                let tried = attempt(0, 1, AttemptResult::Retryable);
                store
                    .record(&claim, at(10), Some(tried), later(at(10)))
                    .await
                    .unwrap();
            } else {
                succeed(&*store, &claim, at(10)).await;
            }
        }
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn a_follower_misses_nothing_and_sees_nothing_twice(store: Arc<dyn Store>) {
    const EVENTS: i64 = 120;
    let workers: Vec<_> = (0..4)
        .map(|_| tokio::spawn(work(store.clone(), EVENTS)))
        .collect();
    let scheduling = {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..EVENTS {
                scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
            }
        })
    };
    let follow = async {
        let (mut last, mut seen) = (Change(0), BTreeMap::new());
        loop {
            let changed = store.changed_after(last, 7).await.unwrap();
            for operation in changed {
                assert!(operation.change > last, "the feed goes on behind what was read");
                last = operation.change;
                seen.insert(operation.id, operation);
            }
            let done = seen.values().filter(|operation| operation.status == Success);
            if done.count() == usize::try_from(EVENTS).unwrap() {
                return (last, seen);
            }
            tokio::task::yield_now().await;
        }
    };
    let (last, seen) = tokio::time::timeout(Duration::from_mins(1), follow)
        .await
        .expect("the follower sees every operation end");
    scheduling.await.unwrap();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(store.last_change().await.unwrap(), last);
    for (id, operation) in seen {
        assert_eq!(store.operation(id).await.unwrap(), Some(operation));
    }
}

pub(crate) async fn the_active_ones_are_those_open_or_ended_lately(store: Arc<dyn Store>) {
    let ids = scheduled(&*store, at(0), |event| {
        ["a", "b", "c", "d"].map(|rule| execution(event, rule)).into()
    })
    .await;
    for ended_at in [10, 20] {
        let claim = claimed(&*store, at(ended_at - 1)).await;
        succeed(&*store, &claim, at(ended_at)).await;
    }
    let active = async |since, limit| {
        let snapshot = store.active(at(since), limit).await.unwrap();
        let found: Vec<_> = snapshot
            .operations
            .iter()
            .map(|operation| ids.iter().position(|id| id.0 == operation.id.0).unwrap())
            .collect();
        assert!(
            snapshot
                .operations
                .iter()
                .all(|operation| operation.change <= snapshot.through)
        );
        (found, snapshot.truncated)
    };
    assert_eq!(active(10, 9).await, (vec![1, 0, 3, 2], false));
    assert_eq!(active(11, 9).await, (vec![1, 3, 2], false));
    assert_eq!(active(21, 9).await, (vec![3, 2], false));
    assert_eq!(active(10, 4).await, (vec![1, 0, 3, 2], false));
    assert_eq!(active(10, 3).await, (vec![1, 0, 3], true));
    assert_eq!(active(10, 1).await, (vec![1], true));
    assert_eq!(active(10, 0).await, (vec![], true));
    let snapshot = store.active(at(0), 9).await.unwrap();
    assert_eq!(snapshot.through, store.last_change().await.unwrap());
    assert_eq!(store.changed_after(snapshot.through, 9).await.unwrap(), []);
}

pub(crate) async fn they_are_listed_by_every_filter_newest_first(store: Arc<dyn Store>) {
    let ids = scheduled(&*store, at(0), |event| {
        (0..5).map(|_| execution(event, "a")).collect()
    })
    .await;
    let claim = claimed(&*store, at(1)).await;
    succeed(&*store, &claim, at(2)).await;
    let claim = claimed(&*store, at(3)).await;
    fail(&*store, &claim, at(4)).await;
    claimed(&*store, at(5)).await;
    let list = async |filter: OperationFilter| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.operations(&filter, after, 2).await.unwrap();
            for operation in page.items {
                found.push(ids.iter().position(|id| id.0 == operation.id.0).unwrap());
            }
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    };
    let status = |status| OperationFilter {
        status: Some(status),
        ..OperationFilter::default()
    };
    assert_eq!(list(OperationFilter::default()).await, [4, 3, 2, 1, 0]);
    assert_eq!(list(status(Pending)).await, [4, 3]);
    assert_eq!(list(status(Running)).await, [2]);
    assert_eq!(list(status(Success)).await, [0]);
    assert_eq!(list(status(Failure)).await, [1]);
    assert!(list(status(Cancelled)).await.is_empty());
    let kind = |kind: &str| OperationFilter {
        kind: Some(kind.to_owned()),
        ..status(Failure)
    };
    assert_eq!(list(kind("execution")).await, [1]);
    assert!(list(kind("gate")).await.is_empty());
    let active = |since, status| OperationFilter {
        active_since: Some(at(since)),
        status,
        ..OperationFilter::default()
    };
    assert_eq!(list(active(2, None)).await, [4, 3, 2, 1, 0]);
    assert_eq!(list(active(3, None)).await, [4, 3, 2, 1]);
    assert_eq!(list(active(5, None)).await, [4, 3, 2]);
    assert_eq!(list(active(3, Some(Failure))).await, [1]);
}
