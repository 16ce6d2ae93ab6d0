//! Measures durable appends: `cargo run --release -p pilotage-store --example append_rate -- [SECONDS] [APPENDERS] [FILE]`.
//!
//! Every appender stores 8 kB JSON bodies one after another, each with its own delivery id, and waits for the commit.
//! CPU is that of the whole process, appenders included.

#![expect(clippy::print_stdout, reason = "the result is for a person at a terminal")]

use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use pilotage_core::{
    Digest, EventFacts, EventId, NewEvent, TenantId, Timestamp,
    ports::{Appended, EventLog},
};
use pilotage_store::{LocalBell, SqliteStore};

const BODY_BYTES: usize = 8_000;

/// JSON shaped like a push payload: one identity written into dozens of addresses, and ids that never repeat.
fn body(seed: u64) -> Bytes {
    let names = [
        "keys",
        "collaborators",
        "teams",
        "hooks",
        "issue_events",
        "events",
        "assignees",
        "branches",
        "tags",
        "blobs",
        "git_tags",
        "git_refs",
        "trees",
        "statuses",
        "languages",
        "stargazers",
        "contributors",
        "subscribers",
    ];
    let mut text = String::from(r#"{"ref":"refs/heads/main","commits":["#);
    let mut number = seed;
    while text.len() < BODY_BYTES {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let _ = write!(
            text,
            r#"{{"id":"{number:016x}{:016x}","author":{{"name":"Codertocat","email":"{:x}@users.noreply.github.com"}},"#,
            number.rotate_left(17),
            number >> 40
        );
        for name in names {
            let _ = write!(
                text,
                r#""{name}_url":"https://api.github.com/repos/octo-org/octo-repo/{name}{{/sha}}","#
            );
        }
        text.push_str(r#""distinct":true},"#);
    }
    text.truncate(text.len() - 1);
    text.push_str("]}");
    text.into()
}

fn event(data: &Bytes, digest: Digest) -> NewEvent {
    let now = Timestamp::now();
    let id = EventId::fresh();
    NewEvent {
        facts: EventFacts {
            id,
            tenant: TenantId::default(),
            source: "github".to_owned(),
            event_type: "push".to_owned(),
            delivery_id: Digest::of(id.0.as_bytes()).to_string().split_off(28),
            timestamp: now,
            received_at: now,
            verified: true,
            attributes: std::collections::BTreeMap::from([("hookId".to_owned(), "292430182".to_owned())]),
            digest,
        },
        data: data.clone(),
        data_digest: None,
    }
}

/// User and system time of this process in microseconds, from `/proc` (100 ticks a second on Linux).
fn cpu_us() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * 10_000)
}

async fn append_until(store: SqliteStore, end: Instant, seed: u64) -> (u64, Duration) {
    let data = body(seed);
    let digest = Digest::of(&data);
    let mut count = 0;
    let mut slowest = Duration::ZERO;
    while Instant::now() < end {
        let start = Instant::now();
        match store.append(event(&data, digest)).await {
            Ok(Appended::New(_)) => count += 1,
            other => println!("not appended: {other:?}"),
        }
        slowest = slowest.max(start.elapsed());
    }
    (count, slowest)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let appenders: u64 = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let path = arguments
        .next()
        .map_or_else(|| folder.path().join("store.db"), PathBuf::from);
    let store = SqliteStore::open(&path, Arc::new(LocalBell::new()))?;

    let (start, cpu) = (Instant::now(), cpu_us());
    let end = start + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..appenders)
        .map(|seed| tokio::spawn(append_until(store.clone(), end, seed)))
        .collect();
    let (mut count, mut slowest) = (0, Duration::ZERO);
    for task in tasks {
        let (appended, longest) = task.await?;
        count += appended;
        slowest = slowest.max(longest);
    }
    let elapsed = start.elapsed();
    let spent = cpu_us().zip(cpu).map_or(0, |(after, before)| after - before);
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = memory
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap_or_default();
    println!(
        "{count} appends in {elapsed:.2?} by {appenders}: {}/s, {} us CPU each, slowest {slowest:.1?}, {memory}",
        u128::from(count) * 1_000 / elapsed.as_millis().max(1),
        spent / count.max(1),
    );
    store.close().await;
    println!(
        "{} bytes per delivery on disk",
        std::fs::metadata(&path)?.len() / count.max(1)
    );
    Ok(())
}
