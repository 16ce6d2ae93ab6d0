//! What tests need beside themselves: brought up, told of, kept apart, and gone afterwards.

mod containers;
mod declared;
mod ends;

use std::{fs, path::PathBuf, process::Output};

use crate::repository::{Repository, lent};

/// The folder with redis-server and nats-server.
pub(crate) fn servers() -> Option<PathBuf> {
    lent(
        "PILOTAGE_SERVERS",
        "name a folder that holds the programs redis-server and nats-server",
    )
}

/// A repository whose commands find servers.
pub(crate) fn with_servers() -> Option<Repository> {
    let mut repository = Repository::new();
    let path = std::env::var("PATH").unwrap_or_default();
    repository.set("PATH", format!("{}:{path}", servers()?.display()).into());
    repository.set("PILOTAGE_SERVICES_FROM", "programs".into());
    Some(repository)
}

/// `pilotage test env` with these arguments and a script for the shell.
#[track_caller]
pub(crate) fn within(repository: &Repository, arguments: &str, script: &str) -> Output {
    let mut command = repository.command(&format!("env {arguments} --"));
    command.args(["sh", "-c", script]).output().unwrap()
}

#[track_caller]
pub(crate) fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:#?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Nothing is noted, and no folder of this repository's runs is left.
#[track_caller]
pub(crate) fn assert_nothing_left(repository: &Repository) {
    let place = repository.path().join(".pilotage/services");
    let left: Vec<_> = fs::read_dir(&place)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Asks Redis, which understands plain lines, and prints what it says.
const ASK_REDIS: &str = r#"python3 - "$@" <<'END'
import os, socket, sys
url = os.environ["REDIS_URL"]
address, number = url.removeprefix("redis://").split("/")
host, port = address.split(":")
with socket.create_connection((host, int(port))) as connection:
    stream = connection.makefile("rw", newline="\r\n")
    for line in [f"SELECT {number}", "INCR seen", "QUIT"]:
        stream.write(line + "\n"); stream.flush()
        print(stream.readline().strip())
END"#;

#[test]
fn a_command_finds_every_service_and_its_code_is_handed_on() {
    let Some(repository) = with_servers() else { return };
    let services = "--service redis --service postgres --service nats --service make-api-mock";
    let script = format!(
        "set -e\n{ASK_REDIS}\npsql \"$DATABASE_URL\" --no-psqlrc -Atc 'select 40 + 2'\n\
         python3 -c \"import socket, os; h, p = os.environ['NATS_URL'].removeprefix('nats://').split(':'); \
         print(socket.create_connection((h, int(p))).recv(5).decode())\"\n\
         python3 -c \"import urllib.request as u, os; print(u.urlopen(u.Request(os.environ['MAKE_API_ENDPOINT'] + '/users/me', \
         headers={{'Authorization': 'Token ' + os.environ['MAKE_API_TOKEN']}})).status)\"\n\
         env | grep -c ^PILOTAGE_SERVICE_"
    );
    let output = within(&repository, services, &script);
    assert_eq!(said(&output), "+OK\n:1\n+OK\n42\nINFO \n200\n12\n");
    assert_nothing_left(&repository);

    let output = within(&repository, "--service redis", "exit 7");
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let output = within(&repository, "--service redis", "kill -TERM $$");
    assert_eq!(output.status.code(), Some(128 + 15), "{output:?}");
    assert_nothing_left(&repository);
}

#[test]
fn what_is_shown_is_what_a_command_is_given() {
    let Some(repository) = with_servers() else { return };
    let output = within(&repository, "--service redis --print", "echo $REDIS_URL");
    let url = said(&output);
    assert!(url.starts_with("redis://127.0.0.1:"), "{url}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(&format!("REDIS_URL={}", url.trim())), "{told}");
}

/// A suite whose one test tells which databases it has, and that nobody was there before.
const SUITE: &str = r#"
import os, pathlib, socket, subprocess

def test_alone():
    address, number = os.environ["REDIS_URL"].removeprefix("redis://").split("/")
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        stream = connection.makefile("rw", newline="\r\n")
        for line, expected in [(f"SELECT {number}", "+OK"), ("INCR seen", ":1")]:
            stream.write(line + "\n"); stream.flush()
            assert stream.readline().strip() == expected
    sql = "create table seen (it int); insert into seen values (1); select current_database()"
    run = subprocess.run(["psql", os.environ["DATABASE_URL"], "--no-psqlrc", "-qAtc", sql], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    pathlib.Path("told").write_text(f"{number} {run.stdout.strip()} {port}")
"#;

#[test]
fn suites_share_servers_and_no_data_and_what_that_costs_is_learnt() {
    let Some(mut repository) = with_servers() else {
        return;
    };
    let Some(pytest) = crate::repository::pytest() else {
        return;
    };
    repository.set("PYTHONPATH", pytest);
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests:\n  services: [redis, postgres]\n  suites:\n    one: { runner: pytest, folder: one }\n    \
         two: { runner: pytest, folder: two }\n",
    );
    repository.write("one/test_it.py", SUITE);
    repository.write("two/test_it.py", SUITE);
    let (code, report) = repository.run("");
    assert_eq!(code, 0, "{report:#}");
    let told = |suite: &str| -> Vec<String> {
        let told = fs::read_to_string(repository.path().join(suite).join("told")).unwrap();
        told.split(' ').map(str::to_owned).collect()
    };
    let (one, two) = (told("one"), told("two"));
    assert_eq!((&*one[0], &*one[1]), ("1", "suite_1_one"));
    assert_eq!((&*two[0], &*two[1]), ("2", "suite_2_two"));
    assert_eq!(one[2], two[2], "one server for both");
    assert_nothing_left(&repository);

    let history = fs::read_to_string(repository.path().join(".pilotage/test-history.json")).unwrap();
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    let class = history["classes"].as_object().unwrap().values().next().unwrap();
    assert!(
        class["one"]["services"]["average"].as_f64().unwrap() > 0.0,
        "{class:#}"
    );
    let plan = repository.command("run --dry-run").output().unwrap();
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(plan.contains("postgres, redis"), "{plan}");
}

#[test]
fn a_suite_that_reads_its_variables_while_it_is_loaded_can_be_listed() {
    let Some(mut repository) = with_servers() else {
        return;
    };
    let Some(pytest) = crate::repository::pytest() else {
        return;
    };
    repository.set("PYTHONPATH", pytest);
    repository.write("pilotage.yaml", "version: 1\ntests: { services: [redis] }\n");
    repository.write(
        "test_it.py",
        "import os\nURL = os.environ['REDIS_URL']\n\ndef test_it():\n    assert URL\n",
    );
    let output = repository.command("list --files").output().unwrap();
    assert!(said(&output).contains("test_it.py"));
    assert_nothing_left(&repository);
}
