//! A rate limit that tells each one who has to wait a moment of its own.
//!
//! It is the generic cell rate algorithm (ITU-T I.371) with reservations: who finds nothing left gets the next free slot,
//! and later ones get later slots. Were all told the same moment, N waiters would ask N times each until the last is let
//! through.

use std::time::Duration;

use pilotage_core::{Timestamp, time::micros};

use crate::actions::RateLimit;

/// No slot is given away further ahead than this; who would have a later one asks again then.
const HORIZON: Duration = Duration::from_hours(1);
/// A slot that nobody came for is kept at least this long: claiming has its delays.
const KEPT: Duration = Duration::from_secs(1);
/// The longest time between two attempts, in microseconds: a day.
const LONGEST_INTERVAL: i64 = 86_400_000_000;

/// All figures are microseconds.
pub(super) struct Bucket {
    /// From one attempt to the next.
    interval: i64,
    /// As many intervals as attempts may be made at once.
    burst: i64,
    /// When the whole burst would be free again, if nobody asked any more.
    full_at: i64,
    /// Slots that were given away and not used yet: the last ones before `full_at`, one interval apart.
    reserved: i64,
}

impl Bucket {
    pub(super) fn new(limit: RateLimit, now: Timestamp) -> Self {
        let interval = interval(limit);
        Self {
            interval,
            burst: i64::from(limit.burst.max(1)).saturating_mul(interval),
            full_at: now.as_micros(),
            reserved: 0,
        }
    }

    /// Whether it can be forgotten without a difference.
    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        self.full_at <= now.as_micros()
    }

    /// Takes one attempt, or says when to come back; then there is a slot for it.
    pub(super) fn take(&mut self, limit: RateLimit, now: Timestamp) -> Result<(), Timestamp> {
        self.refresh(limit, now);
        let now = now.as_micros();
        if self.take_reserved(now) {
            return Ok(());
        }
        let slot = self.full_at.saturating_sub(self.burst - self.interval);
        if slot <= now {
            self.full_at = self.full_at.max(now).saturating_add(self.interval);
            return Ok(());
        }
        let horizon = now.saturating_add(micros(HORIZON));
        if slot > horizon {
            return Err(Timestamp::from_micros(horizon));
        }
        self.full_at = self.full_at.saturating_add(self.interval);
        self.reserved = self.reserved.saturating_add(1);
        Err(Timestamp::from_micros(slot))
    }

    /// Begins anew when the limit was changed, or when the clock was set back so far that no slot can be right.
    fn refresh(&mut self, limit: RateLimit, now: Timestamp) {
        let anew = Self::new(limit, now);
        let furthest = (now + HORIZON + HORIZON).as_micros().saturating_add(self.burst);
        let changed = (self.interval, self.burst) != (anew.interval, anew.burst);
        if changed || self.full_at > furthest {
            *self = anew;
        }
    }

    /// Uses the earliest slot whose moment has come, if there is one. Slots that were kept for long enough are forgotten:
    /// what they were for was cancelled, and they must not add up to a burst.
    fn take_reserved(&mut self, now: i64) -> bool {
        let interval = self.interval;
        let last = self.full_at.saturating_sub(self.burst);
        // How many slots, counted back from the last, come after a moment.
        let after = |moment: i64| match last.saturating_sub(moment) {
            ahead if ahead <= 0 => 0,
            ahead => (ahead - 1) / interval + 1,
        };
        let oldest = now.saturating_sub(interval.max(micros(KEPT)));
        self.reserved = self.reserved.min(after(oldest));
        let due = self.reserved > after(now);
        if due {
            self.reserved -= 1;
        }
        due
    }
}

/// The time between two attempts. A rate that is no number or not above 0 lets one through each day.
fn interval(limit: RateLimit) -> i64 {
    let seconds = Duration::try_from_secs_f64(1.0 / limit.per_second);
    seconds.map_or(LONGEST_INTERVAL, |time| micros(time).clamp(1, LONGEST_INTERVAL))
}

