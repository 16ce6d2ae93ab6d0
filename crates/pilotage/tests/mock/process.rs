//! A process of the mock that a test starts, talks to, and ends.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// Nothing here takes longer unless something is broken.
const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) struct Mock {
    child: Child,
    pub(crate) url: String,
    pub(crate) zone: String,
    pub(crate) token: String,
}

/// The binary in a scrubbed environment, in `place`.
pub(crate) fn command(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilotage"));
    command
        .env_clear()
        .current_dir(place)
        .args(["mock", "make", "--format", "json"])
        .args(arguments);
    command
}

impl Mock {
    /// Starts on a free port and returns once it answers.
    pub(crate) fn start(place: &Path, arguments: &[&str]) -> Self {
        let mut child = command(place, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).expect("it ended before it answered");
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        Self {
            child,
            url: text("url"),
            zone: text("zone"),
            token: text("token"),
        }
    }

    /// Presses Ctrl-C and waits until it has stopped.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let sent = Command::new("kill")
            .arg("-INT")
            .arg(self.child.id().to_string())
            .status();
        assert!(sent.unwrap().success());
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

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
