//! Passwords in addresses: `scheme://user:password@host` (RFC 3986, 3.2.1).

use super::reader::{at, run, run_back};

/// The password of an address whose `://` stands at `from`: from, to.
pub(super) fn password(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let scheme = run_back(text, from, 20, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
    });
    if scheme == from {
        return None;
    }
    let begin = from + 3;
    let is_part = |byte: u8| {
        byte.is_ascii_graphic()
            && !matches!(
                byte,
                b'/' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b',' | b'?' | b' '
            )
    };
    let end = run(text, begin, 256, is_part);
    let authority = text.get(begin..end)?;
    let sign = authority.iter().rposition(|byte| *byte == b'@')?;
    let colon = authority.iter().position(|byte| *byte == b':')?;
    let host = at(text, begin + sign + 1)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'[' | b'%' | b'$' | b'{'));
    (colon + 1 < sign && host).then_some((begin + colon + 1, begin + sign))
}
