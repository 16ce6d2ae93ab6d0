//! Make's rate limit: so many requests of an organization in a window, told in the headers of every answer.
//!
//! `x-ratelimit-limit`, `x-ratelimit-remaining` and `x-ratelimit-reset` (seconds since the Unix epoch, less than a minute ahead) as the
//! live service sends them. Windows begin at whole multiples of their length.

use std::collections::BTreeMap;

use pilotage_core::Timestamp;

use super::ids::millis;

/// Most buckets that are remembered; beyond that all are forgotten, which gives callers more and never less.
const MOST_BUCKETS: usize = 1_000;

/// So many requests in so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) requests: u64,
    pub(crate) per_ms: u64,
}

impl Rate {
    /// Make counts by the minute.
    pub(crate) const fn per_minute(requests: u64) -> Self {
        Self {
            requests,
            per_ms: 60_000,
        }
    }
}

/// How a bucket stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether the request may pass.
    pub(crate) passes: bool,
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Seconds since the Unix epoch, rounded up.
    pub(crate) reset_secs: i64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    window: i64,
    used: u64,
}

/// The buckets of all who are counted.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    buckets: BTreeMap<String, Bucket>,
}

impl Limits {
    /// Takes one from the bucket of `who`, if there is one left.
    pub(crate) fn take(&mut self, who: &str, rate: Rate, now: Timestamp) -> Standing {
        if self.buckets.len() >= MOST_BUCKETS && !self.buckets.contains_key(who) {
            self.buckets.clear();
        }
        let per_ms = i64::try_from(rate.per_ms.max(1)).unwrap_or(i64::MAX);
        let window = millis(now).div_euclid(per_ms);
        let bucket = self
            .buckets
            .entry(who.to_owned())
            .or_insert(Bucket { window, used: 0 });
        if bucket.window != window {
            *bucket = Bucket { window, used: 0 };
        }
        let passes = bucket.used < rate.requests;
        bucket.used += u64::from(passes);
        let end_ms = window.saturating_add(1).saturating_mul(per_ms);
        Standing {
            passes,
            limit: rate.requests,
            remaining: rate.requests - bucket.used.min(rate.requests),
            reset_secs: end_ms.saturating_add(999).div_euclid(1_000),
        }
    }

    /// Every bucket is full again.
    pub(crate) fn clear(&mut self) {
        self.buckets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_micros(ms * 1_000)
    }

    #[test]
    fn a_window_refills_at_its_end() {
        let mut limits = Limits::default();
        let rate = Rate::per_minute(2);
        // Milliseconds, whether it passes, what remains, when it is told to be full again.
        let steps = [
            (60_000, true, 1, 120),
            (61_000, true, 0, 120),
            (119_999, false, 0, 120),
            (120_000, true, 1, 180),
            (300_001, true, 1, 360),
        ];
        for (ms, passes, remaining, reset_secs) in steps {
            let standing = limits.take("7", rate, at(ms));
            let expected = Standing {
                passes,
                limit: 2,
                remaining,
                reset_secs,
            };
            assert_eq!(standing, expected, "at {ms}");
        }
        assert!(limits.take("8", rate, at(300_001)).passes, "another bucket");
    }

    #[test]
    fn no_rate_is_too_odd() {
        let mut limits = Limits::default();
        for (requests, per_ms) in [(0, 0), (u64::MAX, u64::MAX), (1, u64::MAX)] {
            limits.take("1", Rate { requests, per_ms }, at(i64::MAX / 1_000));
        }
        for who in 0..3 * MOST_BUCKETS {
            limits.take(&who.to_string(), Rate::per_minute(1), at(0));
        }
        assert!(limits.buckets.len() <= MOST_BUCKETS);
    }
}
