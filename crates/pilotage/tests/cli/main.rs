//! The command line from outside: what people read, what programs read, and the exit codes.
//!
//! Every command runs with an empty environment in a folder of its own, so that nothing of the machine shows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod answers;
mod check;
mod ci_import;
mod ci_lint;
mod errors;
mod executed;
mod exit_codes;
mod help;
mod listening;
mod load;
mod metrics;
mod offline;
mod rule_test;
mod run;
mod sending;
mod watch;

use std::process::Output;

use assert_cmd::{Command, cargo::cargo_bin_cmd};
use tempfile::TempDir;

/// A folder to run commands in.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    /// `pilotage` with these arguments, split at spaces.
    fn command(&self, arguments: &str) -> Command {
        let mut command = cargo_bin_cmd!("pilotage");
        command
            .env_clear()
            .current_dir(self.0.path())
            .args(arguments.split_whitespace());
        command
    }

    fn run(&self, arguments: &str) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }
}

/// How a command ended.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Its standard output, for a command that ended with this code.
    #[track_caller]
    fn ended(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self.out
    }
}
