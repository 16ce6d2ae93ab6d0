//! Pipelines on their platforms, from the command line, against models of the vendors: started, followed, failing, retried,
//! stopped, and everything that goes wrong on the way.

mod azure;
mod checks;
mod github;
mod gitlab;
mod honest;
mod jenkins;
mod kept;
mod marks;
mod rules;
mod woken;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use pilotage_mock::{CiFault, CiOptions, CiVendor, MockCi};
use serde_json::Value;

use crate::server::{DEADLINE, Place, pilotage};

/// A platform, and a folder whose configuration names it.
pub(crate) struct Told {
    pub(crate) mock: MockCi,
    pub(crate) place: Place,
}

/// What a command came to.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Told {
    /// `config` is the platform's section, with `URL`, `TOKEN`, `PERSONAL`, `READER` and `STARTER` as they are; without `tick` time stands still.
    pub(crate) async fn new(vendor: CiVendor, tick: Option<Duration>, config: &str) -> Self {
        let mut options = CiOptions::new(vendor);
        options.tick = tick;
        let mock = MockCi::start(options).await.unwrap();
        let told = Self {
            mock,
            place: Place::new("version: 1\n"),
        };
        told.configure(config);
        told
    }

    pub(crate) fn configure(&self, config: &str) {
        let config = config
            .replace("URL", self.mock.url())
            .replace("TOKEN", self.mock.token())
            .replace("PERSONAL", self.mock.personal())
            .replace("READER", self.mock.reader())
            .replace("STARTER", self.mock.trigger_token());
        self.place
            .configure(&format!("version: 1\nplatforms:\n  it: {config}\n"));
    }

    /// Runs `pilotage ci ...` to its end; nothing is asked with longer pauses than it must.
    pub(crate) async fn ci(&self, arguments: &[&str]) -> Said {
        let mut command = ci(self.place.path(), arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        Said::from(output.await.unwrap())
    }

    /// The same as JSON.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let said = self.ci(&[arguments, &["--format", "json"]].concat()).await;
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
    }

    /// Starts a run with these inputs and answers its id.
    pub(crate) async fn start(&self, inputs: &[&str]) -> String {
        let inputs: Vec<&str> = inputs.iter().flat_map(|input| ["--input", input]).collect();
        let run = self
            .json(&[&["trigger", "--ref", "main"], inputs.as_slice()].concat())
            .await;
        run["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn fault(&self, path: &str, times: u32, status: u16, headers: &[(&str, &str)], body: &str) {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.mock.fault(CiFault {
            path: path.to_owned(),
            times: Some(times),
            status: Some(status),
            headers: headers.collect(),
            body: body.to_owned(),
            ..CiFault::default()
        });
    }

    /// Waits until so many requests for such a path came.
    pub(crate) async fn waits_for_calls(&self, path: &str, count: usize) {
        let begun = Instant::now();
        while self.asked("GET", path) < count {
            assert!(begun.elapsed() < DEADLINE, "nobody asks for {path}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until nobody has asked for this for a while: a start may be looked at once or twice, and no look comes much later.
    pub(crate) async fn waits_for_quiet(&self, path: &str) {
        const WHILE: Duration = Duration::from_secs(1);
        let begun = Instant::now();
        let (mut calls, mut since) = (self.asked("GET", path), Instant::now());
        while since.elapsed() < WHILE {
            assert!(begun.elapsed() < DEADLINE, "{path} is asked for again and again");
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.asked("GET", path) != calls {
                (calls, since) = (self.asked("GET", path), Instant::now());
            }
        }
    }

    /// Waits until a run stands so.
    pub(crate) async fn until(&self, run: &str, state: &str) {
        let begun = Instant::now();
        loop {
            let runs = self.json(&["runs"]).await;
            let items = runs["items"].as_array().unwrap();
            if items.iter().any(|one| one["id"] == run && one["state"] == state) {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "{run} is not {state}: {runs}");
        }
    }

    /// How often a request like this was asked.
    pub(crate) fn asked(&self, method: &str, path: &str) -> usize {
        let calls = self.mock.calls();
        calls
            .iter()
            .filter(|call| call.method == method && call.path.contains(path))
            .count()
    }
}

pub(crate) fn ci(place: &Path, arguments: &[&str]) -> Command {
    let mut command = pilotage();
    command
        .current_dir(place)
        .arg("ci")
        .args(arguments)
        .stdin(Stdio::null());
    command
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// It ended so, and said all of this.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, all: &[&str]) {
        let text = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, code, "{text}");
        for words in all {
            assert!(text.contains(words), "does not say `{words}`:\n{text}");
        }
    }
}
