//! What is true of the SQLite store alone: its file, its offline check, its behaviour beside other processes.

#![expect(clippy::unwrap_used, reason = "everything here is a test")]

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use pilotage_core::{
    Digest, EventFacts, EventId, ExecutionId, NewEvent, NewExecution, Position, TenantId, Timestamp,
    execution::Next,
    operation::Description,
    ports::{
        Advance, Appended, AuditTrail, Decision, EventLog, ExecutionQueue, History, Interest, Registry,
        RuleVersion, StoreError, TestRuns,
    },
    testing::{Came, NewTestRun, Standouts, TestRunEnding, TestRunId, Totals},
};
use pilotage_store::{LocalBell, OpenError, SqliteStore, VerifyError, verify_file};
use rusqlite::Connection;
use uuid::Uuid;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Arc::new(LocalBell::new())).unwrap()
}

fn event(delivery_id: &str, data: &[u8]) -> NewEvent {
    let now = Timestamp::from_secs(1_790_000_000);
    NewEvent {
        facts: EventFacts {
            id: EventId::fresh(),
            tenant: TenantId::default(),
            source: "github".to_owned(),
            event_type: "push".to_owned(),
            delivery_id: delivery_id.to_owned(),
            timestamp: now,
            received_at: now,
            verified: true,
            attributes: BTreeMap::from([("hookId".to_owned(), "7".to_owned())]),
            digest: Digest::of(data),
        },
        data: Bytes::copy_from_slice(data),
        data_digest: None,
    }
}

/// Three events, of which the first has an execution that succeeded, and the second a body that was pruned.
async fn fill(path: &Path) {
    let now = Timestamp::from_secs(1_790_000_100);
    let store = open(path);
    let json = r#"{"id":"a"}"#.to_owned();
    let version = RuleVersion {
        digest: Digest::of(json.as_bytes()),
        json,
    };
    let rule_digest = version.digest;
    store.keep_rules(vec![version]).await.unwrap();
    for number in 1..=3_i64 {
        let new = event(&number.to_string(), "x".repeat(600).as_bytes());
        let facts = new.facts.clone();
        store.append(new).await.unwrap();
        let position = Position(number);
        let executions = (number == 1).then(|| NewExecution {
            id: ExecutionId::fresh(),
            tenant: TenantId::default(),
            event: facts.id,
            position,
            rule: "a".to_owned(),
            rule_digest,
            due: now,
            slot: None,
            debounce: None,
            replayed_by: None,
            operation: Description::default(),
        });
        let decision = Decision {
            position,
            event: facts.id.to_string(),
            tenant: "default".to_owned(),
            is_ping: false,
            executions: executions.into_iter().collect(),
            faults: Vec::new(),
        };
        let advance = Advance {
            from: Position(number - 1),
            to: position,
        };
        store.schedule(now, advance, vec![decision]).await.unwrap();
        if number == 2 {
            assert_eq!(store.prune_bodies(now, now, 1).await.unwrap(), 1);
        }
    }
    let claim = store
        .claim(now, Duration::from_secs(9), 1)
        .await
        .unwrap()
        .pop()
        .unwrap();
    store.record(&claim, now, None, Next::Succeeded).await.unwrap();
    keep_a_test_run(&store, now).await;
    store.close().await;
}

async fn keep_a_test_run(store: &SqliteStore, now: Timestamp) {
    let id = TestRunId(Uuid::now_v7());
    let new = NewTestRun {
        id,
        tenant: TenantId::default(),
        name: "main".to_owned(),
        commit: None,
        shard: None,
        actor: "local".to_owned(),
        suites: Vec::new(),
        files: 1,
        at: now,
    };
    store.begin_test_run(new).await.unwrap();
    let ending = TestRunEnding {
        at: now,
        actor: "local".to_owned(),
        message: "1 failed".to_owned(),
        came: Some(Came {
            passed: false,
            totals: Totals::default(),
            report: b"{}".to_vec(),
            standouts: Standouts::default(),
        }),
    };
    assert!(store.finish_test_run(id, ending).await.unwrap());
}