#[cfg(test)]
mod tests {
    use std::collections::BinaryHeap;

    use super::*;

    const START: Timestamp = Timestamp::from_secs(100_000);

    fn limit(per_second: f64, burst: u32) -> RateLimit {
        RateLimit { per_second, burst }
    }

    #[test]
    fn it_grants_its_burst_and_then_its_rate() {
        let limit = limit(2.0, 3);
        let mut bucket = Bucket::new(limit, START);
        for _ in 0..3 {
            assert_eq!(bucket.take(limit, START), Ok(()));
        }
        let at = START + Duration::from_millis(500);
        assert_eq!(bucket.take(limit, START), Err(at));
        assert_eq!(bucket.take(limit, at), Ok(()));
    }

    #[test]
    fn each_of_many_who_wait_asks_twice_and_no_slot_is_given_twice() {
        for (rate, burst) in [(1.0, 1), (7.0, 3), (1_000.0, 50), (0.3, 2)] {
            let limit = limit(rate, burst);
            let mut bucket = Bucket::new(limit, START);
            let mut waiting = BinaryHeap::from(vec![std::cmp::Reverse(START.as_micros()); 500]);
            let (mut asked, mut moments) = (0, Vec::new());
            while let Some(std::cmp::Reverse(now)) = waiting.pop() {
                asked += 1;
                match bucket.take(limit, Timestamp::from_micros(now)) {
                    Ok(()) => moments.push(now),
                    Err(at) => waiting.push(std::cmp::Reverse(at.as_micros())),
                }
            }
            assert_eq!(asked, 1_000 - i32::try_from(burst).unwrap(), "rate {rate}");
            let lasted = Duration::from_micros(u64::try_from(moments[499] - moments[0]).unwrap());
            let expected = f64::from(500 - burst) / rate;
            assert!((lasted.as_secs_f64() - expected).abs() < 0.01, "rate {rate}");
        }
    }

    #[test]
    fn nobody_is_sent_further_than_the_horizon() {
        let limit = limit(0.001, 1);
        let mut bucket = Bucket::new(limit, START);
        for _ in 0..1_000 {
            if let Err(at) = bucket.take(limit, START) {
                assert!(at <= START + HORIZON);
            }
        }
        assert!(bucket.reserved <= 3);
    }

    #[test]
    fn what_was_cancelled_leaves_its_slot_to_the_next_and_adds_up_to_no_burst() {
        let limit = limit(1.0, 1);
        let mut bucket = Bucket::new(limit, START);
        for _ in 0..100 {
            let _ = bucket.take(limit, START);
        }
        let then = START + Duration::from_secs(50);
        let granted = (0..50).filter(|_| bucket.take(limit, then).is_ok()).count();
        assert_eq!(granted, 1);
    }

    #[test]
    fn a_changed_limit_and_a_clock_that_is_set_back_begin_anew() {
        let (slow, fast) = (limit(0.01, 1), limit(10.0, 1));
        let mut bucket = Bucket::new(slow, START);
        assert_eq!(bucket.take(slow, START), Ok(()));
        assert!(bucket.take(slow, START).is_err());
        assert_eq!(bucket.take(fast, START), Ok(()));
        assert_eq!(bucket.take(fast, START - Duration::from_hours(24)), Ok(()));
    }

    #[test]
    fn odd_limits_neither_panic_nor_let_everything_through() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, f64::MAX] {
            for burst in [0, 1, u32::MAX] {
                let limit = limit(rate, burst);
                let mut bucket = Bucket::new(limit, START);
                assert_eq!(bucket.take(limit, START), Ok(()), "{rate} {burst}");
                let _ = bucket.take(limit, Timestamp::from_micros(i64::MAX));
                let _ = bucket.take(limit, Timestamp::from_micros(i64::MIN));
            }
        }
    }
}
