//! What a program of tests tells: lines of JSON, or the plain lines that documentation tests have.

use pilotage_core::testing::{Outcome, Said, TestSeen};
use serde::Deserialize;

/// A line of `--format=json` (`library/test/src/formatters/json.rs` in Rust's own repository).
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    #[serde(default)]
    name: String,
    test_count: Option<u64>,
    exec_time: Option<f64>,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    message: String,
}

/// Reads what one program tells.
pub(super) struct Stream {
    file: String,
    speaks_json: bool,
}

impl Stream {
    pub(super) fn new(file: &str, speaks_json: bool) -> Self {
        Self {
            file: file.to_owned(),
            speaks_json,
        }
    }

    pub(super) fn take(&self, line: &str) -> Vec<Said> {
        if self.speaks_json {
            // What tests print between the lines is none of ours.
            serde_json::from_str(line)
                .map(|line| self.json(&line))
                .unwrap_or_default()
        } else {
            self.plain(line)
        }
    }

    fn json(&self, line: &Line) -> Vec<Said> {
        let file = self.file.clone();
        match (line.kind.as_str(), line.event.as_str()) {
            ("suite", "started") => vec![Said::File {
                file,
                tests: line.test_count,
                ids: Vec::new(),
            }],
            ("suite", "ok" | "failed") => {
                vec![
                    Said::Done {
                        file,
                        seconds: line.exec_time.unwrap_or_default(),
                    },
                    Said::End,
                ]
            }
            ("test", "started") => vec![Said::Start {
                file,
                id: line.name.clone(),
            }],
            ("test", "ok") => vec![self.test(line, Outcome::Passed)],
            ("test", "ignored") => vec![self.test(line, Outcome::Skipped)],
            ("test", "failed" | "timeout") if line.event == "failed" => {
                vec![self.test(line, Outcome::Failed)]
            }
            _ => Vec::new(),
        }
    }

    fn test(&self, line: &Line, outcome: Outcome) -> Said {
        let message = match outcome {
            Outcome::Passed => String::new(),
            _ => [line.message.as_str(), line.stdout.as_str()]
                .join("\n")
                .trim()
                .to_owned(),
        };
        let seconds = line.exec_time.unwrap_or_default();
        self.seen(&line.name, outcome, seconds, message)
    }

    fn seen(&self, name: &str, outcome: Outcome, seconds: f64, message: String) -> Said {
        let (id, name) = (name.to_owned(), name.to_owned());
        Said::Test(TestSeen {
            file: self.file.clone(),
            id,
            name,
            outcome,
            seconds,
            message,
            earlier: Vec::new(),
        })
    }

    /// `running 2 tests`, `test src/lib.rs - (line 3) ... ok`, `test result: ok. 2 passed; …; finished in 0.12s`.
    fn plain(&self, line: &str) -> Vec<Said> {
        let file = self.file.clone();
        if let Some(count) = line
            .strip_prefix("running ")
            .and_then(|rest| rest.split(' ').next()?.parse().ok())
        {
            return vec![Said::File {
                file,
                tests: Some(count),
                ids: Vec::new(),
            }];
        }
        if let Some(rest) = line.strip_prefix("test result: ") {
            let seconds = rest
                .rsplit_once("finished in ")
                .and_then(|(_, time)| time.trim().strip_suffix('s')?.parse().ok());
            return vec![Said::Done {
                file,
                seconds: seconds.unwrap_or_default(),
            }];
        }
        let Some((name, outcome)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.rsplit_once(" ... "))
        else {
            return Vec::new();
        };
        let outcome = match outcome.trim() {
            "ok" => Outcome::Passed,
            "FAILED" => Outcome::Failed,
            ignored if ignored.starts_with("ignored") => Outcome::Skipped,
            _ => return Vec::new(),
        };
        let message = if outcome == Outcome::Failed {
            "see the output of `cargo test --doc`".to_owned()
        } else {
            String::new()
        };
        vec![self.seen(name, outcome, 0.0, message)]
    }
}
