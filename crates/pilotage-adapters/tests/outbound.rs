//! The way out against small servers on loopback that answer as real ones do, and as hostile ones do.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::{net::IpAddr, sync::Arc, time::Duration};

use pilotage_adapters::outbound::{AddressPolicy, HttpOutbound, Lookup, MAX_BODY_BYTES};
use pilotage_core::ports::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string, header, method, path},
};

fn request(url: impl Into<String>) -> OutboundRequest {
    OutboundRequest {
        method: "POST".to_owned(),
        url: url.into(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: b"{}".to_vec(),
        timeout: Duration::from_secs(20),
        allow_private: false,
    }
}

fn loopback_allowed() -> HttpOutbound {
    HttpOutbound::new(AddressPolicy::new(&["127.0.0.1"]).unwrap())
}

async fn send(url: impl Into<String>) -> Result<OutboundResponse, OutboundError> {
    loopback_allowed().send(request(url)).await
}

/// Every name resolves to these addresses.
fn resolving_to(addresses: &'static [&'static str], allow: &[&str]) -> HttpOutbound {
    let lookup: Lookup = Arc::new(move |_| {
        let found: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(async move { Ok(found) })
    });
    HttpOutbound::with_lookup(AddressPolicy::new(allow).unwrap(), lookup)
}

/// Answers one connection with raw bytes and keeps it open while `hold`.
async fn raw_server(answer: Vec<u8>, hold: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = [0; 1024];
        let _ = stream.read(&mut seen).await;
        let _ = stream.write_all(&answer).await;
        if hold {
            // Until the client hangs up.
            while stream.read(&mut seen).await.is_ok_and(|read| read > 0) {}
        }
    });
    url
}

#[tokio::test]
async fn a_request_arrives_as_it_was_asked_for_and_the_answer_comes_back() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/a"))
        .and(header("content-type", "application/json"))
        .and(body_string("{}"))
        .respond_with(ResponseTemplate::new(201).set_body_string("created"))
        .expect(1)
        .mount(&server)
        .await;
    let answer = send(format!("{}/a", server.uri())).await.unwrap();
    assert_eq!(
        answer,
        OutboundResponse {
            status: 201,
            retry_after: None,
            body: b"created".to_vec()
        }
    );
}

