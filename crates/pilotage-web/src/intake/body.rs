//! Reading bodies within bounds: of length, of time, and of memory over all that are under way.

use std::{
    borrow::Cow,
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use crate::{
    problem::{Kind, Problem},
    shares::Shares,
};

/// For a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// For a body to begin to come at its pace.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes of a body that must have come for every second after that, on average.
const SLOWEST_PER_SEC: u64 = 64 << 10;
/// Bodies up to this many bytes do not count against the budget: the number of connections bounds them, and what is small
/// must not wait for what is stuck.
const FREE_BYTES: usize = 64 << 10;
/// The part of the budget that one address may hold.
const ADDRESS_PART: usize = 4;
/// For what is read only to be thrown away.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a refused body that are read and thrown away, so that the sender sees the answer instead of a broken
/// connection, and the connection can go on.
pub(super) const DRAIN_LITTLE: usize = 256 << 10;
/// The same for a body that is too long.
const DRAIN_MUCH: usize = 64 << 20;
/// Room made at once for a body that says how long it is; more is made as it comes.
const MOST_ROOM: usize = 64 << 10;
/// How long a sender should wait when the budget is used up, in seconds.
const RETRY_BUDGET_SECS: &str = "1";

/// Bytes of bodies that may be in memory at once, over all and for each address.
pub(crate) struct ByteBudget {
    most: usize,
    used: AtomicUsize,
    shares: Shares,
}

impl ByteBudget {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            used: AtomicUsize::new(0),
            shares: Shares::new(most / ADDRESS_PART),
        }
    }

    fn has_room_for(&self, bytes: usize) -> bool {
        bytes <= FREE_BYTES || self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.most
    }
}

/// A body's part of the budget, given back when it is dropped.
pub(super) struct Held<'a> {
    budget: &'a ByteBudget,
    address: Option<IpAddr>,
    /// Bytes that have come.
    bytes: usize,
    /// Those among them that count: none, or all as soon as there are too many to be free.
    counted: usize,
}

impl<'a> Held<'a> {
    const fn nothing(budget: &'a ByteBudget, address: Option<IpAddr>) -> Self {
        Self {
            budget,
            address,
            bytes: 0,
            counted: 0,
        }
    }

    /// Takes `bytes` more. After a refusal it is only good for being dropped.
    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= FREE_BYTES {
            return Ok(());
        }
        let more = self.bytes - self.counted;
        if self
            .address
            .is_some_and(|address| !self.budget.shares.take(address, more))
        {
            return Err(no_room());
        }
        self.counted = self.bytes;
        let used = self.budget.used.fetch_add(more, Ordering::Relaxed);
        if used.saturating_add(more) <= self.budget.most {
            Ok(())
        } else {
            Err(no_room())
        }
    }

    /// When the next bytes must be there, for a body that began to be read at `began`.
    fn next_by(&self, began: Instant) -> Instant {
        let bytes = u64::try_from(self.bytes).unwrap_or(u64::MAX);
        let earned = Duration::from_millis(bytes.saturating_mul(1_000) / SLOWEST_PER_SEC);
        began + GRACE.saturating_add(earned).min(BODY_TIMEOUT)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.counted == 0 {
            return;
        }
        self.budget.used.fetch_sub(self.counted, Ordering::Relaxed);
        if let Some(address) = self.address {
            self.budget.shares.give_back(address, self.counted);
        }
    }
}

/// The whole body, with its part of the budget to be held until it is stored. A body that is longer than `most`, by its
/// own word or in fact, is refused, and so is one that comes too slowly; memory is taken as bytes come, not as they are promised.
pub(super) async fn read<'a>(
    mut body: Body,
    headers: &HeaderMap,
    most: usize,
    (budget, address): (&'a ByteBudget, Option<IpAddr>),
) -> Result<(Bytes, Held<'a>), Problem> {
    let promised = declared(headers);
    let refused = match promised {
        Some(length) if length > most as u64 => Some((too_large(most), DRAIN_MUCH)),
        _ if !budget.has_room_for(promised_bytes(promised)) => Some((no_room(), DRAIN_LITTLE)),
        _ => None,
    };
    if let Some((problem, drained)) = refused {
        drain(body, headers, drained).await;
        return Err(problem);
    }
    let mut held = Held::nothing(budget, address);
    let room = promised_bytes(promised).min(MOST_ROOM);
    match collect(&mut body, &mut held, most, room).await {
        Ok(bytes) => Ok((bytes, held)),
        Err(problem) => {
            drop(held);
            if problem.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
                drain(body, headers, DRAIN_MUCH).await;
            }
            Err(problem)
        }
    }
}

