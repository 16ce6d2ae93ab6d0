//! Sends what is due when it is due.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{
    figures::{Failure, Figures},
    plan::{Model, Plan},
    sending::{Answer, Row, Sender},
};

/// For answers that come just after their time, once nothing more is sent.
const GRACE: Duration = Duration::from_secs(1);

/// How far a run is, for those who watch.
#[derive(Debug, Default)]
pub struct Progress {
    /// Requests that ended, those of the warm-up too.
    pub ended: AtomicU64,
    /// Of those, how many ended badly.
    pub failed: AtomicU64,
    /// Arrivals that were due and not begun.
    pub dropped: AtomicU64,
}

/// What all arrivals share.
struct Shared<S> {
    plan: Plan,
    rows: Vec<Row>,
    sender: S,
    started: Instant,
    figures: Mutex<Figures>,
    progress: Arc<Progress>,
}

/// Runs a plan to its end, or until `stop` is true; what was due until then is waited for.
pub async fn run<S: Sender + 'static>(
    plan: Plan,
    rows: Vec<Row>,
    sender: S,
    progress: Arc<Progress>,
    stop: watch::Receiver<bool>,
) -> Figures {
    let figures = Mutex::new(Figures::new(plan.steps.len()));
    let shared = Arc::new(Shared {
        plan,
        rows,
        sender,
        started: Instant::now(),
        figures,
        progress,
    });
    match shared.plan.model {
        Model::Open(rate) => open(&shared, rate, stop).await,
        Model::Closed(users, pace) => closed(&shared, users, pace, stop).await,
    }
    let figures = shared.figures.lock().unwrap_or_else(PoisonError::into_inner);
    figures.clone()
}

/// Waits for a moment; false once the run is stopped.
async fn until(moment: Instant, stop: &mut watch::Receiver<bool>) -> bool {
    if *stop.borrow() {
        return false;
    }
    if moment <= Instant::now() {
        return true;
    }
    let stopped = async {
        // Nobody left to stop it is no stop.
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = sleep_until(moment) => true,
        () = stopped => false,
    }
}

async fn open<S: Sender + 'static>(shared: &Arc<Shared<S>>, rate: f64, mut stop: watch::Receiver<bool>) {
    let most = shared.plan.in_flight;
    let slots = Arc::new(Semaphore::new(most));
    for index in 0.. {
        let due = shared.plan.due(rate, index);
        if due >= shared.plan.whole() || !until(shared.started + due, &mut stop).await {
            break;
        }
        match slots.clone().try_acquire_owned() {
            Ok(slot) => drop(tokio::spawn(arrival(shared.clone(), index, due, slot))),
            Err(_) => shared.drop_one(due),
        }
    }
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    let longest = u32::try_from(shared.plan.steps.len()).unwrap_or(u32::MAX);
    let rest = shared.plan.timeout.saturating_mul(longest) + GRACE;
    // Whatever is not there by then has failed, and its own time-out has said so.
    let _ = timeout(rest, slots.acquire_many(all)).await;
}

async fn arrival<S: Sender>(shared: Arc<Shared<S>>, index: u64, due: Duration, slot: OwnedSemaphorePermit) {
    shared.visit(index, due).await;
    drop(slot);
}

async fn closed<S: Sender + 'static>(
    shared: &Arc<Shared<S>>,
    users: u32,
    pace: Option<Duration>,
    stop: watch::Receiver<bool>,
) {
    let mut all = JoinSet::new();
    for user in 0..users {
        let begins = shared.plan.ramp * user / users.max(1);
        all.spawn(one_user(shared.clone(), user, users, begins, pace, stop.clone()));
    }
    while all.join_next().await.is_some() {}
}

async fn one_user<S: Sender>(
    shared: Arc<Shared<S>>,
    user: u32,
    users: u32,
    begins: Duration,
    pace: Option<Duration>,
    mut stop: watch::Receiver<bool>,
) {
    let mut due = begins;
    let mut index = u64::from(user);
    while due < shared.plan.whole() && until(shared.started + due, &mut stop).await {
        shared.visit(index, due).await;
        index += u64::from(users);
        due = match pace {
            // What should have begun while an answer was waited for is late, and is measured as that.
            Some(pace) => due + pace,
            None => shared.started.elapsed(),
        };
    }
}

