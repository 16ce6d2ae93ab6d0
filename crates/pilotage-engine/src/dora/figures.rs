//! The five figures of DORA (dora.dev, "DORA's software delivery performance metrics") from deployments. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use pilotage_core::Timestamp;
use serde::Serialize;

use super::reading::Deployment;

/// One figure, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The value; `None` where there is not enough data.
    pub value: Option<f64>,
    /// What it counts in.
    pub unit: &'static str,
    /// How many facts it is computed from.
    pub sample: usize,
    /// Why there is no value, in words; or what is to be known about the value.
    pub reason: Option<String>,
    /// What exactly is computed.
    pub definition: &'static str,
}

/// The figures of one stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// How often.
    pub deployment_frequency: Figure,
    /// How long from commit to running.
    pub lead_time: Figure,
    /// How many fail.
    pub change_failure_rate: Figure,
    /// How long a failure lasts.
    pub failed_deployment_recovery_time: Figure,
    /// How many only make good what went wrong.
    pub deployment_rework_rate: Figure,
}

const PER_DAY: &str = "deployments per day";
const SECONDS: &str = "seconds";
const RATIO: &str = "ratio";

const FREQUENCY: &str = "deployments that succeeded, divided by the days that were observed";
const LEAD_TIME: &str =
    "median time from the deployed commit to the end of the first deployment of it that succeeded";
const FAILURE_RATE: &str =
    "deployments that ended as failed, of all that ended; what went wrong later is not known here";
const RECOVERY_TIME: &str = "median time from a failed deployment to the next that succeeded, of the same project to the same environment";
const REWORK_RATE: &str =
    "deployments right behind a failed one, or back to an earlier commit, of all that ended";

/// What is computed from.
pub(super) struct Observed<'a> {
    /// Deployments to one kind of place, oldest first, each once.
    pub(super) deployments: &'a [&'a Deployment],
    /// When the commits that were found were made.
    pub(super) commits: &'a BTreeMap<String, Timestamp>,
    /// How long was looked at.
    pub(super) span: Duration,
    /// What is said where there is no deployment at all.
    pub(super) nothing: String,
}

const DAY: Duration = Duration::from_hours(24);

/// Computes all five.
pub(super) fn figures(observed: &Observed<'_>) -> Figures {
    let story = Story::of(observed.deployments, observed.commits);
    Figures {
        deployment_frequency: frequency(observed),
        lead_time: lead_time(observed, &story),
        change_failure_rate: failure_rate(observed),
        failed_deployment_recovery_time: recovery_time(observed, &story),
        deployment_rework_rate: rework_rate(observed, &story),
    }
}

fn known(value: f64, unit: &'static str, sample: usize, definition: &'static str) -> Figure {
    Figure {
        value: Some(value),
        unit,
        sample,
        reason: None,
        definition,
    }
}

fn unknown(why: impl Into<String>, unit: &'static str, definition: &'static str) -> Figure {
    Figure {
        value: None,
        unit,
        sample: 0,
        reason: Some(format!("not enough data: {}", why.into())),
        definition,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts here are far below the 52 bits that stay exact"
)]
const fn float(count: usize) -> f64 {
    count as f64
}

fn frequency(observed: &Observed<'_>) -> Figure {
    if observed.deployments.is_empty() {
        return unknown(&observed.nothing, PER_DAY, FREQUENCY);
    }
    if observed.span < DAY {
        return unknown("less than a day was observed", PER_DAY, FREQUENCY);
    }
    let succeeded = observed.deployments.iter().filter(|one| one.succeeded).count();
    let days = observed.span.as_secs_f64() / DAY.as_secs_f64();
    known(float(succeeded) / days, PER_DAY, succeeded, FREQUENCY)
}

fn failure_rate(observed: &Observed<'_>) -> Figure {
    let ended = observed.deployments.len();
    if ended == 0 {
        return unknown(&observed.nothing, RATIO, FAILURE_RATE);
    }
    let failed = observed.deployments.iter().filter(|one| !one.succeeded).count();
    known(float(failed) / float(ended), RATIO, ended, FAILURE_RATE)
}

