//! Services that people describe, and what is said when they do not come up.

use super::{assert_nothing_left, said, with_servers, within};
use crate::repository::{Repository, assert_red};

/// A small server: what it answers is what it was started with.
const SERVER: &str = r#"
import http.server, os, pathlib, sys

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seed = pathlib.Path(sys.argv[2], "seed")
        text = " ".join([self.path, os.environ["MODE"], os.environ.get("REDIS_URL", "-"), seed.read_text() if seed.exists() else "-"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answers)
print("listening now", flush=True)
server.serve_forever()
"#;

const CONFIG: &str = r#"
version: 1
services:
  api:
    command: [python3, server.py, "${port}", "${folder}"]
    ready: { http: /health }
    scheme: http
    environment: { MODE: "test-${port}" }
    provides: { API_URL: "http://${host}:${port}/v1", API_FOLDER: "${folder}", API_BEHIND: "${env.REDIS_URL}" }
    needs: [redis]
    seed: { command: [sh, -c, "printf seeded > $API_FOLDER/seed"] }
"#;

#[test]
fn what_is_declared_is_filled_in_started_after_what_it_needs_and_seeded() {
    let Some(repository) = with_servers() else { return };
    repository.write("server.py", SERVER);
    repository.write("pilotage.yaml", CONFIG);
    let get = "python3 -c \"import os, urllib.request as u; print(u.urlopen(os.environ['API_URL']).read().decode())\"; \
               echo $PILOTAGE_SERVICE_API_PORT $REDIS_URL $API_BEHIND $PILOTAGE_SERVICE_API_URL";
    let output = within(&repository, "--service api", get);
    let said = said(&output);
    let (first, second) = said.trim().split_once('\n').unwrap();
    let told: Vec<_> = second.split(' ').collect();
    let [port, redis, behind, url] = told.as_slice() else {
        panic!("{said}")
    };
    assert_eq!(redis, behind, "one Redis for both");
    assert_eq!(*url, format!("http://127.0.0.1:{port}"));
    assert_eq!(first, format!("/v1 test-{port} {redis} seeded"));
    assert_nothing_left(&repository);
}

#[test]
fn seeds_are_in_the_database_of_each() {
    let Some(repository) = with_servers() else { return };
    repository.write(
        "pilotage.yaml",
        "version: 1\nservices:\n  redis: { seed: { file: seed.redis } }\n  postgres: { seed: { file: seed.sql } }\n",
    );
    repository.write(
        "seed.redis",
        "# what is there\nSET greeting hello\n\nRPUSH list a b c\n",
    );
    repository.write(
        "seed.sql",
        "create table t (n int); insert into t values (41), (42);\n",
    );
    let script = "psql \"$DATABASE_URL\" --no-psqlrc -Atc 'select max(n), current_database() from t'; \
                  redis-cli -u \"$REDIS_URL\" get greeting; redis-cli -u \"$REDIS_URL\" llen list";
    let output = within(&repository, "--service redis --service postgres", script);
    assert_eq!(said(&output), "42|suite_1_env\nhello\n3\n");

    repository.write("seed.redis", "SET greeting hello\nLPUSH greeting no\n");
    let output = within(&repository, "--service redis", "true");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("seed.redis: -WRONGTYPE"), "{told}");
    repository.write("seed.sql", "create broken t;\n");
    let output = within(&repository, "--service postgres", "true");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("syntax error at or near \"broken\""), "{told}");
    assert_nothing_left(&repository);
}

#[test]
fn what_does_not_come_up_is_told_with_its_last_words() {
    let cases = [
        (
            "command: [sh, -c, 'echo no licence >&2; exit 4']",
            ["it ended before it was ready (exit status: 4)", "no licence"],
        ),
        (
            "{ command: [sh, -c, 'echo still loading; exec sleep 600'], readySeconds: 1 }",
            ["it was not ready within 1 s", "still loading"],
        ),
        (
            "{ command: [no-such-server] }",
            ["`no-such-server` cannot be started", "it is not installed"],
        ),
        (
            "{ command: [sleep, '${prot}'] }",
            ["`${prot}` stands for nothing here", "port"],
        ),
        (
            "{ image: 'search:2', port: 9200 }",
            ["it needs a container engine", "give it a `command`"],
        ),
    ];
    for (service, words) in cases {
        let mut repository = Repository::new();
        repository.set("PILOTAGE_SERVICES_FROM", "programs".into());
        let service = if service.starts_with('{') {
            service.to_owned()
        } else {
            format!("{{ {service} }}")
        };
        repository.write(
            "pilotage.yaml",
            &format!("version: 1\nservices:\n  api: {service}\n"),
        );
        let output = within(&repository, "", "echo ran");
        assert_eq!(output.status.code(), Some(3), "{service}: {output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        for word in ["the service `api`"].iter().chain(&words) {
            assert!(told.contains(word), "{service}: {word}: {told}");
        }
        assert_nothing_left(&repository);
    }
}

#[test]
fn a_log_line_and_a_command_can_tell_that_a_service_is_ready() {
    for ready in ["log: listening now", "command: [test, -e, up]"] {
        let repository = Repository::new();
        repository.write(
            "pilotage.yaml",
            &format!(
                "version: 1\nservices:\n  job: {{ command: [sh, -c, 'touch up; echo listening now; exec sleep 600'], ready: {{ {ready} }} }}\n"
            ),
        );
        assert_eq!(said(&within(&repository, "", "ls up")), "up\n");
    }
}

#[test]
fn what_is_not_installed_is_told_with_how_to_get_it() {
    let mut repository = Repository::new();
    repository.set("PILOTAGE_SERVICES_FROM", "programs".into());
    repository.set("PATH", repository.path().join("empty"));
    let output = within(&repository, "--service redis", "true");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("redis-server is not installed") && told.contains("apt-get install redis-server"),
        "{told}"
    );
}

#[test]
fn a_suite_without_its_services_is_red_and_says_why() {
    let Some(mut repository) = Repository::with_pytest() else {
        return;
    };
    repository.set("PILOTAGE_SERVICES_FROM", "programs".into());
    repository.write(
        "pilotage.yaml",
        "version: 1\nservices: { api: { command: [sh, -c, 'echo out of luck; exit 1'] } }\ntests: { services: [api] }\n",
    );
    repository.write("test_it.py", "def test_it(): pass\n");
    assert_red(
        &repository.run(""),
        &["test_it.py", "the service `api` did not come up", "out of luck"],
    );
    assert_nothing_left(&repository);
}

#[test]
fn a_service_that_there_is_not_is_a_matter_of_configuration() {
    let repository = Repository::new();
    let output = within(&repository, "--service rediss", "true");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("did you mean `redis`?"), "{told}");
    repository.write("pilotage.yaml", "version: 1\ntests: { services: [postgras] }\n");
    let output = repository.command("list").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("did you mean `postgres`?"), "{told}");
}
