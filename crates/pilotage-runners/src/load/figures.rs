//! What was seen, in histograms: they keep every latency in three digits, however many there are.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

/// Longest latency that is told apart, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;
/// Seconds of a run that are kept one by one.
const MOST_SECONDS: usize = 6 * 3_600;

/// Why there was no answer that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// Nobody took the connection.
    Connect,
    /// There was no answer in time.
    Timeout,
    /// The connection broke.
    Broken,
    /// The answer had another status than is well.
    Status,
    /// The answer did not hold what it has to.
    Content,
}

impl Failure {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Status => "status",
            Self::Content => "content",
        }
    }
}

/// Latencies, and what became of the requests.
#[derive(Clone, Debug)]
pub struct Counted {
    latency: Histogram<u64>,
    /// Requests that ended, well or not.
    pub requests: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests that ended badly.
    pub failures: BTreeMap<Failure, u64>,
}

impl Counted {
    fn new() -> Self {
        Self {
            latency: histogram(),
            requests: 0,
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    fn add(&mut self, latency: Duration, status: Option<u16>, failure: Option<Failure>) {
        self.requests += 1;
        self.latency.saturating_record(micros(latency));
        if let Some(status) = status {
            *self.statuses.entry(status).or_default() += 1;
        }
        if let Some(failure) = failure {
            *self.failures.entry(failure).or_default() += 1;
        }
    }

    /// Requests that ended badly.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Seconds within which this share of the requests ended.
    pub fn quantile(&self, share: f64) -> f64 {
        seconds(self.latency.value_at_quantile(share))
    }

    /// The longest, in seconds.
    pub fn longest(&self) -> f64 {
        seconds(self.latency.max())
    }

    /// On average, in seconds.
    pub fn mean(&self) -> f64 {
        self.latency.mean() / 1e6
    }
}

/// One second of a run, by when its requests were due.
#[derive(Clone, Debug)]
pub struct Second {
    /// Requests that were due in it and ended.
    pub requests: u64,
    /// Of those, how many ended badly.
    pub failed: u64,
    latency: Histogram<u64>,
}

impl Second {
    /// Seconds within which this share of its requests ended.
    pub fn quantile(&self, share: f64) -> f64 {
        seconds(self.latency.value_at_quantile(share))
    }
}

/// Everything that was seen while it was measured.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Over all requests.
    pub all: Counted,
    /// For each request of the plan.
    pub steps: Vec<Counted>,
    /// For each second, from the first that is measured.
    pub per_second: Vec<Second>,
    /// Arrivals that were due and not begun, because too many were under way.
    pub dropped: u64,
    lateness: Histogram<u64>,
}

impl Figures {
    /// Nothing yet, for a plan of so many requests.
    pub fn new(steps: usize) -> Self {
        Self {
            all: Counted::new(),
            steps: vec![Counted::new(); steps],
            per_second: Vec::new(),
            dropped: 0,
            lateness: histogram(),
        }
    }

    /// A request that was due so long after what is measured began.
    pub(super) fn add(
        &mut self,
        step: usize,
        due: Duration,
        latency: Duration,
        status: Option<u16>,
        failure: Option<Failure>,
    ) {
        self.all.add(latency, status, failure);
        if let Some(step) = self.steps.get_mut(step) {
            step.add(latency, status, failure);
        }
        let place = usize::try_from(due.as_secs())
            .unwrap_or(usize::MAX)
            .min(MOST_SECONDS);
        while self.per_second.len() <= place {
            self.per_second.push(Second {
                requests: 0,
                failed: 0,
                latency: coarse(),
            });
        }
        if let Some(second) = self.per_second.get_mut(place) {
            second.requests += 1;
            second.failed += u64::from(failure.is_some());
            // It grows with its values, up to what 64 bits count, so nothing is left out.
            let _ = second.latency.record(micros(latency));
        }
    }

    /// How long after it was due an arrival was begun.
    pub(super) fn late(&mut self, lateness: Duration) {
        self.lateness.saturating_record(micros(lateness));
    }

    /// Seconds by which this share of the arrivals was begun too late: the generator's own fault.
    pub fn lateness(&self, share: f64) -> f64 {
        seconds(self.lateness.value_at_quantile(share))
    }
}

#[expect(clippy::expect_used, reason = "the bounds are constants that hold")]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST_US, 3).expect("constant bounds")
}

/// For one second: two digits, and no more memory than its values need.
#[expect(clippy::expect_used, reason = "the bounds are constants that hold")]
fn coarse() -> Histogram<u64> {
    Histogram::new(2).expect("constant bounds")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}
