//! A plain reader of server-sent events, across `kill -9` of the server under load: what it has seen in the end is what
//! is there, and no event came twice.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::{
    config, free_address, receiver,
    server::{DEADLINE, Place, Server},
};

const CRASHES: usize = 4;
const SENDERS: usize = 4;

/// What the reader has seen.
#[derive(Default)]
struct Seen {
    last_id: Option<i64>,
    /// The latest update of each operation.
    latest: HashMap<String, Value>,
    events: usize,
    snapshots: usize,
}

impl Seen {
    /// Takes a whole event, as the specification says; comments and the like change nothing.
    fn take(&mut self, event: &str) {
        let field = |name: &str| {
            let lines = event.lines();
            lines
                .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .next_back()
        };
        let id = field("id").map(|id| id.parse::<i64>().unwrap());
        if let Some(data) = field("data") {
            let name = field("event").unwrap();
            assert!(name == "updates" || name == "snapshot", "{event}");
            assert!(id > self.last_id, "{id:?} came after {:?}", self.last_id);
            self.events += 1;
            self.snapshots += usize::from(name == "snapshot");
            let data: Value = serde_json::from_str(data).unwrap();
            for update in data["updates"].as_array().unwrap() {
                self.update(update);
            }
        }
        self.last_id = id.or(self.last_id);
    }

    fn update(&mut self, update: &Value) {
        let id = update["id"].as_str().unwrap().to_owned();
        let earlier = self.latest.insert(id, update.clone());
        let earlier = earlier
            .as_ref()
            .map_or("", |earlier| earlier["timestamp"].as_str().unwrap());
        assert!(
            update["timestamp"].as_str().unwrap() >= earlier,
            "{update} is older than what was seen"
        );
    }
}

/// Reads the stream until the connection breaks or `until` holds.
async fn read(url: &str, seen: &mut Seen, until: impl Fn(&Seen) -> bool) -> reqwest::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut request = client.get(format!("{url}/api/v1/stream"));
    if let Some(id) = seen.last_id {
        request = request.header("last-event-id", id);
    }
    let mut answer = request.send().await?.error_for_status()?;
    let mut text = String::new();
    while !until(seen) {
        let Some(chunk) = answer.chunk().await? else {
            return Ok(());
        };
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            seen.take(event);
            text = rest.to_owned();
        }
    }
    Ok(())
}

fn send(server: &Arc<Server>, stop: &Arc<AtomicBool>, number: &Arc<AtomicU64>) -> Vec<JoinHandle<()>> {
    let senders = (0..SENDERS).map(|_| {
        let (server, stop, number) = (server.clone(), stop.clone(), number.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let delivery = format!("d-{}", number.fetch_add(1, Ordering::Relaxed));
                if server.push(&delivery, "{}").await.is_err() {
                    return;
                }
            }
        })
    });
    senders.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_misses_nothing_and_sees_nothing_twice_whenever_the_server_dies() {
    let receiver = receiver().await;
    let place = Place::new(&config(&receiver));
    let address = free_address();
    let (mut seen, number) = (Seen::default(), Arc::new(AtomicU64::new(0)));
    for _ in 0..CRASHES {
        let server = Arc::new(Server::start_at(&place, &address));
        let url = server.url.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let senders = send(&server, &stop, &number);
        let killer = {
            let (server, number) = (server.clone(), number.clone());
            tokio::spawn(async move {
                let (begun, before) = (Instant::now(), number.load(Ordering::Relaxed));
                while number.load(Ordering::Relaxed) < before + 100 {
                    assert!(begun.elapsed() < DEADLINE, "nothing is accepted");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                server.signal("KILL");
            })
        };
        // The connection breaks in the middle of whatever it is.
        let _ = read(&url, &mut seen, |_| false).await;
        killer.await.unwrap();
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.await.unwrap();
        }
    }
    let server = Server::start_at(&place, &address);
    server.settled().await;
    let expected = operations(&server).await;
    let last = |seen: &Seen| {
        expected
            .iter()
            .all(|(id, update)| seen.latest.get(id) == Some(update))
    };
    let reading = read(&server.url, &mut seen, last);
    let read = tokio::time::timeout(DEADLINE, reading).await;
    assert_eq!(seen.latest.len(), expected.len(), "after {} events", seen.events);
    read.expect("some last states were not seen").unwrap();
    assert_eq!(seen.snapshots, 1, "only the first connection began anew");
    assert!(server.stop().success());
}

/// Every operation as the API has it.
async fn operations(server: &Server) -> HashMap<String, Value> {
    let (mut all, mut after) = (HashMap::new(), String::new());
    loop {
        let page = server.get(&format!("/api/v1/operations?limit=500{after}")).await;
        for item in page["items"].as_array().unwrap() {
            assert_eq!(item["status"], "success", "{item}");
            all.insert(item["id"].as_str().unwrap().to_owned(), item.clone());
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}
