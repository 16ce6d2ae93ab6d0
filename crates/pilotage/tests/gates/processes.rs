//! What gates start ends with them.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};

use crate::Repository;

/// A command that starts another one in the background, notes its id, and waits for ever.
fn endless(timeout: &str) -> Repository {
    Repository::configured(&format!(
        "evidence:\n  slow:\n    kind: command\n    command: [sh, -c, 'sleep 600 & echo $! > pid.new; mv pid.new pid; wait']\n    \
         metrics: {{ build_success: {{ from: exitCode }} }}\n\
         gates:\n- id: build-validation\n  timeout: {timeout}\n"
    ))
}

/// Waits until a condition holds; the deadline is far beyond what it takes.
#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

fn noted(repository: &Repository) -> Option<i32> {
    fs::read_to_string(repository.path().join("pid"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Gone, or dead and not yet reaped by whoever inherited it.
fn is_gone(pid: i32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.map_or(true, |stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    })
}

#[test]
fn a_time_limit_ends_the_whole_group() {
    let repository = endless("500ms");
    let (state, reason) = repository.state("build-validation", "build_success");
    assert_eq!(state, "noEvidence");
    assert!(reason.contains("took longer than 0.5 s"), "{reason}");
    if let Some(pid) = noted(&repository) {
        wait_for("the end of the group", || is_gone(pid).then_some(()));
    }
}

fn started(repository: &Repository) -> Child {
    Command::new(cargo_bin!("pilotage"))
        .args(["gate", "run", "--gate", "build-validation"])
        .current_dir(repository.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn being_killed_leaves_nothing_behind() {
    let repository = endless("10m");
    let mut child = started(&repository);
    let pid = wait_for("the command", || noted(&repository));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "a signal ended it");
    wait_for("the end of the group", || is_gone(pid).then_some(()));
}

#[test]
fn an_interrupt_leaves_nothing_behind_and_judges_nothing() {
    for signal in [Signal::INT, Signal::TERM] {
        let repository = endless("10m");
        let child = started(&repository);
        let pid = wait_for("the command", || noted(&repository));
        let own = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(own, signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("nothing was judged"),
            "{output:?}"
        );
        wait_for("the end of the group", || is_gone(pid).then_some(()));
    }
}

#[test]
fn a_command_is_not_given_the_secrets_of_the_environment() {
    for (env, expected) in [("[]", "passed"), ("[MY_TOKEN]", "failed")] {
        let repository = Repository::configured(&format!(
            "evidence:\n  it:\n    kind: command\n    command: [sh, -c, 'test -z \"$MY_TOKEN\"']\n    env: {env}\n    \
             metrics: {{ build_success: {{ from: exitCode }} }}\n"
        ));
        let output = repository
            .command("run --format json --gate build-validation")
            .env("MY_TOKEN", "hidden")
            .output()
            .unwrap();
        let report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            crate::criterion(&report, "build_success").unwrap()["state"],
            expected
        );
    }
}
