//! Identifiers that are the same in every run: made from a name and a counter, never from chance.

use pilotage_core::Timestamp;
use sha2::{Digest as _, Sha256};

/// 32 hexadecimal digits, as executions and incomplete executions have.
pub(crate) fn hexadecimal(table: &str, number: u64) -> String {
    let digest = Sha256::digest(format!("{table}/{number}"));
    hex::encode(&digest[..16])
}

/// A UUID of version 4 in its form.
pub(crate) fn uuid(table: &str, number: u64) -> String {
    let mut digits = hexadecimal(table, number);
    digits.replace_range(12..13, "4");
    digits.replace_range(16..17, "a");
    format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )
}

/// The 32 characters of a webhook's address: lower-case letters and digits.
pub(crate) fn address(number: u64) -> String {
    hexadecimal("hook address", number)
}

/// A moment as Make writes it: RFC 3339 in UTC with milliseconds.
pub(crate) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("{whole}.{:03}Z", millis(at).rem_euclid(1_000))
}

/// Milliseconds since the Unix epoch.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(hexadecimal("a", 1).len(), 32);
        assert_ne!(hexadecimal("a", 1), hexadecimal("a", 2));
        let uuid = uuid("a", 1);
        assert_eq!((uuid.len(), &uuid[14..15], &uuid[19..20]), (36, "4", "a"));
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_123_999, "2023-11-14T22:13:20.123Z"),
        ];
        for (micros, text) in cases {
            assert_eq!(moment(Timestamp::from_micros(micros)), text);
        }
    }
}
