//! `rule test` without a server, and against the rules and events of one; `rule apply` and `rule show`.

use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, method, path},
};

use crate::{Place, Ran};

const CONFIG: &str = r#"version: 1
rules:
  - id: deploy-main
    trigger:
      source: github
      eventTypes: [push]
      conditions:
        ref: refs/heads/main
        commits[*].id: { in: [a, b] }
    actions: [{ type: webhook, target: "https://example.com/hook" }]
  - id: scenario-ok
    trigger:
      source: make
      when: data.status == "success"
    actions: [{ type: webhook, target: "https://example.com/hook" }]
"#;

fn place(branch: &str) -> Place {
    let place = Place::new();
    place.write("pilotage.yaml", CONFIG);
    place.write(
        "push.json",
        &json!({ "ref": branch, "commits": [{ "id": "b" }] }).to_string(),
    );
    place
}

#[test]
fn every_condition_says_why() {
    let place = place("refs/heads/dev\u{1b}[2J");
    let test = "rule test --event push.json --source github --type push";
    insta::assert_snapshot!(place.run(test).ended(1), @r#"
    deploy-main  ✗ does not match
           PART                      EXPECTED           FOUND
    ✓ yes  enabled                   true               true
    ✓ yes  source                    github             github
    ✓ yes  type                      push               push
    ✓ yes  conditions.commits[*].id  {"in":["a","b"]}   "b"
    ✗ no   conditions.ref            "refs/heads/main"  "refs/heads/dev\u001b[2J"

    scenario-ok  ✗ does not match
           PART     EXPECTED                  FOUND
    ✓ yes  enabled  true                      true
    ✗ no   source   make                      github
    ✓ yes  type     any                       push
    ✗ no   when     data.status == "success"  the expression failed: there is no key `status`

    0 of 2 rules would act on this event.
    "#);
    let told: Value = serde_json::from_str(
        &place
            .run(&format!("{test} --rule deploy-main --format json"))
            .ended(1),
    )
    .unwrap();
    assert_eq!(
        (&told["matches"], told["rules"].as_array().unwrap().len()),
        (&json!(false), 1)
    );
}

#[test]
fn a_rule_that_matches_ends_with_zero() {
    let place = place("refs/heads/main");
    let test = "rule test --event push.json --source github --type push";
    let told = place.run(&format!("{test} --rule deploy-main")).ended(0);
    assert!(
        told.ends_with("1 of 1 rules would act on this event.\n"),
        "{told}"
    );
    let event =
        json!({ "source": "make", "type": "scenario.executed", "data": { "status": "success" } }).to_string();
    let mut piped = place.command("rule test --event -");
    Ran::from(piped.write_stdin(event).output().unwrap()).ended(0);
}

#[test]
fn a_bare_payload_is_translated_as_its_source_does_it() {
    let place = Place::new();
    place.write(
        "pilotage.yaml",
        r#"version: 1
rules:
  - id: rolled-out
    trigger: { source: kubernetes, eventTypes: [deployment.failed], conditions: { attributes.namespace: production, verified: true } }
    actions: [{ type: webhook, target: "https://example.com/hook" }]
"#,
    );
    let failed = include_str!("../../../../fixtures/kubernetes/deployment.failed.json");
    place.write("failed.json", failed);
    place
        .run("rule test --event failed.json --source kubernetes")
        .ended(0);
    let ran = place.run("rule test --event failed.json --source kubernetes --type nonsense");
    assert!(
        ran.err.contains("kubernetes makes `deployment.failed`"),
        "{ran:#?}"
    );
    ran.ended(0);
}

#[test]
fn what_cannot_be_tested_is_a_usage_error() {
    let place = place("refs/heads/main");
    place.write(
        "bad.yaml",
        &CONFIG.replace("ref: refs/heads/main", "ref: { glbo: x }"),
    );
    place.write("text", "no json");
    let cases = [
        ("rule test --event push.json", "bare payload"),
        ("rule test --event text --source a --type b", "is not JSON"),
        (
            "rule test --event missing.json --source a --type b",
            "cannot read missing.json",
        ),
        ("rule test --event push.json --source github", "--type"),
        ("rule test --event push.json --source billing", "--type"),
        (
            "rule test --event push.json --source kubernetes",
            "kubernetes would refuse this payload",
        ),
        (
            "rule test --event push.json --source github --type push --rule deploy-mian",
            "did you mean `deploy-main`?",
        ),
        (
            "rule test --event push.json --source github --type push --config missing.yaml",
            "missing.yaml",
        ),
        (
            "rule test --event push.json --source github --type push --config bad.yaml",
            "--> bad.yaml:8",
        ),
    ];
    for (arguments, told) in cases {
        let ran = place.run(arguments);
        assert!(
            ran.code == Some(2) && ran.err.contains(told),
            "`{arguments}`: {ran:#?}"
        );
        assert!(!ran.err.contains("error: error:"), "{ran:#?}");
    }
}

fn rule() -> Value {
    json!({
        "id": "deploy-main", "enabled": true, "trigger": { "source": "github", "conditions": { "ref": "refs/heads/main" } },
        "actions": [{ "type": "webhook", "target": "https://example.com/hook" }],
        "origin": "api", "digest": "22".repeat(32), "inForce": true, "problems": [],
        "statistics": {
            "rule": "deploy-main", "matched": 3, "succeeded": 1, "failed": 1, "cancelled": 0, "successRate": 0.5,
            "p50Us": 1_500, "p95Us": 2_000_000, "lastMatchedAt": "2026-01-02T03:04:06Z",
        },
    })
}

async fn server() -> MockServer {
    let server = MockServer::start().await;
    let mut aside = rule();
    aside["id"] = json!("old");
    aside["inForce"] = json!(false);
    aside["problems"] =
        json!([{ "pointer": "/trigger/source", "message": "there is no webhook source `x`" }]);
    let mut event = json!({ "source": "github", "type": "push", "data": { "ref": "refs/heads/main" } });
    for (name, value) in [
        ("id", ID),
        ("tenant", "default"),
        ("deliveryId", "d"),
        ("timestamp", "2026-01-02T03:04:06Z"),
        ("receivedAt", "2026-01-02T03:04:06Z"),
        ("digest", &"00".repeat(32)),
    ] {
        event[name] = json!(value);
    }
    event["verified"] = json!(true);
    let answers = [
        (
            "/api/v1/rules".to_owned(),
            json!({ "items": [rule(), aside], "next": null }),
        ),
        ("/api/v1/rules/deploy-main".to_owned(), rule()),
        (format!("/api/v1/events/{ID}"), event),
    ];
    for (at, answer) in answers {
        let given = Mock::given(method("GET")).and(path(at));
        given
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&server)
            .await;
    }
    server
}