impl<S: Sender> Shared<S> {
    /// Everything that one arrival sends. The first request is measured from when it was due.
    async fn visit(&self, index: u64, due: Duration) {
        let begun = self.started.elapsed();
        let row = self.row(index);
        let counts = due >= self.plan.warm_up;
        if counts {
            self.locked().late(begun.saturating_sub(due));
        }
        let mut from = due;
        for (place, step) in self.plan.steps.iter().enumerate() {
            let sent = timeout(self.plan.timeout, self.sender.send(step, row)).await;
            let answer = sent.unwrap_or(Answer {
                status: None,
                failure: Some(Failure::Timeout),
            });
            let now = self.started.elapsed();
            self.progress.ended.fetch_add(1, Ordering::Relaxed);
            if answer.failure.is_some() {
                self.progress.failed.fetch_add(1, Ordering::Relaxed);
            }
            if counts {
                let at = from.saturating_sub(self.plan.warm_up);
                let latency = now.saturating_sub(from);
                self.locked()
                    .add(place, at, latency, answer.status, answer.failure);
            }
            if answer.failure.is_some() {
                return;
            }
            from = now;
        }
    }

    fn row(&self, index: u64) -> Option<&Row> {
        let many = u64::try_from(self.rows.len()).ok().filter(|many| *many > 0)?;
        self.rows.get(usize::try_from(index % many).ok()?)
    }

    fn drop_one(&self, due: Duration) {
        self.progress.dropped.fetch_add(1, Ordering::Relaxed);
        if due >= self.plan.warm_up {
            self.locked().dropped += 1;
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::{Value, json};
    use tokio::time::sleep;

    use super::*;
    use crate::load::plan::Step;

    /// Answers within 10 ms, and stands still from the fourth to the sixth second.
    struct Freezing(Instant);

    #[async_trait]
    impl Sender for Freezing {
        async fn send(&self, _: &Step, _: Option<&Row>) -> Answer {
            let thaws = self.0 + Duration::from_secs(6);
            if self.0.elapsed() >= Duration::from_secs(4) && Instant::now() < thaws {
                sleep_until(thaws).await;
            }
            sleep(Duration::from_millis(10)).await;
            Answer {
                status: Some(200),
                failure: None,
            }
        }
    }

    async fn figures(scenario: Value) -> Figures {
        let scenario = serde_json::from_value(scenario).unwrap();
        let plan = Plan::new("s", &scenario, &[]).unwrap();
        let (_stop, stopped) = watch::channel(false);
        run(
            plan,
            Vec::new(),
            Freezing(Instant::now()),
            Arc::default(),
            stopped,
        )
        .await
    }

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= expected * 0.05
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stands_still_is_seen_as_callers_would_see_it() {
        let figures = figures(json!({
            "rate": 200, "duration": "10s", "requests": [{ "url": "http://localhost/" }],
        }))
        .await;
        assert_eq!(figures.all.requests, 2_000);
        // A fifth was due while it stood still; a twentieth of all waited for longer than 1.5 s.
        assert!(
            near(figures.all.quantile(0.95), 1.51),
            "{}",
            figures.all.quantile(0.95)
        );
        assert!(figures.all.quantile(0.5) < 0.02);
        assert!(near(figures.all.longest(), 2.01), "{}", figures.all.longest());
        assert_eq!(figures.per_second.len(), 10);
        assert!(figures.per_second[4].quantile(0.5) > 1.0 && figures.per_second[7].quantile(0.99) < 0.05);
        assert!(figures.lateness(0.99) < 0.005);
    }

    #[tokio::test(start_paused = true)]
    async fn users_who_wait_hide_it_unless_they_have_a_pace() {
        let request = json!([{ "url": "http://localhost/" }]);
        let waiting = figures(json!({ "users": 10, "duration": "10s", "requests": request })).await;
        assert!(waiting.all.quantile(0.95) < 0.05, "that is what is wrong with it");
        let paced =
            figures(json!({ "users": 10, "pace": "50ms", "duration": "10s", "requests": request })).await;
        // One after the other they catch up with what they missed, so a little more of it is late than of an open schedule.
        let p95 = paced.all.quantile(0.95);
        assert!((1.5..1.7).contains(&p95), "{p95}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_back_is_counted_and_the_warm_up_is_not() {
        let figures = figures(json!({
            "rate": 100, "duration": "8s", "warmUp": "2s", "inFlight": 20, "requests": [{ "url": "http://localhost/" }],
        }))
        .await;
        assert_eq!(figures.all.requests + figures.dropped, 800);
        // Of 200 in two seconds 20 waited; the first answers come 10 ms after the server goes on.
        assert!((180..=183).contains(&figures.dropped), "{}", figures.dropped);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_come_in_time_is_a_failure_and_ends_the_arrival() {
        let request = json!({ "url": "http://localhost/" });
        let figures = figures(json!({
            "rate": 10, "duration": "5s", "timeout": "500ms", "requests": [request, request],
        }))
        .await;
        assert_eq!(figures.all.failures[&Failure::Timeout], 10);
        assert_eq!(
            figures.steps[1].requests, 40,
            "those after a failed one are left out"
        );
    }
}
