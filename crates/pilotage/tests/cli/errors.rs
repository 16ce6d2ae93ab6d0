//! Errors under `--format json`: one JSON object on one line of the error output, and nothing else there.

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{Place, Ran};

/// What is under `error` of a command that ended with this code.
#[track_caller]
fn told(ran: Ran, code: i32) -> Value {
    let lines: Vec<_> = ran.err.lines().collect();
    let [line] = lines.as_slice() else {
        panic!("not one line: {ran:#?}");
    };
    let mut told: Value = serde_json::from_str(line).unwrap();
    assert_eq!(told["error"]["exitCode"], code, "{ran:#?}");
    ran.ended(code);
    told["error"].take()
}

#[test]
fn every_kind_is_one_line() {
    let place = Place::new();
    place.write("rule.yaml", "id: a\ntrigger: {source: github}\nactions: []\n");
    let cases = [
        ("nonsense --format json", "usage", 2),
        ("--format json", "usage", 2),
        ("event list --format=json --limit 0", "usage", 2),
        ("event show 7 --format json", "usage", 2),
        (
            "event list --token-file missing --format json --server http://127.0.0.1:9",
            "usage",
            2,
        ),
        ("check --format json", "config", 2),
        ("up --config missing.yaml --format json", "config", 2),
        (
            "event list --format json --server http://127.0.0.1:9",
            "could-not-run",
            3,
        ),
        ("audit verify --format json", "could-not-run", 3),
    ];
    for (arguments, kind, code) in cases {
        let error = told(place.run(arguments), code);
        assert_eq!(error["kind"], kind, "`pilotage {arguments}`: {error:#}");
        let message = error["message"].as_str().unwrap();
        assert!(
            !message.trim().is_empty() && !message.starts_with("error"),
            "`pilotage {arguments}`: {error:#}"
        );
        assert!(error["problems"].is_array(), "`pilotage {arguments}`: {error:#}");
    }
}

#[test]
fn the_text_asked_for_stays_text() {
    let place = Place::new();
    for arguments in ["nonsense", "nonsense --format text", "rule show -- --format json"] {
        let ran = place.run(arguments);
        assert!(ran.err.starts_with("error: "), "{ran:#?}");
        ran.ended(2);
    }
    let help = place.run("event --help --format json");
    assert!(help.err.is_empty() && help.out.contains("Usage:"), "{help:#?}");
    help.ended(0);
}

#[test]
fn a_suggestion_and_a_reason_are_told_apart() {
    let place = Place::new();
    let error = told(place.run("evnt --format json"), 2);
    assert_eq!(
        error,
        json!({
            "message": "unrecognized subcommand 'evnt'", "exitCode": 2, "kind": "usage",
            "problems": [{ "message": "unrecognized subcommand 'evnt'", "help": "did you mean `event`?" }],
        })
    );
    let error = told(place.run("stats --format json --server http://127.0.0.1:9"), 3);
    let reason = error["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("Connection refused"), "{error:#}");
}

#[test]
fn problems_of_a_file_have_line_and_column() {
    let place = Place::new();
    let text =
        "version: 1\nrules:\n  - id: a\n    trigger: { source: github, conditons: {} }\n    actions: []\n";
    place.write("pilotage.yaml", text);
    let wrong = json!([{
        "message": "unknown key `conditons`", "help": "did you mean `conditions`?", "pointer": "/rules/0/trigger/conditons",
        "file": "pilotage.yaml", "line": 4, "column": 32,
    }]);
    let ran = place.run("check --format json");
    assert_eq!(ran.err, "");
    let checked: Value = serde_json::from_str(&ran.ended(2)).unwrap();
    assert_eq!(
        checked,
        json!({ "ok": false, "file": "pilotage.yaml", "problems": wrong })
    );
    let error = told(
        place.run("up --config pilotage.yaml --format json --listen 127.0.0.1:0 --health-listen 127.0.0.1:0"),
        2,
    );
    assert_eq!(error["kind"], "config");
    assert_eq!(error["problems"], wrong);
    assert_eq!(
        error["message"],
        "pilotage.yaml does not hold: unknown key `conditons`"
    );

    place.write("rule.yaml", "id: a\nid: b\n");
    let error = told(place.run("rule apply rule.yaml --format json"), 2);
    assert_eq!(
        (&error["kind"], &error["problems"][0]["line"]),
        (&json!("config"), &json!(2))
    );
}

#[tokio::test]
async fn a_refusal_of_the_server_is_passed_on_with_its_places() {
    let server = MockServer::start().await;
    let refusal = json!({
        "type": "about:blank", "title": "It is not in a state for this", "status": 409,
        "detail": "the execution is \u{1b}[2Jrunning", "errors": [],
    });
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(409).set_body_json(refusal))
        .mount(&server)
        .await;
    let id = "01930000-0000-7000-8000-000000000001";
    let ran = Place::new().run(&format!(
        "execution retry {id} --format json --server {}",
        server.uri()
    ));
    assert!(!ran.err.contains('\u{1b}'));
    let error = told(ran, 1);
    assert_eq!(
        error,
        json!({ "message": "the execution is \u{1b}[2Jrunning", "exitCode": 1, "kind": "not-ready", "problems": [] })
    );
}
