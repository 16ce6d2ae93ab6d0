//! Keeps to Make's rate limit before Make has to refuse.
//!
//! Make counts the requests of an organization in windows of a minute and tells in every answer how many are left
//! (`x-ratelimit-limit`, `-remaining`, `-reset` in seconds since 1970, as recorded from the live service). A lane holds what
//! was told; callers pass it one after another in the order in which they came, and wait there for the next window.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::HeaderMap;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};

use super::error::MakeError;

/// Most callers that wait in one lane; more are refused at once.
const MOST_WAITING: usize = 1_000;
/// Make's window.
const USUAL_WINDOW: Duration = Duration::from_mins(1);
/// Windows end at whole seconds of Make's clock; so much later it surely has begun anew there.
const MARGIN: Duration = Duration::from_millis(25);
/// Ends of one window as computed from several answers differ by no more.
const SAME_WINDOW: Duration = Duration::from_millis(400);
/// How long the first answer, from which the limit is learnt, is waited for.
const LESSON: Duration = Duration::from_secs(2);
/// How far the clocks may be apart before Make's is taken; its `Date` has whole seconds.
const MOST_SKEW: Duration = Duration::from_secs(3);

/// Why a caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The requests of this window are used up.
    RateLimit,
    /// Something failed that may well work the next time.
    Retry,
}

/// A wait that a caller is told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Why.
    pub reason: Reason,
    /// How long at least; zero where that is not known.
    pub at_least: Duration,
    /// How many callers come first.
    pub ahead: usize,
}

/// Told whenever a wait begins.
pub type OnWait = Arc<dyn Fn(Waiting) + Send + Sync>;

/// What an answer tells of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    limit: u64,
    remaining: u64,
    ends: Instant,
}

impl Told {
    pub(super) fn read(headers: &HeaderMap, now: Instant, clock: SystemTime) -> Option<Self> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let reset = number("x-ratelimit-reset")?;
        let date = headers.get("date").and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let clock = their_clock(clock, date).duration_since(UNIX_EPOCH).ok()?;
        let left = Duration::from_secs(reset).saturating_sub(clock);
        Some(Self {
            limit: number("x-ratelimit-limit")?,
            remaining: number("x-ratelimit-remaining")?,
            ends: now + left.min(2 * USUAL_WINDOW) + MARGIN,
        })
    }

    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.ends.saturating_duration_since(now)
    }
}

/// Our clock, or theirs where the two are apart.
fn their_clock(ours: SystemTime, date: Option<SystemTime>) -> SystemTime {
    let Some(date) = date else {
        return ours;
    };
    let apart = ours.duration_since(date).or_else(|_| date.duration_since(ours));
    match apart {
        Ok(apart) if apart <= MOST_SKEW => ours,
        _ => date,
    }
}

/// What is known of the present window.
#[derive(Debug, Default)]
struct Window {
    /// How many requests it has; unknown until the first answer.
    limit: Option<u64>,
    /// How many we may still send.
    left: u64,
    /// When it began, as far as we know.
    began: Option<Instant>,
    /// When it ends; unknown until an answer tells.
    ends: Option<Instant>,
    /// The shortest window that was seen.
    length: Option<Duration>,
    in_flight: u64,
    /// Make refused until then.
    blocked: Option<Instant>,
    /// An answer told nothing: whoever answers there has no limit.
    is_free: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Go,
    /// Nobody goes before that.
    Until(Instant),
    /// Somebody has asked; what he is told decides, or that he is told nothing by then.
    Lesson(Instant),
}

impl Window {
    /// Whether one may go now; if so it is counted.
    fn step(&mut self, now: Instant) -> Step {
        if let Some(until) = self.blocked.filter(|until| *until > now) {
            return Step::Until(until);
        }
        if self.limit.is_some() && self.end(now) <= now {
            self.begin(now);
        }
        let step = match self.limit {
            _ if self.is_free && self.limit.is_none() => Step::Go,
            // The first goes alone, and what it is told holds for those behind it.
            None if self.in_flight == 0 => Step::Go,
            None => {
                let began = *self.began.get_or_insert(now);
                if now >= began + LESSON {
                    Step::Go
                } else {
                    Step::Lesson(began + LESSON)
                }
            }
            Some(_) if self.left > 0 => Step::Go,
            // An answer on its way will tell when the window ends.
            Some(_) if self.ends.is_none() => Step::Lesson(self.end(now)),
            Some(_) => Step::Until(self.end(now)),
        };
        if step == Step::Go {
            self.left = self.left.saturating_sub(1);
            self.in_flight += 1;
            if self.limit.is_none() {
                self.began = Some(now);
            }
        }
        step
    }

    /// What is under way may be counted among the new window's.
    fn begin(&mut self, now: Instant) {
        self.left = self.limit.unwrap_or(0).saturating_sub(self.in_flight);
        self.began = Some(now);
        self.ends = None;
    }

