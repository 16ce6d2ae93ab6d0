//! Services in containers: before a model of the program `docker`, and before a real engine where one answers.

use std::{ffi::OsString, fs, process::Command};

use super::{ASK_REDIS, assert_nothing_left, said, servers, within};
use crate::repository::Repository;

/// What we ask of `docker`, answered as it does: a container is a process of this machine, its image says which. It keeps what it
/// knows where `DOCKER_CONFIG` says.
const DOCKER: &str = r#"#!/usr/bin/env python3
import json, os, pathlib, signal, subprocess, sys

state = pathlib.Path(os.environ["DOCKER_CONFIG"])
state.mkdir(exist_ok=True)
words = sys.argv[1:]
with open(state / "asked", "a") as asked:
    asked.write(" ".join(words) + "\n")

def fail(text):
    sys.exit("Error response from daemon: " + text)

def pid(name):
    place = state / (name + ".pid")
    return int(place.read_text()) if place.exists() else fail("No such container: " + name)

def runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False

match words:
    case ["version", *_]:
        print("27.0.0")
    case ["image", "inspect", *_, image]:
        if not (state / "pulled").exists(): fail("No such image: " + image)
    case ["pull", "--quiet", image]:
        (state / "pulled").write_text(image)
    case ["run", "--detach", *rest]:
        options = {}
        while rest[0].startswith("--"):
            if rest[0] == "--init":
                rest = rest[1:]
                continue
            options.setdefault(rest[0], []).append(rest[1])
            rest = rest[2:]
        image, *command = rest
        address, port, inside = options["--publish"][0].split(":")
        given = {name: os.environ[name] for name in options.get("--env", [])}
        (state / "run.json").write_text(json.dumps({"image": image, "command": command, "inside": inside, "given": given,
            "labels": options["--label"], "address": address}))
        name = options["--name"][0]
        log = open(state / (name + ".log"), "w")
        if image.startswith("redis"):
            command = [os.environ["DOCKER_CONTEXT"] + "/redis-server", "--port", port, *command[1:]]
        else:
            command = ["sh", "-c", "echo cannot find my licence; exit 1"]
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        (state / (name + ".pid")).write_text(str(process.pid))
        print("f00d")
    case ["container", "inspect", "--format", format, name]:
        print("true" if runs(pid(name)) else "false")
    case ["logs", "--tail", _, name]:
        print((state / (name + ".log")).read_text())
    case ["rm", "--force", "--volumes", name]:
        number = pid(name)
        if runs(number): os.kill(number, signal.SIGKILL)
        (state / (name + ".pid")).unlink()
    case _:
        fail("not understood: " + " ".join(words))
"#;

fn with_docker() -> Option<Repository> {
    let mut repository = Repository::new();
    let servers = servers()?;
    repository.program("bin/docker", DOCKER);
    let path = std::env::var("PATH").unwrap_or_default();
    let bin = repository.path().join("bin");
    repository.set("PATH", format!("{}:{path}", bin.display()).into());
    let state = repository.path().join("engine");
    repository.set("DOCKER_CONFIG", state);
    // Only what says where the engine is reaches `docker`, so the model is told in one of these where Redis is.
    repository.set("DOCKER_CONTEXT", servers);
    Some(repository)
}

fn containers(repository: &Repository) -> usize {
    let files = fs::read_dir(repository.path().join("engine")).unwrap();
    files
        .filter(|file| {
            file.as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|is| is == "pid")
        })
        .count()
}

#[test]
fn a_container_is_fetched_marked_published_here_alone_and_removed() {
    let Some(repository) = with_docker() else { return };
    let output = within(&repository, "--service redis", ASK_REDIS);
    assert_eq!(said(&output), "+OK\n:1\n+OK\n");
    let engine = repository.path().join("engine");
    assert_eq!(
        fs::read_to_string(engine.join("pulled")).unwrap(),
        "redis:7-alpine"
    );
    let run: serde_json::Value = serde_json::from_slice(&fs::read(engine.join("run.json")).unwrap()).unwrap();
    assert_eq!(
        (&run["address"], &run["inside"]),
        (&"127.0.0.1".into(), &"6379".into())
    );
    let labels = run["labels"].to_string();
    assert!(
        labels.contains("io.pilotage.service=redis") && labels.contains("io.pilotage.run="),
        "{labels}"
    );
    assert_eq!(containers(&repository), 0);
    assert_nothing_left(&repository);
}

#[test]
fn a_container_that_ends_is_told_with_its_log_and_secrets_are_no_arguments() {
    let Some(mut repository) = with_docker() else {
        return;
    };
    repository.set("LICENCE", "made-up-licence".into());
    repository.write(
        "pilotage.yaml",
        "version: 1\nservices:\n  search: { image: 'search:2', port: 9200, pass: [LICENCE], environment: { MODE: test } }\n",
    );
    let output = within(&repository, "", "true");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("the container is no longer running") && told.contains("cannot find my licence"),
        "{told}"
    );
    let engine = repository.path().join("engine");
    let run: serde_json::Value = serde_json::from_slice(&fs::read(engine.join("run.json")).unwrap()).unwrap();
    assert_eq!(
        run["given"],
        serde_json::json!({ "LICENCE": "made-up-licence", "MODE": "test" })
    );
    let asked = fs::read_to_string(engine.join("asked")).unwrap();
    assert!(!asked.contains("made-up-licence"), "{asked}");
    assert_eq!(containers(&repository), 0);
    assert_nothing_left(&repository);
}

