//! Private keys in PEM (RFC 7468), OpenSSH's and PGP's, whole or as a text in a program.

use super::reader::{is_base64, run};

/// Bytes after the header in which the key must begin.
const MAX_AHEAD_BYTES: usize = 400;
/// Letters of base64 without a break that make a body.
const LEAST_BODY_BYTES: usize = 24;

/// What a header of a private key begins with.
pub(super) const HEADER: &str = "-----BEGIN ";

/// The private key whose header stands at `from`: where its header and the beginning of its body are.
pub(super) fn private_key(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let title = from + HEADER.len();
    let end = run(text, title, 48, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
    });
    let words = text.get(title..end)?;
    let is_private = words.ends_with(b"PRIVATE KEY") || words == b"PGP PRIVATE KEY BLOCK";
    if !is_private || !text.get(end..)?.starts_with(b"-----") {
        return None;
    }
    let ahead = text.get(end + 5..)?;
    let ahead = ahead.get(..MAX_AHEAD_BYTES.min(ahead.len()))?;
    let stop = ahead
        .windows(5)
        .position(|part| part == b"-----")
        .unwrap_or(ahead.len());
    let body = longest_run(ahead.get(..stop)?);
    let is_drawn = body.iter().any(u8::is_ascii_digit)
        && body.iter().any(u8::is_ascii_uppercase)
        && body.iter().any(u8::is_ascii_lowercase);
    (body.len() >= LEAST_BODY_BYTES && is_drawn).then_some((from, end + 5))
}

/// The longest run of base64.
fn longest_run(text: &[u8]) -> &[u8] {
    text.split(|byte| !is_base64(*byte))
        .max_by_key(|part| part.len())
        .unwrap_or_default()
}
