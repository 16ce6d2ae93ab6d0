//! `TestRuns`: runs of tests with their reports.

use std::sync::Arc;

use pilotage_core::{
    OperationStatus, TenantId,
    audit::kind,
    operation::{OperationId, Progress},
    ports::{BegunTestRun, TestRunFilter},
    testing::{
        Came, NewTestRun, Standout, Standouts, TestRunEnding, TestRunId, TestRunStatus, TestShard, Totals,
    },
};
use uuid::Uuid;

use crate::{
    backend::Store,
    given::{at, kinds_about, records},
};

fn new(name: &str, commit: &str, second: i64) -> NewTestRun {
    NewTestRun {
        id: TestRunId(Uuid::now_v7()),
        tenant: TenantId::default(),
        name: name.to_owned(),
        commit: Some(commit.to_owned()),
        shard: None,
        actor: "token:ci".to_owned(),
        suites: vec!["pytest".to_owned()],
        files: 4,
        at: at(second),
    }
}

fn ending(passed: bool, second: i64) -> TestRunEnding {
    let slow = Standout {
        suite: "pytest".to_owned(),
        file: "a.py".to_owned(),
        name: "slow".to_owned(),
        seconds: 2.5,
    };
    TestRunEnding {
        at: at(second),
        actor: "token:ci".to_owned(),
        message: "3 tests in 4 files".to_owned(),
        came: Some(Came {
            passed,
            totals: Totals {
                tests: 3,
                failed: usize::from(!passed),
                ..Totals::default()
            },
            report: format!("{{\"second\":{second},\"long\":\"{}\"}}", "x".repeat(2_000)).into_bytes(),
            standouts: Standouts {
                slowest: vec![slow],
                flaky: Vec::new(),
            },
        }),
    }
}

const HALF: Progress = Progress { current: 2, total: 4 };

pub(crate) async fn a_run_of_tests_is_watched_kept_and_on_record(store: Arc<dyn Store>) {
    let run = NewTestRun {
        shard: Some(TestShard {
            shard: 2,
            shards: 3,
            plan: "p1".to_owned(),
        }),
        ..new("main", "c0ffee", 1)
    };
    assert_eq!(
        store.begin_test_run(run.clone()).await.unwrap(),
        BegunTestRun::New
    );
    let shown = async || store.operation(OperationId(run.id.0)).await.unwrap().unwrap();
    let before = store.last_change().await.unwrap();
    assert!(
        store
            .show_test_run(run.id, at(2), HALF, "2 of 4 files")
            .await
            .unwrap()
    );
    assert!(
        store.last_change().await.unwrap() > before,
        "whoever watches is told"
    );
    let going = shown().await;
    assert_eq!(
        (going.kind.as_str(), going.status, going.progress),
        ("test", OperationStatus::Running, HALF)
    );
    assert_eq!(
        (going.name.as_str(), going.message.as_str()),
        ("tests of main, shard 2 of 3", "2 of 4 files")
    );
    let kept = store.test_run(run.id).await.unwrap().unwrap();
    assert_eq!(
        (kept.done, kept.files, kept.status),
        (2, 4, TestRunStatus::Running)
    );
    assert!(store.finish_test_run(run.id, ending(false, 5)).await.unwrap());
    let kept = store.test_run(run.id).await.unwrap().unwrap();
    assert_eq!(
        (kept.status, kept.totals.tests, kept.totals.failed),
        (TestRunStatus::Failed, 3, 1)
    );
    assert_eq!((kept.started_at, kept.finished_at), (at(1), Some(at(5))));
    assert_eq!(kept.shard, run.shard);
    let report = store.test_report(run.id).await.unwrap().unwrap();
    assert_eq!(report, ending(false, 5).came.unwrap().report);
    let ended = shown().await;
    assert_eq!(
        (ended.status, ended.finished_at),
        (OperationStatus::Failure, Some(at(5)))
    );
    assert_eq!(ended.progress.current, 4);
    let records = records(&*store).await;
    let kinds: Vec<_> = records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, [kind::TEST_RUN_BEGAN, kind::TEST_RUN_ENDED]);
    assert!(records[1].facts.contains(&kept.report.unwrap().to_string()));
}