/// A repository whose services are containers of a real engine, and what it says of its containers.
struct Real {
    repository: Repository,
    host: Option<OsString>,
}

impl Real {
    /// Nothing where no engine answers, be it that of this machine or the one that is named.
    fn engine() -> Option<Self> {
        let host = std::env::var_os("PILOTAGE_CONTAINER_ENGINE");
        let mut repository = Repository::new();
        repository.set("PILOTAGE_SERVICES_FROM", "containers".into());
        if let Some(host) = &host {
            repository.set("DOCKER_HOST", host.into());
        }
        let real = Self { repository, host };
        let version = ["version", "--format", "{{.Server.Version}}"];
        if real.docker(&version).is_some() {
            return Some(real);
        }
        // Not every machine lets an engine run, so this is no failure where everything else has to be there either.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: no container engine answers; start Docker, or name one with PILOTAGE_CONTAINER_ENGINE, to see services in real containers\n",
        );
        None
    }

    fn docker(&self, words: &[&str]) -> Option<String> {
        let mut docker = Command::new("docker");
        docker.args(words);
        if let Some(host) = &self.host {
            docker.env("DOCKER_HOST", host);
        }
        let output = docker.output().ok()?;
        let said = output.status.success().then_some(output.stdout)?;
        Some(String::from_utf8(said).unwrap().trim().to_owned())
    }

    /// The containers with a label, also those that do not run.
    fn labelled(&self, label: &str) -> String {
        self.docker(&["ps", "--all", "--quiet", "--filter", &format!("label={label}")])
            .unwrap()
    }
}

#[test]
fn a_real_engine_runs_them() {
    let Some(real) = Real::engine() else { return };
    let script = format!(
        "ls .pilotage/services\n{ASK_REDIS}\nif command -v psql > /dev/null; then psql \"$DATABASE_URL\" --no-psqlrc -Atc 'select \
         current_database()'; else echo \"$PGDATABASE\"; fi"
    );
    let services = "--service redis --service postgres --service nats";
    let said = said(&within(&real.repository, services, &script));
    let (run, rest) = said.split_once('\n').unwrap();
    assert_eq!(rest, "+OK\n:1\n+OK\nsuite_1_env\n");
    assert_eq!(real.labelled(&format!("io.pilotage.run={run}")), "");
    assert_nothing_left(&real.repository);
}

#[test]
fn a_real_engine_keeps_nothing_of_a_run_that_failed_or_was_killed() {
    let Some(real) = Real::engine() else { return };
    let name = format!("cache-{}", std::process::id());
    let label = format!("io.pilotage.service={name}");
    real.repository.write(
        "pilotage.yaml",
        &format!(
            "version: 1\nservices:\n  {name}: {{ image: 'redis:7-alpine', port: 6379 }}\n  \
             absent: {{ image: '127.0.0.1:9/absent:1', port: 1 }}\n"
        ),
    );
    // One cannot come up while the engine is asked for the other.
    let both = format!("--service {name} --service absent");
    let output = within(&real.repository, &both, "true");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(real.labelled(&label), "");

    let script = "kill -9 $PPID";
    let output = within(&real.repository, &format!("--service {name}"), script);
    assert_eq!(output.status.code(), None, "{output:?}");
    assert_ne!(real.labelled(&label), "");
    let output = within(&real.repository, &format!("--service {name}"), "echo again");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("of a run that was killed was removed"), "{told}");
    assert_eq!(said(&output), "again\n");
    assert_eq!(real.labelled(&label), "");
    assert_nothing_left(&real.repository);
}

#[test]
fn load_is_measured_on_a_container() {
    let Some(real) = Real::engine() else { return };
    real.repository.write("pilotage.yaml", "version: 1\n");
    // Redis speaks no HTTP, which is no matter here: its container is what is looked at.
    let script = "id=$(docker ps --quiet --filter label=io.pilotage.run=$(ls .pilotage/services))\n\
                  \"$PILOTAGE\" load run --url \"http://127.0.0.1:$PILOTAGE_SERVICE_REDIS_PORT/\" --users 1 --duration 300ms \
                  --container $id --threshold 'memory_usage_peak>1KiB' --threshold 'memory_usage_peak<1GiB' --format json";
    let mut repository = real.repository;
    repository.set("PILOTAGE", assert_cmd::cargo::cargo_bin!("pilotage").into());
    let output = within(&repository, "--service redis", script);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["verdict"], "passed", "{report}");
    let output = within(
        &repository,
        "--service redis",
        "\"$PILOTAGE\" load run --url http://127.0.0.1:1/ --container nobody",
    );
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("the container nobody cannot be watched"), "{told}");
}
