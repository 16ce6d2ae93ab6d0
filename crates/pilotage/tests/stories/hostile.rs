//! Hostile input at the real door: nothing of it is stored, nothing of it stops the server, and no answer gives a secret away.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use pilotage_mock::WebhookListener;

use crate::{
    path::config,
    server::{Place, SECRET, Server, assert_audit_holds},
};

/// These wait for more than will come.
const UNFINISHED: [&str; 4] = [
    "length that overflows",
    "length above the limit",
    "body that never comes",
    "no HTTP at all",
];

/// What a well-meaning client would never send, as raw bytes on the wire.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let post = |path: &str, headers: &str, body: &[u8]| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let signed = |body: &[u8]| {
        let secret = SECRET.to_owned().into();
        let now = pilotage_core::Timestamp::now();
        let headers =
            pilotage_adapters::sources::sign("github", "push", body, Some(&secret), "hostile", now).unwrap();
        let lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let lines = lines.concat();
        post("/webhooks/github", &lines, body)
    };
    let json = "content-type: application/json\r\nx-github-event: push\r\nx-github-delivery: h\r\n";
    let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    vec![
        ("signed, cut off", signed(b"{\"a\":[1,2")),
        ("signed, nested a million deep", signed(&nested(500_000))),
        ("signed, just above the nesting limit", signed(&nested(129))),
        ("signed, not UTF-8", signed(b"{\"a\":\"\xff\xfe\"}")),
        ("signed, NUL outside a string", signed(b"{\"a\":\0}")),
        ("signed, a number out of range", signed(b"{\"a\":1e999}")),
        ("signed, two documents", signed(b"{} {}")),
        ("signed, empty", signed(b"")),
        ("signed, not an object", signed(b"\"push\"")),
        ("no signature", post("/webhooks/github", json, b"{}")),
        ("short signature", post("/webhooks/github", &format!("{json}x-hub-signature-256: sha256=00\r\n"), b"{}")),
        ("long signature", post("/webhooks/github", &format!("{json}x-hub-signature-256: sha256={}\r\n", "0".repeat(4_000)), b"{}")),
        ("signature that is no hexadecimal", post("/webhooks/github", &format!("{json}x-hub-signature-256: sha256={}\r\n", "z".repeat(64)), b"{}")),
        ("two signatures", post("/webhooks/github", &format!("{json}x-hub-signature-256: sha256=00\r\nx-hub-signature-256: sha256=01\r\n"), b"{}")),
        ("path upwards", post("/webhooks/custom/../../etc/passwd", json, b"{}")),
        ("encoded path upwards", post("/webhooks/custom/%2e%2e%2f%2e%2e%2fetc%2fpasswd", json, b"{}")),
        ("NUL in the path", post("/webhooks/custom/a%00b", json, b"{}")),
        ("not UTF-8 in the path", post("/webhooks/custom/%ff%fe", json, b"{}")),
        ("CRLF in the path", post("/webhooks/custom/a%0d%0aset-cookie:%20x=1", json, b"{}")),
        ("markup in the path", post("/webhooks/custom/%3Cscript%3Ealert(1)%3C/script%3E", json, b"{}")),
        ("length that overflows", b"POST /webhooks/github HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999999\r\n\r\n".to_vec()),
        ("length above the limit", b"POST /webhooks/github HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 99999999999\r\n\r\n".to_vec()),
        ("length and chunks", b"POST /webhooks/github HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_vec()),
        ("broken chunk", b"POST /webhooks/github HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\nx\r\n".to_vec()),
        ("body that never comes", b"POST /webhooks/github HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 100\r\n\r\n{".to_vec()),
        ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("a header of a megabyte", [b"GET /api/v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ".to_vec(), b"a".repeat(1 << 20), b"\r\n\r\n".to_vec()].concat()),
        ("deep JSON to the API", post("/api/v1/rules", "content-type: application/json\r\n", &nested(200_000))),
        ("a query that is none", post("/api/v1/events/%27%20OR%201=1;--/replay", "content-type: application/json\r\n", b"{}")),
    ]
}

/// Sends, and reads what is answered. `unfinished` says that nothing more will come.
fn send(server: &Server, request: &[u8], unfinished: bool) -> String {
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The server may close before it has read everything: that is its right.
    let _ = stream.write_all(request);
    if unfinished {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hostile_is_stored_or_stops_the_server_or_learns_a_secret() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    for (what, request) in requests() {
        let answer = tokio::task::block_in_place(|| send(&server, &request, UNFINISHED.contains(&what)));
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(answer.is_empty() || status.starts_with('4'), "{what}: {answer}");
        assert!(
            !answer.contains(SECRET) && !answer.contains("set-cookie: x") && !answer.contains("<script>"),
            "{what}: {answer}"
        );
        let stats = server.get("/api/v1/stats").await;
        assert_eq!(stats["totals"]["events"], 0, "{what} was stored");
    }
    let (status, _) = server.push("well-meant", "{\"after\":\"x\"}").await.unwrap();
    assert_eq!(status, 202, "the server goes on");
    server.settled().await;
    assert_eq!(receiver.arrivals().len(), 1);
    assert!(server.stop().success());
    assert_audit_holds(&place);
}