async fn collect(body: &mut Body, held: &mut Held<'_>, most: usize, room: usize) -> Result<Bytes, Problem> {
    let mut collected = BytesMut::new();
    let mut only = Bytes::new();
    let began = Instant::now();
    loop {
        let next = tokio::time::timeout_at(held.next_by(began), next_chunk(body)).await;
        let Some(chunk) = next.map_err(|_| too_slow())?? else {
            break;
        };
        let length = only.len() + collected.len() + chunk.len();
        if length > most {
            return Err(too_large(most));
        }
        held.grow(chunk.len())?;
        if length == chunk.len() {
            only = chunk;
            continue;
        }
        if collected.is_empty() {
            collected.reserve(room.max(length));
            collected.extend_from_slice(&std::mem::take(&mut only));
        }
        collected.extend_from_slice(&chunk);
    }
    Ok(if collected.is_empty() {
        only
    } else {
        collected.freeze()
    })
}

/// The next bytes; trailers are passed over.
async fn next_chunk(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Kind::BadRequest, "the body broke off"))?;
        if let Ok(chunk) = frame.into_data() {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}

/// Reads up to `most` bytes of a body that is refused and forgets them. A sender that asked first
/// (`Expect: 100-continue`) has sent nothing yet, and is not told to.
pub(super) async fn drain(mut body: Body, headers: &HeaderMap, most: usize) {
    let too_long = declared(headers).is_some_and(|length| length > most as u64);
    if too_long || headers.contains_key(header::EXPECT) {
        return;
    }
    let drained = async {
        let mut left = most;
        while let Ok(Some(chunk)) = next_chunk(&mut body).await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // Whether it came to its end or not, the answer is the same.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, drained).await;
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn promised_bytes(promised: Option<u64>) -> usize {
    promised.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX))
}

fn too_large(most: usize) -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("bodies for this source have at most {most} bytes"),
    )
}

fn too_slow() -> Problem {
    Problem::new(Kind::TooSlow, "the body came too slowly, or not to its end")
}

fn no_room() -> Problem {
    Problem::new(
        Kind::Unavailable,
        "too many bodies are being received at this moment",
    )
    .with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_BUDGET_SECS))
}

/// `data` without a copy where it is a part of `body`.
pub(super) fn share(body: &Bytes, data: Cow<'_, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(part) => {
            let (whole, inner) = (body.as_ptr_range(), part.as_ptr_range());
            if whole.start <= inner.start && inner.end <= whole.end {
                body.slice_ref(part)
            } else {
                Bytes::copy_from_slice(part)
            }
        }
        Cow::Owned(owned) => Bytes::from(owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_shared_with_its_body_and_copied_otherwise() {
        let body = Bytes::from_static(b"payload={}");
        let part = share(&body, Cow::Borrowed(body.get(8..).unwrap()));
        assert_eq!(
            (part.as_ref(), part.as_ptr()),
            (b"{}".as_slice(), body.get(8..).unwrap().as_ptr())
        );
        assert_eq!(share(&body, Cow::Borrowed(b"null")), "null");
        assert_eq!(share(&body, Cow::Borrowed(&[])), "");
        assert_eq!(share(&Bytes::new(), Cow::Borrowed(b"null")), "null");
        assert_eq!(share(&body, Cow::Owned(b"[1]".to_vec())), "[1]");
    }

    #[test]
    fn the_budget_is_given_back() {
        let budget = ByteBudget::new(1_000_000);
        let mut first = Held::nothing(&budget, None);
        assert!(first.grow(600_000).is_ok());
        let mut second = Held::nothing(&budget, None);
        assert!(second.grow(600_000).is_err());
        drop(second);
        assert!(budget.has_room_for(400_000) && !budget.has_room_for(400_001));
        drop(first);
        assert!(budget.has_room_for(1_000_000));
    }

    #[test]
    fn small_bodies_do_not_count_and_no_address_holds_more_than_a_quarter() {
        let budget = ByteBudget::new(1_000_000);
        let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].map(|text| text.parse().ok());
        let mut held = Vec::new();
        for address in addresses {
            for (bytes, fits) in [
                (150_000, true),
                (150_000, false),
                (100_000, true),
                (70_000, false),
            ] {
                let mut body = Held::nothing(&budget, address);
                assert_eq!(body.grow(bytes).is_ok(), fits, "{address:?} {bytes}");
                if fits {
                    held.push(body);
                }
            }
        }
        assert!(!budget.has_room_for(FREE_BYTES + 1), "all of it is used");
        assert!(budget.has_room_for(FREE_BYTES));
        let mut small = Held::nothing(&budget, addresses[0]);
        assert!(small.grow(FREE_BYTES).is_ok());
        assert!(
            small.grow(1).is_err(),
            "all of a body counts when it is no longer small"
        );
        drop((small, held));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
        let mut whole = Held::nothing(&budget, addresses[0]);
        assert!(whole.grow(250_000).is_ok(), "everything was given back");
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_put_together() {
        let budget = ByteBudget::new(100_000);
        let pieces =
            ["a", "", "bc", "def"].map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece.repeat(15_000))));
        let body = Body::from_stream(futures::stream::iter(pieces));
        let (bytes, _held) = read(body, &HeaderMap::new(), 90_000, (&budget, None))
            .await
            .unwrap();
        assert_eq!(
            bytes,
            ["a", "bc", "def"].map(|piece| piece.repeat(15_000)).concat()
        );
        let used = budget.used.load(Ordering::Relaxed);
        assert_eq!(used, 90_000);
    }
}
