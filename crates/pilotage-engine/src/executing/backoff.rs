use std::time::Duration;

use pilotage_core::rule::RetryPolicy;

/// The pause before attempt `failed + 1`, after `failed` attempts (at least 1): exponential with up to 10 % added, capped,
/// and never shorter than what the other side asked for. `None` when there are no attempts left.
pub(super) fn delay(
    policy: &RetryPolicy,
    failed: u32,
    asked: Option<Duration>,
    jitter: f64,
) -> Option<Duration> {
    if failed >= policy.max_attempts {
        return None;
    }
    let exponent = i32::try_from(failed.saturating_sub(1)).unwrap_or(i32::MAX);
    let longest = Duration::from_millis(policy.max_delay).as_secs_f64();
    let exact =
        Duration::from_millis(policy.initial_delay).as_secs_f64() * policy.backoff_multiplier.powi(exponent);
    let spread = (exact.min(longest) * (1.0 + 0.1 * jitter.clamp(0.0, 1.0))).min(longest);
    let own = Duration::try_from_secs_f64(spread).unwrap_or(Duration::from_millis(policy.max_delay));
    Some(own.max(asked.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 4,
        initial_delay: 100,
        backoff_multiplier: 3.0,
        max_delay: 500,
    };

    #[test]
    fn delays_grow_are_capped_and_end() {
        let exact: Vec<_> = (1..=4)
            .map(|failed| delay(&POLICY, failed, None, 0.0).map(|d| d.as_millis()))
            .collect();
        assert_eq!(exact, [Some(100), Some(300), Some(500), None]);
        assert_eq!(delay(&POLICY, 1, None, 1.0).unwrap().as_millis(), 110);
        assert_eq!(
            delay(&POLICY, 3, None, 1.0).unwrap().as_millis(),
            500,
            "the cap holds with jitter"
        );
    }

    #[test]
    fn what_the_other_side_asks_for_is_honoured() {
        let asked = Some(Duration::from_secs(7));
        assert_eq!(delay(&POLICY, 1, asked, 0.5), asked);
        assert_eq!(delay(&POLICY, 4, asked, 0.5), None);
    }

    #[test]
    fn absurd_policies_do_not_panic() {
        let absurd = RetryPolicy {
            max_attempts: u32::MAX,
            initial_delay: u64::MAX,
            backoff_multiplier: f64::MAX,
            max_delay: u64::MAX,
        };
        assert!(delay(&absurd, 1_000_000, None, 1.0).is_some());
    }
}
