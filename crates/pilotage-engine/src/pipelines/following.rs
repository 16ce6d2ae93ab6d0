//! The follower: looks at every run that is not over, ever later while nothing changes, and at once where a delivery says
//! that something did. It keeps nothing of its own: after a crash it goes on from the table.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, PoisonError},
    time::Duration,
};

use pilotage_core::{
    Position, Timestamp,
    pipeline_run::{KeptRun, PipelineRun, PipelineRunId, PlatformWays, RunLook, RunState},
    ports::{CiPlatform, CiTrouble, Concern, Interest, Listener, News, StoreError},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{PipelineDesk, Platforms, keeping::Keeping};

/// Runs that are followed at once, the oldest first.
const MOST_FOLLOWED: usize = 1_000;
/// Runs that are looked at at once.
const MOST_LOOKS: usize = 8;
/// Pauses between two looks at a run: the first, and the longest where nothing changes.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The pause after a refusal that only people can mend, such as an expired token.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_mins(1);
/// The shortest pause between two looks, however many deliveries come.
const SHORTEST_PAUSE: Duration = Duration::from_millis(400);
/// How often the table is read without anything having been heard.
const POLL: Duration = Duration::from_secs(5);
/// Deliveries are read no more often.
const LISTEN_EVERY: Duration = Duration::from_millis(250);
/// Deliveries that are read at once.
const MOST_DELIVERIES: usize = 200;
/// Ended runs that are to be looked at again.
const MOST_NAMED: usize = 200;
/// For one look; the clients give up earlier by themselves.
const LOOK_TIMEOUT: Duration = Duration::from_mins(2);
/// A run that the platform knows no longer is given up after so many looks.
const MOST_MISSES: u32 = 5;
/// How long the state of before may still be told after a run was asked to run again.
const STALE: Duration = Duration::from_secs(30);
/// Platforms end what waits longer: GitHub after 35 days (docs.github.com, "Usage limits").
const LONGEST_FOLLOWED: Duration = Duration::from_hours(35 * 24);

/// A run that is followed.
struct Followed {
    platform: String,
    run: Option<String>,
    due: Instant,
    looked_at: Option<Instant>,
    pause: Duration,
    misses: u32,
    is_being_looked_at: bool,
    /// A delivery came while it was being looked at.
    is_hinted: bool,
}

/// What a look came to.
pub(super) enum Looked {
    /// It changed.
    Changed,
    /// It stands as before.
    Same,
    /// It could not be looked at; all of the platform is left alone so long, if that was asked for.
    Trouble(Option<Duration>),
    /// Only people can mend what was in the way.
    Refused,
    /// The platform knows it no longer.
    Missing(String),
}

#[derive(Default)]
struct Follower {
    followed: HashMap<PipelineRunId, Followed>,
    /// Platforms that asked to be left alone, until then.
    resting: HashMap<String, Instant>,
    /// How far deliveries were read; `None` while nothing is followed.
    heard: Option<Position>,
    heard_at: Option<Instant>,
    /// Deliveries came that were not read yet.
    has_news: bool,
    read_at: Option<Instant>,
    /// Runs of these platforms, by their names there, that are followed no longer and that a delivery names.
    named: VecDeque<(String, String)>,
    ways: Arc<BTreeMap<String, PlatformWays>>,
    keeping: Keeping,
}

impl PipelineDesk {
    /// Follows runs until `stop`. Looks under way are left: the next start goes on from the table.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut deliveries = self.ports.bell.listen(News::Events);
        let mut follower = Follower::default();
        let mut looks = JoinSet::new();
        while !stop.is_cancelled() {
            let pause = match self.turn(&mut follower, &mut looks).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "pipelines could not be followed; it is tried again");
                    POLL
                }
            };
            let listens = !self.platforms.load().is_empty();
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.woken.notified() => follower.read_at = None,
                () = heard(deliveries.as_mut(), &mut follower), if listens => {}
                Some(Ok((id, looked))) = looks.join_next() => self.learn(&mut follower, id, looked).await,
                () = sleep_until(Instant::now() + pause) => {}
            }
        }
    }

    async fn turn(
        self: &Arc<Self>,
        follower: &mut Follower,
        looks: &mut JoinSet<(PipelineRunId, Looked)>,
    ) -> Result<Duration, StoreError> {
        let is_late = follower.read_at.is_none_or(|at| at.elapsed() >= POLL);
        if is_late {
            follower.ways = self.ways.load_full();
            let open = self.runs().open_pipeline_runs(MOST_FOLLOWED).await?;
            follower.read_at = Some(Instant::now());
            self.settle(&open).await?;
            follower.take(&open);
            self.keep_logs(&mut follower.keeping).await?;
        }
        self.hear(follower).await?;
        let hinted = std::mem::take(&mut *self.hinted.lock().unwrap_or_else(PoisonError::into_inner));
        follower.hint(|id, _| hinted.contains(id));
        for id in follower.due(MOST_LOOKS.saturating_sub(looks.len())) {
            let desk = self.clone();
            looks.spawn(async move { (id, desk.look(id).await) });
        }
        while let Some(named) = follower.named.pop_front_if(|_| looks.len() < MOST_LOOKS) {
            if let Some(id) = self.ended(&named).await? {
                let desk = self.clone();
                looks.spawn(async move { (id, desk.look_again(id).await) });
            }
        }
        Ok(follower.until_next())
    }

    /// Reads the deliveries that came since, and looks sooner at what they are about.
    async fn hear(&self, follower: &mut Follower) -> Result<(), StoreError> {
        if self.platforms.load().is_empty() {
            follower.heard = None;
            return Ok(());
        }
        let Some(mut after) = follower.heard else {
            // Everything is looked at at the beginning anyway.
            follower.heard = Some(self.ports.queue.cursor().await?);
            return Ok(());
        };
        if follower.heard_at.is_some_and(|at| at.elapsed() < LISTEN_EVERY) {
            return Ok(());
        }
        follower.heard_at = Some(Instant::now());
        follower.has_news = false;
        let platforms = self.platforms.load_full();
        let heard = platforms.clone();
        let interest: Interest =
            Arc::new(move |facts| heard.values().any(|platform| platform.hints().hears(facts)));
        loop {
            let events = self
                .ports
                .log
                .read_after(after, MOST_DELIVERIES, &interest)
                .await?;
            for event in &events {
                after = event.position;
                let data = event.data.as_ref();
                let data = data.filter(|_| interest(&event.facts));
                if let Some(data) = data.and_then(|data| serde_json::from_slice(data).ok()) {
                    follower.tell(&platforms, &event.facts, &data);
                }
            }
            follower.heard = Some(after);
            if events.is_empty() {
                return Ok(());
            }
        }
    }

    async fn look(&self, id: PipelineRunId) -> Looked {
        match timeout(LOOK_TIMEOUT, self.look_at(id)).await {
            Ok(Ok(looked)) => looked,
            Ok(Err(error)) => {
                tracing::error!(run = %id, %error, "a pipeline run could not be read or written");
                Looked::Trouble(None)
            }
            Err(_) => Looked::Trouble(None),
        }
    }

    async fn look_at(&self, id: PipelineRunId) -> Result<Looked, StoreError> {
        let _turn = self.busy.hold(id).await;
        let Some(kept) = self.runs().pipeline_run(id).await? else {
            return Ok(Looked::Same);
        };
        let (Some(run), false) = (&kept.seen, kept.standing.state.is_final()) else {
            return Ok(Looked::Same);
        };
        let now = Timestamp::now();
        if now.since(kept.created_at) > LONGEST_FOLLOWED {
            let look = RunLook::told(now, RunState::Failed, "given up", "it was not over after 35 days");
            self.runs().see_pipeline_run(id, look).await?;
            return Ok(Looked::Changed);
        }
        let Ok(platform) = self.platform(&kept.platform) else {
            let message = format!("there is no platform `{}` any more", kept.platform);
            let look = RunLook::trouble(now, &kept, &message);
            self.runs().see_pipeline_run(id, look).await?;
            return Ok(Looked::Refused);
        };
        self.ask(&kept, run, &platform).await
    }

    async fn ask(
        &self,
        kept: &KeptRun,
        run: &PipelineRun,
        platform: &Arc<dyn CiPlatform>,
    ) -> Result<Looked, StoreError> {
        let asked = async {
            let seen = platform.run(&run.id).await?;
            let jobs = platform.jobs(&seen.id).await?;
            Ok((seen, jobs))
        };
        let now = Timestamp::now();
        let look = match asked.await {
            Ok((seen, _)) if is_stale(kept, run, &seen, now) => return Ok(Looked::Same),
            Ok((seen, jobs)) => RunLook::seen(now, seen, jobs),
            Err(error) => {
                let error: pilotage_core::ports::CiError = error;
                let words = self.clean(&error.to_string());
                let looked = match error.trouble {
                    CiTrouble::NotFound { .. } | CiTrouble::Gone { .. } => Looked::Missing(words.clone()),
                    CiTrouble::RateLimited { wait } => Looked::Trouble(Some(wait)),
                    trouble if trouble.may_pass() => Looked::Trouble(None),
                    _ => Looked::Refused,
                };
                let look = RunLook::trouble(now, kept, &words);
                self.runs().see_pipeline_run(kept.id, look).await?;
                return Ok(looked);
            }
        };
        let after = self.runs().see_pipeline_run(kept.id, look).await?;
        let changed = after.is_some_and(|after| after.updated_at != kept.updated_at);
        Ok(if changed { Looked::Changed } else { Looked::Same })
    }

    async fn learn(&self, follower: &mut Follower, id: PipelineRunId, looked: Looked) {
        if matches!(looked, Looked::Changed) {
            // What has ended is followed no longer.
            follower.read_at = None;
        }
        if let Some(words) = follower.learn(id, looked) {
            let look = RunLook::told(Timestamp::now(), RunState::Failed, "gone", &words);
            if let Err(error) = self.runs().see_pipeline_run(id, look).await {
                tracing::error!(run = %id, %error, "a pipeline run could not be written");
            }
        }
    }
}

