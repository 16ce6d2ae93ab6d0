//! `ExecutionQueue::record`: attempts and what follows them.

use std::sync::Arc;

use pilotage_core::{
    ExecutionStatus,
    execution::{AttemptResult, Next},
};

use crate::{
    backend::Store,
    given::{LEASE, at, attempt, claimed, execution, fail, found, later, records, scheduled_one, succeed},
};

pub(crate) async fn actions_follow_each_other_under_one_claim(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    let attempts = [
        attempt(0, 1, AttemptResult::Success),
        attempt(1, 1, AttemptResult::Success),
    ];
    store
        .record(&claim, at(1), Some(attempts[0].clone()), Next::NextAction)
        .await
        .unwrap();
    let between = found(&*store, id).await;
    assert_eq!(between.status, ExecutionStatus::Running);
    assert_eq!((between.action, between.attempts, between.claims), (1, 0, 1));
    store
        .record(&claim, at(2), Some(attempts[1].clone()), Next::Succeeded)
        .await
        .unwrap();
    let done = found(&*store, id).await;
    assert_eq!(done.status, ExecutionStatus::Succeeded);
    assert_eq!((done.finished_at, done.reason), (Some(at(2)), None));
    assert_eq!(store.attempts(id).await.unwrap(), attempts);
    assert_eq!(store.next_due().await.unwrap(), None);
}

pub(crate) async fn a_retry_waits_for_its_moment_and_counts(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    let tried = attempt(0, 1, AttemptResult::Retryable);
    store
        .record(&claim, at(1), Some(tried.clone()), later(at(60)))
        .await
        .unwrap();
    let waiting = found(&*store, id).await;
    assert_eq!(waiting.status, ExecutionStatus::Pending);
    assert_eq!((waiting.action, waiting.attempts, waiting.due), (0, 1, at(60)));
    assert_eq!(waiting.reason.as_deref(), Some("the target is left alone"));
    assert_eq!(store.next_due().await.unwrap(), Some(at(60)));
    assert_eq!(store.claim(at(59), LEASE, 1).await.unwrap(), []);
    let again = claimed(&*store, at(60)).await;
    assert_eq!((again.execution.attempts, again.execution.claims), (1, 2));
    succeed(&*store, &again, at(61)).await;
    assert_eq!(found(&*store, id).await.reason, None);
    assert_eq!(store.attempts(id).await.unwrap().len(), 2);
}

pub(crate) async fn later_without_an_attempt_counts_none(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    store.record(&claim, at(1), None, later(at(5))).await.unwrap();
    let waiting = found(&*store, id).await;
    assert_eq!((waiting.attempts, waiting.due), (0, at(5)));
    assert_eq!(waiting.reason.as_deref(), Some("the target is left alone"));
    assert_eq!(store.attempts(id).await.unwrap(), []);
}

pub(crate) async fn a_reason_goes_when_it_no_longer_holds(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    store.record(&claim, at(1), None, later(at(5))).await.unwrap();
    let claim = claimed(&*store, at(5)).await;
    let tried = attempt(0, 1, AttemptResult::Success);
    store
        .record(&claim, at(6), Some(tried), Next::NextAction)
        .await
        .unwrap();
    assert_eq!(found(&*store, id).await.reason, None);

    let (tried, reason) = (attempt(1, 1, AttemptResult::Permanent), "410 Gone".to_owned());
    store
        .record(&claim, at(7), Some(tried), Next::Failed { reason })
        .await
        .unwrap();
    assert!(found(&*store, id).await.reason.is_some());
    let retried = store.retry(at(8), "ann".to_owned(), id).await.unwrap();
    assert_eq!((retried.status, retried.reason), (ExecutionStatus::Pending, None));
}

pub(crate) async fn the_record_of_an_attempt_holds_no_answer(store: Arc<dyn Store>) {
    scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    succeed(&*store, &claim, at(1)).await;
    let records = records(&*store).await;
    assert!(
        records
            .iter()
            .all(|record| !record.facts.contains("the answer's text"))
    );
    let facts: serde_json::Value = serde_json::from_str(&records[records.len() - 2].facts).unwrap();
    assert_eq!(facts["idempotencyKey"], "key-0");
    assert_eq!(facts["status"], 204);
    assert_eq!(facts["responseDigest"].as_str().unwrap().len(), 64);
}

pub(crate) async fn statistics_are_within_ten_percent(store: Arc<dyn Store>) {
    for seconds in 1..=20 {
        scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
        let claim = claimed(&*store, at(0)).await;
        if seconds % 2 == 0 {
            succeed(&*store, &claim, at(seconds)).await;
        } else {
            fail(&*store, &claim, at(seconds)).await;
        }
    }
    let statistics = store.rule_statistics().await.unwrap();
    assert_eq!(statistics.len(), 1);
    let rule = &statistics[0];
    assert_eq!((rule.rule.as_str(), rule.matched), ("a", 20));
    assert_eq!((rule.succeeded, rule.failed, rule.cancelled), (10, 10, 0));
    assert_eq!(rule.last_matched_at, Some(at(0)));
    assert!(
        (9_000_000..=11_000_000).contains(&rule.p50_us.unwrap()),
        "{rule:?}"
    );
    assert!(
        (17_100_000..=20_900_000).contains(&rule.p95_us.unwrap()),
        "{rule:?}"
    );
}

pub(crate) async fn time_in_the_dead_letters_is_not_latency(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(0)).await;
    fail(&*store, &claim, at(1)).await;
    store.retry(at(90_000), "ann".to_owned(), id).await.unwrap();
    let claim = claimed(&*store, at(90_000)).await;
    succeed(&*store, &claim, at(90_001)).await;
    let rule = store.rule_statistics().await.unwrap().pop().unwrap();
    assert_eq!((rule.succeeded, rule.failed), (1, 0));
    assert!(rule.p95_us.unwrap() < 2_000_000);
}
