//! How software is delivered: the figures of DORA, from the events that are stored and nothing else. A figure that the
//! events do not give is not given, with the reason.

mod figures;
mod reading;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use pilotage_core::{
    Position, StoredEvent, Timestamp,
    ports::{EventFilter, EventSummary, History, StoreError},
};
use serde::Serialize;
use tokio::sync::Mutex;

use figures::Observed;
pub use figures::{Figure, Figures};
use reading::{Deployment, Wanted};

/// Events of one type that are looked at, the newest.
const EVENTS_AT_MOST: usize = 2_000;
/// Bodies that are longer are not looked into; those of the events that matter are far shorter.
const BODY_AT_MOST_BYTES: i64 = 8 << 20;
/// Events on a page.
const PAGE: usize = 500;
/// How long before a deployment its commit may have been pushed.
const PUSHED_BEFORE: Duration = Duration::from_hours(30 * 24);
/// How long an answer is good for. Looking costs a read for each event.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// Environments that are named.
const ENVIRONMENTS_AT_MOST: usize = 50;

const DAY: Duration = Duration::from_hours(24);

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// For how many days back; at least 1.
    pub days: u16,
    /// Deployments to this environment, whatever the case of its letters; `*` for all of them; `None` for production, by
    /// what the senders say of their environments or by the names `production` and `prod`.
    pub environment: Option<String>,
}

/// How many deployments ended on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// When it begins, in UTC.
    pub start: Timestamp,
    /// Deployments that succeeded.
    pub succeeded: u32,
    /// Deployments that failed.
    pub failed: u32,
}

/// An environment that deployments went to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// Its name; empty where the sender does not say one.
    pub name: String,
    /// Deployments to it that ended.
    pub deployments: usize,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Looked {
    /// Events about deployments.
    pub deployment_events: usize,
    /// Pushes, for the times of commits.
    pub push_events: usize,
    /// Among both, those whose body is pruned or too long to be looked into.
    pub without_body: usize,
    /// Events of one type that are looked at, at most.
    pub limit: usize,
    /// Whether there were more about deployments; then the figures begin later than asked for.
    pub truncated: bool,
}

/// The figures and what they stand on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// From when on: as asked for, or later where nothing is stored from before.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Which environment: a name, `production` or `*`.
    pub environment: String,
    /// All environments that were found, the one with most deployments first; at most 50.
    pub environments: Vec<Environment>,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// Deployments by day, oldest first, days without any too.
    pub daily: Vec<Day>,
    /// What was looked at.
    pub looked: Looked,
}

type Recent = Option<(Asked, Timestamp, Arc<Report>)>;

/// Computes reports, one at a time.
pub struct Dora {
    history: Arc<dyn History>,
    recent: Mutex<Recent>,
}

impl Dora {
    /// Over this history.
    pub fn new(history: Arc<dyn History>) -> Self {
        Self {
            history,
            recent: Mutex::default(),
        }
    }

    /// The report at this moment, or one that is a few seconds old.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn report(&self, asked: &Asked, now: Timestamp) -> Result<Arc<Report>, StoreError> {
        let mut recent = self.recent.lock().await;
        if let Some((_, _, report)) = recent
            .as_ref()
            .filter(|(earlier, at, _)| earlier == asked && *at <= now && now.since(*at) < GOOD_FOR)
        {
            return Ok(report.clone());
        }
        let report = Arc::new(self.compute(asked, now).await?);
        *recent = Some((asked.clone(), now, report.clone()));
        Ok(report)
    }

    async fn compute(&self, asked: &Asked, now: Timestamp) -> Result<Report, StoreError> {
        let asked_since = now - DAY * u32::from(asked.days.max(1));
        let mut looked = Looked {
            limit: EVENTS_AT_MOST,
            ..Looked::default()
        };
        let mut scan = self.deployments(asked_since, &mut looked).await?;
        let complete = scan.complete_since..=now;
        scan.deployments.retain(|one| complete.contains(&one.at));
        let since = self.observed_since(&scan, now).await?;
        let environments = environments(&scan.deployments);
        let deployments: Vec<&Deployment> = scan
            .deployments
            .iter()
            .filter(|deployment| is_meant(deployment, asked.environment.as_deref()))
            .collect();
        let commits = self
            .commits(&deployments, since - PUSHED_BEFORE, &mut looked)
            .await?;
        let figures = figures::figures(&Observed {
            deployments: &deployments,
            commits: &commits,
            span: now.since(since),
            nothing: nothing(asked, &environments),
        });
        Ok(Report {
            since,
            until: now,
            environment: asked
                .environment
                .clone()
                .unwrap_or_else(|| "production".to_owned()),
            environments,
            figures,
            daily: daily(&deployments, since, now),
            looked,
        })
    }

    /// Nothing is known of the time before the first event was stored, but what that one tells may have happened before.
    async fn observed_since(&self, scan: &Scan, now: Timestamp) -> Result<Timestamp, StoreError> {
        let first = self.history.event_at(Position(1)).await?;
        let stored = first.map_or(now, |event| event.facts.received_at);
        let earliest = scan.deployments.first().map_or(stored, |one| one.at.min(stored));
        Ok(earliest.max(scan.complete_since).min(now))
    }

    async fn deployments(&self, since: Timestamp, looked: &mut Looked) -> Result<Scan, StoreError> {
        let mut told = Vec::new();
        let mut complete_since = since;
        for event_type in reading::DEPLOYMENT_TYPES {
            let newest = self.newest(event_type, since).await?;
            looked.deployment_events += newest.events.len();
            if let Some(oldest) = newest.events.last().filter(|_| newest.truncated) {
                looked.truncated = true;
                complete_since = complete_since.max(oldest.event.facts.received_at);
            }
            for summary in &newest.events {
                let Some((event, data)) = self.body(summary, looked).await? else {
                    continue;
                };
                told.extend(reading::deployment(&event.facts, &data).map(|one| (event.position, one)));
            }
        }
        Ok(Scan {
            deployments: each_once(told),
            complete_since,
        })
    }

    /// The newest events of a type received since then, newest first.
    async fn newest(&self, event_type: &str, since: Timestamp) -> Result<Newest, StoreError> {
        let filter = EventFilter {
            event_type: Some(event_type.to_owned()),
            since: Some(since),
            ..EventFilter::default()
        };
        let (mut events, mut after) = (Vec::new(), None);
        loop {
            let page = self.history.events(&filter, after, PAGE).await?;
            events.extend(page.items);
            after = page.next;
            let full = events.len() >= EVENTS_AT_MOST;
            if after.is_none() || full {
                events.truncate(EVENTS_AT_MOST);
                let truncated = full && after.is_some();
                return Ok(Newest { events, truncated });
            }
        }
    }

    /// One body at a time: memory stays small whatever the senders send.
    async fn body(
        &self,
        summary: &EventSummary,
        looked: &mut Looked,
    ) -> Result<Option<(StoredEvent, bytes::Bytes)>, StoreError> {
        let fits = summary.size.is_some_and(|size| size <= BODY_AT_MOST_BYTES);
        let mut event = if fits {
            self.history.event_at(summary.event.position).await?
        } else {
            None
        };
        let data = event.as_mut().and_then(|event| event.data.take());
        looked.without_body += usize::from(data.is_none());
        Ok(event.zip(data))
    }

    /// When the deployed commits were made, as far as pushes tell.
    async fn commits(
        &self,
        deployments: &[&Deployment],
        since: Timestamp,
        looked: &mut Looked,
    ) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let names = deployments.iter().filter(|one| one.succeeded);
        let mut wanted = Wanted::new(names.filter_map(|one| one.sha.clone()).collect::<BTreeSet<_>>());
        let mut found = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        for summary in self.newest(reading::PUSH, since).await?.events {
            if wanted.is_empty() {
                break;
            }
            looked.push_events += 1;
            if let Some((_, data)) = self.body(&summary, looked).await? {
                wanted.find(&data, &mut found);
            }
        }
        Ok(found)
    }
}