const ID: &str = "01930000-0000-7000-8000-000000000001";

#[tokio::test]
async fn rules_and_events_of_a_server_are_tested() {
    let server = server().await;
    let place = Place::new();
    let told = place
        .run(&format!("rule test --event {ID} --server {}", server.uri()))
        .ended(0);
    assert!(
        told.ends_with("1 of 1 rules would act on this event.\n"),
        "{told}"
    );
    insta::assert_snapshot!(place.run(&format!("rule list --server {}", server.uri())).ended(0), @r#"
    ID           STATE      ORIGIN  SOURCE  TYPES  MATCHED  FAILED  P95
    deploy-main  enabled    api     github  any    3        1       2.0 s
    old          set aside  api     github  any    3        1       2.0 s
    "#);
    insta::assert_snapshot!(place.run(&format!("rule show deploy-main --server {}", server.uri())).ended(0), @r#"
    rule          deploy-main
    state         enabled
    origin        api
    matched       3: 1 succeeded, 1 failed, 0 cancelled
    latency       p50 1.5 ms, p95 2.0 s
    last matched  2026-01-02T03:04:06.000000Z

    {
      "id": "deploy-main",
      "enabled": true,
      "trigger": {
        "source": "github",
        "conditions": {
          "ref": "refs/heads/main"
        }
      },
      "actions": [
        {
          "type": "webhook",
          "target": "https://example.com/hook",
          "retryPolicy": {
            "maxAttempts": 5,
            "initialDelay": 1000,
            "backoffMultiplier": 2.0,
            "maxDelay": 300000
          }
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_rule_is_applied_from_a_file_and_refused_with_its_lines() {
    let server = MockServer::start().await;
    let refusal = json!({
        "status": 422, "title": "What was sent does not hold",
        "errors": [{ "pointer": "/trigger/source", "message": "there is no webhook source `gihub`", "help": "did you mean `github`?" }],
    });
    let put = || Mock::given(method("PUT")).and(path("/api/v1/rules/a"));
    let refused = put().and(body_partial_json(json!({ "trigger": { "source": "gihub" } })));
    refused
        .respond_with(ResponseTemplate::new(422).set_body_json(refusal))
        .mount(&server)
        .await;
    put()
        .respond_with(ResponseTemplate::new(201).set_body_json(rule()))
        .mount(&server)
        .await;
    let place = Place::new();
    let text = "id: a\ntrigger:\n  source: gihub\nactions:\n  - { type: webhook, target: \"https://example.com/\" }\n";
    place.write("rule.yaml", text);
    place.write("good.yaml", &text.replace("gihub", "github"));
    let apply = |file: &str| place.run(&format!("rule apply {file} --server {}", server.uri()));
    let ran = apply("rule.yaml");
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @r#"
    error: there is no webhook source `gihub`
     --> rule.yaml:3:11
      |
    3 |   source: gihub
      |           ^^^^^
      = help: did you mean `github`?
    "#);
    apply("good.yaml").ended(0);
}
