//! Measures the way of an execution through the store, beside a long history:
//! `cargo run --release -p pilotage-store --example execution_rate -- [EXECUTIONS] [FINISHED BEFORE]`.
//!
//! Events are decided one by one with one execution each; 64 workers claim them in tens and record one attempt each.

#![expect(clippy::print_stdout, reason = "the result is for a person at a terminal")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use pilotage_core::{
    Digest, EventFacts, EventId, ExecutionId, NewEvent, NewExecution, Position, TenantId, Timestamp,
    execution::{Attempt, AttemptResult, Next},
    operation::Description,
    ports::{Advance, Decision, EventLog, ExecutionQueue, History, Interest},
};
use pilotage_store::{LocalBell, SqliteStore};

/// Events decided in one step of the cursor.
const STEP: i64 = 100;

/// Tasks that append, and later claim, at once.
const WORKERS: i64 = 64;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Writes rows of ended executions behind the store's back; their audit records would not change what is measured.
fn prefill(path: &Path, count: u32) -> rusqlite::Result<()> {
    let connection = rusqlite::Connection::open(path)?;
    connection.execute(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
         INSERT INTO executions (id, tenant, event, position, rule, rule_digest, status, due, created_at, finished_at)
         SELECT randomblob(16), 'default', randomblob(16), -n, 'rule-' || (n % 50), zeroblob(32), 3, n, n, n
         FROM numbers WHERE ?1 > 0",
        [count],
    )?;
    connection.execute(
        "INSERT INTO operations (id, tenant, kind, name, status, total, message, metadata, steps, created_at,
             updated_at, finished_at, change)
         SELECT id, tenant, 'execution', rule, 2, 1, 'succeeded after 1 attempt', '{}', '[]', created_at,
             finished_at, finished_at, number
         FROM executions",
        [],
    )?;
    connection.execute("UPDATE state SET changes = (SELECT count(*) FROM operations)", [])?;
    Ok(())
}

async fn append(store: SqliteStore, count: i64) -> Outcome {
    for _ in 0..count {
        let now = Timestamp::now();
        let id = EventId::fresh();
        let facts = EventFacts {
            id,
            tenant: TenantId::default(),
            source: "github".to_owned(),
            event_type: "push".to_owned(),
            delivery_id: id.to_string(),
            timestamp: now,
            received_at: now,
            verified: true,
            attributes: std::collections::BTreeMap::new(),
            digest: Digest::of(b"{}"),
        };
        let data = bytes::Bytes::from_static(b"{}");
        store
            .append(NewEvent {
                facts,
                data,
                data_digest: None,
            })
            .await?;
    }
    Ok(())
}

async fn decide(store: &SqliteStore, count: i64) -> Outcome {
    let whole: Interest = Arc::new(|_| true);
    let mut from = store.cursor().await?;
    while from.0 < count {
        let events = store.read_after(from, usize::try_from(STEP)?, &whole).await?;
        let to = Position(from.0 + i64::try_from(events.len())?);
        let decisions = events
            .iter()
            .map(|event| Decision {
                position: event.position,
                event: event.facts.id.to_string(),
                tenant: "default".to_owned(),
                is_ping: false,
                executions: vec![NewExecution {
                    id: ExecutionId::fresh(),
                    tenant: TenantId::default(),
                    event: event.facts.id,
                    position: event.position,
                    rule: "rule-1".to_owned(),
                    rule_digest: Digest::ZERO,
                    due: Timestamp::from_micros(0),
                    slot: None,
                    debounce: None,
                    replayed_by: None,
                    operation: Description::new("Rule 1", ["webhook"]),
                }],
                faults: Vec::new(),
            })
            .collect();
        store
            .schedule(Timestamp::now(), Advance { from, to }, decisions)
            .await?;
        from = to;
    }
    Ok(())
}

fn attempt(started_at: Timestamp) -> Attempt {
    Attempt {
        action: 0,
        number: 1,
        action_type: "webhook".to_owned(),
        idempotency_key: "msg_0190".to_owned(),
        started_at,
        duration_us: 1_000,
        result: AttemptResult::Success,
        request: "POST https://example.com/hook".to_owned(),
        status: Some(204),
        response: None,
        error: None,
    }
}

async fn work(store: SqliteStore) -> Outcome {
    loop {
        let now = Timestamp::now();
        let claims = store.claim(now, Duration::from_secs(30), 10).await?;
        if claims.is_empty() {
            return Ok(());
        }
        for claim in claims {
            store
                .record(&claim, Timestamp::now(), Some(attempt(now)), Next::Succeeded)
                .await?;
        }
    }
}

fn tell(what: &str, count: i64, start: Instant) {
    let elapsed = start.elapsed();
    let each = elapsed.as_micros() / u128::try_from(count.max(1)).unwrap_or(1);
    println!("{what}: {count} in {elapsed:.2?}, {each} us each");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let count: i64 = arguments.next().map_or(Ok(5_000), |text| text.parse())?;
    let before: u32 = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, Arc::new(LocalBell::new()))?;
    prefill(&path, before)?;
    let count = count / WORKERS * WORKERS;
    let appenders: Vec<_> = (0..WORKERS)
        .map(|_| tokio::spawn(append(store.clone(), count / WORKERS)))
        .collect();
    for appender in appenders {
        appender.await??;
    }

    let start = Instant::now();
    decide(&store, count).await?;
    tell("decided", count, start);
    let start = Instant::now();
    let workers: Vec<_> = (0..WORKERS).map(|_| tokio::spawn(work(store.clone()))).collect();
    for worker in workers {
        worker.await??;
    }
    tell("claimed and recorded", count, start);
    let start = Instant::now();
    for _ in 0..1_000 {
        store.totals().await?;
        store.next_due().await?;
    }
    tell("totals and next due", 1_000, start);
    store.close().await;
    Ok(())
}
