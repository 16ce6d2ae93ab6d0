//! However a run ends, nothing of its services is left; what a `kill -9` left goes with the next start.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};

use super::{assert_nothing_left, said, servers, with_servers, within};
use crate::{
    processes::{is_gone, wait_for},
    repository::Repository,
};

/// Every service in the background of a command that says that it runs and goes on for ever.
fn begin(repository: &Repository) -> Child {
    let servers = servers().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new(cargo_bin!("pilotage"))
        .args("test env --service redis --service postgres --service make-api-mock -- sh -c".split(' '))
        .arg("touch running; exec sleep 600")
        .env("PATH", format!("{}:{path}", servers.display()))
        .env("PILOTAGE_SERVICES_FROM", "programs")
        .current_dir(repository.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn pid(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap()
}

/// Every process and folder that was noted.
fn noted(repository: &Repository) -> (Vec<i32>, Vec<String>) {
    let runs = fs::read_dir(repository.path().join(".pilotage/services")).unwrap();
    let files = runs.flat_map(|run| fs::read_dir(run.unwrap().path()).unwrap());
    let records = files.filter_map(|file| {
        let path = file.unwrap().path();
        let is_record = path.extension().is_some_and(|extension| extension == "json");
        is_record.then(|| -> serde_json::Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() })
    });
    let (mut pids, mut folders) = (Vec::new(), Vec::new());
    for record in records {
        pids.extend(
            record["process"]["pid"]
                .as_i64()
                .and_then(|pid| i32::try_from(pid).ok()),
        );
        folders.extend(record["folder"]["path"].as_str().map(str::to_owned));
    }
    (pids, folders)
}

#[track_caller]
fn assert_gone((pids, folders): &(Vec<i32>, Vec<String>)) {
    for pid in pids {
        wait_for("the end of a service", || is_gone(*pid).then_some(()));
    }
    for folder in folders {
        assert!(!Path::new(folder).exists(), "{folder}");
    }
}

#[test]
fn a_signal_ends_the_command_and_everything_beside_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let Some(repository) = with_servers() else { return };
        let mut child = begin(&repository);
        wait_for("the command", || {
            repository.path().join("running").exists().then_some(())
        });
        let noted = noted(&repository);
        assert_eq!((noted.0.len(), noted.1.len()), (3, 1));
        kill_process(pid(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(128 + signal.as_raw()), "{status:?}");
        assert_gone(&noted);
        assert_nothing_left(&repository);
    }
}

#[test]
fn what_a_kill_left_is_gone_after_the_next_start() {
    let Some(repository) = with_servers() else { return };
    let mut child = begin(&repository);
    wait_for("the command", || {
        repository.path().join("running").exists().then_some(())
    });
    let noted = noted(&repository);
    assert_eq!((noted.0.len(), noted.1.len()), (3, 1));
    kill_process(pid(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    let output = within(&repository, "--service redis", "echo again");
    assert_eq!(said(&output), "again\n");
    assert_gone(&noted);
    assert_nothing_left(&repository);
}

#[test]
fn what_somebody_uses_is_left_alone() {
    let Some(repository) = with_servers() else { return };
    let mut child = begin(&repository);
    wait_for("the command", || {
        repository.path().join("running").exists().then_some(())
    });
    let (pids, folders) = noted(&repository);
    assert_eq!(
        said(&within(&repository, "--service redis", "echo beside")),
        "beside\n"
    );
    assert!(pids.iter().all(|pid| !is_gone(*pid)));
    kill_process(pid(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
    assert_gone(&(pids, folders));
    assert_nothing_left(&repository);
}

/// A run whose one test does not end unless it runs again.
fn begin_run(repository: &mut Repository) -> Option<Child> {
    let pytest = crate::repository::pytest()?;
    repository.set("PYTHONPATH", pytest.clone());
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { services: [redis, postgres] }\n",
    );
    repository.write(
        "test_it.py",
        "import os, pathlib, threading\n\ndef test_it():\n    if not os.path.exists('again'):\n        \
         pathlib.Path('running').touch()\n        threading.Event().wait()\n",
    );
    let path = std::env::var("PATH").unwrap_or_default();
    let child = Command::new(cargo_bin!("pilotage"))
        .args(["test", "run"])
        .env("PATH", format!("{}:{path}", servers().unwrap().display()))
        .env("PYTHONPATH", pytest)
        .env("PILOTAGE_SERVICES_FROM", "programs")
        .current_dir(repository.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the test", || {
        repository.path().join("running").exists().then_some(())
    });
    Some(child)
}

#[test]
fn an_interrupted_run_of_tests_takes_its_services_along() {
    let Some(mut repository) = with_servers() else {
        return;
    };
    let Some(mut child) = begin_run(&mut repository) else {
        return;
    };
    let noted = noted(&repository);
    assert_eq!((noted.0.len(), noted.1.len()), (2, 1));
    kill_process(pid(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_gone(&noted);
    assert_nothing_left(&repository);
}

#[test]
fn a_run_of_tests_that_is_killed_leaves_its_services_to_the_next() {
    let Some(mut repository) = with_servers() else {
        return;
    };
    let Some(mut child) = begin_run(&mut repository) else {
        return;
    };
    let noted = noted(&repository);
    kill_process(pid(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    repository.write("again", "");
    let (code, report) = repository.run("");
    assert_eq!(code, 0, "{report:#}");
    assert_gone(&noted);
    assert_nothing_left(&repository);
}
