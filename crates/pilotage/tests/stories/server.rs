//! A Pilotage process that a story starts, talks to, and ends.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use pilotage_core::Timestamp;
use serde_json::Value;

/// Nothing in a story takes longer unless something is broken.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) const SECRET: &str = "a secret of the stories";

pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) health: String,
    pub(crate) http: reqwest::Client,
}

/// The binary in a scrubbed environment.
pub(crate) fn pilotage() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilotage"));
    command
        .env_clear()
        .env("GITHUB_WEBHOOK_SECRET", SECRET)
        .env("NO_COLOR", "1");
    command
}

/// A folder for one story with its configuration in it.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(config: &str) -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        place.configure(config);
        place
    }

    pub(crate) fn configure(&self, config: &str) {
        std::fs::write(self.config(), config).unwrap();
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("pilotage.yaml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Server {
    /// Starts on free ports and returns once it listens.
    pub(crate) fn start(place: &Place) -> Self {
        Self::start_at(place, "127.0.0.1:0")
    }

    /// Starts at this address and returns once it listens.
    pub(crate) fn start_at(place: &Place, address: &str) -> Self {
        Self::start_with(place, address, &[])
    }

    /// Starts at this address with further options and returns once it listens.
    pub(crate) fn start_with(place: &Place, address: &str, options: &[&str]) -> Self {
        Self::launch(place, address, options, &[])
    }

    /// The same with these variables in its environment.
    pub(crate) fn launch(place: &Place, address: &str, options: &[&str], variables: &[(&str, &str)]) -> Self {
        // A second installation is refused, which is as good. The client comes first: whatever panics here must not
        // leave a server behind.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut command = pilotage();
        command.envs(variables.iter().copied());
        command.args([
            "up",
            "--format",
            "json",
            "--listen",
            address,
            "--health-listen",
            "127.0.0.1:0",
        ]);
        command
            .arg("--data-dir")
            .arg(place.data())
            .arg("--config")
            .arg(place.config())
            .args(options);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addresses = loop {
            let line = lines
                .next()
                .expect("the server ended before it listened")
                .unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            if line.get("listening").is_some() {
                break line;
            }
        };
        // Whatever it tells afterwards must be taken from it, or it would wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let at = |name: &str| format!("http://{}", addresses[name].as_str().unwrap());
        Self {
            child,
            url: at("listening"),
            health: at("health"),
            http,
        }
    }

    /// Sends a push signed as GitHub signs; answers status and body.
    pub(crate) async fn push(&self, delivery: &str, body: &str) -> reqwest::Result<(u16, Value)> {
        self.deliver("push", delivery, body).await
    }

    pub(crate) async fn deliver(
        &self,
        event: &str,
        delivery: &str,
        body: &str,
    ) -> reqwest::Result<(u16, Value)> {
        self.deliver_from("github", event, delivery, body).await
    }

    /// Sends a delivery as this source signs; answers status and body.
    pub(crate) async fn deliver_from(
        &self,
        source: &str,
        event: &str,
        delivery: &str,
        body: &str,
    ) -> reqwest::Result<(u16, Value)> {
        let secret = SECRET.to_owned().into();
        let headers = pilotage_adapters::sources::sign(
            source,
            event,
            body.as_bytes(),
            Some(&secret),
            delivery,
            Timestamp::now(),
        );
        let mut request = self.http.post(format!("{}/webhooks/{source}", self.url));
        for (name, value) in headers.unwrap() {
            request = request.header(name, value);
        }
        let answer = request.body(body.to_owned()).send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await?))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "GET {path}: {}",
            answer.text().await.unwrap()
        );
        answer.json().await.unwrap()
    }

    /// Whatever is answered, with its status.
    pub(crate) async fn look(&self, path: &str) -> (u16, Value) {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self
            .http
            .post(format!("{}{path}", self.url))
            .json(body)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Asks for `path` until `holds`, and answers what it then was.
    pub(crate) async fn wait_for(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let seen = self.get(path).await;
            if holds(&seen) {
                return seen;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "waited in vain at {path}; last seen: {seen:#}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The same where the first answers may be refusals.
    pub(crate) async fn wait_for_any(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let (_, seen) = self.look(path).await;
            if holds(&seen) {
                return seen;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "waited in vain at {path}; last seen: {seen:#}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A page of the dashboard.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Waits until everything accepted is decided and everything scheduled has ended.
    pub(crate) async fn settled(&self) -> Value {
        self.wait_for("/api/v1/stats", |stats| {
            let count = |name: &str| stats["totals"][name].as_i64().unwrap();
            count("undecided") + count("waiting") + count("pending") + count("running") == 0
        })
        .await
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(sent.unwrap().success());
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < DEADLINE, "it does not stop");
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The trail of the place's store holds.
pub(crate) fn assert_audit_holds(place: &Place) {
    let output = pilotage()
        .args(["audit", "verify", "--data-dir"])
        .arg(place.data())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
