//! Moments and durations as people write and read them.

use std::time::Duration;

use pilotage_core::Timestamp;

/// Units from the smallest, each with its length in the one before it that still reads well.
const UNITS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];

/// `2026-11-22 18:30:05Z (3 min ago)`.
pub(super) fn both(at: Timestamp, now: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.split('.').next().unwrap_or(&text).replace('T', " ");
    format!("{seconds}Z ({})", relative(at, now))
}

/// `3 min ago`, `in 2 h`.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    let past = now.since(at);
    if past >= Duration::from_secs(1) {
        return format!("{} ago", coarse(past));
    }
    let future = at.since(now);
    if future >= Duration::from_secs(1) {
        format!("in {}", coarse(future))
    } else {
        "now".to_owned()
    }
}

/// The largest unit that fits at least once.
fn coarse(span: Duration) -> String {
    let secs = span.as_secs();
    let unit = UNITS.iter().rev().find(|(_, length)| secs >= *length);
    let (name, length) = unit.copied().unwrap_or(("s", 1));
    format!("{} {name}", secs / length)
}

/// A duration given in microseconds, with three digits or so: `870 µs`, `12.4 ms`, `3.2 s`, `5 min`.
pub(crate) fn duration(micros: i64) -> String {
    let micros = u64::try_from(micros).unwrap_or(0);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", tenths(micros, 1_000)),
        1_000_000..60_000_000 => format!("{} s", tenths(micros, 1_000_000)),
        _ => coarse(Duration::from_micros(micros)),
    }
}

fn tenths(value: u64, unit: u64) -> String {
    format!("{}.{}", value / unit, value % unit * 10 / unit)
}

/// A moment as an option takes it: RFC 3339, or a time span before now such as `90s`, `15min`, `2h`, `7d`.
///
/// # Errors
/// It is neither; the text says what it may be.
pub(crate) fn parse_moment(text: &str) -> Result<Timestamp, String> {
    parse_span(text).map_or_else(
        || {
            text.parse().map_err(|_| {
                format!(
                    "`{text}` is neither a time like 2026-11-22T18:30:00Z nor a span like 15min, 2h or 7d"
                )
            })
        },
        |span| Ok(Timestamp::now() - span),
    )
}

/// A moment to come as an option takes it: RFC 3339, or a time span from now such as `2h` or `7d`.
///
/// # Errors
/// It is neither; the text says what it may be.
pub(crate) fn parse_future(text: &str) -> Result<Timestamp, String> {
    let from_now = parse_span(text).map(|span| Timestamp::now() + span);
    from_now.map_or_else(|| parse_moment(text), Ok)
}

fn parse_span(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let length = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    Some(Duration::from_secs(
        number.parse::<u64>().ok()?.checked_mul(length)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_both_ways() {
        let at = Timestamp::from_secs(1_790_000_000);
        let cases = [
            (0, "2026-09-21 14:13:20Z (now)"),
            (42, "2026-09-21 14:13:20Z (42 s ago)"),
            (60, "2026-09-21 14:13:20Z (1 min ago)"),
            (7_300, "2026-09-21 14:13:20Z (2 h ago)"),
            (200_000, "2026-09-21 14:13:20Z (2 d ago)"),
            (-120, "2026-09-21 14:13:20Z (in 2 min)"),
        ];
        for (later, expected) in cases {
            assert_eq!(both(at, Timestamp::from_secs(1_790_000_000 + later)), expected);
        }
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        let cases = [
            (-5, "0 µs"),
            (870, "870 µs"),
            (12_460, "12.4 ms"),
            (3_210_000, "3.2 s"),
            (300_000_000, "5 min"),
        ];
        for (micros, expected) in cases {
            assert_eq!(duration(micros), expected);
        }
    }

    #[test]
    fn spans_and_moments_are_read() {
        for (text, secs) in [
            ("90s", 90),
            ("15min", 900),
            ("15m", 900),
            ("2h", 7_200),
            ("7d", 604_800),
        ] {
            assert_eq!(parse_span(text), Some(Duration::from_secs(secs)), "{text}");
        }
        assert_eq!(
            parse_moment("2026-09-21T14:13:20Z").unwrap(),
            Timestamp::from_secs(1_790_000_000)
        );
        for text in [
            "",
            "h",
            "5",
            "5y",
            "99999999999999999999d",
            "18446744073709551615w",
            "yesterday",
            "é5",
        ] {
            assert!(parse_moment(text).is_err(), "{text}");
        }
    }
}