#[tokio::test]
async fn an_untouched_file_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    fill(&path).await;
    let mut told = Vec::new();
    let report = verify_file(&path, &mut |records| told.push(records)).unwrap();
    assert_eq!((report.events, report.bodies, report.pruned), (3, 2, 1));
    assert_eq!(report.executions, 1);
    assert_eq!(told, [u64::try_from(report.head.sequence).unwrap()]);
}

/// What somebody does to the file, and how the first thing that does not hold is named.
const TAMPERINGS: [(&str, &str); 20] = [
    (
        "UPDATE audit SET actor = 'nobody' WHERE sequence = 3",
        "audit record 3 was changed after it was written",
    ),
    (
        "DELETE FROM audit WHERE sequence = 2",
        "audit record 3 follows record 1: records between them are missing or out of order",
    ),
    (
        "UPDATE audit SET previous = zeroblob(32) WHERE sequence = 2",
        "audit record 2 does not follow from the record before it",
    ),
    (
        "UPDATE events SET digest = zeroblob(32) WHERE position = 1",
        "audit record 1: the event at position 1 was changed after it was accepted (digest)",
    ),
    (
        "UPDATE events SET type = 'ping' WHERE position = 3",
        "audit record 6: the event at position 3 was changed after it was accepted (type)",
    ),
    (
        "UPDATE events SET verified = 0 WHERE position = 3",
        "audit record 6: the event at position 3 was changed after it was accepted (verified)",
    ),
    (
        "UPDATE events SET attributes = NULL WHERE position = 3",
        "audit record 6: the event at position 3 was changed after it was accepted (attributes)",
    ),
    (
        "UPDATE bodies SET data = x'00', compressed = 0 WHERE position = 3",
        "audit record 6: the event at position 3 was changed after it was accepted (body)",
    ),
    (
        "UPDATE bodies SET data = x'00ff00', size = 1 << 40 WHERE position = 3",
        "audit record 6: the event at position 3 was changed after it was accepted (body)",
    ),
    (
        "DELETE FROM bodies WHERE position = 3",
        "2 bodies are missing, but only 1 were pruned according to the audit trail",
    ),
    (
        "DELETE FROM events WHERE position = 3",
        "audit record 6: the event at position 3 is missing",
    ),
    (
        "INSERT INTO events SELECT 4, x'01', tenant, source, type, '4', 0, 0, 1, NULL, digest FROM events \
         WHERE position = 1",
        "the event at position 4 has no audit record",
    ),
    (
        "DELETE FROM keys WHERE position = 2",
        "the event at position 2 would not be known again when it is redelivered",
    ),
    ("UPDATE executions SET status = 4", "audit record 9: execution"),
    (
        "UPDATE executions SET finished_record = NULL",
        "1 executions have ended without an audit record",
    ),
    (
        r#"UPDATE rule_versions SET json = '{"id":"b"}'"#,
        "the version 8489a5deb454a360345c7868bca8672de92b446caf3d3b014af6a56e3d549d30 of a rule was changed",
    ),
    ("UPDATE test_runs SET status = 1", "audit record 11: the test run"),
    (
        "UPDATE test_reports SET data = x'7b207d', size = 3",
        "audit record 11: the test run",
    ),
    (
        "DELETE FROM test_runs",
        "1 test runs are missing, but only 0 went according to the audit trail",
    ),
    ("DROP TABLE audit", "cannot read the store"),
];

#[tokio::test]
async fn every_kind_of_tampering_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pristine = folder.path().join("pristine.db");
    fill(&pristine).await;
    for (number, (sql, expected)) in TAMPERINGS.into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        std::fs::copy(&pristine, &path).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute(sql, []).unwrap();
        drop(connection);
        let error = verify_file(&path, &mut |_| {}).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{sql} gave: {error}");
    }
}

#[test]
fn a_missing_file_is_no_clean_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = verify_file(&folder.path().join("nothing.db"), &mut |_| {}).unwrap_err();
    assert!(matches!(error, VerifyError::Unreadable(_)));
}