pub(crate) async fn a_run_of_tests_that_ended_stays_as_it_is(store: Arc<dyn Store>) {
    let run = new("main", "1", 1);
    store.begin_test_run(run.clone()).await.unwrap();
    store.finish_test_run(run.id, ending(true, 2)).await.unwrap();
    let kept = store.test_run(run.id).await.unwrap();
    let (head, change) = (store.head().await.unwrap(), store.last_change().await.unwrap());
    assert!(!store.show_test_run(run.id, at(9), HALF, "late").await.unwrap());
    assert!(!store.finish_test_run(run.id, ending(false, 9)).await.unwrap());
    let nobody = TestRunId(Uuid::now_v7());
    assert!(!store.finish_test_run(nobody, ending(true, 9)).await.unwrap());
    assert!(!store.show_test_run(nobody, at(9), HALF, "late").await.unwrap());
    assert_eq!(store.test_run(run.id).await.unwrap(), kept);
    assert_eq!(store.test_report(nobody).await.unwrap(), None);
    assert_eq!(
        (store.head().await.unwrap(), store.last_change().await.unwrap()),
        (head, change)
    );
}

pub(crate) async fn a_run_of_tests_begins_once_and_only_so_many_run(store: Arc<dyn Store>) {
    let first = new("main", "1", 1);
    assert_eq!(
        store.begin_test_run(first.clone()).await.unwrap(),
        BegunTestRun::New
    );
    let head = store.head().await.unwrap();
    let again = NewTestRun {
        name: "another".to_owned(),
        ..first.clone()
    };
    assert_eq!(store.begin_test_run(again).await.unwrap(), BegunTestRun::Known);
    assert_eq!(store.test_run(first.id).await.unwrap().unwrap().name, "main");
    assert_eq!(store.head().await.unwrap(), head);
    let mut begun = 1;
    while store.begin_test_run(new("many", "2", 2)).await.unwrap() == BegunTestRun::New {
        begun += 1;
        assert!(begun <= 1_000, "there is a bound");
    }
    assert_eq!(
        store.begin_test_run(new("many", "2", 2)).await.unwrap(),
        BegunTestRun::TooMany
    );
    store.finish_test_run(first.id, ending(true, 3)).await.unwrap();
    assert_eq!(
        store.begin_test_run(new("many", "2", 3)).await.unwrap(),
        BegunTestRun::New
    );
}

pub(crate) async fn silent_runs_of_tests_are_broken_off(store: Arc<dyn Store>) {
    let (silent, lively) = (new("main", "1", 1), new("main", "2", 1));
    for run in [&silent, &lively] {
        store.begin_test_run(run.clone()).await.unwrap();
    }
    store.show_test_run(silent.id, at(2), HALF, "on").await.unwrap();
    store.show_test_run(lively.id, at(50), HALF, "on").await.unwrap();
    assert_eq!(store.break_off_test_runs(at(60), at(40)).await.unwrap(), 1);
    assert_eq!(store.break_off_test_runs(at(60), at(40)).await.unwrap(), 0);
    let status = async |run: &NewTestRun| store.test_run(run.id).await.unwrap().unwrap().status;
    assert_eq!(status(&silent).await, TestRunStatus::BrokenOff);
    assert_eq!(status(&lively).await, TestRunStatus::Running);
    let shown = store.operation(OperationId(silent.id.0)).await.unwrap().unwrap();
    assert_eq!((shown.status, shown.progress), (OperationStatus::Cancelled, HALF));
    let kinds = kinds_about(&*store, &silent.id.to_string()).await;
    assert_eq!(kinds, [kind::TEST_RUN_BEGAN, kind::TEST_RUN_ENDED]);
}

