//! Gathers evidence for the server: reads what was sent, and collects in a working folder where the configuration names one.

mod sent;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use pilotage_core::{
    config::Problem,
    gate::Measured,
    ports::{Gatherer, SentReport, Tell, Wanted},
};
use pilotage_runners::{Site, Source, collector, process};

/// Gathers evidence.
pub(crate) struct Gathering {
    folder: Option<PathBuf>,
    sources: Vec<Source>,
}

impl Gathering {
    /// `folder` is where evidence may be collected, `sources` what the configuration says of evidence.
    pub(crate) fn new(folder: Option<PathBuf>, sources: Vec<Source>) -> Self {
        Self { folder, sources }
    }

    /// What can be asked here, in order of precedence.
    fn all_sources(&self) -> Vec<Source> {
        let Some(folder) = &self.folder else {
            return Vec::new();
        };
        let mut sources = self.sources.clone();
        sources.extend(collector::detected(folder, &self.sources));
        sources
    }
}

#[async_trait]
impl Gatherer for Gathering {
    async fn read(&self, reports: &[SentReport]) -> Result<Measured, Vec<Problem>> {
        sent::read(reports).await
    }

    fn collects(&self) -> Vec<String> {
        let sources = self.all_sources();
        let metrics = sources.iter().flat_map(Source::measures);
        metrics.map(|(metric, _)| metric).collect()
    }

    async fn collect(&self, commit: &str, wanted: &[Wanted], known: &Measured, tell: Tell<'_>) -> Measured {
        let Some(folder) = &self.folder else {
            return Measured::new();
        };
        if let Err(reason) = is_at(folder, commit).await {
            let none = |wanted: &Wanted| (wanted.metric.clone(), Err(reason.clone()));
            return wanted.iter().map(none).collect();
        }
        let sources = self.all_sources();
        let site = Site { root: folder.clone() };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = with_what_is_needed(&sources, wanted, known);
        let (last, first): (Vec<_>, Vec<_>) = needed(&sources, &wanted)
            .into_iter()
            .partition(|(source, ..)| !source.needs().is_empty());
        let mut looks = Vec::new();
        for (source, metrics, limit) in first {
            looks.push(look(source, metrics, limit, &site, known, tell));
        }
        let found: Vec<_> = stream::iter(looks).buffer_unordered(cores).collect().await;
        let mut found: Measured = found.into_iter().flatten().collect();
        for (source, metrics, limit) in last {
            let mut all = known.clone();
            all.extend(found.clone());
            found.extend(look(source, metrics, limit, &site, &all, tell).await);
        }
        found
    }
}

async fn look(
    source: &Source,
    metrics: Vec<String>,
    limit: Duration,
    site: &Site,
    known: &Measured,
    tell: Tell<'_>,
) -> Measured {
    tell(&format!("looking at {}", source.name));
    let mut found = source.conclude(site, limit, known).await;
    found.retain(|metric, _| metrics.contains(metric));
    found
}

/// What is wanted, and what sources judge themselves that measure something of it and that nobody knows yet.
fn with_what_is_needed(sources: &[Source], wanted: &[Wanted], known: &Measured) -> Vec<Wanted> {
    let mut all = wanted.to_vec();
    let asked = needed(sources, wanted).into_iter();
    for (source, _, limit) in asked {
        for metric in source.needs() {
            let is_known = matches!(known.get(&metric), Some(Ok(_)));
            if !is_known && all.iter().all(|wanted| wanted.metric != metric) {
                all.push(Wanted { metric, limit });
            }
        }
    }
    all
}

/// The sources that measure what is wanted, each with those metrics and the shortest time for one of them.
fn needed<'a>(sources: &'a [Source], wanted: &[Wanted]) -> Vec<(&'a Source, Vec<String>, Duration)> {
    let mut needed: Vec<(&Source, Vec<String>, Duration)> = Vec::new();
    for Wanted { metric, limit } in wanted {
        let owner = sources
            .iter()
            .find(|source| source.measures().iter().any(|(name, _)| name == metric));
        let Some(owner) = owner else { continue };
        match needed.iter_mut().find(|(source, ..)| source.name == owner.name) {
            Some((_, metrics, shortest)) => {
                metrics.push(metric.clone());
                *shortest = (*shortest).min(*limit);
            }
            None => needed.push((owner, vec![metric.clone()], *limit)),
        }
    }
    needed
}

/// Evidence is about the commit that was asked about, or it is none.
async fn is_at(folder: &Path, commit: &str) -> Result<(), String> {
    let folder_is =
        |what: &str| format!("the working folder of the server {what}, so nothing there is evidence");
    match process::commit(folder).await {
        None => Err(folder_is("is no repository")),
        Some((id, ..)) if !id.starts_with(commit) => Err(folder_is(&format!("is at another commit ({id})"))),
        Some((_, _, true)) => Err(folder_is("has changes that are not committed")),
        Some(_) => Ok(()),
    }
}
