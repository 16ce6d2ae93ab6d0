//! Execution -> actions in order -> recorded outcome. Claims under a lease, fenced by the number of claims.
//!
//! What is promised: every action of a scheduled execution is attempted at least once; every attempt of one action
//! carries the same idempotency key; a crash between an effect and its record repeats the effect with that key. A holder
//! that lost its lease records nothing.

mod attempt;
mod backoff;
mod held;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use pilotage_core::{
    Digest, Event, ExecutionId, Timestamp,
    execution::{Attempt, Claim, Next},
    ports::{ClaimError, News, Renewal, StoreError},
    rule::{CompiledRule, RuleSet},
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{Ports, redaction::Redactor, rule_book::RuleBook, throttle::Throttle};
use attempt::Step;
use held::{Held, Running};

/// Longest wait without a bell or a due execution.
const POLL: Duration = Duration::from_secs(1);
/// How long to leave the store alone after it failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);
/// Before a record that the store refused is tried again; shorter than the pause before the next claims, so that what is
/// known to have happened is written before anybody could take the execution over.
const PAUSE_BEFORE_RECORDING_AGAIN: Duration = Duration::from_millis(100);
/// How often to look whether something running is to be cancelled.
const LOOK_FOR_CANCELLATIONS: Duration = Duration::from_millis(200);
/// Rule versions kept compiled.
const MOST_VERSIONS: usize = 4_096;

/// How executing is bounded.
#[derive(Clone, Copy, Debug)]
pub struct ExecutorSettings {
    /// Executions running at once.
    pub workers: usize,
    /// How long a claim holds without renewal; it is renewed every third of it.
    pub lease: Duration,
}

impl Default for ExecutorSettings {
    fn default() -> Self {
        Self {
            workers: 64,
            lease: Duration::from_secs(30),
        }
    }
}

/// Counters since the start, for metrics.
#[derive(Debug, Default)]
pub struct ExecutorCounters {
    /// Attempts that succeeded.
    pub attempts_succeeded: AtomicU64,
    /// Attempts that failed, for now or for good.
    pub attempts_failed: AtomicU64,
    /// Leases found lost.
    pub leases_lost: AtomicU64,
}

/// Runs executions.
pub struct Executor {
    ports: Ports,
    rules: Arc<RuleBook>,
    redactor: arc_swap::ArcSwap<Redactor>,
    settings: ExecutorSettings,
    throttle: Throttle,
    counters: ExecutorCounters,
    versions: Mutex<HashMap<Digest, Arc<CompiledRule>>>,
    running: Running,
    cut: CancellationToken,
    /// Held from a claim until its executions are in `running`.
    claiming: tokio::sync::Mutex<()>,
}

impl Executor {
    /// An executor over the action kinds of `rules`.
    pub fn new(
        ports: Ports,
        rules: Arc<RuleBook>,
        redactor: Redactor,
        settings: ExecutorSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            ports,
            rules,
            redactor: arc_swap::ArcSwap::from_pointee(redactor),
            settings,
            throttle: Throttle::default(),
            counters: ExecutorCounters::default(),
            versions: Mutex::default(),
            running: Running::default(),
            cut: CancellationToken::new(),
            claiming: tokio::sync::Mutex::default(),
        })
    }

    /// Takes the secrets of a reloaded configuration as well; those of earlier ones stay known until the process ends, since
    /// attempts under way may still be answered with them.
    pub fn add_secrets(&self, redactor: &Redactor) {
        self.redactor.rcu(|known| known.with(redactor));
    }

    /// Counters since the start.
    pub fn counters(&self) -> &ExecutorCounters {
        &self.counters
    }

    /// Circuits open now.
    pub fn open_circuits(&self) -> usize {
        self.throttle.open_circuits()
    }

    /// Tells a running execution of this process that somebody asked to cancel it; others learn it when they renew.
    pub fn hint_cancel(&self, id: ExecutionId) {
        self.running.cancel(id);
    }

    /// Lets go of what still runs: it is released at once, and goes on after the next start. Its record says that the effect of
    /// the attempt under way is not known.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Runs executions until `stop`; then takes no more and waits for those under way, until `cut`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut bell = self.ports.bell.listen(News::Executions);
        let permits = Arc::new(Semaphore::new(self.settings.workers));
        let mut workers = JoinSet::new();
        let mut looked_at = Instant::now();
        while !stop.is_cancelled() {
            while workers.try_join_next().is_some() {}
            if looked_at.elapsed() >= LOOK_FOR_CANCELLATIONS {
                self.look_for_cancellations().await;
                looked_at = Instant::now();
            }
            if permits.available_permits() == 0 {
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = workers.join_next() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
                continue;
            }
            let pause = match self.claim_some(&permits, &mut workers).await {
                Ok(0) => self.until_next_due().await,
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(%error, "executing could not go on; it will try again");
                    PAUSE_AFTER_FAILURE
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = bell.wait() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        while workers.join_next().await.is_some() {}
    }

    async fn claim_some(
        self: &Arc<Self>,
        permits: &Arc<Semaphore>,
        workers: &mut JoinSet<()>,
    ) -> Result<usize, StoreError> {
        let free = permits.available_permits();
        let _claiming = self.claiming.lock().await;
        let claims = self
            .ports
            .queue
            .claim(Timestamp::now(), self.settings.lease, free)
            .await?;
        let count = claims.len();
        for claim in claims {
            let Some(held) = self.running.take(claim) else {
                continue;
            };
            let permit = permits.clone().acquire_owned().await;
            let executor = self.clone();
            workers.spawn(async move {
                executor.execute(held).await;
                drop(permit);
            });
        }
        Ok(count)
    }

    /// Stops what somebody has asked to cancel, an operator through another process or a rule's `onLimit: cancel`.
    async fn look_for_cancellations(&self) {
        if self.running.is_empty() {
            return;
        }
        match self.ports.queue.cancel_requested().await {
            Ok(asked) => asked.into_iter().for_each(|id| self.running.cancel(id)),
            Err(error) => {
                tracing::warn!(%error, "could not look for cancellations; holders learn them when they renew");
            }
        }
    }

    async fn until_next_due(&self) -> Duration {
        match self.ports.queue.next_due().await {
            Ok(Some(due)) => due.since(Timestamp::now()).clamp(Duration::from_millis(1), POLL),
            _ => POLL,
        }
    }

    /// Runs one claimed execution as far as it goes now, and on under whatever claim it was handed meanwhile.
    async fn execute(&self, held: Arc<Held>) {
        loop {
            let outcome = self.execute_claim(&held).await;
            match outcome {
                Ok(()) => {}
                Err(ClaimError::LeaseLost) => {
                    self.counters.leases_lost.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(execution = %held.id(), "lost the lease; whoever holds it now goes on");
                }
                Err(ClaimError::Store(error)) => {
                    tracing::error!(execution = %held.id(), %error, "cannot go on; it is claimed anew when the lease ends");
                }
            }
            if self.running.release(&held) {
                return;
            }
        }
    }

    async fn execute_claim(&self, held: &Held) -> Result<(), ClaimError> {
        let claim = held.claim();
        if let Some(by) = &claim.execution.cancel_requested_by {
            return self.record(held, None, cancelled_before_the_start(by)).await;
        }
        let (rule, event) = match self.load(&claim).await? {
            Ok(loaded) => loaded,
            Err(reason) => return self.record(held, None, Next::Failed { reason }).await,
        };
        let mut step = Step::first(&claim);
        loop {
            let taken = self
                .hold_while(held, self.take_safely(&rule, &event, &claim, step))
                .await?;
            let next = taken.next.clone();
            self.record(held, taken.attempt, taken.next).await?;
            if next != Next::NextAction {
                return Ok(());
            }
            step = step.next_action();
            // The next action begins with a whole lease, and not at all if somebody has asked to cancel meanwhile.
            if let Renewal::CancelRequested { by } = self.renew(held).await? {
                return self.record(held, None, cancelled_before_the_start(&by)).await;
            }
        }
    }

    /// A panic outside of the action kind, in rendering for example, is a bug of ours that must not come again each lease.
    async fn take_safely(
        &self,
        rule: &CompiledRule,
        event: &Event,
        claim: &Claim,
        step: Step,
    ) -> attempt::Taken {
        use futures::FutureExt as _;
        let taken = std::panic::AssertUnwindSafe(self.take(rule, event, claim, step))
            .catch_unwind()
            .await;
        taken.unwrap_or_else(|_| {
            attempt::Taken::failed("preparing the action panicked: this is a bug in Pilotage")
        })
    }

    /// The rule version and the event of a claim; the inner error is a reason to fail the execution for good.
    async fn load(&self, claim: &Claim) -> Result<Result<(Arc<CompiledRule>, Event), String>, StoreError> {
        let rule = match self.rule_version(claim.execution.rule_digest).await {
            Ok(Some(rule)) => rule,
            Ok(None) => {
                return Ok(Err(
                    "the version of the rule that matched is not kept any more".into()
                ));
            }
            // It would be as unreadable under the next claim.
            Err(StoreError::Corrupt(reason)) => return Ok(Err(reason)),
            Err(unavailable) => return Err(unavailable),
        };
        let Some(stored) = self.ports.history.event_at(claim.execution.position).await? else {
            return Ok(Err("the event is not in the log any more".into()));
        };
        if stored.data.is_none() {
            return Ok(Err("retention has pruned the event's body".into()));
        }
        let event = Event::try_from(&stored).map_err(|error| format!("the stored data is not JSON: {error}"));
        Ok(event.map(|event| (rule, event)))
    }

    async fn rule_version(&self, digest: Digest) -> Result<Option<Arc<CompiledRule>>, StoreError> {
        if let Some(rule) = self
            .versions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&digest)
        {
            return Ok(Some(rule.clone()));
        }
        let Some(version) = self.ports.history.rule_version(digest).await? else {
            return Ok(None);
        };
        let unreadable = |what: String| StoreError::Corrupt(format!("rule version {digest}: {what}"));
        let mut rule: pilotage_core::rule::Rule =
            serde_json::from_str(&version.json).map_err(|error| unreadable(error.to_string()))?;
        // A rule that was disabled since must still be found in the set of one.
        rule.enabled = true;
        let id = rule.id.clone();
        let set = RuleSet::compile(vec![rule]).map_err(|problems| unreadable(format!("{problems:?}")))?;
        let compiled = set.get(&id).cloned().ok_or_else(|| unreadable("empty".into()))?;
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if versions.len() >= MOST_VERSIONS {
            versions.clear();
        }
        versions.insert(digest, compiled.clone());
        Ok(Some(compiled))
    }

    /// Drives `work` while renewing the claim. A cancellation stops `work` where it stands: its effect may have happened
    /// or not, and the record says so.
    async fn hold_while<F>(&self, held: &Held, work: F) -> Result<attempt::Taken, ClaimError>
    where
        F: Future<Output = attempt::Taken>,
    {
        tokio::pin!(work);
        let mut beat = tokio::time::interval(self.settings.lease / 3);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        beat.tick().await;
        loop {
            tokio::select! {
                taken = &mut work => return Ok(taken),
                () = held.cancelled() => return self.cancelled(held).await,
                () = self.cut.cancelled() => return Ok(attempt::Taken::released()),
                _ = beat.tick() => match self.renew(held).await {
                    Ok(Renewal::Held) => {}
                    Ok(Renewal::CancelRequested { by }) => return Ok(attempt::Taken::cancelled(&by)),
                    Err(ClaimError::LeaseLost) => return Err(ClaimError::LeaseLost),
                    Err(ClaimError::Store(error)) => tracing::warn!(%error, "could not renew a lease; trying again"),
                },
            }
        }
    }

    /// Somebody has asked to cancel: the renewal says who.
    async fn cancelled(&self, held: &Held) -> Result<attempt::Taken, ClaimError> {
        match self.renew(held).await {
            Ok(Renewal::CancelRequested { by }) => Ok(attempt::Taken::cancelled(&by)),
            Err(ClaimError::LeaseLost) => Err(ClaimError::LeaseLost),
            Ok(Renewal::Held) | Err(ClaimError::Store(_)) => Ok(attempt::Taken::cancelled("an operator")),
        }
    }

    /// Whether this process itself has claimed the execution anew. A claim that is just being taken is waited for.
    async fn was_handed_another(&self, held: &Held, used: &Claim) -> bool {
        drop(self.claiming.lock().await);
        held.was_handed_another(used)
    }

    /// Renews under the present claim; one that was handed over meanwhile counts.
    async fn renew(&self, held: &Held) -> Result<Renewal, ClaimError> {
        loop {
            let claim = held.claim();
            match self
                .ports
                .queue
                .renew(&claim, Timestamp::now(), self.settings.lease)
                .await
            {
                Err(ClaimError::LeaseLost) if self.was_handed_another(held, &claim).await => {}
                outcome => return outcome,
            }
        }
    }

    /// Records until the store takes it or the lease is lost: what has happened outside must not be forgotten because
    /// the store refuses one write. The fence makes a repeated record harmless.
    async fn record(&self, held: &Held, attempt: Option<Attempt>, next: Next) -> Result<(), ClaimError> {
        loop {
            let claim = held.claim();
            let recorded = self
                .ports
                .queue
                .record(&claim, Timestamp::now(), attempt.clone(), next.clone())
                .await;
            match recorded {
                Err(ClaimError::LeaseLost) if self.was_handed_another(held, &claim).await => {}
                Err(ClaimError::Store(StoreError::Unavailable(error))) => {
                    tracing::warn!(execution = %held.id(), %error, "could not record what happened; trying again");
                    tokio::time::sleep(PAUSE_BEFORE_RECORDING_AGAIN).await;
                }
                outcome => return outcome,
            }
        }
    }
}

fn cancelled_before_the_start(by: &str) -> Next {
    Next::Cancelled {
        reason: format!("cancelled by {by}"),
    }
}
