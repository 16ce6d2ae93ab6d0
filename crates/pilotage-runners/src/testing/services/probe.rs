//! Whether a service is ready: asked in its own protocol, as a port that is open says little.

use std::time::Duration;

use pilotage_core::testing::ServiceFile;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Longest time for one question.
const ASK: Duration = Duration::from_secs(2);
/// Most bytes of an answer that are looked at.
const MOST_ANSWER: usize = 1 << 10;

/// How a service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Its port can be connected to.
    Tcp,
    /// A path answers well.
    Http(String),
    /// It answers `PING` with `PONG` (<https://redis.io/docs/latest/commands/ping/>).
    Redis,
    /// It greets with `INFO` (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).
    Nats,
    /// It asks who is there, which it does once it takes connections
    /// (<https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP>).
    Postgres,
    /// A command ends well.
    Command(Vec<String>),
    /// It has written this.
    Log(String),
}

impl Probe {
    /// As it was declared.
    pub(super) fn declared(file: &ServiceFile) -> Self {
        let Some(ready) = &file.ready else {
            return Self::Tcp;
        };
        let http = ready.http.clone().map(Self::Http);
        let command = ready.command.clone().map(Self::Command);
        let log = ready.log.clone().map(Self::Log);
        http.or(command).or(log).unwrap_or(Self::Tcp)
    }

    /// Asks a port; false for what no port can answer.
    pub(super) async fn asks(&self, port: u16) -> bool {
        let asked = async {
            match self {
                Self::Tcp => connect(port).await.map(|_| true),
                Self::Http(path) => http(port, path).await,
                Self::Redis => said(port, b"PING\r\n")
                    .await
                    .map(|said| said.starts_with(b"+PONG")),
                Self::Nats => said(port, b"").await.map(|said| said.starts_with(b"INFO ")),
                Self::Postgres => said(port, &start_of_postgres())
                    .await
                    .map(|said| said.first() == Some(&b'R')),
                Self::Command(_) | Self::Log(_) => Some(false),
            }
        };
        timeout(ASK, asked).await.ok().flatten().unwrap_or(false)
    }
}

async fn connect(port: u16) -> Option<TcpStream> {
    TcpStream::connect(("127.0.0.1", port)).await.ok()
}

/// What is answered first.
async fn said(port: u16, question: &[u8]) -> Option<Vec<u8>> {
    let mut stream = connect(port).await?;
    stream.write_all(question).await.ok()?;
    let mut answer = vec![0; MOST_ANSWER];
    let length = stream.read(&mut answer).await.ok()?;
    answer.truncate(length);
    Some(answer)
}

/// HTTP/1.0, so that the other side ends the connection by itself.
async fn http(port: u16, path: &str) -> Option<bool> {
    let question = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n");
    let answer = said(port, question.as_bytes()).await?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split_whitespace().nth(1)?;
    Some(text.starts_with("HTTP/1.") && status.len() == 3 && status.starts_with('2'))
}

/// Its length, the protocol 3.0, and a user.
fn start_of_postgres() -> Vec<u8> {
    let body = b"user\0postgres\0\0";
    let length = u32::try_from(body.len() + 8).unwrap_or_default();
    let mut message = length.to_be_bytes().to_vec();
    message.extend(196_608_u32.to_be_bytes());
    message.extend(body);
    message
}
