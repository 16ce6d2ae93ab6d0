//! Collects the evidence that gates need, each source once, and judges each gate as soon as its evidence is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use futures::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pilotage_core::{
    Digest, Timestamp,
    gate::{
        Finding, Gate, GateVerdict, Measured, Moment, Waived, findings, held_up, judge, measured, missed,
        not_run,
    },
    ports::GateRuns as _,
};
use pilotage_runners::{Site, Source, tree};
use pilotage_store::SqliteStore;

/// How gates are run.
pub(super) struct Way {
    /// Sources looked at at once.
    pub(super) at_once: usize,
    /// Gates are judged in their order.
    pub(super) in_order: bool,
    /// The first blocking gate that fails ends it.
    pub(super) stop_on_failure: bool,
    /// Whether progress is shown.
    pub(super) quiet: bool,
}

/// The gates of one run, and what is known so far.
pub(super) struct Judging<'a> {
    gates: &'a [Gate],
    sources: &'a [Source],
    waived: Waived<'a>,
    way: Way,
    /// By metric, the source that measures it.
    owners: BTreeMap<String, usize>,
    measured: Measured,
    looked: BTreeSet<usize>,
    verdicts: BTreeMap<usize, GateVerdict>,
    cache: &'a Cache<'a>,
    reusable: Vec<(Digest, Vec<Finding>)>,
}

/// What came of a run.
pub(super) struct Collected {
    /// Every gate, in order.
    pub(super) verdicts: Vec<GateVerdict>,
    /// Everything that was measured.
    pub(super) measured: Measured,
    /// What may be taken again over the same input.
    pub(super) reusable: Vec<(Digest, Vec<Finding>)>,
}

/// What earlier runs measured over the same files.
pub(super) struct Cache<'a> {
    store: Option<&'a SqliteStore>,
    /// The digest of the files; `None` where nothing is taken again.
    tree: Option<Digest>,
}

impl<'a> Cache<'a> {
    /// Looks at the files below `root`, unless everything is to be measured anew or nothing is kept.
    pub(super) async fn new(store: Option<&'a SqliteStore>, root: &Path, fresh: bool) -> Self {
        let tree = match store {
            Some(_) if !fresh => tree::digest(root).await,
            _ => None,
        };
        Self { store, tree }
    }

    /// What a source measured over the same input, or measures now. Beside it the input, where it was measured now.
    async fn look(&self, source: &Source, site: &Site, limit: Duration) -> (Measured, Option<Digest>) {
        let input = match self.tree {
            Some(tree) => source.input(site, tree).await,
            None => None,
        };
        let (Some(store), Some(input)) = (self.store, input) else {
            return (source.collect(site, limit).await, None);
        };
        // What cannot be read is measured anew.
        if let Ok(Some(known)) = store.measured_on(input).await {
            return (as_cached(known.findings), None);
        }
        let found = source.collect(site, limit).await;
        // Files that changed meanwhile may or may not have been looked at.
        let unchanged = self.tree == tree::digest(&site.root).await;
        let whole = unchanged && found.values().all(Result::is_ok);
        (found, whole.then_some(input))
    }
}

fn as_cached(findings: Vec<Finding>) -> Measured {
    let mut known = measured(findings);
    for evidence in known.values_mut().flatten() {
        evidence.measured_at = Moment::Cached(evidence.measured_at.at());
    }
    known
}

impl<'a> Judging<'a> {
    /// `sources` in order of precedence: the first that measures a metric is the one.
    pub(super) fn new(
        gates: &'a [Gate],
        sources: &'a [Source],
        waived: Waived<'a>,
        way: Way,
        cache: &'a Cache<'a>,
    ) -> Self {
        let mut owners = BTreeMap::new();
        for (place, source) in sources.iter().enumerate() {
            for (metric, _) in source.measures() {
                owners.entry(metric).or_insert(place);
            }
        }
        Self {
            gates,
            sources,
            waived,
            way,
            owners,
            measured: Measured::new(),
            looked: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            cache,
            reusable: Vec::new(),
        }
    }

    /// Looks and judges.
    pub(super) async fn run(mut self, site: &Site) -> Collected {
        let bar = progress(self.way.quiet);
        let mut stopped = self.judge_what_is_known();
        while !stopped {
            let needed = self.needed();
            if needed.is_empty() {
                break;
            }
            bar.inc_length(needed.len() as u64);
            stopped = self.look(needed, site, &bar).await;
        }
        bar.finish_and_clear();
        let mut verdicts = self.verdicts;
        let gates = self.gates.iter().enumerate();
        let verdicts = gates.map(|(place, gate)| verdicts.remove(&place).unwrap_or_else(|| not_run(gate)));
        Collected {
            verdicts: verdicts.collect(),
            measured: self.measured,
            reusable: self.reusable,
        }
    }

