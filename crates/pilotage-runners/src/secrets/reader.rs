//! Small steps over bytes, all of them bounded.

/// The longest line, value or name that is looked at, in bytes.
pub(super) const MAX_VALUE_BYTES: usize = 512;

/// The byte at a place.
pub(super) fn at(text: &[u8], place: usize) -> Option<u8> {
    text.get(place).copied()
}

/// The byte before a place.
pub(super) fn before(text: &[u8], place: usize) -> Option<u8> {
    text.get(place.checked_sub(1)?).copied()
}

/// From `from` as long as `is` holds, for at most `most` bytes; where that ends.
pub(super) fn run(text: &[u8], from: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let length = rest.iter().take(most).take_while(|byte| is(**byte)).count();
    from + length
}

/// From `from` backwards as long as `is` holds, for at most `most` bytes; where that begins.
pub(super) fn run_back(text: &[u8], from: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(..from).unwrap_or_default();
    let length = rest.iter().rev().take(most).take_while(|byte| is(**byte)).count();
    from - length
}

/// Letters, digits, `_`.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Blanks within a line.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The letters of base64 in either alphabet.
pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}
