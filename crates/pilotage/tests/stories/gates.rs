//! A delivery, a rule, a gate: what is behind the gate runs only where the commit is ready, and the execution says why not.

use std::process::Command;

use pilotage_core::Timestamp;
use pilotage_mock::WebhookListener;
use serde_json::{Value, json};

use crate::server::{Place, Server, assert_audit_holds, pilotage};

fn config(receiver: &WebhookListener) -> String {
    format!(
        r#"
version: 1
sources: {{ github: {{ secrets: ["${{env:GITHUB_WEBHOOK_SECRET}}"] }} }}
outgoing: {{ allow: ["127.0.0.1"] }}
endpoints:
  deploy: {{ url: "http://{}/start" }}
gates:
- id: lint
  environments: [staging]
  criteria: [{{ metric: lint_errors, operator: eq, threshold: 0 }}]
rules:
- id: deploy-main
  trigger: {{ source: github, eventTypes: [push] }}
  actions:
  - type: gate
    target: staging
    parameters: {{ gates: [lint] }}
    retryPolicy: {{ maxAttempts: 100, initialDelay: 200, backoffMultiplier: 1, maxDelay: 200 }}
  - type: webhook
    target: deploy
    parameters: {{ body: {{ commit: "${{event.data.after}}" }} }}
"#,
        receiver.address()
    )
}

fn commit(digit: char) -> String {
    std::iter::repeat_n(digit, 40).collect()
}

/// What CI sends for a commit: so many errors of the linter.
async fn send(server: &Server, commit: &str, errors: u32) {
    let value = json!({ "metric": "lint_errors", "evidence": {
        "value": errors, "unit": "count", "source": "lint", "collector": "command", "tool": { "name": "linter" },
        "files": [], "fileCount": 1, "digest": format!("{errors:064}"),
        "measuredAt": { "how": "now", "at": Timestamp::now() }, "expiresAt": null,
        "examined": { "count": 9, "what": "files", "atLeast": 1 }, "notes": [],
    }});
    let body = json!({
        "environment": "staging", "commit": commit, "gates": ["lint"], "evidence": { "values": [value] },
    });
    let (status, answer) = server.post("/api/v1/gates/runs", &body).await;
    assert_eq!(status, 201, "{answer:#}");
}

async fn push(server: &Server, commit: &str) {
    let body = json!({ "ref": "refs/heads/main", "after": commit }).to_string();
    let (status, answer) = server.push(commit, &body).await.unwrap();
    assert_eq!(status, 202, "{answer:#}");
}

async fn newest_execution(server: &Server) -> Value {
    server.settled().await;
    let list = server.get("/api/v1/executions?limit=1").await;
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    server.get(&format!("/api/v1/executions/{id}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_fails_keeps_what_is_behind_it_from_running_and_says_why() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    let (bad, good) = (commit('a'), commit('b'));

    send(&server, &bad, 3).await;
    push(&server, &bad).await;
    let failed = newest_execution(&server).await;
    assert_eq!(failed["status"], "failed", "{failed:#}");
    let why = failed["reason"].as_str().unwrap();
    assert!(
        why.contains("Not ready for staging") && why.contains("lint/lint_errors: 3, asked is = 0"),
        "{why}"
    );
    assert_eq!(
        failed["attempts"].as_array().unwrap().len(),
        1,
        "what was measured stays: {failed:#}"
    );
    assert!(
        receiver.arrivals().is_empty(),
        "the action behind the gate did not run"
    );

    send(&server, &good, 0).await;
    push(&server, &good).await;
    let passed = newest_execution(&server).await;
    assert_eq!(passed["status"], "succeeded", "{passed:#}");
    let arrived = receiver.arrivals();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].json()["commit"], json!(good));

    let runs = server.get("/api/v1/gates/runs?environment=staging").await;
    let of_rules: Vec<_> = runs["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["origin"] == "rule")
        .map(|run| (&run["actor"], &run["verdict"]))
        .collect();
    let by = json!("rule:deploy-main");
    assert_eq!(of_rules, [(&by, &json!("ready")), (&by, &json!("notReady"))]);
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_waits_for_evidence_that_is_still_to_come() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    let late = commit('c');
    push(&server, &late).await;
    server
        .wait_for("/api/v1/executions?status=pending", |page| {
            let reason = page["items"][0]["reason"].as_str();
            reason.is_some_and(|reason| reason.contains("nothing here measures `lint_errors`"))
        })
        .await;
    assert!(receiver.arrivals().is_empty());
    send(&server, &late, 0).await;
    let passed = newest_execution(&server).await;
    assert_eq!(passed["status"], "succeeded", "{passed:#}");
    assert_eq!(receiver.arrivals().len(), 1);
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

/// A repository whose gate reads a number from a file.
struct Repository(tempfile::TempDir);

impl Repository {
    fn git(&self, arguments: &str) {
        let done = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(arguments.split(' '))
            .current_dir(self.0.path())
            .status();
        assert!(done.unwrap().success(), "{arguments}");
    }

    fn commit(&self, errors: u32) {
        std::fs::write(self.0.path().join("errors"), errors.to_string()).unwrap();
        self.git("add .");
        self.git("commit -q -m Next");
    }

    /// The exit code and what `gate run` prints, judged by the server.
    fn judge(&self, server: &Server) -> (Option<i32>, String) {
        let output = pilotage()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .args(["gate", "run", "--env", "staging", "--server", &server.url])
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &errors,
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_the_command_line_waits_for_what_the_server_measures() {
    let repository = Repository(tempfile::tempdir().unwrap());
    repository.git("init -q");
    repository.commit(0);
    let folder = repository.0.path().display();
    let place = Place::new(&format!(
        r"
version: 1
server: {{ workingFolder: {folder} }}
evidence:
  lint: {{ kind: command, command: [cat, errors], metrics: {{ lint_errors: {{ from: output }} }} }}
  rules: {{ kind: policy, rules: {{ tidy: {{ metric: lint_errors, operator: lte, threshold: 2 }} }} }}
gates:
- {{ id: build-validation, enabled: false }}
- {{ id: test-validation, enabled: false }}
- {{ id: security-validation, enabled: false }}
- id: lint
  criteria:
  - {{ metric: lint_errors, operator: eq, threshold: 0 }}
  - {{ metric: policy_violations, operator: eq, threshold: 0 }}
"
    ));
    let path = std::env::var("PATH").unwrap();
    let server = Server::launch(&place, "127.0.0.1:0", &[], &[("PATH", &path)]);
    let (code, text) = repository.judge(&server);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("Ready for staging"), "{text}");
    repository.commit(2);
    let (code, text) = repository.judge(&server);
    assert_eq!(code, Some(1), "{text}");
    let failed: Vec<_> = text
        .lines()
        .filter(|line| line.trim_start().starts_with("FAIL "))
        .collect();
    assert!(
        matches!(failed.as_slice(), [line] if line.contains("lint_errors")),
        "{text}"
    );
    assert!(server.stop().success());
    assert_audit_holds(&place);
}
