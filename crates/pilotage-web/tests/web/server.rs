//! The door over real sockets.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::house::{House, MOST_BYTES};

/// A deadline that no test reaches unless it hangs.
const LONG: Duration = Duration::from_mins(1);

struct Served {
    house: House,
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn with_deadline(deadline: Duration) -> Self {
        let house = House::usual().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let ended = tokio::spawn(pilotage_web::serve(
            listener,
            house.main.clone(),
            pilotage_web::Connections::default(),
            stop.clone(),
            deadline,
        ));
        Self {
            house,
            address,
            stop,
            ended,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `request` and reads until the other side closes.
    async fn ask(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        rest(&mut stream).await
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(LONG, self.ended)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert!(
            TcpStream::connect(self.address).await.is_err(),
            "nobody listens any more"
        );
        self.house.leave().await;
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Reads one answer with a length, and leaves the connection as it is.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.contains("\r\n\r\n") || !is_whole(&text) {
        let mut chunk = [0; 4_096];
        let length = stream.read(&mut chunk).await.unwrap();
        assert_ne!(length, 0, "the connection ended within an answer: {text}");
        text.push_str(std::str::from_utf8(chunk.get(..length).unwrap()).unwrap());
    }
    text
}

fn is_whole(text: &str) -> bool {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    body.len() >= length.parse().unwrap()
}

fn delivery(body: &str, more: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST /webhooks/toy HTTP/1.1\r\nhost: h\r\nx-toy-signature: good\r\n{more}content-length: {length}\r\n"
    );
    format!("{head}\r\n{body}").into_bytes()
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another_and_knows_its_peer() {
    let served = Served::with_deadline(LONG).await;
    let mut stream = served.connect().await;
    for (request, status) in [
        (delivery("{}", ""), "202"),
        (delivery("{}", ""), "200"),
        (
            b"GET /api/v1/stats HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
            "200",
        ),
        (delivery("{", ""), "400"),
        (delivery("{}", "x-toy-signature: twice\r\n"), "401"),
        (
            b"GET /api/v1/stats HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_vec(),
            "403",
        ),
    ] {
        stream.write_all(&request).await.unwrap();
        let answer = one_answer(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(!answer.to_lowercase().contains("\r\nserver:"));
    }
    drop(stream);
    served.end().await;
}

#[tokio::test]
async fn a_body_in_chunks_is_bounded_too() {
    let served = Served::with_deadline(LONG).await;
    let head = "POST /webhooks/toy HTTP/1.1\r\nhost: h\r\nx-toy-signature: good\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let good = served
        .ask(format!("{head}1\r\n{{\r\n1\r\n}}\r\n0\r\n\r\n").as_bytes())
        .await;
    assert!(good.starts_with("HTTP/1.1 202 "), "{good}");
    let chunk = format!("{:x}\r\n{}\r\n", 100_000, " ".repeat(100_000));
    let long = format!("{head}{}0\r\n\r\n", chunk.repeat(MOST_BYTES / 100_000 + 1));
    let answer = served.ask(long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    served.end().await;
}

#[tokio::test]
async fn a_sender_of_too_much_sees_why() {
    let served = Served::with_deadline(LONG).await;
    let body = " ".repeat(5 * MOST_BYTES);
    let answer = served.ask(&delivery(&body, "connection: close\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // One that asks first is told before it sends anything.
    let asks = format!("expect: 100-continue\r\ncontent-length: {}\r\n", body.len());
    let head = format!("POST /webhooks/toy HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{asks}\r\n");
    let answer = served.ask(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    served.end().await;
}

#[tokio::test]
async fn nonsense_is_answered_or_dropped_and_hurts_nobody() {
    let served = Served::with_deadline(LONG).await;
    let long_head = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "y".repeat(200_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
        "a: b\r\n".repeat(5_000)
    );
    for (request, expected) in [
        (long_head.as_bytes(), "HTTP/1.1 431 "),
        (many.as_bytes(), "HTTP/1.1 431 "),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
            "HTTP/1.1 400 ",
        ),
        (
            b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        (
            b"GET http://[::1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        (
            b"POST /webhooks/toy HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        (
            b"GET /webhooks/\xff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 40",
        ),
    ] {
        let mut stream = served.connect().await;
        // The answer may come, and the connection end, before everything is written.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with(expected) || answer.is_empty(),
            "{expected}: {answer}"
        );
    }
    let good = served.ask(&delivery("{}", "connection: close\r\n")).await;
    assert!(good.starts_with("HTTP/1.1 202 "), "{good}");
    served.end().await;
}

#[tokio::test]
async fn what_is_under_way_ends_after_a_stop() {
    let served = Served::with_deadline(LONG).await;
    let mut idle = served.connect().await;
    idle.write_all(&delivery("[1]", "")).await.unwrap();
    one_answer(&mut idle).await;
    let mut under_way = served.connect().await;
    let request = delivery(r#"{"late":true}"#, "expect: 100-continue\r\n");
    let (head, tail) = request.split_at(request.len() - 8);
    under_way.write_all(head).await.unwrap();
    // The interim answer shows that the request has reached intake.
    let mut interim = [0; 25];
    under_way.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");

    served.stop.cancel();
    assert_eq!(
        rest(&mut idle).await,
        "",
        "a connection without a request ends at once"
    );
    under_way.write_all(tail).await.unwrap();
    let answer = rest(&mut under_way).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert_eq!(served.house.events().await, 2);
    served.end().await;
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_deadline() {
    let served = Served::with_deadline(Duration::ZERO).await;
    let mut stuck = served.connect().await;
    let request = delivery("{}", "expect: 100-continue\r\n");
    stuck
        .write_all(request.get(..request.len() - 1).unwrap())
        .await
        .unwrap();
    let mut interim = [0; 25];
    stuck.read_exact(&mut interim).await.unwrap();
    let house = &served.house;
    served.stop.cancel();
    assert_eq!(
        rest(&mut stuck).await,
        "",
        "not answered, so the sender delivers again"
    );
    assert_eq!(house.events().await, 0);
    served.end().await;
}
