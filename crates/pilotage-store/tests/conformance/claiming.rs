//! Claims, leases and fencing; cancelling and coming back from the dead letters.

use std::sync::Arc;

use pilotage_core::{
    ExecutionId, ExecutionStatus,
    audit::kind,
    execution::{AttemptResult, Next},
    ports::{ClaimError, OperateError, Renewal},
};

use crate::{
    backend::Store,
    given::{
        LEASE, at, attempt, claimed, execution, fail, found, kinds_about, later, scheduled, scheduled_one,
        succeed,
    },
};

pub(crate) async fn only_what_is_due_is_claimed_oldest_first(store: Arc<dyn Store>) {
    let ids = scheduled(&*store, at(0), |event| {
        [30, 10, 20, 99]
            .map(|due| {
                let mut new = execution(event, "a");
                new.due = at(due);
                new
            })
            .to_vec()
    })
    .await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(10)));
    assert_eq!(store.claim(at(9), LEASE, 10).await.unwrap(), []);
    let first = store.claim(at(30), LEASE, 2).await.unwrap();
    let second = store.claim(at(30), LEASE, 2).await.unwrap();
    let order: Vec<_> = first
        .iter()
        .chain(&second)
        .map(|claim| claim.execution.id)
        .collect();
    assert_eq!(order, [ids[1], ids[2], ids[0]]);
    let claim = &first[0];
    assert_eq!(claim.lease_until, at(60));
    assert_eq!(claim.execution.status, ExecutionStatus::Running);
    assert_eq!(claim.execution.claims, 1);
    assert_eq!(claim.execution.started_at, Some(at(30)));
    assert_eq!(claim.execution, found(&*store, ids[1]).await);
    assert_eq!(store.next_due().await.unwrap(), Some(at(60)));
}

pub(crate) async fn two_workers_never_hold_the_same(store: Arc<dyn Store>) {
    scheduled(&*store, at(0), |event| {
        (0..30).map(|_| execution(event, "a")).collect()
    })
    .await;
    let workers: Vec<_> = (0..6)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.claim(at(0), LEASE, 7).await.unwrap() })
        })
        .collect();
    let mut ids = Vec::new();
    for worker in workers {
        ids.extend(worker.await.unwrap().into_iter().map(|claim| claim.execution.id));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 30);
}

pub(crate) async fn a_lost_lease_is_claimed_anew_and_fences_the_earlier_holder(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let lost = claimed(&*store, at(0)).await;
    assert_eq!(store.claim(at(29), LEASE, 1).await.unwrap(), []);
    let present = claimed(&*store, at(30)).await;
    assert_eq!(present.execution.id, id);
    assert_eq!(present.execution.claims, 2);
    assert_eq!(present.execution.started_at, Some(at(0)));

    let head = store.head().await.unwrap();
    let refused = store.record(&lost, at(31), None, Next::Succeeded).await;
    assert!(matches!(refused, Err(ClaimError::LeaseLost)));
    let refused = store.renew(&lost, at(31), LEASE).await;
    assert!(matches!(refused, Err(ClaimError::LeaseLost)));
    assert_eq!(
        store.head().await.unwrap(),
        head,
        "what is refused leaves no trace"
    );

    succeed(&*store, &present, at(32)).await;
    let refused = store.record(&present, at(33), None, Next::Succeeded).await;
    assert!(matches!(refused, Err(ClaimError::LeaseLost)), "it has ended");
    let record = store
        .records_after(head.sequence - 1, 1)
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(record.kind, kind::EXECUTION_CLAIMED);
    let facts: serde_json::Value = serde_json::from_str(&record.facts).unwrap();
    assert_eq!(facts["claims"], 2);
    assert_eq!(facts["action"], 0);
    assert_eq!(facts["attempt"], 1);
    assert_eq!(facts["leaseLost"], true);
}

pub(crate) async fn a_lease_that_ended_unnoticed_still_holds(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    succeed(&*store, &claim, at(100)).await;
    assert_eq!(found(&*store, id).await.status, ExecutionStatus::Succeeded);
}

pub(crate) async fn renewing_lengthens_the_lease(store: Arc<dyn Store>) {
    scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    assert_eq!(store.renew(&claim, at(20), LEASE).await.unwrap(), Renewal::Held);
    assert_eq!(store.claim(at(49), LEASE, 1).await.unwrap(), []);
    assert_eq!(store.claim(at(50), LEASE, 1).await.unwrap().len(), 1);
}

