//! Sparing the other side: a circuit breaker for each origin and a rate limit for each endpoint that has one. Both live
//! in memory: after a restart a target starts with a full allowance and a closed circuit, which costs it at most one burst.

mod bucket;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pilotage_core::Timestamp;

use self::bucket::Bucket;
use crate::actions::RateLimit;

/// Failures in a row that open a circuit.
const FAILURES_TO_OPEN: u32 = 5;
/// For how long a circuit first stays open.
const FIRST_OPEN: Duration = Duration::from_secs(10);
/// No circuit stays open longer without a probe.
const LONGEST_OPEN: Duration = Duration::from_mins(5);
/// While one probe is under way, others look again after this.
const PROBE_WAIT: Duration = Duration::from_secs(2);
/// Those who wait for a circuit come back spread over this, not all at once.
const SPREAD: Duration = Duration::from_secs(2);
/// Targets remembered at most; above it, those at rest are forgotten.
const MOST_TARGETS: usize = 10_000;

/// Whether an attempt may be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Go ahead, and hand the pass back with what came of it.
    Granted(Pass),
    /// Not before this moment, and why.
    Later { at: Timestamp, reason: &'static str },
}

/// As what an attempt was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// The circuit was closed.
    Ordinary,
    /// The circuit was open: this attempt decides whether it closes.
    Probe {
        /// Which opening it probes: what comes of a probe of an earlier one decides nothing any more.
        opening: u64,
    },
}

/// A target that failed lately.
#[derive(Clone, Copy)]
struct Circuit {
    failures: u32,
    open_until: Option<Timestamp>,
    open_for: Duration,
    opening: u64,
}

impl Circuit {
    const CLOSED: Self = Self {
        failures: 0,
        open_until: None,
        open_for: FIRST_OPEN,
        opening: 0,
    };

    /// Until when it is open. A clock that was set back must not keep it open for longer than it may be.
    fn open_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        let at = self.open_until?.min(now + LONGEST_OPEN);
        self.open_until = Some(at);
        Some(at)
    }

    /// Counts a failure. Answers whether the circuit has to open, anew or for the first time. While it is open only the
    /// probe has a say: the others were under way before it opened, and tell nothing new.
    fn failed(&mut self, pass: Pass) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.open_until.is_none() {
            return self.failures >= FAILURES_TO_OPEN;
        }
        let decides = pass
            == Pass::Probe {
                opening: self.opening,
            };
        if decides {
            self.open_for = self.open_for.saturating_mul(2).min(LONGEST_OPEN);
        }
        decides
    }
}

#[derive(Default)]
struct Targets {
    /// By origin; a target that is not here is well.
    circuits: HashMap<String, Circuit>,
    /// By what carries the limit; one that is not here is full.
    buckets: HashMap<String, Bucket>,
    openings: u64,
    waiters: u64,
}

impl Targets {
    /// Between nothing and [`SPREAD`], evenly however many ask: steps of the golden ratio.
    fn spread(&mut self) -> Duration {
        let step = self.waiters.wrapping_mul(618_034) % 1_000_000;
        self.waiters = self.waiters.wrapping_add(1);
        SPREAD.saturating_mul(u32::try_from(step).unwrap_or(0)) / 1_000_000
    }

    fn bucket(&mut self, key: String, limit: RateLimit, now: Timestamp) -> &mut Bucket {
        if self.buckets.len() >= MOST_TARGETS {
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
        }
        self.buckets.entry(key).or_insert_with(|| Bucket::new(limit, now))
    }
}

/// The targets that have failed or have a rate limit.
#[derive(Default)]
pub(crate) struct Throttle {
    targets: Mutex<Targets>,
}

impl Throttle {
    fn targets(&self) -> MutexGuard<'_, Targets> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for leave to make one attempt at the origin `key`, within a limit and under the key that its bucket has.
    pub(crate) fn ask(&self, key: &str, limit: Option<(String, RateLimit)>, now: Timestamp) -> Leave {
        let mut targets = self.targets();
        let open_until = targets
            .circuits
            .get_mut(key)
            .and_then(|circuit| circuit.open_until(now));
        if let Some(at) = open_until.filter(|at| now < *at) {
            return Leave::Later {
                at: at + targets.spread(),
                reason: "the target's circuit is open after failures in a row",
            };
        }
        if let Some((bucket, limit)) = limit
            && let Err(at) = targets.bucket(bucket, limit, now).take(limit, now)
        {
            return Leave::Later {
                at,
                reason: "the target's rate limit is used up",
            };
        }
        match targets.circuits.get_mut(key) {
            // Half open: this one is the probe; whoever comes meanwhile looks again shortly.
            Some(circuit) if circuit.open_until.is_some() => {
                circuit.open_until = Some(now + PROBE_WAIT);
                Leave::Granted(Pass::Probe {
                    opening: circuit.opening,
                })
            }
            _ => Leave::Granted(Pass::Ordinary),
        }
    }

