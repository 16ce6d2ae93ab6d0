use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::Cell;
use crate::{
    door::{SourceEntry, SourceTable},
    metrics::{Metrics, SourceCounters},
};

/// A source with what is counted about it.
pub(crate) struct LiveSource {
    pub(crate) name: String,
    pub(crate) entry: SourceEntry,
    pub(crate) counters: SourceCounters,
    bucket: Arc<Cell>,
}

impl LiveSource {
    /// Takes one delivery from the source's limit, or says how long to wait.
    pub(super) fn take(&self, now: u64) -> Result<(), Duration> {
        self.entry
            .limit
            .map_or(Ok(()), |limit| self.bucket.take(limit, now))
    }
}

/// The sources in force.
#[derive(Default)]
pub(crate) struct LiveSources(BTreeMap<String, Arc<LiveSource>>);

impl LiveSources {
    /// The sources of `table`; one that `before` has with the same limit goes on with its count.
    pub(crate) fn new(table: SourceTable, before: &Self, metrics: &Metrics) -> Self {
        let live = |(name, entry): (String, SourceEntry)| {
            let earlier = before
                .0
                .get(&name)
                .filter(|earlier| earlier.entry.limit == entry.limit);
            let bucket = earlier.map_or_else(Arc::default, |earlier| earlier.bucket.clone());
            let counters = metrics.of_source(&name);
            (
                name.clone(),
                Arc::new(LiveSource {
                    name,
                    entry,
                    counters,
                    bucket,
                }),
            )
        };
        Self(table.into_iter().map(live).collect())
    }

    /// The names of all of them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn find(&self, name: SourceName<'_>) -> Option<&Arc<LiveSource>> {
        self.0
            .get(name.name)
            .filter(|source| source.entry.custom == name.custom)
    }
}

/// What a path says about its source. Names are compared as they stand in the path, without decoding, so that there is
/// one way to write each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceName<'a> {
    name: &'a str,
    custom: bool,
}

impl<'a> SourceName<'a> {
    pub(super) fn of_path(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/webhooks/")?;
        Some(match rest.strip_prefix("custom/") {
            Some(name) => Self { name, custom: true },
            None => Self {
                name: rest,
                custom: false,
            },
        })
    }
}
