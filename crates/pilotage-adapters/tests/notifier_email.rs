//! The e-mail notifier against a model of a mail server on loopback.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use pilotage_adapters::{
    notifiers::{self, NotifierScope},
    outbound::{AddressPolicy, HttpOutbound},
};
use pilotage_core::{
    config::Problem,
    ports::{Notification, Notifier, OutboundError},
};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::JoinHandle,
};

fn build(config: &Value) -> Result<Arc<dyn Notifier>, Vec<Problem>> {
    let outbound = Arc::new(HttpOutbound::new(AddressPolicy::default()));
    let scope = NotifierScope::new(outbound, |_| None, |_| Err("there are no files".to_owned()));
    let named = BTreeMap::from([("ops".to_owned(), config.clone())]);
    notifiers::build_all(&named, None, &scope).map(|mut built| built.named.remove("ops").unwrap())
}

fn notification() -> Notification {
    Notification {
        text: "First line\n.\nQUIT\r\n<b>no html</b> é 😀".to_owned(),
        title: Some("Done\r\nBcc: victim@example.com\r\n\r\nbody".to_owned()),
        parameters: Map::new(),
        idempotency_key: "execution-1:0".to_owned(),
        timeout: Duration::from_secs(20),
    }
}

/// What a mail server answers to the command that begins with a word, instead of going along.
type Script = &'static [(&'static str, &'static str)];

/// Serves one connection and tells what the client said, commands and message alike.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, script: Script) -> Vec<String> {
    let mut stream = BufReader::new(stream);
    let mut said = Vec::new();
    let mut in_message = false;
    stream.write_all(b"220 mail.test ESMTP\r\n").await.unwrap();
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        said.push(
            std::mem::take(&mut line)
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        );
        let last = said.last().unwrap();
        if in_message && last != "." {
            continue;
        }
        let word = last.split([' ', ':']).next().unwrap();
        let usual = match word {
            "EHLO" => "250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" => "235 2.7.0 in",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 2.0.0 ok",
        };
        let reply = script
            .iter()
            .find(|(of, _)| *of == word)
            .map_or(usual, |(_, reply)| reply);
        in_message = reply.starts_with("354");
        if stream.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() || word == "QUIT" {
            break;
        }
    }
    said
}

struct Server {
    port: u16,
    said: JoinHandle<Vec<String>>,
}

async fn server(script: Script) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = tokio::spawn(async move { converse(listener.accept().await.unwrap().0, script).await });
    Server { port, said }
}

fn config(port: u16) -> Value {
    json!({
        "type": "email", "host": "127.0.0.1", "port": port, "encryption": "none",
        "from": "Pilotage <pilotage@example.com>", "to": ["ops@example.com", "Zoé <zoe@example.com>"],
    })
}

