//! Load runs from the command line: what is refused, what is judged, and what gates read of it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    process::Command,
    thread,
};

use serde_json::Value;

fn pilotage(folder: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilotage"));
    command.current_dir(folder).env_remove("PILOTAGE_CONFIG");
    command
}

/// A server that answers everything with this status, on threads of its own.
fn answering(status: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut asked = [0; 4_096];
                while stream.read(&mut asked).is_ok_and(|read| read > 0) {
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn load_goes_nowhere_else_unless_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = pilotage(folder.path())
        .args(["load", "run", "--url", "http://example.com/"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("load.allow"), "{said}");
}

#[test]
fn every_request_is_counted_and_errors_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let address = answering("503 Service Unavailable");
    let url = format!("http://{address}/");
    let mut command = pilotage(folder.path());
    command.args([
        "load",
        "run",
        "--url",
        &url,
        "--users",
        "3",
        "--duration",
        "300ms",
    ]);
    let output = command
        .args(["--threshold", "error_rate<1%", "--format", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(
        (&report["verdict"], &report["errorPercent"]),
        (&"failed".into(), &100.0.into())
    );
    assert_eq!(report["statuses"]["503"], report["requests"]);
    assert!(report["requests"].as_u64().unwrap() >= 3);
}

#[test]
fn a_scenario_of_the_file_is_run_and_gates_read_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let address = answering("200 OK");
    let config = format!(
        r#"version: 1
load:
  scenarios:
    shop:
      users: 2
      duration: 300ms
      pid: {}
      data: goods.json
      requests:
        - {{ name: look, url: "http://{address}/goods/${{id}}", contains: ok }}
        - {{ name: buy, method: POST, url: "http://{address}/orders", body: {{ id: "${{id}}" }}, expect: [200] }}
      thresholds:
        - {{ metric: error_rate, operator: lt, threshold: 1% }}
        - {{ metric: memory_usage_peak, operator: gt, threshold: 1KiB }}
evidence:
  load: {{ kind: load, files: [.pilotage/load/shop.json] }}
gates:
  - {{ id: performance-validation, enabled: false }}
  - id: load
    criteria:
      - {{ metric: error_rate, operator: lt, threshold: 1% }}
      - {{ metric: throughput_rps, operator: gt, threshold: 1 }}
      - {{ metric: memory_usage_peak, operator: gt, threshold: 1KiB }}
"#,
        std::process::id()
    );
    std::fs::write(folder.path().join("pilotage.yaml"), config).unwrap();
    std::fs::write(
        folder.path().join("goods.json"),
        r#"[{ "id": "a b" }, { "id": 7 }]"#,
    )
    .unwrap();
    let output = pilotage(folder.path()).args(["load", "run"]).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("passed") && said.contains("buy"), "{said}");
    let gate = pilotage(folder.path())
        .args(["gate", "run", "--env", "production", "--gate", "load"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&gate.stdout).into_owned() + &String::from_utf8_lossy(&gate.stderr);
    assert_eq!(gate.status.code(), Some(0), "{said}");
}
