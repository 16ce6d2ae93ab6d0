//! What a run starts ends with it.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};

use crate::repository::{Repository, pytest};

/// Waits until a condition holds; the deadline is far beyond what it takes.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
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
pub(crate) fn is_gone(pid: i32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.map_or(true, |stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    })
}

/// A test that starts a process, notes its id, and waits for ever.
fn endless() -> Repository {
    let repository = Repository::new();
    repository.write(
        "test_endless.py",
        "import pathlib, subprocess\n\ndef test_endless():\n    child = subprocess.Popen(['sleep', '600'])\n    \
         pathlib.Path('pid.new').write_text(str(child.pid))\n    pathlib.Path('pid.new').rename('pid')\n    child.wait()\n",
    );
    repository
}

fn started(repository: &Repository, packages: &Path) -> Child {
    Command::new(cargo_bin!("pilotage"))
        .args(["test", "run"])
        .env("PYTHONPATH", packages)
        .current_dir(repository.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn being_killed_leaves_nothing_behind() {
    let Some(packages) = pytest() else { return };
    let repository = endless();
    let mut child = started(&repository, &packages);
    let pid = wait_for("the test", || noted(&repository));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "a signal ended it");
    wait_for("the end of the group", || is_gone(pid).then_some(()));
}

#[test]
fn an_interrupt_leaves_nothing_behind_and_judges_nothing() {
    let Some(packages) = pytest() else { return };
    for signal in [Signal::INT, Signal::TERM] {
        let repository = endless();
        let child = started(&repository, &packages);
        let pid = wait_for("the test", || noted(&repository));
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
fn what_a_test_leaves_running_ends_with_its_runner() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write(
        "test_leaves.py",
        "import pathlib, subprocess\n\ndef test_leaves():\n    child = subprocess.Popen(['sleep', '600'])\n    \
         pathlib.Path('pid').write_text(str(child.pid))\n",
    );
    let (code, report) = repository.run("");
    assert_eq!(code, 0, "{report:#}");
    let pid = noted(&repository).unwrap();
    wait_for("the end of the group", || is_gone(pid).then_some(()));
}

#[test]
fn a_killed_runner_leaves_nothing_and_only_what_it_was_at_runs_again() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write("pilotage.yaml", "version: 1\ntests: { workers: 1 }\n");
    let test = |name: &str, does: &str| {
        let text = format!(
            "import os, pathlib, signal, subprocess\n\ndef test_it():\n    \
             with open('begun', 'a') as begun:\n        begun.write('{name} ')\n    {does}\n"
        );
        repository.write(&format!("test_{name}.py"), &text);
    };
    test("a", "pass");
    test(
        "b",
        "if not os.path.exists('pid'):\n        child = subprocess.Popen(['sleep', '600'])\n        \
         pathlib.Path('pid').write_text(str(child.pid))\n        os.kill(os.getpid(), signal.SIGKILL)",
    );
    test("c", "pass");
    let (code, report) = repository.run("");
    assert_eq!(code, 0, "{report:#}");
    let begun = fs::read_to_string(repository.path().join("begun")).unwrap();
    let mut begun: Vec<_> = begun.split_whitespace().collect();
    begun.sort_unstable();
    assert_eq!(begun, ["a", "b", "b", "c"]);
    let pid = noted(&repository).unwrap();
    wait_for("the end of the group", || is_gone(pid).then_some(()));
}

#[test]
fn a_suite_is_not_given_the_secrets_of_the_environment() {
    for (pass, passes) in [("[]", true), ("[MY_TOKEN]", false)] {
        let Some(repository) = Repository::with_pytest() else {
            return;
        };
        repository.write(
            "pilotage.yaml",
            &format!("version: 1\ntests: {{ suites: {{ pytest: {{ pass: {pass} }} }} }}\n"),
        );
        repository.write(
            "test_secret.py",
            "import os\n\ndef test_secret():\n    assert 'MY_TOKEN' not in os.environ\n",
        );
        let output = repository
            .command("run")
            .env("MY_TOKEN", "hidden")
            .output()
            .unwrap();
        assert_eq!(output.status.success(), passes, "{output:?}");
    }
}