/// What the platform still tells of before it was asked to run it again.
fn is_stale(kept: &KeptRun, before: &PipelineRun, seen: &PipelineRun, now: Timestamp) -> bool {
    kept.standing.word == KeptRun::AGAIN
        && seen.standing.state.is_final()
        && (&seen.id, seen.attempt, seen.finished_at) == (&before.id, before.attempt, before.finished_at)
        && now.since(kept.updated_at) < STALE
}

/// A delivery came, and those of before were read long enough ago.
async fn heard(deliveries: &mut dyn Listener, follower: &mut Follower) {
    if !follower.has_news {
        deliveries.wait().await;
        follower.has_news = true;
    }
    if let Some(at) = follower.heard_at {
        sleep_until(at + LISTEN_EVERY).await;
    }
}

impl Follower {
    /// Those that are open are followed, and nothing else.
    fn take(&mut self, open: &[KeptRun]) {
        let now = Instant::now();
        let ids: HashSet<PipelineRunId> = open.iter().map(|kept| kept.id).collect();
        self.followed
            .retain(|id, followed| followed.is_being_looked_at || ids.contains(id));
        for kept in open.iter().filter(|kept| kept.seen.is_some()) {
            let followed = self.followed.entry(kept.id).or_insert_with(|| Followed {
                platform: kept.platform.clone(),
                run: None,
                due: now,
                looked_at: None,
                pause: FIRST_PAUSE,
                misses: 0,
                is_being_looked_at: false,
                is_hinted: false,
            });
            followed.run = kept.run().map(str::to_owned);
        }
        self.resting.retain(|_, until| *until > now);
    }