    /// The other side answered as it should, or refused this one request for good reason: it is alive.
    pub(crate) fn alive(&self, key: &str) {
        self.targets().circuits.remove(key);
    }

    /// The other side failed an attempt that had this pass. Answers whether this opened its circuit.
    pub(crate) fn failed(&self, key: &str, pass: Pass, now: Timestamp) -> bool {
        let targets = &mut *self.targets();
        if targets.circuits.len() >= MOST_TARGETS {
            targets.circuits.retain(|_, circuit| circuit.open_until.is_some());
        }
        let circuit = targets.circuits.entry(key.to_owned()).or_insert(Circuit::CLOSED);
        let opens = circuit.failed(pass);
        if opens {
            targets.openings = targets.openings.wrapping_add(1);
            circuit.opening = targets.openings;
            circuit.open_until = Some(now + circuit.open_for);
        }
        opens
    }

    /// How many circuits are open.
    pub(crate) fn open_circuits(&self) -> usize {
        let targets = self.targets();
        let circuits = targets.circuits.values();
        circuits.filter(|circuit| circuit.open_until.is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(100_000);

    fn granted(throttle: &Throttle, now: Timestamp) -> Pass {
        match throttle.ask("t", None, now) {
            Leave::Granted(pass) => pass,
            later @ Leave::Later { .. } => panic!("{later:?}"),
        }
    }

    fn later(throttle: &Throttle, now: Timestamp) -> Timestamp {
        match throttle.ask("t", None, now) {
            Leave::Later { at, .. } => at,
            granted @ Leave::Granted(_) => panic!("{granted:?}"),
        }
    }

    /// A throttle whose target has just failed often enough.
    fn opened() -> Throttle {
        let throttle = Throttle::default();
        for _ in 0..FAILURES_TO_OPEN {
            let pass = granted(&throttle, START);
            throttle.failed("t", pass, START);
        }
        throttle
    }

    #[test]
    fn a_circuit_opens_after_failures_in_a_row_lets_one_probe_through_and_closes_on_success() {
        let throttle = opened();
        assert_eq!(later(&throttle, START), START + FIRST_OPEN);
        let then = START + FIRST_OPEN;
        let probe = granted(&throttle, then);
        assert!(later(&throttle, then) > then, "one probe at a time");
        assert!(throttle.failed("t", probe, then));
        assert!(later(&throttle, then) >= then + FIRST_OPEN * 2);
        throttle.alive("t");
        assert_eq!(granted(&throttle, then), Pass::Ordinary);
        assert_eq!(throttle.open_circuits(), 0);
    }

    #[test]
    fn failures_that_were_under_way_when_it_opened_keep_a_circuit_open_no_longer() {
        let throttle = opened();
        for _ in 0..100 {
            assert!(!throttle.failed("t", Pass::Ordinary, START));
        }
        assert_eq!(later(&throttle, START), START + FIRST_OPEN);
    }

    #[test]
    fn of_several_probes_of_one_opening_the_first_to_fail_decides() {
        let throttle = opened();
        let first = START + FIRST_OPEN;
        let probe = granted(&throttle, first);
        let other = granted(&throttle, first + PROBE_WAIT);
        assert!(throttle.failed("t", probe, first + PROBE_WAIT));
        assert!(!throttle.failed("t", other, first + PROBE_WAIT));
        assert_eq!(
            later(&throttle, first + PROBE_WAIT),
            first + PROBE_WAIT + FIRST_OPEN * 2
        );
    }

    #[test]
    fn those_who_wait_for_a_circuit_come_back_spread() {
        let throttle = opened();
        let moments: std::collections::BTreeSet<i64> =
            (0..1_000).map(|_| later(&throttle, START).as_micros()).collect();
        assert_eq!(moments.len(), 1_000);
        let last = Timestamp::from_micros(moments.last().copied().unwrap());
        assert!(last <= START + FIRST_OPEN + SPREAD);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_keep_a_circuit_open() {
        let throttle = opened();
        let back = START - Duration::from_hours(24);
        assert!(later(&throttle, back) <= back + LONGEST_OPEN);
        assert!(matches!(
            granted(&throttle, back + LONGEST_OPEN),
            Pass::Probe { .. }
        ));
    }

    #[test]
    fn two_endpoints_of_one_origin_share_a_circuit_but_no_allowance() {
        let throttle = Throttle::default();
        let limit = RateLimit {
            per_second: 1.0,
            burst: 1,
        };
        for bucket in ["a", "b"] {
            let leave = throttle.ask("t", Some((bucket.into(), limit)), START);
            assert_eq!(leave, Leave::Granted(Pass::Ordinary), "{bucket}");
        }
        let leave = throttle.ask("t", Some(("a".into(), limit)), START);
        assert!(matches!(leave, Leave::Later { at, .. } if at == START + Duration::from_secs(1)));
    }
}