#[tokio::test]
async fn retry_after_is_read_in_both_forms() {
    let server = MockServer::start().await;
    for (place, status, value) in [
        ("/secs", 429, "120"),
        ("/date", 503, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("/odd", 503, "soon"),
    ] {
        let answer = ResponseTemplate::new(status).insert_header("retry-after", value);
        Mock::given(path(place)).respond_with(answer).mount(&server).await;
    }
    let table = [
        ("/secs", 429, Some(Duration::from_mins(2))),
        ("/date", 503, Some(Duration::from_hours(24))),
        ("/odd", 503, None),
    ];
    for (place, status, retry_after) in table {
        let answer = send(format!("{}{place}", server.uri())).await.unwrap();
        assert_eq!(
            (answer.status, answer.retry_after),
            (status, retry_after),
            "{place}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server = MockServer::start().await;
    let answer =
        ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/latest/meta-data/");
    Mock::given(path("/moved"))
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(send(format!("{}/moved", server.uri())).await.unwrap().status, 302);
}

#[tokio::test]
async fn no_answer_in_time_is_a_time_out() {
    let url = raw_server(Vec::new(), true).await;
    let timeout = Duration::from_millis(50);
    let error = loopback_allowed()
        .send(OutboundRequest {
            timeout,
            ..request(url)
        })
        .await
        .unwrap_err();
    assert!(
        matches!(error, OutboundError::TimedOut(limit) if limit == timeout),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refused_connection_is_a_failure_that_shows_no_secret() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let error = send(format!("http://{address}/hook?token=hunter2#hunter2"))
        .await
        .unwrap_err();
    let OutboundError::Failed(text) = error else {
        panic!("{error:?}")
    };
    assert!(
        text.starts_with(&format!(
            "http://{address}/hook cannot be reached: Connection refused"
        )),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_huge_body_is_read_up_to_its_bound() {
    let server = MockServer::start().await;
    Mock::given(path("/huge"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 8 << 20]))
        .mount(&server)
        .await;
    let answer = send(format!("{}/huge", server.uri())).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, MAX_BODY_BYTES));
}

#[tokio::test]
async fn once_the_status_has_come_it_is_the_answer() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let cases: [(String, bool, &[u8]); 4] = [
        (
            format!("{chunked}5\r\nhello\r\nzz-not-a-size\r\n"),
            false,
            b"hello",
        ),
        (format!("{chunked}ffffffffffffffffffff\r\nhello"), false, b""),
        (format!("{chunked}5\r\nhello\r\n"), true, b"hello"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello".to_owned(),
            false,
            b"hello",
        ),
    ];
    for (answer, hold, body) in cases {
        let url = raw_server(answer.clone().into_bytes(), hold).await;
        let timeout = Duration::from_secs(if hold { 1 } else { 20 });
        let received = loopback_allowed()
            .send(OutboundRequest {
                timeout,
                ..request(url)
            })
            .await
            .unwrap();
        assert_eq!(
            (received.status, received.body.as_slice()),
            (200, body),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn what_is_no_http_is_a_failure() {
    for answer in [
        b"\x00\xff\xfenonsense\r\n\r\n".to_vec(),
        b"HTTP/1.1 99999 Odd\r\n\r\n".to_vec(),
        Vec::new(),
        [b"HTTP/1.1 200 OK\r\nx: ".as_slice(), &vec![b'a'; 1 << 20]].concat(),
    ] {
        let url = raw_server(answer, false).await;
        let error = send(url).await.unwrap_err();
        assert!(matches!(error, OutboundError::Failed(_)), "{error:?}");
    }
}

#[tokio::test]
async fn targets_are_refused_by_what_is_written() {
    let outbound = HttpOutbound::new(AddressPolicy::default());
    for url in [
        "http://127.0.0.1:1/",
        "http://2130706433:1/",
        "http://0x7f.1:1/",
        "http://[::ffff:127.0.0.1]:1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://user@example.com/",
        "http://user:hunter2@example.com/",
        "http://:hunter2@example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "http://",
        "",
    ] {
        let error = outbound.send(request(url)).await.unwrap_err();
        assert!(matches!(error, OutboundError::Refused(_)), "{url}: {error:?}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let long = format!("http://example.com/{}", "a".repeat(9_000));
    assert!(matches!(
        outbound.send(request(long)).await,
        Err(OutboundError::Refused(_))
    ));
}

#[tokio::test]
async fn targets_are_refused_by_what_they_resolve_to() {
    for addresses in [
        &["127.0.0.1"][..],
        &["10.0.0.1", "::1"],
        &["169.254.169.254"],
        &["::ffff:192.168.0.1"],
    ] {
        let error = resolving_to(addresses, &[])
            .send(request("http://rebound.example/?token=hunter2"))
            .await
            .unwrap_err();
        let OutboundError::Refused(text) = error else {
            panic!("{addresses:?}: {error:?}")
        };
        assert!(
            text.contains("rebound.example") && text.contains("outgoing.allow"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
    let real = HttpOutbound::new(AddressPolicy::default());
    assert!(matches!(
        real.send(request("http://localhost:1/")).await,
        Err(OutboundError::Refused(_))
    ));
}

#[tokio::test]
async fn an_allowed_name_or_network_may_be_private_and_refused_addresses_beside_it_are_left_out() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(204))
        .expect(3)
        .mount(&server)
        .await;
    let url = format!("http://hooks.internal:{}/", server.address().port());
    for outbound in [
        resolving_to(&["127.0.0.1"], &["hooks.internal"]),
        // 127.9.9.9 is not listened on, so the answer shows that the other address was used.
        resolving_to(&["127.9.9.9", "127.0.0.1"], &["127.0.0.1"]),
    ] {
        assert_eq!(outbound.send(request(url.clone())).await.unwrap().status, 204);
    }
    let guarded = resolving_to(&["127.0.0.1"], &[]);
    let once = OutboundRequest {
        allow_private: true,
        ..request(url.clone())
    };
    assert_eq!(guarded.send(once).await.unwrap().status, 204);
    // The connection that the request before left behind is not lent to one without that right.
    assert!(matches!(
        guarded.send(request(url)).await,
        Err(OutboundError::Refused(_))
    ));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_failure() {
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Err(std::io::Error::other("no such name")) }));
    let outbound = HttpOutbound::with_lookup(AddressPolicy::default(), lookup);
    for error in [
        outbound
            .send(request("http://nowhere.example/?hunter2"))
            .await
            .unwrap_err(),
        resolving_to(&[], &[])
            .send(request("http://nowhere.example/?hunter2"))
            .await
            .unwrap_err(),
    ] {
        assert!(
            matches!(&error, OutboundError::Failed(text) if !text.contains("hunter2")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn requests_that_could_mean_two_things_are_refused() {
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for headers in [
        header("Host", "internal"),
        header("transfer-encoding", "chunked"),
        header("Content-Length", "5"),
        header("x-a", "b\r\nx-c: d"),
        header("x a", "b"),
        header("", "b"),
    ] {
        let asked = OutboundRequest {
            headers: headers.clone(),
            ..request("http://127.0.0.1:1/")
        };
        let error = loopback_allowed().send(asked).await.unwrap_err();
        assert!(
            matches!(error, OutboundError::Refused(_)),
            "{headers:?}: {error:?}"
        );
    }
    for method in ["CONNECT", "post", "", "GET / HTTP/1.1\r\n"] {
        let asked = OutboundRequest {
            method: method.to_owned(),
            ..request("http://127.0.0.1:1/")
        };
        let error = loopback_allowed().send(asked).await.unwrap_err();
        assert!(matches!(error, OutboundError::Refused(_)), "{method}: {error:?}");
    }
}

#[tokio::test]
async fn a_self_signed_server_is_not_trusted() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/?hunter2", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.is_ok()
    });
    let error = send(url).await.unwrap_err();
    let OutboundError::Failed(text) = error else {
        panic!("{error:?}")
    };
    assert!(
        text.contains("certificate") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(!served.await.unwrap(), "the handshake was completed");
}