pub(crate) async fn runs_of_tests_are_listed_by_every_filter(store: Arc<dyn Store>) {
    let whole = new("main", "0001", 0);
    store.begin_test_run(whole.clone()).await.unwrap();
    store.finish_test_run(whole.id, ending(true, 1)).await.unwrap();
    let shard = |shard| TestShard {
        shard,
        shards: 2,
        plan: "p".to_owned(),
    };
    for (name, commit, part) in [
        ("main", "abc1", Some(shard(1))),
        ("topic", "abc2", None),
        ("main", "def3", None),
    ] {
        let run = NewTestRun {
            shard: part,
            ..new(name, commit, 2)
        };
        store.begin_test_run(run).await.unwrap();
    }
    let commits = async |change: fn(&mut TestRunFilter)| {
        let mut filter = TestRunFilter::default();
        change(&mut filter);
        let page = store.test_runs(&filter, None, 10).await.unwrap();
        let commits = page.items.into_iter().map(|run| run.commit.unwrap());
        commits.collect::<Vec<_>>()
    };
    assert_eq!(commits(|_| {}).await, ["def3", "abc2", "abc1", "0001"]);
    assert_eq!(
        commits(|filter| filter.name = Some("topic".to_owned())).await,
        ["abc2"]
    );
    assert_eq!(
        commits(|filter| filter.commit = Some("abc".to_owned())).await,
        ["abc2", "abc1"]
    );
    assert_eq!(
        commits(|filter| filter.plan = Some("p".to_owned())).await,
        ["abc1"]
    );
    assert_eq!(commits(|filter| filter.reported = true).await, ["0001"]);
    assert_eq!(
        commits(|filter| filter.status = Some(TestRunStatus::Passed)).await,
        ["0001"]
    );
    assert_eq!(
        commits(|filter| filter.since = Some(at(1))).await,
        ["def3", "abc2", "abc1"]
    );
    assert_eq!(commits(|filter| filter.until = Some(at(1))).await, ["0001"]);
    let all = TestRunFilter::default();
    let first = store.test_runs(&all, None, 2).await.unwrap();
    let second = store.test_runs(&all, first.next, 2).await.unwrap();
    assert_eq!((second.items.len(), second.next), (2, None));
    assert_eq!(second.items[0].commit.as_deref(), Some("abc1"));
    let standouts = store.test_standouts(&all, 10).await.unwrap();
    assert_eq!(standouts, [ending(true, 1).came.unwrap().standouts]);
}

pub(crate) async fn only_so_many_runs_of_tests_are_kept(store: Arc<dyn Store>) {
    let (oldest, running) = (new("main", "old", 0), new("main", "open", 0));
    for run in [&oldest, &running] {
        store.begin_test_run(run.clone()).await.unwrap();
    }
    store.finish_test_run(oldest.id, ending(true, 1)).await.unwrap();
    let mut begun = 0;
    while store.test_run(oldest.id).await.unwrap().is_some() {
        // Side by side, so that many share a commit.
        let mut some = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let store = Arc::clone(&store);
            some.spawn(async move {
                let run = new("many", "1", 3);
                store.begin_test_run(run.clone()).await.unwrap();
                store.finish_test_run(run.id, ending(true, 4)).await.unwrap();
            });
        }
        some.join_all().await;
        begun += 50;
        assert!(begun <= 2_000, "there is a bound");
    }
    assert!(begun >= 999, "a thousand are kept");
    assert_eq!(store.test_report(oldest.id).await.unwrap(), None);
    assert!(
        store.test_run(running.id).await.unwrap().is_some(),
        "what still runs stays"
    );
    let end = store.head().await.unwrap().sequence;
    let last = store.records_after(end - 150, 150).await.unwrap();
    let is_told = last.iter().any(|record| record.kind == kind::TEST_RUNS_PRUNED);
    assert!(is_told, "what went is on record");
}