struct Newest {
    events: Vec<EventSummary>,
    truncated: bool,
}

struct Scan {
    /// Oldest first, each once.
    deployments: Vec<Deployment>,
    /// From then on none is missing.
    complete_since: Timestamp,
}

/// Each deployment once, oldest first. What is said again counts from when it was said first; what is said otherwise
/// later, counts.
fn each_once(mut told: Vec<(Position, Deployment)>) -> Vec<Deployment> {
    told.sort_by_key(|(position, one)| (one.at, *position));
    let mut by_key: BTreeMap<String, Deployment> = BTreeMap::new();
    for (_, one) in told {
        let earlier = by_key.get(&one.key);
        if earlier.is_none_or(|earlier| earlier.succeeded != one.succeeded) {
            by_key.insert(one.key.clone(), one);
        }
    }
    let mut deployments: Vec<_> = by_key.into_values().collect();
    deployments.sort_by_key(|one| one.at);
    deployments
}

fn is_meant(deployment: &Deployment, environment: Option<&str>) -> bool {
    match environment {
        None => deployment.is_production,
        Some("*") => true,
        Some(name) => deployment.environment.to_lowercase() == name.to_lowercase(),
    }
}

fn environments(deployments: &[Deployment]) -> Vec<Environment> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for deployment in deployments {
        *counts.entry(&deployment.environment).or_default() += 1;
    }
    let mut environments: Vec<_> = counts
        .into_iter()
        .map(|(name, deployments)| Environment {
            name: name.to_owned(),
            deployments,
        })
        .collect();
    environments.sort_by_key(|environment| std::cmp::Reverse(environment.deployments));
    environments.truncate(ENVIRONMENTS_AT_MOST);
    environments
}

fn nothing(asked: &Asked, environments: &[Environment]) -> String {
    let place = match asked.environment.as_deref() {
        None => " to production",
        Some("*") => "",
        Some(_) => " to this environment",
    };
    let days = asked.days;
    if environments.is_empty() {
        format!("no event of these {days} days tells how a deployment ended")
    } else {
        format!("no deployment{place} ended in these {days} days")
    }
}

/// Days of UTC.
fn daily(deployments: &[&Deployment], since: Timestamp, until: Timestamp) -> Vec<Day> {
    const DAY_US: i64 = 86_400_000_000;
    let day_of = |moment: Timestamp| moment.as_micros().div_euclid(DAY_US);
    let mut counts: BTreeMap<i64, (u32, u32)> =
        (day_of(since)..=day_of(until)).map(|day| (day, (0, 0))).collect();
    for deployment in deployments {
        if let Some((succeeded, failed)) = counts.get_mut(&day_of(deployment.at)) {
            *succeeded += u32::from(deployment.succeeded);
            *failed += u32::from(!deployment.succeeded);
        }
    }
    let days = counts.into_iter().map(|(day, (succeeded, failed))| Day {
        start: Timestamp::from_micros(day.saturating_mul(DAY_US)),
        succeeded,
        failed,
    });
    days.collect()
}
