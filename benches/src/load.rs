//! A load generator that is cheap enough to share two cores with the server: one thread, keep-alive connections, each
//! request one write, no allocation per request.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::delivery::Delivery;

/// Answers are a few hundred bytes; a longer one is an error of the measurement.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Longest latency that is told apart, in microseconds.
const LONGEST_LATENCY_US: u64 = 60_000_000;

/// A keep-alive connection that waits for each answer before the next request.
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nothing listens there.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            answer: Vec::with_capacity(LONGEST_ANSWER),
        })
    }

    /// Sends the bytes of a request and reads its answer to the end; gives the status.
    ///
    /// # Errors
    /// The connection broke, or the answer is not HTTP/1.1 with an end that can be told.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, end)) = head(&self.answer)? {
                self.read_rest(end).await?;
                return Ok(status);
            }
        }
    }

    async fn read_rest(&mut self, end: End) -> io::Result<()> {
        while !end.is_reached(&self.answer) {
            if self.answer.len() > LONGEST_ANSWER || self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

/// Where an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// At this length.
    At(usize),
    /// With the last of its chunks.
    LastChunk,
}

impl End {
    /// Nothing is asked before the answer is read, so nothing follows its last chunk.
    fn is_reached(self, answer: &[u8]) -> bool {
        match self {
            Self::At(length) => answer.len() >= length,
            Self::LastChunk => answer.ends_with(b"\r\n0\r\n\r\n"),
        }
    }
}

/// Status and end of an answer, once its head is complete.
fn head(answer: &[u8]) -> io::Result<Option<(u16, End)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let parsed = response
        .parse(answer)
        .map_err(|error| invalid(error.to_string()))?;
    let httparse::Status::Complete(head) = parsed else {
        return if answer.len() < LONGEST_ANSWER {
            Ok(None)
        } else {
            Err(invalid("a head without end".to_owned()))
        };
    };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let mut headers = response.headers.iter();
    let is_chunked = headers.any(|header| {
        header.name.eq_ignore_ascii_case("transfer-encoding") && header.value.eq_ignore_ascii_case(b"chunked")
    });
    match (response.code, length) {
        (Some(status), Some(length)) if length <= LONGEST_ANSWER => {
            Ok(Some((status, End::At(head + length))))
        }
        (Some(status), None) if is_chunked => Ok(Some((status, End::LastChunk))),
        (status, length) => Err(invalid(format!("status {status:?}, content length {length:?}"))),
    }
}

/// What became of the requests.
#[derive(Clone)]
pub struct Outcome {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// How many answers had each status.
    pub answers: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub broken: u64,
    /// From request to answer, in microseconds.
    pub latency: Histogram<u64>,
}

impl Outcome {
    /// Nothing yet.
    ///
    /// # Errors
    /// The histogram's bounds do not fit: never, they are fixed.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            elapsed: Duration::ZERO,
            answers: BTreeMap::new(),
            broken: 0,
            latency: histogram()?,
        })
    }

    /// Answers with status 200 or 202.
    pub fn accepted(&self) -> u64 {
        let with = |status| self.answers.get(&status).copied().unwrap_or(0);
        with(200) + with(202)
    }

    /// Answers with status 200 or 202 per second.
    pub fn rate(&self) -> f64 {
        count(self.accepted()) / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Milliseconds within which this share of the requests was answered.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        count(self.latency.value_at_quantile(share)) / 1_000.0
    }

    /// What was neither a 200 nor a 202, in words; empty when everything was.
    pub fn refusals(&self) -> String {
        let others = self
            .answers
            .iter()
            .filter(|(status, _)| ![200, 202].contains(*status));
        let mut words: Vec<_> = others
            .map(|(status, number)| format!("{number} x {status}"))
            .collect();
        if self.broken > 0 {
            words.push(format!("{} without an answer", self.broken));
        }
        words.join(", ")
    }

    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        for (status, number) in &other.answers {
            *self.answers.entry(*status).or_default() += number;
        }
        self.broken += other.broken;
        self.elapsed = self.elapsed.max(other.elapsed);
        self.latency.add(&other.latency)?;
        Ok(())
    }
}

