//! `pilotage watch` beside a real server: nothing missed and nothing twice, also across a crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;

use pilotage_mock::WebhookListener;

use crate::{
    path::config,
    server::{DEADLINE, Place, Server, assert_audit_holds, pilotage},
};

const PUSH: &str = include_str!("../../../../fixtures/github/push.json");

/// A running `watch` and what it has printed.
struct Watcher {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Watcher {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let mut child = pilotage()
            .args(["watch", "--server", &server.url])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let kept = lines.clone();
        std::thread::spawn(move || {
            for line in printed.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until so many lines have this in them.
    async fn shows(&self, part: &str, count: usize) {
        let begun = Instant::now();
        while self.lines().iter().filter(|line| line.contains(part)).count() < count {
            assert!(
                begun.elapsed() < DEADLINE,
                "waited in vain for {count} {part:?}: {:#?}",
                self.lines()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ctrl-C; answers the exit code.
    fn interrupt(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_goes_on_after_a_crash_of_the_server() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    let address = server.url.trim_start_matches("http://").to_owned();
    let json = Watcher::start(&server, &["--format", "json"]);
    let text = Watcher::start(&server, &["--filter", "source=github", "--filter", "type~^exec"]);
    let none = Watcher::start(&server, &["--filter", "source=gitlab"]);
    for number in 0..5 {
        server.push(&format!("before-{number}"), PUSH).await.unwrap();
    }
    for watcher in [&json, &text] {
        watcher.shows("success", 5).await;
    }
    server.signal("KILL");
    drop(server);
    let server = Server::start_at(&place, &address);
    for number in 0..5 {
        server.push(&format!("after-{number}"), PUSH).await.unwrap();
    }
    for watcher in [&json, &text] {
        watcher.shows("success", 10).await;
    }
    // Lines of text name no operation, and several may change at the same moment, so only their ends are counted.
    let lines = json.lines();
    let distinct: BTreeSet<_> = lines.iter().collect();
    assert_eq!(distinct.len(), lines.len(), "something is told twice: {lines:#?}");
    let lines = text.lines();
    let ends = lines.iter().filter(|line| line.contains("success"));
    assert_eq!(ends.count(), 10, "an end is told twice: {lines:#?}");
    let mut last = BTreeMap::new();
    for line in json.lines() {
        let update: Value = serde_json::from_str(&line).unwrap();
        last.insert(update["id"].to_string(), update);
    }
    let stored = server.get("/api/v1/operations?limit=100").await;
    let stored = stored["items"].as_array().unwrap().iter().cloned();
    let stored: BTreeMap<_, _> = stored.map(|update| (update["id"].to_string(), update)).collect();
    assert_eq!(last, stored, "what was told last is what is there");
    let words: Vec<_> = text.lines()[0]
        .split_whitespace()
        .skip(2)
        .map(str::to_owned)
        .collect();
    assert_eq!(words[0], "push", "{words:?}");
    assert_eq!(none.lines(), Vec::<String>::new());
    for watcher in [json, text, none] {
        assert_eq!(watcher.interrupt(), Some(0));
    }
    assert!(server.stop().success());
    assert_audit_holds(&place);
}
