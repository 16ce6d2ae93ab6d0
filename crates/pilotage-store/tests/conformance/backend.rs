//! What a backend must offer to be checked, and what is checked after every test.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use pilotage_core::{
    ExecutionStatus, Timestamp,
    audit::{ChainVerifier, Head},
    operation::{Change, OperationId},
    ports::{
        Activity, AuditTrail, EventLog, ExecutionFilter, ExecutionQueue, GateRuns, History, OperationFeed,
        PipelineRuns, Registry, TestRuns,
    },
};
use pilotage_store::{LocalBell, SqliteStore, verify_file};

/// Everything that the checks ask of a store.
pub(crate) trait Store:
    EventLog
    + ExecutionQueue
    + History
    + OperationFeed
    + AuditTrail
    + Registry
    + GateRuns
    + PipelineRuns
    + TestRuns
{
}

impl<T> Store for T where
    T: EventLog
        + ExecutionQueue
        + History
        + OperationFeed
        + AuditTrail
        + Registry
        + GateRuns
        + PipelineRuns
        + TestRuns
{
}

/// An empty store of one kind.
pub(crate) trait Backend: Sized {
    /// Makes one.
    fn start() -> Self;

    /// The store.
    fn store(&self) -> Arc<dyn Store>;

    /// The bell that it rings.
    fn bell(&self) -> Arc<LocalBell>;

    /// Closes it and checks what the backend itself can check.
    async fn end(self);
}

/// A SQLite file in a folder of its own.
pub(crate) struct Sqlite {
    folder: tempfile::TempDir,
    store: SqliteStore,
    bell: Arc<LocalBell>,
}

impl Backend for Sqlite {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bell = Arc::new(LocalBell::new());
        let store = SqliteStore::open(&folder.path().join("store.db"), bell.clone()).unwrap();
        Self { folder, store, bell }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    fn bell(&self) -> Arc<LocalBell> {
        self.bell.clone()
    }

    async fn end(self) {
        let head = self.store.head().await.unwrap();
        self.store.close().await;
        let left: Vec<_> = std::fs::read_dir(self.folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "closing leaves the database alone: {left:?}");
        let report = verify_file(&self.folder.path().join("store.db"), &mut |_| {}).unwrap();
        assert_eq!(report.head, head);
    }
}

/// What must hold after any sequence of operations.
pub(crate) async fn check_invariants(store: &dyn Store) {
    check_chain(store).await;
    check_counters(store).await;
    check_operations(store).await;
    check_activity(store).await;
}

/// What happened, added up, is how things stand. An execution may have failed and come back.
async fn check_activity(store: &dyn Store) {
    let totals = store.totals().await.unwrap();
    let (since, until) = (Timestamp::from_secs(0), Timestamp::from_secs(1 << 32));
    let series = store.activity(since, until, Duration::ZERO).await.unwrap();
    let sum = |count: fn(&Activity) -> i64| -> i64 { series.iter().map(count).sum() };
    assert_eq!(sum(|activity| activity.deliveries), totals.events);
    assert_eq!(sum(|activity| activity.succeeded), totals.succeeded);
    assert_eq!(sum(|activity| activity.cancelled), totals.cancelled);
    assert!(sum(|activity| activity.failed) >= totals.failed);
    assert!(sum(|activity| activity.unhandled) >= totals.unhandled);
}

/// Every execution is shown as it stands, and every change has a number of its own.
async fn check_operations(store: &dyn Store) {
    let all = store.changed_after(Change(0), 10_000).await.unwrap();
    assert!(all.is_sorted_by(|one, other| one.change < other.change));
    assert!(all.last().map_or(Change(0), |last| last.change) <= store.last_change().await.unwrap());
    let executions = store
        .executions(&ExecutionFilter::default(), None, 500)
        .await
        .unwrap();
    let shown = all.iter().filter(|operation| operation.kind == "execution");
    assert_eq!(shown.count(), executions.items.len());
    for execution in executions.items {
        let shown = store.operation(OperationId(execution.id.0)).await.unwrap();
        let shown = shown.expect("every execution is shown");
        assert_eq!(shown.status, execution.status.into(), "{shown:?}");
        assert_eq!(shown.finished_at, execution.finished_at, "{shown:?}");
        assert_eq!(shown.created_at, execution.created_at);
        assert!(shown.progress.current <= shown.progress.total);
    }
}

async fn check_chain(store: &dyn Store) {
    let mut chain = ChainVerifier::after(Head::EMPTY);
    loop {
        let records = store.records_after(chain.head().sequence, 7).await.unwrap();
        if records.is_empty() {
            break;
        }
        for record in &records {
            chain.check(record).unwrap();
            serde_json::from_str::<serde_json::Value>(&record.facts).unwrap();
        }
    }
    assert_eq!(chain.head(), store.head().await.unwrap());
}

async fn check_counters(store: &dyn Store) {
    let totals = store.totals().await.unwrap();
    let counted = [
        (ExecutionStatus::Waiting, totals.waiting),
        (ExecutionStatus::Pending, totals.pending),
        (ExecutionStatus::Running, totals.running),
        (ExecutionStatus::Succeeded, totals.succeeded),
        (ExecutionStatus::Failed, totals.failed),
        (ExecutionStatus::Cancelled, totals.cancelled),
    ];
    let mut by_rule: BTreeMap<String, [i64; 4]> = BTreeMap::new();
    for (status, expected) in counted {
        let filter = ExecutionFilter {
            status: Some(status),
            ..ExecutionFilter::default()
        };
        let page = store.executions(&filter, None, 500).await.unwrap();
        assert_eq!(page.next, None, "the checks use small numbers");
        assert_eq!(
            i64::try_from(page.items.len()).unwrap(),
            expected,
            "{status:?} is counted wrongly"
        );
        for execution in page.items {
            let [matched, succeeded, failed, cancelled] = by_rule.entry(execution.rule).or_default();
            *matched += 1;
            *succeeded += i64::from(status == ExecutionStatus::Succeeded);
            *failed += i64::from(status == ExecutionStatus::Failed);
            *cancelled += i64::from(status == ExecutionStatus::Cancelled);
        }
    }
    let kept: BTreeMap<_, _> = store
        .rule_statistics()
        .await
        .unwrap()
        .into_iter()
        .map(|rule| {
            (
                rule.rule,
                [rule.matched, rule.succeeded, rule.failed, rule.cancelled],
            )
        })
        .collect();
    assert_eq!(kept, by_rule, "rule statistics agree with the executions");
}