    /// Looks at these sources and judges what is known then; whether that ends the run.
    async fn look(&mut self, needed: Vec<(usize, Duration)>, site: &Site, bar: &ProgressBar) -> bool {
        let (sources, at_once, cache) = (self.sources, self.way.at_once, self.cache);
        let (later, first): (Vec<_>, Vec<_>) = needed.into_iter().partition(|(place, _)| {
            sources
                .get(*place)
                .is_some_and(|source| !source.needs().is_empty())
        });
        let looks = first.into_iter().filter_map(|(place, limit)| {
            let source = sources.get(place)?;
            Some(async move {
                bar.set_message(source.name.clone());
                (place, cache.look(source, site, limit).await)
            })
        });
        let mut looks = stream::iter(looks).buffer_unordered(at_once);
        while let Some((place, (found, input))) = looks.next().await {
            bar.inc(1);
            self.reusable.extend(input.map(|input| (input, findings(&found))));
            self.note(place, found);
            if self.judge_what_is_known() {
                return true;
            }
        }
        for (place, limit) in later {
            let Some(source) = sources.get(place) else {
                continue;
            };
            bar.set_message(source.name.clone());
            let found = source.conclude(site, limit, &self.measured).await;
            bar.inc(1);
            self.note(place, found);
            if self.judge_what_is_known() {
                return true;
            }
        }
        false
    }

    fn verdict_on(&self, id: &str) -> Option<&GateVerdict> {
        let place = self.gates.iter().position(|gate| gate.id == id)?;
        self.verdicts.get(&place)
    }

    /// Whether a gate that it needs is still to be judged in this run.
    fn waits(&self, gate: &Gate) -> bool {
        let is_asked = |need: &&String| self.gates.iter().any(|gate| gate.id == **need);
        let mut needs = gate.needs.iter().filter(is_asked);
        needs.any(|need| self.verdict_on(need).is_none())
    }

    fn sources_of(&self, gate: &Gate) -> Vec<usize> {
        gate.criteria
            .iter()
            .filter_map(|criterion| self.owners.get(&criterion.metric).copied())
            .collect()
    }

    /// The sources that the gates need which can be judged now, in their order, each with the shortest time that one of its
    /// gates allows.
    fn needed(&self) -> Vec<(usize, Duration)> {
        let mut needed: Vec<(usize, Duration)> = Vec::new();
        for (place, gate) in self.gates.iter().enumerate() {
            if self.verdicts.contains_key(&place) || self.waits(gate) {
                continue;
            }
            for place in self.sources_of(gate) {
                match needed.iter_mut().find(|(known, _)| *known == place) {
                    Some((_, limit)) => *limit = gate.timeout.min(*limit),
                    None => needed.push((place, gate.timeout)),
                }
            }
        }
        // What a source judges itself must be measured, whether or not a gate asks about it.
        let mut at = 0;
        while let Some(&(place, limit)) = needed.get(at) {
            let metrics = self.sources.get(place).map(Source::needs).unwrap_or_default();
            for owner in metrics.iter().filter_map(|metric| self.owners.get(metric)) {
                if needed.iter().all(|(known, _)| known != owner) {
                    needed.push((*owner, limit));
                }
            }
            at += 1;
        }
        needed.retain(|(place, _)| !self.looked.contains(place));
        needed
    }

    fn note(&mut self, place: usize, found: Measured) {
        let owners = &self.owners;
        let own = found
            .into_iter()
            .filter(|(metric, _)| owners.get(metric) == Some(&place));
        self.measured.extend(own);
        self.looked.insert(place);
    }

    /// Judges gates whose evidence is complete; whether that ends the run.
    fn judge_what_is_known(&mut self) -> bool {
        let now = Timestamp::now();
        let commit_at = self.waived.commit.and_then(|commit| commit.at);
        for (place, gate) in self.gates.iter().enumerate() {
            if self.verdicts.contains_key(&place) {
                continue;
            }
            let stands = |verdict: &GateVerdict| self.waived.stands(verdict, now);
            let mut sources = self.sources_of(gate).into_iter();
            let verdict = match missed(gate, |id| self.verdict_on(id), stands) {
                Some(by) => held_up(gate, by),
                None if !self.waits(gate) && sources.all(|source| self.looked.contains(&source)) => {
                    judge(gate, &self.measured, now, commit_at)
                }
                None if self.way.in_order => return false,
                None => continue,
            };
            let ends = self.way.stop_on_failure && gate.blocking && stands(&verdict);
            self.verdicts.insert(place, verdict);
            if ends {
                return true;
            }
        }
        false
    }
}

/// Shown on a terminal alone, which indicatif sees to.
fn progress(quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style = ProgressStyle::with_template("{spinner} {pos} of {len} pieces of evidence, {elapsed}: {msg}");
    let bar = ProgressBar::with_draw_target(Some(0), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