fn lead_time(observed: &Observed<'_>, story: &Story) -> Figure {
    let missing = story.without_commit;
    let Some(value) = median(&story.lead_times) else {
        let why = match (observed.deployments.is_empty(), story.first_deployments) {
            (true, _) => observed.nothing.clone(),
            (false, 0) => "no deployment that succeeded names a commit".to_owned(),
            (false, _) => "no stored push has a commit that was deployed".to_owned(),
        };
        return unknown(why, SECONDS, LEAD_TIME);
    };
    Figure {
        reason: (missing > 0).then(|| format!("{missing} more name a commit that no stored push has")),
        ..known(value, SECONDS, story.lead_times.len(), LEAD_TIME)
    }
}

fn recovery_time(observed: &Observed<'_>, story: &Story) -> Figure {
    let open = story.not_recovered;
    let Some(value) = median(&story.recoveries) else {
        let why = match (observed.deployments.is_empty(), open) {
            (true, _) => observed.nothing.clone(),
            (false, 0) => "no deployment failed".to_owned(),
            (false, _) => format!("{open} failed and nothing succeeded after that yet"),
        };
        return unknown(why, SECONDS, RECOVERY_TIME);
    };
    Figure {
        reason: (open > 0).then(|| format!("{open} more are not recovered yet")),
        ..known(value, SECONDS, story.recoveries.len(), RECOVERY_TIME)
    }
}

fn rework_rate(observed: &Observed<'_>, story: &Story) -> Figure {
    let ended = observed.deployments.len();
    if ended == 0 {
        return unknown(&observed.nothing, RATIO, REWORK_RATE);
    }
    known(float(story.reworks) / float(ended), RATIO, ended, REWORK_RATE)
}

/// In seconds; of two in the middle, what lies between them.
fn median(times: &[Duration]) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let upper = sorted.get(sorted.len() / 2)?.as_secs_f64();
    let lower = sorted.get((sorted.len() - 1) / 2)?.as_secs_f64();
    Some(f64::midpoint(lower, upper))
}

/// What follows from the order of deployments to each place.
#[derive(Default)]
struct Story {
    lead_times: Vec<Duration>,
    /// Commits that were deployed for the first time.
    first_deployments: usize,
    /// Those of them whose time is not known.
    without_commit: usize,
    recoveries: Vec<Duration>,
    /// Places whose last deployment failed.
    not_recovered: usize,
    reworks: usize,
}

/// How one project stands in one environment.
#[derive(Default)]
struct Place<'a> {
    /// Since when nothing has succeeded.
    failing_since: Option<Timestamp>,
    last_sha: Option<&'a str>,
    earlier_shas: BTreeSet<&'a str>,
}

impl Story {
    fn of(deployments: &[&Deployment], commits: &BTreeMap<String, Timestamp>) -> Self {
        let mut story = Self::default();
        let mut places: BTreeMap<(&str, &str), Place<'_>> = BTreeMap::new();
        for deployment in deployments {
            let place = (deployment.project.as_str(), deployment.environment.as_str());
            story.take(places.entry(place).or_default(), deployment, commits);
        }
        let failing = places.values().filter(|place| place.failing_since.is_some());
        story.not_recovered = failing.count();
        story
    }

    fn take<'a>(
        &mut self,
        place: &mut Place<'a>,
        deployment: &'a Deployment,
        commits: &BTreeMap<String, Timestamp>,
    ) {
        let sha = deployment.sha.as_deref();
        let was_here = sha.is_some_and(|sha| place.earlier_shas.contains(sha));
        let goes_back = was_here && place.last_sha != sha;
        self.reworks += usize::from(place.failing_since.is_some() || goes_back);
        if !deployment.succeeded {
            place.failing_since.get_or_insert(deployment.at);
            return;
        }
        if let Some(since) = place.failing_since.take() {
            self.recoveries.push(deployment.at.since(since));
        }
        let Some(sha) = sha else { return };
        if place.earlier_shas.insert(sha) {
            self.first_deployment(deployment.at, commits.get(sha).copied());
        }
        place.last_sha = Some(sha);
    }

    fn first_deployment(&mut self, at: Timestamp, committed: Option<Timestamp>) {
        self.first_deployments += 1;
        // A clock that is ahead makes no change arrive before it was made.
        match committed.filter(|committed| *committed <= at) {
            Some(committed) => self.lead_times.push(at.since(committed)),
            None => self.without_commit += 1,
        }
    }
}

#[cfg(test)]
mod tests;