pub(crate) async fn what_nobody_holds_is_cancelled_at_once(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let cancelled = store.cancel(at(1), "token:ann".to_owned(), id).await.unwrap();
    assert_eq!(cancelled.status, ExecutionStatus::Cancelled);
    assert_eq!(cancelled.reason.as_deref(), Some("cancelled by token:ann"));
    assert_eq!(cancelled.cancel_requested_by.as_deref(), Some("token:ann"));
    assert_eq!(cancelled.finished_at, Some(at(1)));
    assert_eq!(store.claim(at(9), LEASE, 1).await.unwrap(), []);
    assert_eq!(
        kinds_about(&*store, &id.to_string()).await,
        [kind::EXECUTION_CANCEL_REQUESTED, kind::EXECUTION_FINISHED]
    );
}

pub(crate) async fn a_holder_learns_of_a_cancel_when_renewing(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    for actor in ["ann", "ben"] {
        let asked = store.cancel(at(1), actor.to_owned(), id).await.unwrap();
        assert_eq!(asked.status, ExecutionStatus::Running);
        assert_eq!(
            asked.cancel_requested_by.as_deref(),
            Some("ann"),
            "the first wish counts"
        );
    }
    assert_eq!(
        store.renew(&claim, at(2), LEASE).await.unwrap(),
        Renewal::CancelRequested { by: "ann".to_owned() }
    );
    let reason = "cancelled by ann".to_owned();
    store
        .record(&claim, at(3), None, Next::Cancelled { reason })
        .await
        .unwrap();
    let execution = found(&*store, id).await;
    assert_eq!(execution.status, ExecutionStatus::Cancelled);
    assert_eq!(execution.reason.as_deref(), Some("cancelled by ann"));
    assert_eq!(
        kinds_about(&*store, &id.to_string()).await,
        [
            kind::EXECUTION_CLAIMED,
            kind::EXECUTION_CANCEL_REQUESTED,
            kind::EXECUTION_FINISHED
        ]
    );
}

pub(crate) async fn a_cancel_is_not_forgotten_by_a_retry(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    store.cancel(at(1), "ann".to_owned(), id).await.unwrap();
    let tried = attempt(0, 1, AttemptResult::Retryable);
    store
        .record(&claim, at(2), Some(tried), later(at(60)))
        .await
        .unwrap();
    assert_eq!(found(&*store, id).await.status, ExecutionStatus::Cancelled);
}

pub(crate) async fn operations_on_the_wrong_status_are_refused(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let unknown = ExecutionId::fresh();
    let refused = store.retry(at(0), "ann".to_owned(), id).await;
    assert!(matches!(refused, Err(OperateError::WrongStatus("pending"))));
    let claim = claimed(&*store, at(0)).await;
    succeed(&*store, &claim, at(1)).await;
    let head = store.head().await.unwrap();
    let refused = store.cancel(at(0), "ann".to_owned(), id).await;
    assert!(matches!(refused, Err(OperateError::WrongStatus("succeeded"))));
    let refused = store.cancel(at(0), "ann".to_owned(), unknown).await;
    assert!(matches!(refused, Err(OperateError::NotFound(id)) if id == unknown));
    let refused = store.retry(at(0), "ann".to_owned(), unknown).await;
    assert!(matches!(refused, Err(OperateError::NotFound(id)) if id == unknown));
    assert_eq!(store.head().await.unwrap(), head);
}

pub(crate) async fn the_dead_letters_give_back_the_failed_action(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    let first = attempt(0, 1, AttemptResult::Success);
    store
        .record(&claim, at(1), Some(first), Next::NextAction)
        .await
        .unwrap();
    let second = attempt(1, 1, AttemptResult::Permanent);
    let reason = "410 Gone".to_owned();
    store
        .record(&claim, at(2), Some(second), Next::Failed { reason })
        .await
        .unwrap();
    let dead = found(&*store, id).await;
    assert_eq!(dead.status, ExecutionStatus::Failed);
    assert_eq!(dead.reason.as_deref(), Some("410 Gone"));
    assert_eq!((dead.action, dead.attempts), (1, 1));

    let back = store.retry(at(50), "ann".to_owned(), id).await.unwrap();
    assert_eq!(back.status, ExecutionStatus::Pending);
    assert_eq!((back.action, back.attempts), (1, 0));
    assert_eq!((back.due, back.finished_at), (at(50), None));
    let again = claimed(&*store, at(50)).await;
    assert_eq!(again.execution.claims, 2);
    fail(&*store, &again, at(51)).await;
    assert_eq!(store.totals().await.unwrap().failed, 1);
    assert_eq!(
        kinds_about(&*store, &id.to_string()).await,
        [
            kind::EXECUTION_CLAIMED,
            kind::ATTEMPT_ENDED,
            kind::ATTEMPT_ENDED,
            kind::EXECUTION_FINISHED,
            kind::EXECUTION_RETRIED,
            kind::EXECUTION_CLAIMED,
            kind::ATTEMPT_ENDED,
            kind::EXECUTION_FINISHED
        ]
    );
}