/// A histogram of microseconds with three significant digits.
///
/// # Errors
/// The bounds do not fit: never, they are fixed.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_max(LONGEST_LATENCY_US, 3)?)
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts of one run stay far below 2^52")]
pub fn count(number: u64) -> f64 {
    number as f64
}

/// Asks as fast as the answers come, over `connections` connections for `duration`. Every request is a new delivery.
///
/// # Errors
/// A connection cannot be opened. Later failures are counted instead.
pub async fn saturate(address: SocketAddr, connections: u16, duration: Duration) -> anyhow::Result<Outcome> {
    let delivery = Delivery::push(address)?;
    let mut workers = JoinSet::new();
    for worker in 0..connections {
        let connection = Connection::open(address).await?;
        workers.spawn(keep_asking(
            connection,
            address,
            delivery.clone(),
            worker,
            duration,
        ));
    }
    gather(workers).await
}

/// The same with one request that never changes.
///
/// # Errors
/// As [`saturate`].
pub async fn repeat(
    address: SocketAddr,
    connections: u16,
    duration: Duration,
    request: &[u8],
) -> anyhow::Result<Outcome> {
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let connection = Connection::open(address).await?;
        workers.spawn(keep_asking(
            connection,
            address,
            Same(request.into()),
            0,
            duration,
        ));
    }
    gather(workers).await
}

/// What is asked, request after request.
trait Requests: Send + 'static {
    /// The request with this number.
    fn numbered(&mut self, counter: u64) -> &[u8];
}

impl Requests for Delivery {
    fn numbered(&mut self, counter: u64) -> &[u8] {
        Self::numbered(self, counter)
    }
}

/// One request, again and again.
struct Same(Arc<[u8]>);

impl Requests for Same {
    fn numbered(&mut self, _: u64) -> &[u8] {
        &self.0
    }
}

async fn gather(mut workers: JoinSet<anyhow::Result<Outcome>>) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::new()?;
    while let Some(worker) = workers.join_next().await {
        outcome.add(&worker??)?;
    }
    Ok(outcome)
}

async fn keep_asking(
    mut connection: Connection,
    address: SocketAddr,
    mut requests: impl Requests,
    worker: u16,
    duration: Duration,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::new()?;
    let start = Instant::now();
    let mut counter = u64::from(worker) << 32;
    let mut asked = start;
    while asked.duration_since(start) < duration {
        counter += 1;
        let answer = connection.ask(requests.numbered(counter)).await;
        let answered = Instant::now();
        outcome
            .latency
            .saturating_record(micros(answered.duration_since(asked)));
        if let Ok(status) = answer {
            *outcome.answers.entry(status).or_default() += 1;
        } else {
            outcome.broken += 1;
            connection = Connection::open(address).await?;
        }
        asked = answered;
    }
    outcome.elapsed = start.elapsed();
    Ok(outcome)
}

/// Whole microseconds, saturating.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_a_bad_one_is_an_error() {
        let whole = b"HTTP/1.1 202 Accepted\r\ncontent-length: 4\r\n\r\nabcd";
        assert_eq!(head(whole).unwrap(), Some((202, End::At(whole.len()))));
        assert_eq!(head(&whole[..30]).unwrap(), None);
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        assert_eq!(head(chunked).unwrap(), Some((200, End::LastChunk)));
        assert!(End::LastChunk.is_reached(chunked));
        assert!(!End::LastChunk.is_reached(&chunked[..chunked.len() - 5]));
        let wrong: [&[u8]; 2] = [
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            b"no http at all\r\n\r\n",
        ];
        for bytes in wrong {
            assert!(head(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
