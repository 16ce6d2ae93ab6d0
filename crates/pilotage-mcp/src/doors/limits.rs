//! How much one caller may ask for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Callers told apart at once; beyond them the ones that ask for nothing are forgotten.
const MOST_CALLERS: usize = 10_000;

/// Messages per second from each caller, over all his connections.
#[derive(Clone, Debug)]
pub struct Limits {
    per_second: u32,
    burst: u32,
    callers: Arc<Mutex<HashMap<String, Bucket>>>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    since: Instant,
}

impl Limits {
    /// So many messages per second, and twice as many at once; 0 is no limit.
    pub fn new(per_second: u32) -> Self {
        Self {
            per_second,
            burst: per_second.saturating_mul(2),
            callers: Arc::default(),
        }
    }

    /// Takes one message of a caller, or says how long he has to wait.
    ///
    /// # Errors
    /// He has asked for too much.
    pub(crate) fn take(&self, actor: &str, now: Instant) -> Result<(), Duration> {
        if self.per_second == 0 {
            return Ok(());
        }
        let rate = f64::from(self.per_second);
        let full = f64::from(self.burst);
        let refilled = |bucket: &Bucket| {
            let passed = now.saturating_duration_since(bucket.since).as_secs_f64();
            rate.mul_add(passed, bucket.left).min(full)
        };
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MOST_CALLERS && !callers.contains_key(actor) {
            callers.retain(|_, bucket| refilled(bucket) < full);
        }
        let bucket = callers.entry(actor.to_owned()).or_insert(Bucket {
            left: full,
            since: now,
        });
        let left = refilled(bucket);
        if left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - left) / rate));
        }
        *bucket = Bucket {
            left: left - 1.0,
            since: now,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_gets_his_burst_then_his_rate_and_nobody_elses() {
        let limits = Limits::new(10);
        let start = Instant::now();
        let taken = (0..30).filter(|_| limits.take("a", start).is_ok()).count();
        assert_eq!(taken, 20);
        assert!(limits.take("b", start).is_ok());
        let wait = limits.take("a", start).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert!(limits.take("a", start + wait).is_ok());
    }

    #[test]
    fn no_limit_is_no_limit() {
        let limits = Limits::new(0);
        assert!((0..10_000).all(|_| limits.take("a", Instant::now()).is_ok()));
    }
}