    /// A delivery came.
    fn tell(&mut self, platforms: &Platforms, facts: &pilotage_core::EventFacts, data: &serde_json::Value) {
        for (name, platform) in platforms {
            let hints = platform.hints();
            if !hints.hears(facts) {
                continue;
            }
            let concern = hints.concern(data);
            self.hint(|_, followed| {
                let is_meant = match &concern {
                    Concern::Any => true,
                    Concern::Run(names) => followed.run.as_ref().is_some_and(|run| names.contains(run)),
                };
                is_meant && followed.platform == *name
            });
            if let Concern::Run(names) = &concern {
                self.note(name, names);
            }
        }
    }

    /// What is named and not followed may have ended here and go on there.
    fn note(&mut self, platform: &str, names: &[String]) {
        for run in names {
            let is_followed =
                |followed: &Followed| followed.platform == platform && followed.run.as_ref() == Some(run);
            let one = (platform.to_owned(), run.clone());
            if self.followed.values().any(is_followed) || self.named.contains(&one) {
                continue;
            }
            // What is beyond is named again by the deliveries of the run's next steps.
            if self.named.len() < MOST_NAMED {
                self.named.push_back(one);
            }
        }
    }

    fn hint(&mut self, is_meant: impl Fn(&PipelineRunId, &Followed) -> bool) {
        let now = Instant::now();
        for (id, followed) in &mut self.followed {
            if is_meant(id, followed) {
                followed.is_hinted |= followed.is_being_looked_at;
                followed.pause = FIRST_PAUSE;
                followed.due = followed.looked_at.map_or(now, |at| now.max(at + SHORTEST_PAUSE));
            }
        }
    }

