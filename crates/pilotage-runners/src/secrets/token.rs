//! JSON Web Tokens (RFC 7519) and what stands in the header `Authorization` (RFC 7617, RFC 6750).

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::reader::{at, is_base64, run};

/// With either alphabet's padding, or none.
const fn engine(alphabet: &alphabet::Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(alphabet, config)
}

const STANDARD: GeneralPurpose = engine(&alphabet::STANDARD);
const URL: GeneralPurpose = engine(&alphabet::URL_SAFE);

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The signed token whose first part begins at `from`: from, to.
pub(super) fn json_web_token(text: &[u8], from: usize) -> Option<(usize, usize)> {
    if from
        .checked_sub(1)
        .and_then(|last| at(text, last))
        .is_some_and(is_part)
    {
        return None;
    }
    let header = run(text, from, 1_024, is_part);
    let decoded = URL.decode(text.get(from..header)?).ok()?;
    let is_header = decoded.starts_with(b"{\"") && decoded.contains(&b':') && decoded.ends_with(b"}");
    if !is_header || at(text, header) != Some(b'.') {
        return None;
    }
    let claims = run(text, header + 1, 8_192, is_part);
    let is_claims = text
        .get(header + 1..)
        .is_some_and(|rest| rest.starts_with(b"eyJ"));
    if !is_claims || at(text, claims) != Some(b'.') {
        return None;
    }
    let end = run(text, claims + 1, 2_048, is_part);
    (end - claims > 20).then_some((from, end))
}

/// What follows `Basic `, decoded: from, to, user and password. `None` if it is no such thing.
pub(super) fn basic(text: &[u8], from: usize) -> Option<((usize, usize), Vec<u8>)> {
    let end = run(text, from, 512, is_base64);
    let value = text.get(from..end)?;
    if value.len() < 8 {
        return None;
    }
    let decoded = STANDARD.decode(value).ok()?;
    let is_text = decoded.iter().all(|byte| (32..127).contains(byte)) && decoded.contains(&b':');
    is_text.then_some(((from, end), decoded))
}

/// What follows `Bearer `: from, to.
pub(super) fn bearer(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let end = run(text, from, 2_048, |byte| {
        is_base64(byte) || matches!(byte, b'.' | b'~' | b'=')
    });
    (end - from >= 16).then_some((from, end))
}