    /// When the window ends: as told, or as windows usually do.
    fn end(&self, now: Instant) -> Instant {
        let usual = || self.began.unwrap_or(now) + self.length.unwrap_or(USUAL_WINDOW) + MARGIN;
        self.ends.unwrap_or_else(usual)
    }

    fn learn(&mut self, told: Option<Told>, now: Instant) {
        let Some(told) = told else {
            self.is_free = true;
            return;
        };
        // It tells of a window that is over.
        if told.ends <= now {
            return;
        }
        let others = self.in_flight.saturating_sub(1);
        let before = self.limit.replace(told.limit);
        match self.ends {
            // The first that is heard, or a limit that has changed: whatever was known holds no more.
            _ if before != Some(told.limit) => {
                self.left = told.remaining.saturating_sub(others);
                self.length = None;
            }
            // A window that began since.
            Some(known) if told.ends > known + SAME_WINDOW => {
                let length = told.ends - known;
                self.length = Some(self.length.map_or(length, |seen| seen.min(length)));
                self.left = told.remaining.saturating_sub(others);
            }
            _ => self.left = self.left.min(told.remaining),
        }
        self.ends = Some(told.ends);
    }

    /// Make refused: nothing goes before `until`.
    fn block(&mut self, until: Instant) {
        self.left = 0;
        self.ends = Some(until);
        self.blocked = Some(self.blocked.map_or(until, |known| known.max(until)));
    }

    /// How long the last of so many has to wait, as far as one can tell.
    fn estimate(&self, ahead: usize, now: Instant) -> Duration {
        let (Some(limit), Some(ends)) = (self.limit, self.ends) else {
            return Duration::ZERO;
        };
        let needed = u64::try_from(ahead).unwrap_or(u64::MAX).saturating_add(1);
        if ends <= now || needed <= self.left {
            return Duration::ZERO;
        }
        let further = (needed - self.left - 1) / limit.max(1);
        let further = u32::try_from(further).unwrap_or(u32::MAX);
        ends - now + self.length.unwrap_or_default().saturating_mul(further)
    }
}

/// Where callers who share a limit pass one after another.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Held by the one who is next; Tokio's mutex lets in whoever came first.
    gate: tokio::sync::Mutex<()>,
    window: Mutex<Window>,
    changed: Notify,
    waiting: AtomicUsize,
}

/// One request under way.
#[derive(Debug)]
pub(super) struct Permit(Arc<Lane>);

impl Permit {
    /// Takes in what the answer told.
    pub(super) fn learn(&self, told: Option<Told>) {
        self.0.with(|window| window.learn(told, Instant::now()));
        self.0.changed.notify_waiters();
    }

    /// Takes in that Make refused for `wait`.
    pub(super) fn block(&self, wait: Duration) {
        self.0.with(|window| window.block(Instant::now() + wait));
        self.0.changed.notify_waiters();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0
            .with(|window| window.in_flight = window.in_flight.saturating_sub(1));
        self.0.changed.notify_waiters();
    }
}

/// Counts a caller as long as it waits, however that ends.
struct Queued<'a>(&'a AtomicUsize);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lane {
    fn with<T>(&self, act: impl FnOnce(&mut Window) -> T) -> T {
        act(&mut self.window.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn estimate(&self, ahead: usize) -> Duration {
        self.with(|window| window.estimate(ahead, Instant::now()))
    }

    /// Waits until a request may be sent, at most until `deadline`.
    ///
    /// # Errors
    /// [`MakeError::RateLimited`] as soon as it is clear that it would take longer.
    pub(super) async fn enter(
        self: &Arc<Self>,
        deadline: Instant,
        on_wait: Option<&OnWait>,
    ) -> Result<Permit, MakeError> {
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _queued = Queued(&self.waiting);
        let estimate = self.estimate(ahead);
        let refused = |wait| MakeError::RateLimited { wait };
        if ahead >= MOST_WAITING || Instant::now() + estimate > deadline {
            return Err(refused(estimate.max(Duration::from_secs(1))));
        }
        let tell = |at_least, ahead| {
            if let Some(on_wait) = on_wait {
                on_wait(Waiting {
                    reason: Reason::RateLimit,
                    at_least,
                    ahead,
                });
            }
        };
        let gate = if let Ok(gate) = self.gate.try_lock() {
            gate
        } else {
            tell(estimate, ahead);
            let waited = timeout_at(deadline, self.gate.lock()).await;
            waited.map_err(|_| refused(self.estimate(ahead)))?
        };
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let now = Instant::now();
            let until = match self.with(|window| window.step(now)) {
                Step::Go => break,
                Step::Until(until) if until > deadline => return Err(refused(until - now)),
                Step::Lesson(until) if now >= deadline => return Err(refused(until - now)),
                Step::Lesson(until) => until.min(deadline),
                Step::Until(until) => until,
            };
            tell(until - now, 0);
            tokio::select! {
                () = sleep_until(until) => {}
                () = changed => {}
            }
        }
        drop(gate);
        Ok(Permit(self.clone()))
    }
}

#[cfg(test)]
mod tests;