#[tokio::test]
async fn a_message_is_plain_text_and_its_headers_cannot_be_extended() {
    let server = server(&[]).await;
    let report = build(&config(server.port)).unwrap().notify(&notification()).await;
    assert_eq!(
        report.request,
        format!("SMTP 127.0.0.1:{} to 2 recipients", server.port)
    );
    let answer = report.outcome.unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, b"250 2.0.0 ok".as_slice())
    );
    let said = server.said.await.unwrap().into_iter().map(|line| {
        let varies = line.starts_with("Date: ") || line.starts_with("EHLO ");
        if varies {
            line.split(' ').next().unwrap().to_owned()
        } else {
            line
        }
    });
    insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn every_attempt_has_the_same_message_id_and_every_notification_another() {
    let mut ids = Vec::new();
    for key in ["execution-1:0", "execution-1:0", "execution-1:1\r\nX: y"] {
        let server = server(&[]).await;
        let notification = Notification {
            idempotency_key: key.to_owned(),
            ..notification()
        };
        build(&config(server.port))
            .unwrap()
            .notify(&notification)
            .await
            .outcome
            .unwrap();
        let said = server.said.await.unwrap();
        ids.push(
            said.into_iter()
                .find(|line| line.starts_with("Message-ID: "))
                .unwrap(),
        );
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test]
async fn replies_are_turned_into_statuses_that_say_whether_to_try_again() {
    let table: [(Script, u16, &str); 7] = [
        (&[("MAIL", "451 4.3.0 try later")], 503, "451 4.3.0 try later"),
        (
            &[("RCPT", "450 4.2.1 mailbox busy")],
            503,
            "450 4.2.1 mailbox busy",
        ),
        (
            &[("RCPT", "550 5.1.1 no such user")],
            422,
            "550 5.1.1 no such user",
        ),
        (&[("DATA", "554 5.7.1 refused")], 422, "554 5.7.1 refused"),
        (&[(".", "452 4.3.1 disk full")], 503, "452 4.3.1 disk full"),
        (&[(".", "552 5.3.4 too big")], 422, "552 5.3.4 too big"),
        (
            &[("MAIL", "530 5.7.0 log in first")],
            403,
            "530 5.7.0 log in first",
        ),
    ];
    for (script, status, body) in table {
        let server = server(script).await;
        let answer = build(&config(server.port))
            .unwrap()
            .notify(&notification())
            .await
            .outcome
            .unwrap();
        assert_eq!(
            (answer.status, String::from_utf8(answer.body).unwrap().as_str()),
            (status, body)
        );
    }
}

#[tokio::test]
async fn a_password_is_used_and_never_shown() {
    let server = server(&[("AUTH", "535 5.7.8 wrong")]).await;
    let mut config = config(server.port);
    config["username"] = "pilotage".into();
    config["password"] = "hunter2".into();
    let report = build(&config).unwrap().notify(&notification()).await;
    assert!(!format!("{report:?}").contains("hunter2"));
    assert_eq!(report.outcome.unwrap().status, 403);
    // base64 of NUL pilotage NUL hunter2.
    assert!(
        server
            .said
            .await
            .unwrap()
            .contains(&"AUTH PLAIN AHBpbG90YWdlAGh1bnRlcjI=".to_owned())
    );
}

#[tokio::test]
async fn failures_before_an_answer_are_failures_and_silence_is_a_time_out() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let error = build(&config(port))
        .unwrap()
        .notify(&notification())
        .await
        .outcome
        .unwrap_err();
    assert!(
        matches!(&error, OutboundError::Failed(text) if text.contains("refused")),
        "{error:?}"
    );

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let timeout = Duration::from_millis(50);
    let notifier = build(&config(silent.local_addr().unwrap().port())).unwrap();
    let error = notifier
        .notify(&Notification {
            timeout,
            ..notification()
        })
        .await
        .outcome
        .unwrap_err();
    assert!(
        matches!(error, OutboundError::TimedOut(limit) if limit == timeout),
        "{error:?}"
    );
}

#[tokio::test]
async fn encryption_that_was_asked_for_is_not_done_without() {
    let server = server(&[]).await;
    let mut config = config(server.port);
    config["encryption"] = "starttls".into();
    let error = build(&config)
        .unwrap()
        .notify(&notification())
        .await
        .outcome
        .unwrap_err();
    assert!(matches!(&error, OutboundError::Failed(_)), "{error:?}");
    let said = server.said.await.unwrap();
    assert!(!said.iter().any(|line| line.starts_with("MAIL")), "{said:?}");
}

#[test]
fn what_is_wrong_in_a_configuration_is_told_at_its_place() {
    let wrong = |change: Value| {
        let mut config = config(25);
        for (name, value) in change.as_object().unwrap() {
            config[name] = value.clone();
        }
        let problems = build(&config).err().unwrap();
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let problems = [
        wrong(json!({"from": "nobody"})),
        wrong(json!({"from": "a@example.com\r\nBcc: b@example.com"})),
        wrong(json!({"to": ["ops@example.com", "x y"]})),
        wrong(json!({"to": []})),
        wrong(json!({"to": "ops@example.com"})),
        wrong(json!({"host": "a b"})),
        wrong(json!({"host": "mail.example.com", "username": "u", "password": "p"})),
        wrong(json!({"username": "u"})),
        wrong(json!({"password": "p"})),
        wrong(json!({"encryption": "ssl"})),
        wrong(json!({"port": 70_000})),
        wrong(json!({"subject": "x"})),
    ];
    insta::assert_debug_snapshot!(problems);
}
