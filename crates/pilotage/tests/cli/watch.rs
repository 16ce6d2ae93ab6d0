//! `watch` away from a terminal: lines and JSON, told by a stand-in that says word for word what a server would. The story
//! with a real server and its restart is `stories::watch`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{Place, Ran};

const ID: &str = "01930000-0000-7000-8000-000000000001";
const OTHER: &str = "01930000-0000-7000-8000-000000000002";

fn update(id: &str, second: u32, status: &str, current: u32, message: &str) -> Value {
    json!({
        "id": id, "type": "execution", "status": status,
        "progress": { "current": current, "total": 2, "percentage": current * 50 }, "message": message,
        "timestamp": format!("2026-01-02T03:04:{second:02}.000000Z"),
        "metadata": { "name": "dep\u{1b}[2Jloy", "rule": "deploy" },
    })
}

fn event(name: &str, id: u32, updates: &[Value]) -> String {
    let data = json!({ "updates": updates, "timestamp": "2026-01-02T03:04:59.000000Z" });
    format!("event: {name}\nid: {id}\ndata: {data}\n\n")
}

fn stream(events: &[String]) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\nretry: 1\n\n";
    format!("{head}{}", events.concat())
}

fn answer(status: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// Gives one answer to each connection, in order, and then is gone; tells the heads of the requests.
fn stand_in(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = std::thread::spawn(move || {
        let answer = |answer: String| {
            let (connection, _) = listener.accept().unwrap();
            let head = head(&connection);
            (&connection).write_all(answer.as_bytes()).unwrap();
            head
        };
        answers.into_iter().map(answer).collect()
    });
    (url, heads)
}

fn head(connection: &TcpStream) -> String {
    let lines = BufReader::new(connection).lines().map(Result::unwrap);
    lines
        .take_while(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
        .to_lowercase()
}

/// What is followed has no end of its own, so a test that fails would have none either.
const DEADLINE: Duration = Duration::from_mins(1);

fn watch(arguments: &str) -> Ran {
    let place = Place::new();
    let mut command = place.command("watch");
    let command = command.args(arguments.split_whitespace()).timeout(DEADLINE);
    Ran::from(command.output().unwrap())
}

#[test]
fn it_comes_back_after_the_last_event_and_tells_nothing_twice() {
    let running = update(ID, 1, "running", 0, "action 1 (webhook)");
    let half = update(ID, 2, "running", 1, "action 2 (notification)");
    let done = update(ID, 4, "success", 2, "");
    let other = update(OTHER, 3, "failure", 1, "answered 503\nand gave up");
    let answers = vec![
        answer("200 OK", &running),
        stream(&[
            event("snapshot", 5, std::slice::from_ref(&running)),
            event("updates", 6, std::slice::from_ref(&half)),
            ": still here\nid: 8\n\nevent: updates\ndata: half of".to_owned(),
        ]),
        answer("503 Service Unavailable", &json!({})),
        stream(&[
            "event: reset\ndata: {\"reason\":\"too-old\",\"message\":\"too much has changed\"}\n\n"
                .to_owned(),
            event("snapshot", 20, &[other, half]),
            event("updates", 21, &[done]),
        ]),
    ];
    let (url, heads) = stand_in(answers);
    let ran = watch(&format!("--exit-when-done {ID} --server {url}"));
    insta::assert_snapshot!(ran.err, @r"
    The connection broke: the server ended it. Trying again in 0.001 s.
    The connection broke: the server answered 503: {}. Trying again in 0.002 s.
    Connected again; going on after the last update.
    The present state follows: too much has changed.
    ");
    insta::assert_snapshot!(ran.ended(0), @r"
    2026-01-02T03:04:01.000000Z  running    dep\u{1b}[2Jloy  0/2  action 1 (webhook)
    2026-01-02T03:04:02.000000Z  running    dep\u{1b}[2Jloy  1/2  action 2 (notification)
    2026-01-02T03:04:03.000000Z  failure    dep\u{1b}[2Jloy  1/2  answered 503\nand gave up
    2026-01-02T03:04:04.000000Z  success    dep\u{1b}[2Jloy  2/2
    ");
    let heads = heads.join().unwrap();
    let [_, first, second, third] = heads.as_slice() else {
        panic!("{heads:#?}");
    };
    let asked = "get /api/v1/stream?filter=%7b%22field%22%3a%22id%22%2c%22operator%22%3a%22equals%22%2c%22value%22%3a%22";
    assert!(
        first.starts_with(asked) && !first.contains("last-event-id"),
        "{first}"
    );
    for head in [second, third] {
        assert!(head.contains("last-event-id: 8"), "{head}");
    }
}

#[test]
fn json_is_the_update_word_for_word() {
    let failed = update(ID, 1, "failure", 1, "\u{9b}");
    let (url, heads) = stand_in(vec![
        answer("200 OK", &update(ID, 0, "pending", 0, "")),
        stream(&[]),
        stream(&[event("snapshot", 5, std::slice::from_ref(&failed))]),
    ]);
    let ran = watch(&format!("--exit-when-done {ID} --format json --server {url}"));
    let lost: Value = serde_json::from_str(ran.err.lines().next().unwrap()).unwrap();
    assert_eq!(
        lost,
        json!({ "connection": { "state": "lost", "reason": "the server ended it", "waitMs": 1 } })
    );
    let text = ran.ended(1);
    assert!(!text.contains('\u{9b}'));
    assert_eq!(serde_json::from_str::<Value>(text.trim_end()).unwrap(), failed);
    assert_eq!(text.lines().count(), 1);
    heads.join().unwrap();
}

#[test]
fn what_has_ended_is_told_at_once() {
    for (status, code) in [("success", 0), ("failure", 1), ("cancelled", 1)] {
        let (url, heads) = stand_in(vec![answer("200 OK", &update(ID, 1, status, 2, ""))]);
        let ran = watch(&format!("--exit-when-done {ID} --server {url}"));
        assert!(ran.out.contains(status), "{ran:#?}");
        ran.ended(code);
        heads.join().unwrap();
    }
}

#[test]
fn what_cannot_be_followed_ends_with_its_code() {
    let refusal = json!({ "type": "about:blank", "title": "No", "status": 400, "detail": "filter 1: no" });
    let (url, heads) = stand_in(vec![answer("400 Bad Request", &refusal)]);
    let ran = watch(&format!("--filter a=b --server {url}"));
    assert_eq!(ran.err, "error: filter 1: no\n");
    ran.ended(2);
    heads.join().unwrap();

    let strange = stream(&["event: snapshot\ndata: {\"updates\":[1]}\n\n".to_owned()]);
    let (url, heads) = stand_in(vec![strange]);
    let ran = watch(&format!("--server {url}"));
    assert!(ran.err.contains("not that of a Pilotage"), "{ran:#?}");
    ran.ended(3);
    heads.join().unwrap();

    watch("--server http://127.0.0.1:9").ended(3);
    let cases: [&[&str]; 4] = [
        &["--filter", "nonsense"],
        &["--filter", "=x"],
        &["--filter", "name~("],
        &["--exit-when-done", "7"],
    ];
    for arguments in cases {
        watch(&arguments.join(" ")).ended(2);
    }
}
