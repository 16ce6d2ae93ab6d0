//! Times, states, sizes and counts as people read them.

use std::fmt;

use askama::filters::HtmlSafe;
use pilotage_core::{
    ExecutionStatus, OperationStatus, Timestamp, execution::AttemptResult, pipeline_run::RunState,
};

/// Longest text of somebody else in a list, in characters.
pub(super) const SHORT: usize = 80;

/// A moment beside the present: relative, with the absolute time in its title and on demand.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) now: Timestamp,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.at.to_string();
        let part = |end| whole.get(..end).unwrap_or(&whole).replace('T', " ");
        let (millis, seconds, relative) = (part(23), part(19), relative(self.at, self.now));
        write!(
            f,
            "<time datetime=\"{whole}\" title=\"{millis} UTC\"><span class=\"rel\">{relative}</span>\
             <span class=\"abs\">{seconds}Z</span></time>"
        )
    }
}

// Digits, letters and punctuation of our own.
impl HtmlSafe for Moment {}

/// How far a moment is away, in one unit.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    let (away, past) = if at <= now {
        (now.since(at), true)
    } else {
        (at.since(now), false)
    };
    let seconds = away.as_secs();
    let (count, unit) = match seconds {
        0 if past => return "just now".to_owned(),
        0..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "min"),
        3_600..172_800 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    if past {
        format!("{count} {unit} ago")
    } else {
        format!("in {count} {unit}")
    }
}

/// A state: its word and the class that colours it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) word: &'static str,
    pub(super) class: &'static str,
}

impl State {
    pub(super) const fn of(status: ExecutionStatus) -> Self {
        Self {
            word: status.as_str(),
            class: match status {
                ExecutionStatus::Waiting | ExecutionStatus::Pending => "wait",
                ExecutionStatus::Running => "run",
                ExecutionStatus::Succeeded => "ok",
                ExecutionStatus::Failed => "bad",
                ExecutionStatus::Cancelled => "off",
            },
        }
    }

    pub(super) const fn of_operation(status: OperationStatus) -> Self {
        Self {
            word: status.as_str(),
            class: match status {
                OperationStatus::Pending => "wait",
                OperationStatus::Running => "run",
                OperationStatus::Success => "ok",
                OperationStatus::Failure => "bad",
                OperationStatus::Cancelled => "off",
            },
        }
    }

    pub(super) const fn of_run(state: RunState) -> Self {
        Self {
            word: state.as_str(),
            class: match state {
                RunState::Queued | RunState::Waiting => "wait",
                RunState::Running => "run",
                RunState::Succeeded => "ok",
                RunState::Failed => "bad",
                RunState::Cancelled | RunState::Skipped => "off",
            },
        }
    }

    pub(super) const fn of_attempt(result: AttemptResult) -> Self {
        match result {
            AttemptResult::Success => Self {
                word: "succeeded",
                class: "ok",
            },
            AttemptResult::Retryable => Self {
                word: "failed, may be tried again",
                class: "warn",
            },
            AttemptResult::Permanent => Self {
                word: "failed for good",
                class: "bad",
            },
            AttemptResult::Cancelled => Self {
                word: "cancelled",
                class: "off",
            },
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"state {}\">{}</span>", self.class, self.word)
    }
}

// Words of our own.
impl HtmlSafe for State {}

/// A duration in microseconds, in the unit that leaves a short number.
pub(super) fn duration(micros: i64) -> String {
    let micros = micros.max(0);
    let tenths = |value: i64, unit: i64| format!("{}.{}", value / unit, value % unit * 10 / unit);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{} ms", tenths(micros, 1_000)),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{} s", tenths(micros, 1_000_000)),
        60_000_000..3_600_000_000 => {
            format!("{} min {} s", micros / 60_000_000, micros / 1_000_000 % 60)
        }
        3_600_000_000..172_800_000_000 => {
            format!("{} h {} min", micros / 3_600_000_000, micros / 60_000_000 % 60)
        }
        _ => format!("{} days", micros / 86_400_000_000),
    }
}

/// A number of bytes.
pub(super) fn size(bytes: i64) -> String {
    let tenths = |unit: i64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        ..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", tenths(1_024)),
        _ => format!("{} MiB", tenths(1_048_576)),
    }
}

/// A count with a thin space between thousands.
pub(super) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// "1 rule", "2 rules".
pub(super) fn plural(number: i64, one: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {one}{ending}", count(number))
}

/// At most `longest` characters; where something was cut, an ellipsis says so.
pub(super) fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The end of an identity, which differs between neighbours; its beginning is a time.
pub(super) fn short_id(id: &impl fmt::Display) -> String {
    let id = id.to_string();
    id.get(id.len().saturating_sub(8)..).unwrap_or(&id).to_owned()
}

/// A share as per cent.
pub(super) fn percent(part: i64, whole: i64) -> Option<String> {
    let thousandths = part.checked_mul(1_000)?.checked_div(whole)?;
    Some(format!("{}.{} %", thousandths / 10, thousandths % 10))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_told_in_one_unit() {
        let now = Timestamp::from_secs(1_000_000);
        let told = |seconds: u64| relative(now - Duration::from_secs(seconds), now);
        assert_eq!(
            [told(0), told(59), told(60), told(3_600), told(172_800)],
            ["just now", "59 s ago", "1 min ago", "1 h ago", "2 days ago"]
        );
        assert_eq!(relative(now + Duration::from_secs(90), now), "in 1 min");
    }

    #[test]
    fn numbers_are_short() {
        let durations = [999, 1_500, 15_000, 1_500_000, 61_000_000, 3_660_000_000].map(duration);
        assert_eq!(
            durations,
            ["999 µs", "1.5 ms", "15 ms", "1.5 s", "1 min 1 s", "1 h 1 min"]
        );
        assert_eq!(
            [size(1), size(1_536), size(1_572_864)],
            ["1 B", "1.5 KiB", "1.5 MiB"]
        );
        assert_eq!([count(999), count(1_234_567)], ["999", "1\u{202f}234\u{202f}567"]);
        assert_eq!(percent(1, 3).as_deref(), Some("33.3 %"));
        assert_eq!(percent(1, 0), None);
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("grüße", 3), "grü…");
        assert_eq!(cut("grüße", 5), "grüße");
    }
}
