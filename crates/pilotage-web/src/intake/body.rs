//! Reading bodies within bounds: of length, of time, and of memory over all that are under way.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;

use crate::problem::{Kind, Problem};

/// For a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
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

/// Bytes of bodies that may be in memory at once.
pub(crate) struct ByteBudget {
    most: usize,
    used: AtomicUsize,
}

impl ByteBudget {
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            most,
            used: AtomicUsize::new(0),
        }
    }

    fn has_room_for(&self, bytes: usize) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.most
    }
}

/// A body's part of the budget, given back when it is dropped.
pub(super) struct Held<'a> {
    budget: &'a ByteBudget,
    bytes: usize,
}

impl<'a> Held<'a> {
    const fn nothing(budget: &'a ByteBudget) -> Self {
        Self { budget, bytes: 0 }
    }

    /// Takes `bytes` more, or nothing.
    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let used = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if used.saturating_add(bytes) <= self.budget.most {
            Ok(())
        } else {
            Err(no_room())
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The whole body, with its part of the budget to be held until it is stored. A body that is longer than `most`, by its
/// own word or in fact, is refused; memory is taken as bytes come, not as they are promised.
pub(super) async fn read<'a>(
    mut body: Body,
    headers: &HeaderMap,
    most: usize,
    budget: &'a ByteBudget,
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
    let mut held = Held::nothing(budget);
    let room = promised_bytes(promised).min(MOST_ROOM);
    let collected = tokio::time::timeout(BODY_TIMEOUT, collect(&mut body, &mut held, most, room)).await;
    match collected.unwrap_or_else(|_| Err(Problem::new(Kind::TooSlow, "the body did not come to its end"))) {
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
    while let Some(chunk) = next_chunk(body).await? {
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
        let budget = ByteBudget::new(10);
        let mut first = Held::nothing(&budget);
        assert!(first.grow(6).is_ok());
        let mut second = Held::nothing(&budget);
        assert!(second.grow(6).is_err());
        drop(second);
        assert!(budget.has_room_for(4) && !budget.has_room_for(5));
        drop(first);
        assert!(budget.has_room_for(10));
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_put_together() {
        let budget = ByteBudget::new(100);
        let pieces =
            ["a", "", "bc", "def"].map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())));
        let body = Body::from_stream(futures::stream::iter(pieces));
        let (bytes, _held) = read(body, &HeaderMap::new(), 6, &budget).await.unwrap();
        assert_eq!(bytes, "abcdef");
        assert!(!budget.has_room_for(95));
    }
}
