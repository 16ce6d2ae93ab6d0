//! Many subscribers to live status in one thread, cheap enough to share two cores with the server: most of them only read;
//! every so many parses when what it was sent was stored.

use std::{cell::RefCell, net::SocketAddr, rc::Rc, time::Duration};

use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;
use pilotage_core::Timestamp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::{JoinSet, LocalSet},
};

use crate::load;

/// Every so many subscribers measure.
const MEASURES: usize = 20;
/// Connections that are opened at once.
const OPENED_AT_ONCE: usize = 64;
/// Bytes of the longest piece read at once.
const PIECE: usize = 64 * 1024;

/// How subscribers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Server-sent events.
    Sse,
    /// Socket.IO over WebSocket.
    SocketIo,
}

/// What was seen between `begin` and the end.
pub struct Seen {
    /// From the commit of an update's state to its arrival, in microseconds.
    pub latency: Histogram<u64>,
    /// Bytes that arrived.
    pub bytes: u64,
    /// Pieces that arrived; about as many as batches.
    pub pieces: u64,
}

struct State {
    seen: Seen,
    measuring: bool,
    piece: Vec<u8>,
}

/// Subscribers on one thread.
pub struct Crowd {
    local: LocalSet,
    state: Rc<RefCell<State>>,
}

impl Crowd {
    /// Connects so many subscribers, each to the updates of one of `rules` rules, or to all of them for none.
    ///
    /// # Errors
    /// One of them is not let in.
    pub async fn gather(
        address: SocketAddr,
        protocol: Protocol,
        many: usize,
        rules: usize,
    ) -> anyhow::Result<Self> {
        let state = State {
            seen: Seen {
                latency: load::histogram()?,
                bytes: 0,
                pieces: 0,
            },
            measuring: false,
            piece: vec![0; PIECE],
        };
        let crowd = Self {
            local: LocalSet::new(),
            state: Rc::new(RefCell::new(state)),
        };
        let mut opening = JoinSet::new();
        for number in 0..many {
            let rule = (rules > 0).then(|| format!("rule-{}", number % rules));
            if opening.len() >= OPENED_AT_ONCE {
                crowd.opened(&mut opening).await?;
            }
            opening.spawn(async move { (number, open(address, protocol, rule).await) });
        }
        while !opening.is_empty() {
            crowd.opened(&mut opening).await?;
        }
        Ok(crowd)
    }

    async fn opened(&self, opening: &mut JoinSet<(usize, anyhow::Result<TcpStream>)>) -> anyhow::Result<()> {
        let opened = self.local.run_until(opening.join_next()).await;
        let Some(opened) = opened else { return Ok(()) };
        let (number, stream) = opened?;
        let (stream, state) = (stream?, self.state.clone());
        self.local
            .spawn_local(read(stream, number % MEASURES == 0, state));
        Ok(())
    }

    /// Reads for a while without looking.
    pub async fn idle(&self, time: Duration) {
        self.local.run_until(tokio::time::sleep(time)).await;
    }

    /// Measures for a while.
    ///
    /// # Errors
    /// None of them saw an update.
    pub async fn measure(self, time: Duration) -> anyhow::Result<Seen> {
        self.state.borrow_mut().measuring = true;
        self.idle(time).await;
        drop(self.local);
        let state = Rc::try_unwrap(self.state).ok().context("somebody still reads")?;
        let seen = state.into_inner().seen;
        if seen.latency.is_empty() {
            bail!("no update was seen");
        }
        Ok(seen)
    }
}

async fn open(address: SocketAddr, protocol: Protocol, rule: Option<String>) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let head = match (protocol, &rule) {
        (Protocol::Sse, Some(rule)) => {
            format!("GET /api/v1/stream?rule={rule} HTTP/1.1\r\nHost: {address}\r\n\r\n")
        }
        (Protocol::Sse, None) => format!("GET /api/v1/stream HTTP/1.1\r\nHost: {address}\r\n\r\n"),
        (Protocol::SocketIo, _) => format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ),
    };
    stream.write_all(head.as_bytes()).await?;
    match protocol {
        Protocol::Sse => until(&mut stream, "event: snapshot").await?,
        Protocol::SocketIo => {
            until(&mut stream, "\"sid\"").await?;
            stream.write_all(&frame("40")).await?;
            until(&mut stream, "40{").await?;
            let filter = rule
                .map(|rule| format!("{{\"field\":\"rule\",\"operator\":\"equals\",\"value\":\"{rule}\"}}"));
            let request = format!(
                "42[\"subscribe:status\",{{\"filters\":[{}]}}]",
                filter.unwrap_or_default()
            );
            stream.write_all(&frame(&request)).await?;
            until(&mut stream, "status:batch").await?;
        }
    }
    Ok(stream)
}

/// Reads until `text` has come.
async fn until(stream: &mut TcpStream, text: &str) -> anyhow::Result<()> {
    let mut read = Vec::new();
    while !contains(&read, text.as_bytes()) {
        if stream.read_buf(&mut read).await? == 0 {
            bail!("not let in: {}", String::from_utf8_lossy(&read));
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A short text as a client's frame (RFC 6455, section 5.2), under the mask of zeros.
fn frame(text: &str) -> Vec<u8> {
    let length = text.len();
    let mut frame = vec![0x81];
    if let Ok(length @ 0..=125) = u8::try_from(length) {
        frame.push(0x80 | length);
    } else {
        frame.push(0x80 | 0x7e);
        frame.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

async fn read(stream: TcpStream, measures: bool, state: Rc<RefCell<State>>) {
    while stream.readable().await.is_ok() {
        let mut state = state.borrow_mut();
        let State {
            seen,
            measuring,
            piece,
        } = &mut *state;
        match stream.try_read(piece) {
            Ok(0) => return,
            Ok(length) if *measuring => {
                seen.bytes += u64::try_from(length).unwrap_or(u64::MAX);
                seen.pieces += 1;
                if measures {
                    note(seen, piece.get(..length).unwrap_or_default());
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// Notes how old every update in a piece is.
fn note(seen: &mut Seen, piece: &[u8]) {
    const BEFORE: &str = "\"timestamp\":\"";
    const LENGTH: usize = "2026-11-22T22:15:04.362476Z".len();
    let now = Timestamp::now();
    let text = String::from_utf8_lossy(piece);
    // The last one is the batch's own; it stands behind the list.
    for (at, _) in text.match_indices(BEFORE) {
        let rest = text.get(at + BEFORE.len()..).unwrap_or_default();
        let is_update = rest
            .get(LENGTH..)
            .is_some_and(|rest| rest.starts_with("\",\"metadata\""));
        if let (true, Some(Ok(stored))) = (is_update, rest.get(..LENGTH).map(str::parse::<Timestamp>)) {
            seen.latency.saturating_record(load::micros(now.since(stored)));
        }
    }
}
