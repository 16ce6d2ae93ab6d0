//! Sparing the other side: a rate limit and a circuit breaker for each target. Both live in memory: after a restart a
//! target starts with a full allowance and a closed circuit, which costs it at most one burst.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use pilotage_core::Timestamp;

use crate::actions::RateLimit;

/// Failures in a row that open a circuit.
const FAILURES_TO_OPEN: u32 = 5;
/// For how long a circuit first stays open.
const FIRST_OPEN: Duration = Duration::from_secs(10);
/// No circuit stays open longer without a probe.
const LONGEST_OPEN: Duration = Duration::from_mins(5);
/// While one probe is under way, others look again after this.
const PROBE_WAIT: Duration = Duration::from_secs(2);
/// Targets remembered at most; above it, those at rest are forgotten.
const MOST_TARGETS: usize = 10_000;

/// Whether an attempt may be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Go ahead.
    Granted,
    /// Not before this moment, and why.
    Later { at: Timestamp, reason: &'static str },
}

#[derive(Clone, Copy)]
struct Target {
    tokens: f64,
    filled_at: Timestamp,
    failures: u32,
    open_until: Option<Timestamp>,
    open_for: Duration,
}

impl Target {
    fn new(now: Timestamp, limit: Option<RateLimit>) -> Self {
        let tokens = limit.map_or(0.0, |limit| f64::from(limit.burst));
        Self {
            tokens,
            filled_at: now,
            failures: 0,
            open_until: None,
            open_for: FIRST_OPEN,
        }
    }

    fn at_rest(&self, now: Timestamp) -> bool {
        self.failures == 0 && now.since(self.filled_at) > LONGEST_OPEN
    }

    fn take_token(&mut self, now: Timestamp, limit: RateLimit) -> Leave {
        let elapsed = now.since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * limit.per_second).min(f64::from(limit.burst.max(1)));
        self.filled_at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Leave::Granted;
        }
        let wait = (1.0 - self.tokens) / limit.per_second.max(f64::MIN_POSITIVE);
        let wait = Duration::try_from_secs_f64(wait)
            .unwrap_or(LONGEST_OPEN)
            .clamp(Duration::from_millis(1), LONGEST_OPEN);
        Leave::Later {
            at: now + wait,
            reason: "the target's rate limit is used up",
        }
    }
}

/// The targets by their throttle key.
#[derive(Default)]
pub(crate) struct Throttle {
    targets: Mutex<HashMap<String, Target>>,
}

impl Throttle {
    /// Asks for leave to make one attempt.
    pub(crate) fn ask(&self, key: &str, limit: Option<RateLimit>, now: Timestamp) -> Leave {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.len() >= MOST_TARGETS {
            targets.retain(|_, target| !target.at_rest(now));
        }
        let target = targets
            .entry(key.to_owned())
            .or_insert_with(|| Target::new(now, limit));
        if let Some(at) = target.open_until {
            if now < at {
                return Leave::Later {
                    at,
                    reason: "the target's circuit is open after failures in a row",
                };
            }
            // Half open: this one is the probe; whoever comes meanwhile looks again shortly.
            target.open_until = Some(now + PROBE_WAIT);
            return Leave::Granted;
        }
        limit.map_or(Leave::Granted, |limit| target.take_token(now, limit))
    }

    /// The other side answered as it should, or refused this one request for good reason: it is alive.
    pub(crate) fn alive(&self, key: &str) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = targets.get_mut(key) {
            target.failures = 0;
            target.open_until = None;
            target.open_for = FIRST_OPEN;
        }
    }

    /// The other side failed. Answers whether this opened its circuit.
    pub(crate) fn failed(&self, key: &str, now: Timestamp) -> bool {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(target) = targets.get_mut(key) else {
            return false;
        };
        target.failures = target.failures.saturating_add(1);
        if target.failures < FAILURES_TO_OPEN {
            return false;
        }
        if target.failures > FAILURES_TO_OPEN {
            target.open_for = target.open_for.saturating_mul(2).min(LONGEST_OPEN);
        }
        target.open_until = Some(now + target.open_for);
        true
    }

    /// How many circuits are open.
    pub(crate) fn open_circuits(&self) -> usize {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets
            .values()
            .filter(|target| target.open_until.is_some())
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_000);

    #[test]
    fn a_circuit_opens_after_failures_in_a_row_lets_one_probe_through_and_closes_on_success() {
        let throttle = Throttle::default();
        for _ in 0..FAILURES_TO_OPEN {
            assert_eq!(throttle.ask("t", None, START), Leave::Granted);
            throttle.failed("t", START);
        }
        assert!(
            matches!(throttle.ask("t", None, START), Leave::Later { at, .. } if at == START + FIRST_OPEN)
        );
        let later = START + FIRST_OPEN;
        assert_eq!(throttle.ask("t", None, later), Leave::Granted);
        assert!(
            matches!(throttle.ask("t", None, later), Leave::Later { .. }),
            "one probe at a time"
        );
        assert!(throttle.failed("t", later));
        assert!(
            matches!(throttle.ask("t", None, later), Leave::Later { at, .. } if at == later + FIRST_OPEN * 2)
        );
        throttle.alive("t");
        assert_eq!(throttle.ask("t", None, later), Leave::Granted);
        assert_eq!(throttle.open_circuits(), 0);
    }

    #[test]
    fn a_rate_limit_grants_its_burst_and_then_its_rate() {
        let throttle = Throttle::default();
        let limit = Some(RateLimit {
            per_second: 2.0,
            burst: 3,
        });
        for _ in 0..3 {
            assert_eq!(throttle.ask("t", limit, START), Leave::Granted);
        }
        let Leave::Later { at, .. } = throttle.ask("t", limit, START) else {
            panic!("the burst is used up")
        };
        assert_eq!(at, START + Duration::from_millis(500));
        assert_eq!(throttle.ask("t", limit, at), Leave::Granted);
    }
}
