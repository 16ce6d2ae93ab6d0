//! Logs piece by piece: whatever breaks in between, what came is kept and the next piece goes on there.

use http::{HeaderValue, StatusCode, header};
use pilotage_core::{
    pipeline_run::LogPart,
    ports::{CiError, CiTrouble},
};
use reqwest::Response;

use super::api::{Api, Ask, piece};

/// Largest piece of a log that is handed on at once.
const MOST_PART_BYTES: usize = 1 << 20;

/// What came of a body that was read from a place on.
struct Piece {
    /// Whole characters only.
    text: String,
    /// Bytes of the log that the text stands for.
    bytes: u64,
    /// The body was read to its end.
    is_whole: bool,
}

/// Asks for a log from a place on.
pub(crate) fn from_there(ask: &mut Ask, from: u64) {
    if from > 0
        && let Ok(range) = HeaderValue::from_str(&format!("bytes={from}-"))
    {
        ask.headers.insert(header::RANGE, range);
    }
}

/// What came of asking for a log from `from` on, of something that has ended or not. A log that does not exist yet, or has
/// nothing behind that place (HTTP 416), is an empty part.
///
/// # Errors
/// The platform refused, or the connection broke before anything came.
pub(crate) async fn read_rest(
    api: &Api,
    opened: Result<Response, CiError>,
    from: u64,
    has_ended: bool,
) -> Result<LogPart, CiError> {
    let nothing = |is_complete| {
        Ok(LogPart {
            next: from,
            is_complete,
            ..LogPart::default()
        })
    };
    let response = match opened.map_err(|error| error.trouble) {
        Ok(response) => response,
        Err(CiTrouble::NotFound { .. }) => return nothing(false),
        Err(CiTrouble::PastTheEnd) => return nothing(has_ended),
        Err(trouble) => return Err(api.error(trouble)),
    };
    // Who does not know `Range` sends it all.
    let is_rest = response.status() == StatusCode::PARTIAL_CONTENT;
    let piece = read_piece(api, response, if is_rest { 0 } else { from }).await?;
    Ok(piece.part(from, has_ended))
}

/// What came of a log that says itself where it goes on (`X-Text-Size`) and whether more will come (`X-More-Data`), as Jenkins'
/// does. Where the connection breaks, what came is counted; Jenkins leaves out hidden notes, so that a few characters may
/// come twice then and none is missed.
///
/// # Errors
/// The connection broke before anything came.
pub(crate) async fn read_progress(api: &Api, response: Response, from: u64) -> Result<LogPart, CiError> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let size = header("x-text-size").and_then(|text| text.trim().parse::<u64>().ok());
    let has_more = header("x-more-data").is_some_and(|more| more.trim() == "true");
    let piece = read_piece(api, response, 0).await?;
    let (bytes, is_whole) = (piece.bytes, piece.is_whole);
    let mut part = piece.part(from, !has_more);
    part.next = size.filter(|_| is_whole).unwrap_or(from + bytes);
    Ok(part)
}

/// Reads a body behind its first `skip` bytes.
///
/// # Errors
/// The connection broke before anything came.
async fn read_piece(api: &Api, mut response: Response, skip: u64) -> Result<Piece, CiError> {
    let mut skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    let mut is_whole = false;
    while bytes.len() < MOST_PART_BYTES {
        match piece(&mut response).await {
            Ok(None) => {
                is_whole = true;
                break;
            }
            Ok(Some(chunk)) => {
                let skipped = skip.min(chunk.len());
                skip -= skipped;
                bytes.extend_from_slice(&chunk[skipped..]);
            }
            Err(said) if bytes.is_empty() => {
                let may_be_done = false;
                return Err(api.error(CiTrouble::ConnectionLost { said, may_be_done }));
            }
            Err(_) => break,
        }
    }
    Ok(Piece::new(bytes, is_whole))
}

impl Piece {
    fn new(mut bytes: Vec<u8>, is_whole: bool) -> Self {
        // A character that is not whole yet comes with the next piece.
        if let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
            && !is_whole
        {
            bytes.truncate(error.valid_up_to());
        }
        Self {
            bytes: bytes.len() as u64,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            is_whole,
        }
    }

    /// As a part of a log that began at `from` and has an end if `has_ended`.
    fn part(self, from: u64, has_ended: bool) -> LogPart {
        LogPart {
            next: from + self.bytes,
            text: self.text,
            is_complete: self.is_whole && has_ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_cut_comes_whole_with_the_next_piece() {
        let text = "aé€𝄞b".as_bytes();
        for cut in 0..=text.len() {
            let first = Piece::new(text[..cut].to_vec(), false);
            let rest = usize::try_from(first.bytes).unwrap();
            let second = Piece::new(text[rest..].to_vec(), true);
            assert_eq!(first.text + &second.text, "aé€𝄞b", "cut at {cut}");
        }
        let broken = Piece::new(vec![b'a', 0xff, b'b'], false);
        assert_eq!((broken.text.as_str(), broken.bytes), ("a\u{fffd}b", 3));
    }
}
