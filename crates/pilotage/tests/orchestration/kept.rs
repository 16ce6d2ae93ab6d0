//! `pilotage test run --server`: watched while it runs, kept when it has ended, and never in the hands of the server.

use std::{
    fs,
    process::{Child, Command, Output, Stdio},
};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    repository::{Repository, pytest},
    server::{Place, Server, assert_audit_holds},
};

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";

/// Two files: one ends at once, with a test that fails; the other waits until a file is there, a minute at most.
fn held_up() -> Repository {
    let repository = Repository::new();
    repository.write(
        "test_a.py",
        &format!(
            "import pytest\n\n@pytest.mark.parametrize('x', ['''{HOSTILE}''', '\\u202e', 'ok'])\n\
             def test_param(x):\n    assert x == 'ok', x\n"
        ),
    );
    repository.write(
        "test_b.py",
        "import pathlib, time\n\ndef test_waits():\n    pathlib.Path('waits').touch()\n    end = time.time() + 60\n    \
         while not pathlib.Path('go').exists():\n        assert time.time() < end\n        time.sleep(0.01)\n",
    );
    repository
}

fn start(repository: &Repository, server: &str) -> Option<Child> {
    let packages = pytest()?;
    let child = Command::new(cargo_bin!("pilotage"))
        .args([
            "test",
            "run",
            "--workers",
            "2",
            "--format",
            "json",
            "--server",
            server,
        ])
        .env("PYTHONPATH", packages)
        .env("NO_COLOR", "1")
        .current_dir(repository.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    Some(child.unwrap())
}

/// Lets the test go on that waits, and the run come to its end.
async fn end(repository: &Repository, child: Child) -> (Output, Value, String) {
    fs::write(repository.path().join("go"), "").unwrap();
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output, report, said)
}

const LIST: &str = "/api/v1/tests/runs";

/// The only run that the server has, once `holds`.
async fn run_that(server: &Server, holds: impl Fn(&Value) -> bool) -> Value {
    let seen = server
        .wait_for(LIST, |list| list["items"].get(0).is_some_and(&holds))
        .await;
    assert_eq!(seen["items"].as_array().unwrap().len(), 1, "{seen:#}");
    seen["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_seen_live_and_then_on_its_page() {
    let place = Place::new("version: 1\n");
    let server = Server::start(&place);
    let repository = held_up();
    let Some(child) = start(&repository, &server.url) else {
        return;
    };
    let live = run_that(&server, |run| run["done"] == 1).await;
    assert_eq!((&live["status"], &live["files"]), (&json!("running"), &json!(2)));
    let id = live["id"].as_str().unwrap();
    let operation = format!("/api/v1/operations/{id}");
    let shown = server.get(&operation).await;
    assert_eq!(
        (&shown["type"], &shown["status"]),
        (&json!("test"), &json!("running"))
    );
    assert_eq!(shown["progress"]["total"], 2);
    assert!(
        shown["message"].as_str().unwrap().contains("2 failed"),
        "{shown:#}"
    );
    let (output, report, said) = end(&repository, child).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains(&format!("{}/tests/runs/{id}", server.url)),
        "{said}"
    );
    assert_eq!(server.get(&operation).await["status"], "failure");
    let kept = server.get(&format!("{LIST}/{id}")).await;
    assert_eq!(kept["totals"], report["verdict"]["totals"]);
    let page = server
        .http
        .get(format!("{}/tests/runs/{id}", server.url))
        .send()
        .await
        .unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("test_param") && page.contains("onerror"), "{page}");
    assert!(!page.contains("<img"), "{page}");
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_comes_back_has_the_run() {
    let place = Place::new("version: 1\n");
    let server = Server::start(&place);
    let address = server.url.trim_start_matches("http://").to_owned();
    let repository = held_up();
    let Some(child) = start(&repository, &server.url) else {
        return;
    };
    let begun = run_that(&server, |run| run["done"] == 1).await;
    server.signal("KILL");
    drop(server);
    let server = Server::start_at(&place, &address);
    let (output, report, said) = end(&repository, child).await;
    assert_eq!(output.status.code(), Some(1), "{said}");
    let kept = run_that(&server, |run| run["status"] == "failed").await;
    assert_eq!(
        (&kept["id"], &kept["totals"]),
        (&begun["id"], &report["verdict"]["totals"])
    );
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_changes_nothing_and_is_told_of_once() {
    let place = Place::new("version: 1\n");
    let server = Server::start(&place);
    let repository = held_up();
    let Some(child) = start(&repository, &server.url) else {
        return;
    };
    run_that(&server, |run| run["done"] == 1).await;
    server.signal("KILL");
    drop(server);
    let (output, report, said) = end(&repository, child).await;
    assert_eq!(output.status.code(), Some(1), "as without a server");
    assert_eq!(report["verdict"]["totals"]["tests"], 4);
    assert_eq!(said.matches("does not have this run").count(), 1, "{said}");
    assert!(
        said.contains("The verdict and the exit code stand without it."),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_interrupted_is_broken_off() {
    let place = Place::new("version: 1\n");
    let server = Server::start(&place);
    let repository = held_up();
    let Some(mut child) = start(&repository, &server.url) else {
        return;
    };
    run_that(&server, |run| run["done"] == 1).await;
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let run = run_that(&server, |run| run["status"] == "brokenOff").await;
    assert_eq!(run["message"], "Broken off: it was interrupted.");
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(3));
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[test]
fn shards_are_told_apart_and_merged_into_a_run_of_their_own() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    let place = Place::new("version: 1\n");
    let server = Server::start(&place);
    for number in 0..4 {
        repository.write(&format!("test_{number}.py"), "def test_one():\n    pass\n");
    }
    for shard in 1..=2 {
        let arguments = format!(
            "run --no-keep --shards 2 --shard {shard} --format json --output {shard}.json --server {}",
            server.url
        );
        repository.command(&arguments).assert().success();
    }
    let merge = format!("merge 1.json 2.json --server {}", server.url);
    repository.command(&merge).assert().success();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let seen = runtime.block_on(server.get(LIST));
    let runs = seen["items"].as_array().unwrap();
    let tests: Vec<_> = runs
        .iter()
        .map(|run| (run["shard"]["shard"].clone(), run["totals"]["tests"].clone()))
        .collect();
    assert_eq!(tests[0], (Value::Null, json!(4)), "{seen:#}");
    assert_eq!([&tests[1].0, &tests[2].0], [&json!(2), &json!(1)]);
    assert_eq!(runs[1]["shard"]["plan"], runs[2]["shard"]["plan"]);
    assert!(server.stop().success());
    assert_audit_holds(&place);
}