    /// Takes the runs that are due, the longest due first.
    fn due(&mut self, most: usize) -> Vec<PipelineRunId> {
        let now = Instant::now();
        let is_due = |followed: &Followed| {
            let rests = self.resting.get(&followed.platform);
            !followed.is_being_looked_at && followed.due <= now && rests.is_none_or(|until| *until <= now)
        };
        let mut due: Vec<(Instant, PipelineRunId)> = self
            .followed
            .iter()
            .filter(|(_, followed)| is_due(followed))
            .map(|(id, followed)| (followed.due, *id))
            .collect();
        due.sort_unstable();
        due.truncate(most);
        for (_, id) in &due {
            if let Some(followed) = self.followed.get_mut(id) {
                followed.is_being_looked_at = true;
                followed.looked_at = Some(now);
            }
        }
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// What a look came to; answers why a run is given up, if it is.
    fn learn(&mut self, id: PipelineRunId, looked: Looked) -> Option<String> {
        let now = Instant::now();
        let followed = self.followed.get_mut(&id)?;
        followed.is_being_looked_at = false;
        followed.pause = match &looked {
            Looked::Changed => FIRST_PAUSE,
            Looked::Same | Looked::Missing(_) => (followed.pause * 2).min(LONGEST_PAUSE),
            Looked::Trouble(_) => (followed.pause * 3).min(LONGEST_PAUSE),
            Looked::Refused => PAUSE_AFTER_REFUSAL,
        };
        let poll = self.ways.get(&followed.platform).and_then(|ways| ways.poll);
        if let (Some(poll), Looked::Changed | Looked::Same) = (poll, &looked) {
            followed.pause = poll;
        }
        followed.due = now + followed.pause;
        if std::mem::take(&mut followed.is_hinted) {
            followed.due = now + SHORTEST_PAUSE;
        }
        if let Looked::Trouble(Some(wait)) = looked {
            self.resting.insert(followed.platform.clone(), now + wait);
        }
        let Looked::Missing(words) = looked else {
            followed.misses = 0;
            return None;
        };
        followed.misses += 1;
        (followed.misses >= MOST_MISSES).then_some(words)
    }

    fn until_next(&self) -> Duration {
        let now = Instant::now();
        let waiting = self.followed.values().filter(|one| !one.is_being_looked_at);
        let next = waiting.map(|one| {
            let rests = self.resting.get(&one.platform).copied();
            rests.map_or(one.due, |until| until.max(one.due))
        });
        let next = next.min().map_or(POLL, |due| due.saturating_duration_since(now));
        next.clamp(Duration::from_millis(20), POLL)
    }
}
