//! Rust's tests by nextest, each in a process of its own, where a workspace is set up for it
//! (<https://nexte.st/docs/machine-readable/libtest-json/>).
//!
//! A workspace shows that it wants this by its `.config/nextest.toml`. Without one its tests run as `cargo test` runs them, also
//! where nextest is installed: tests that share what their process holds would end otherwise.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use pilotage_core::testing::{Item, Outcome, Said, TestSeen};
use serde::Deserialize;

use super::super::{Task, command};

/// How far above a suite its workspace may be.
const MOST_ABOVE: usize = 6;

/// Whether a suite is to be run by nextest: it is installed, and the workspace has settings for it.
pub(super) fn is_wanted(task: &Task<'_>) -> bool {
    let settings = task
        .suite
        .place
        .ancestors()
        .take(MOST_ABOVE)
        .map(|folder| folder.join(".config/nextest.toml"));
    settings.into_iter().any(|file| file.is_file()) && is_installed()
}

fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("CARGO_HOME").map(|home| PathBuf::from(home).join("bin"));
    std::env::split_paths(&path)
        .chain(home)
        .any(|folder: PathBuf| is_program(&folder.join("cargo-nextest")))
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// The command that runs the tests of one program, and the variables that it needs.
pub(super) fn call(task: &Task<'_>, item: &Item) -> (Vec<String>, Vec<(String, String)>) {
    let mut command = command(task.suite, &["cargo"]);
    command.extend(
        [
            "nextest",
            "run",
            "--no-fail-fast",
            // Attempts are counted here, and a runner takes up one of our workers.
            "--retries=0",
            "--test-threads=1",
            "--no-tests=pass",
            "--color=never",
            "--message-format=libtest-json-plus",
            "--message-format-version=0.1",
        ]
        .map(str::to_owned),
    );
    command.extend(task.suite.settings.arguments.iter().cloned());
    command.extend(["--filterset".to_owned(), filter(item)]);
    let set = vec![("NEXTEST_EXPERIMENTAL_LIBTEST_JSON".to_owned(), "1".to_owned())];
    (command, set)
}

/// A program, and some of its tests where not all of them are wanted (<https://nexte.st/docs/filtersets/reference/>).
fn filter(item: &Item) -> String {
    let program = format!("binary_id(={})", item.file);
    if item.tests.is_empty() {
        return program;
    }
    let tests: Vec<_> = item.tests.iter().map(|test| format!("test(={test})")).collect();
    format!("{program} & ({})", tests.join(" | "))
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    #[serde(default)]
    name: String,
    exec_time: Option<f64>,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    message: String,
}

/// Reads what nextest tells of one program. It may begin and end to tell of it several times, so that it is through is known from
/// its tests.
pub(super) struct Stream {
    file: String,
    left: BTreeSet<String>,
    has_begun: bool,
    seconds: f64,
}

impl Stream {
    /// Of a program with these tests.
    pub(super) fn new(file: &str, tests: impl IntoIterator<Item = String>) -> Self {
        Self {
            file: file.to_owned(),
            left: tests.into_iter().collect(),
            has_begun: false,
            seconds: 0.0,
        }
    }

    pub(super) fn take(&mut self, line: &str) -> Vec<Said> {
        let Ok(line) = serde_json::from_str::<Line>(line) else {
            return Vec::new();
        };
        let mut said = Vec::new();
        if !self.has_begun {
            self.has_begun = true;
            said.push(Said::File {
                file: self.file.clone(),
                tests: u64::try_from(self.left.len()).ok(),
                ids: Vec::new(),
            });
        }
        if line.kind != "test" {
            return said;
        }
        // `crate::program$path::of::test`
        let id = line
            .name
            .split_once('$')
            .map_or(line.name.as_str(), |(_, test)| test)
            .to_owned();
        match line.event.as_str() {
            "started" => said.push(Said::Start {
                file: self.file.clone(),
                id,
            }),
            "ok" => said.extend(self.ended(&line, id, Outcome::Passed)),
            "ignored" => said.extend(self.ended(&line, id, Outcome::Skipped)),
            "failed" => said.extend(self.ended(&line, id, Outcome::Failed)),
            _ => {}
        }
        said
    }

    fn ended(&mut self, line: &Line, id: String, outcome: Outcome) -> Vec<Said> {
        let file = self.file.clone();
        let seconds = line.exec_time.unwrap_or_default();
        self.seconds += seconds;
        self.left.remove(&id);
        let message = if outcome == Outcome::Failed {
            [line.message.as_str(), line.stdout.as_str()]
                .join("\n")
                .trim()
                .to_owned()
        } else {
            String::new()
        };
        let mut said = vec![Said::Test(TestSeen {
            file: file.clone(),
            name: id.clone(),
            id,
            outcome,
            seconds,
            message,
            earlier: Vec::new(),
        })];
        if self.left.is_empty() {
            let seconds = self.seconds;
            said.extend([Said::Done { file, seconds }, Said::End]);
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"{"type":"suite","event":"started","test_count":3,"nextest":{"crate":"nx","test_binary":"nx","kind":"lib"}}
{"type":"test","event":"started","name":"nx::nx$deep::later"}
{"type":"test","event":"ignored","name":"nx::nx$deep::later"}
{"type":"test","event":"started","name":"nx::nx$deep::two"}
{"type":"test","event":"failed","name":"nx::nx$deep::two","exec_time":1.25,"stdout":"not so"}
{"type":"suite","event":"failed","passed":0,"failed":1,"ignored":1,"measured":0,"filtered_out":0,"exec_time":1.25}
{"type":"suite","event":"started","test_count":3,"nextest":{"crate":"nx","test_binary":"nx","kind":"lib"}}
{"type":"test","event":"started","name":"nx::nx$one"}
{"type":"test","event":"ok","name":"nx::nx$one","exec_time":0.25}"#;

    #[test]
    fn a_program_is_through_when_all_of_its_tests_are() {
        let names = ["deep::later", "deep::two", "one"].map(str::to_owned);
        let mut stream = Stream::new("nx", names);
        let said: Vec<Said> = TOLD.lines().flat_map(|line| stream.take(line)).collect();
        let file = "nx".to_owned();
        let begin = Said::File {
            file: file.clone(),
            tests: Some(3),
            ids: Vec::new(),
        };
        assert_eq!(said.first(), Some(&begin));
        let outcomes: Vec<_> = said
            .iter()
            .filter_map(|said| match said {
                Said::Test(test) => Some((test.id.as_str(), test.outcome, test.message.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(
            outcomes,
            [
                ("deep::later", Outcome::Skipped, ""),
                ("deep::two", Outcome::Failed, "not so"),
                ("one", Outcome::Passed, "")
            ]
        );
        let done = said
            .iter()
            .filter(|said| matches!(said, Said::Done { .. }))
            .count();
        assert_eq!((done, said.last()), (1, Some(&Said::End)));
        let mut cut = Stream::new("nx", ["one".to_owned(), "two".to_owned()]);
        let said: Vec<Said> = TOLD.lines().flat_map(|line| cut.take(line)).collect();
        assert!(!said.contains(&Said::End), "`two` was never heard of");
    }

    #[test]
    fn parts_are_chosen_by_name() {
        let mut item = Item {
            file: "nx::it".to_owned(),
            tests: Vec::new(),
            part: None,
            seconds: 0.0,
        };
        assert_eq!(filter(&item), "binary_id(=nx::it)");
        item.tests = vec!["a::b".to_owned(), "c".to_owned()];
        assert_eq!(filter(&item), "binary_id(=nx::it) & (test(=a::b) | test(=c))");
    }
}