#[tokio::test]
async fn data_that_is_not_the_raw_body_is_checked_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path);
    let mut form = event("1", br#"{"zen":"x"}"#);
    form.data_digest = Some(Digest::of(&form.data));
    form.facts.digest = Digest::of(b"payload=%7B%22zen%22%3A%22x%22%7D");
    store.append(form).await.unwrap();
    store.close().await;
    assert_eq!(verify_file(&path, &mut |_| {}).unwrap().bodies, 1);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute("UPDATE bodies SET data = x'7b7d'", [])
        .unwrap();
    drop(connection);
    let error = verify_file(&path, &mut |_| {}).unwrap_err();
    assert!(matches!(error, VerifyError::EventChanged { what: "body", .. }));
}

#[tokio::test]
async fn a_reopened_file_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("store.db");
    fill(&path).await;
    let before = verify_file(&path, &mut |_| {}).unwrap();
    let store = open(&path);
    assert_eq!(store.head().await.unwrap(), before.head);
    let again = store.append(event("2", b"{}")).await.unwrap();
    assert!(matches!(again, Appended::Duplicate(Position(2), _)));
    let next = store.append(event("4", b"{}")).await.unwrap();
    assert_eq!(next, Appended::New(Position(4)));
    store.close().await;
    assert_eq!(verify_file(&path, &mut |_| {}).unwrap().events, 4);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("store.db");
    let store = open(&path);
    store.append(event("1", b"{}")).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in ["store.db", "store.db-wal", "store.db-shm"] {
        assert_eq!(mode(&path.with_file_name(file)), 0o600, "{file}");
    }
    store.close().await;
}

#[test]
fn files_of_a_newer_version_or_of_something_else_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(open(&path));
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let refused = SqliteStore::open(&path, Arc::new(LocalBell::new()));
    assert!(
        matches!(refused, Err(OpenError::Newer { found: 999, .. })),
        "{refused:?}"
    );

    let unreadable = verify_file(&path, &mut |_| {}).unwrap_err();
    assert!(
        unreadable.to_string().contains("schema version 999"),
        "{unreadable}"
    );

    let other = folder.path().join("other.db");
    let connection = Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(connection);
    let refused = SqliteStore::open(&other, Arc::new(LocalBell::new()));
    assert!(matches!(refused, Err(OpenError::Foreign { .. })), "{refused:?}");

    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "this is not a database, but a text that is long enough to be looked at",
    )
    .unwrap();
    let refused = SqliteStore::open(&text, Arc::new(LocalBell::new()));
    assert!(matches!(refused, Err(OpenError::Database { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_file_share_one_log_and_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let stores = [open(&path), open(&path)];
    let tasks: Vec<_> = (0..100)
        .map(|number: usize| {
            let store = stores[number % 2].clone();
            // Every delivery comes to both.
            tokio::spawn(async move {
                store
                    .append(event(&(number / 2).to_string(), b"{}"))
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        new += i32::from(matches!(task.await.unwrap(), Appended::New(_)));
    }
    assert_eq!(new, 50);
    assert_eq!(
        stores[0]
            .read_after(Position(0), 100, &(Arc::new(|_: &EventFacts| true) as Interest))
            .await
            .unwrap()
            .len(),
        50
    );
    for store in stores {
        store.close().await;
    }
    assert_eq!(verify_file(&path, &mut |_| {}).unwrap().events, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_cannot_keep_up_refuses_at_once_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let tasks: Vec<_> = (0..3_000)
        .map(|number: u32| {
            let store = store.clone();
            tokio::spawn(async move { store.append(event(&number.to_string(), b"{}")).await })
        })
        .collect();
    // The refusals do not wait for the lock, which is held until one of them was seen.
    let mut answers = Vec::new();
    let mut lock = Some(other);
    for task in tasks.into_iter().rev() {
        let answer = task.await.unwrap();
        if answer.is_err() {
            lock.take();
        }
        answers.push(answer);
    }
    let stored = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(
        answers
            .iter()
            .any(|answer| matches!(answer, Err(StoreError::Unavailable(_))))
    );
    let totals = store.totals().await.unwrap();
    assert_eq!(totals.events, i64::try_from(stored).unwrap());
    store.close().await;
    verify_file(&path, &mut |_| {}).unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so_on_every_clone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("store.db"));
    let clone = store.clone();
    store.close().await;
    store.close().await;
    assert!(matches!(
        clone.append(event("1", b"{}")).await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(clone.probe().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(clone.totals().await, Err(StoreError::Unavailable(_))));
}
