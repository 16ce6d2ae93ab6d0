//! `webhook listen`, with what `webhook send` sends to it.

use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::Place;

const GITHUB: &str = "It's a Secret to Everybody";
const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A listener that runs; it ends with this.
struct Listening {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Listening {
    fn start(place: &Place, arguments: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pilotage"));
        command
            .env_clear()
            .env("GITHUB_WEBHOOK_SECRET", GITHUB)
            .env("STANDARD", STANDARD)
            .current_dir(place.0.path())
            .args(["webhook", "listen"])
            .args(arguments.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Ends it as Ctrl-C does, and answers what it says then.
    fn end(mut self) -> Vec<String> {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let rest = self.lines.by_ref().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(place: &Place, what: &str, secret: &str, to: &str) -> i32 {
    let mut command = place.command(&format!("webhook send {what} --file body --to {to}"));
    command
        .args(["--secret", secret])
        .output()
        .unwrap()
        .status
        .code()
        .unwrap()
}

#[test]
fn what_arrives_is_judged_shown_and_recorded() {
    let place = Place::new();
    place.write("body", "{\"a\":1}");
    let mut listening = Listening::start(
        &place,
        "--format json --endpoint webhooks/github:github --endpoint webhooks/custom/ci:standard-webhooks \
         --secret-env STANDARD --record arrivals.jsonl",
    );
    let said = listening.json();
    let to = said["listening"].as_str().unwrap().to_owned();
    assert_eq!(said["endpoints"][0]["url"], format!("{to}/webhooks/github"));

    let github = "github --event push --delivery-id d-1";
    assert_eq!(send(&place, github, STANDARD, &to), 0);
    let arrival = listening.json();
    assert_eq!(
        (
            &arrival["verdict"],
            &arrival["verified"],
            &arrival["eventType"],
            &arrival["deliveryId"]
        ),
        (&json!("accepted"), &json!(true), &json!("push"), &json!("d-1"))
    );
    assert_eq!(
        arrival["bodySha256"],
        "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    );
    assert_eq!(send(&place, github, "another", &to), 1);
    let refused = listening.json();
    assert_eq!(
        (&refused["verdict"], &refused["status"]),
        (&json!("refused"), &json!(401))
    );
    assert_eq!(send(&place, "custom/ci", STANDARD, &to), 0);
    assert_eq!(listening.json()["verified"], true);
    // The credential of this one is hidden, and its own endpoint is not there.
    assert_eq!(send(&place, "make", "sesame", &to), 1);
    let nowhere = listening.json();
    assert_eq!(
        (&nowhere["verdict"], &nowhere["status"]),
        (&json!("no-endpoint"), &json!(404))
    );
    assert!(
        nowhere.to_string().contains(r#"["x-make-secret","***"]"#),
        "{nowhere}"
    );
    assert_eq!(listening.end(), [r#"{"arrived":4,"refused":2,"verified":2}"#]);

    let record = place.read("arrivals.jsonl");
    let lines: Vec<Value> = record
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(
        (&lines[0]["number"], &lines[0]["body"]),
        (&json!(1), &json!("{\"a\":1}"))
    );
    assert!(!record.contains("sesame"));
}

#[test]
fn it_is_down_as_often_as_told_and_shows_it_to_people() {
    let place = Place::new();
    place.write("body", "{}");
    let mut listening = Listening::start(
        &place,
        "--endpoint webhooks/github:github --fail-times 1 --status 202 --delay 1",
    );
    let first = listening.line();
    let to = first.strip_prefix("Listening on ").unwrap().to_owned();
    assert_eq!(
        listening.line(),
        format!("webhooks/github  {to}/webhooks/github  judged as github")
    );
    let github = "github --event push --delivery-id d\u{1b}-1";
    assert_eq!(send(&place, github, GITHUB, &to), 2, "no header holds that");
    let github = "github --event push --delivery-id d-1";
    assert_eq!(
        [
            send(&place, github, GITHUB, &to),
            send(&place, github, GITHUB, &to)
        ],
        [1, 0]
    );
    // Behind the moment.
    let shown = [listening.line(), listening.line()].map(|line| line.split_once("  ").unwrap().1.to_owned());
    assert_eq!(
        shown,
        [
            "POST /webhooks/github  503  ✓ push d-1  2 B 44136fa355b3",
            "POST /webhooks/github  202  ✓ push d-1  2 B 44136fa355b3",
        ]
    );
    assert_eq!(listening.end(), ["2 arrived: 2 verified, 0 refused"]);
}

#[test]
fn what_cannot_be_listened_for_is_a_mistake_of_the_caller() {
    let place = Place::new();
    for (arguments, part) in [
        ("--endpoint a:gihub", "did you mean `github`?"),
        (
            "--endpoint a:github",
            "name it with --secret-env or --secret-file",
        ),
        ("--endpoint a --endpoint a", "the endpoint `a` is there twice"),
        ("--secret-env NOT_SET", "NOT_SET is not set"),
        ("--secret-file nowhere", "cannot read the secret file nowhere"),
        ("--status 99", "99"),
        ("--record nowhere/file", "cannot write to nowhere/file"),
    ] {
        let ran = place.run(&format!("webhook listen {arguments}"));
        assert_eq!(ran.code, Some(2), "{arguments}: {ran:#?}");
        assert!(ran.err.contains(part), "{arguments}: {}", ran.err);
    }
}
