use std::{cmp::Reverse, collections::HashMap, hash::RandomState, sync::Arc};

use super::bucket::Bucket;
use crate::{
    Event,
    rule::{
        CompiledRule, Path,
        compiled::TypePattern,
        condition::{Condition, Operator, index_key},
        glob::Glob,
        path::Found,
    },
};

/// A posting list up to this length is short enough: what decides between two such paths is how many rules share them,
/// because every distinct path costs a look-up for every event.
const SHORT: usize = 8;

/// Finds the rules that may match an event: by source, then by type, then by the value at a path.
///
/// Keys are hashes. Two values with the same hash only make a rule a candidate, and every candidate is asked in full. The
/// hash is keyed at random, so a sender cannot choose values that fall on those of many rules.
#[derive(Debug, Default)]
pub(super) struct Index {
    hasher: RandomState,
    sources: HashMap<String, ByType>,
    any_source: ByType,
}

/// Rules of one source.
#[derive(Debug, Default)]
struct ByType {
    types: HashMap<String, Bucket>,
    globs: Vec<(Arc<Glob>, Bucket)>,
    any_type: Bucket,
}

impl Index {
    /// An index over the enabled ones among `rules`.
    pub(super) fn over(rules: &[Arc<CompiledRule>]) -> Self {
        let mut index = Self::default();
        let statistics = Statistics::of(rules, &index.hasher);
        let mut glob_places = HashMap::new();
        for (position, rule) in (0..).zip(rules).filter(|(_, rule)| rule.rule.enabled) {
            let source = rule.rule.trigger.source.as_str();
            let by_type = match source {
                "*" => &mut index.any_source,
                _ => index.sources.entry(source.to_owned()).or_default(),
            };
            let equality = statistics.best(equalities(&rule.condition, &index.hasher));
            let prefix = longest_prefix(&rule.condition);
            let add = |bucket: &mut Bucket| match (&equality, prefix) {
                (Some(equality), _) => bucket.add_equality(position, equality),
                (None, Some((path, prefix))) => bucket.add_prefix(position, path, prefix, &index.hasher),
                (None, None) => bucket.add(position),
            };
            if rule.types.is_empty() {
                add(&mut by_type.any_type);
            }
            for pattern in &rule.types {
                add(by_type.bucket(pattern, source, &mut glob_places));
            }
        }
        index
    }

    /// Whether there is any rule for this source and type.
    pub(super) fn concerns(&self, source: &str, event_type: &str) -> bool {
        let named = self.sources.get(source);
        named
            .into_iter()
            .chain([&self.any_source])
            .any(|by_type| by_type.concerns(event_type))
    }

    /// Positions of the rules that may match, ascending. Includes every rule that does.
    pub(super) fn candidates(&self, event: &Event) -> Vec<u32> {
        let mut candidates = Vec::new();
        let named = self.sources.get(&event.facts.source);
        for by_type in named.into_iter().chain([&self.any_source]) {
            by_type.collect(event, &self.hasher, &mut candidates);
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }
}

impl ByType {
    fn bucket<'a>(
        &mut self,
        pattern: &'a TypePattern,
        source: &'a str,
        glob_places: &mut HashMap<(&'a str, &'a str), usize>,
    ) -> &mut Bucket {
        match pattern {
            TypePattern::Exact(name) => self.types.entry(name.clone()).or_default(),
            TypePattern::Glob(glob) => {
                let place = *glob_places
                    .entry((source, glob.as_str()))
                    .or_insert(self.globs.len());
                if place == self.globs.len() {
                    self.globs.push((Arc::clone(glob), Bucket::default()));
                }
                &mut self.globs[place].1
            }
        }
    }

    fn concerns(&self, event_type: &str) -> bool {
        !self.any_type.is_empty()
            || self.types.contains_key(event_type)
            || self.globs.iter().any(|(glob, _)| glob.is_match(event_type))
    }

    fn collect(&self, event: &Event, hasher: &RandomState, candidates: &mut Vec<u32>) {
        let event_type = &event.facts.event_type;
        let exact = self.types.get(event_type);
        let globs = self
            .globs
            .iter()
            .filter(|(glob, _)| glob.is_match(event_type))
            .map(|(_, bucket)| bucket);
        for bucket in exact.into_iter().chain(globs).chain([&self.any_type]) {
            bucket.collect(event, hasher, candidates);
        }
    }
}

/// A path and the hashes of the values of which one must be there for the rule to match.
pub(super) struct Equality<'a> {
    pub(super) path: &'a Path,
    pub(super) keys: Vec<u64>,
}

/// The longest beginning that a text at some path must have for a condition to hold.
fn longest_prefix(condition: &Condition) -> Option<(&Path, &str)> {
    match condition {
        Condition::All(parts) => parts
            .iter()
            .filter_map(longest_prefix)
            .max_by_key(|(_, prefix)| prefix.len()),
        Condition::At(test) => test
            .wanted
            .iter()
            .filter_map(Operator::literal_prefix)
            .max_by_key(|prefix| prefix.len())
            .map(|prefix| (&test.path, prefix)),
        Condition::Any(_) | Condition::Not(_) => None,
    }
}

/// The equalities that must all hold for a condition to hold.
fn equalities<'a>(condition: &'a Condition, hasher: &RandomState) -> Vec<Equality<'a>> {
    match condition {
        Condition::All(parts) => parts.iter().flat_map(|part| equalities(part, hasher)).collect(),
        Condition::At(test) => test
            .wanted
            .iter()
            .filter_map(|operator| {
                let values = match operator {
                    Operator::Equal(value) => std::slice::from_ref(value),
                    Operator::In(values) => values,
                    _ => return None,
                };
                let keys: Option<Vec<u64>> = values
                    .iter()
                    .map(|value| index_key(hasher, &Found::Json(value)))
                    .collect();
                Some(Equality {
                    path: &test.path,
                    keys: keys?,
                })
            })
            .collect(),
        Condition::Any(_) | Condition::Not(_) => Vec::new(),
    }
}

/// How often paths and values are asked for in a set of rules.
struct Statistics {
    /// Distinct values by path.
    values: HashMap<String, usize>,
    /// Rules by path and value.
    rules: HashMap<(String, u64), usize>,
}

impl Statistics {
    fn of(rules: &[Arc<CompiledRule>], hasher: &RandomState) -> Self {
        let mut statistics = Self {
            values: HashMap::new(),
            rules: HashMap::new(),
        };
        for rule in rules.iter().filter(|rule| rule.rule.enabled) {
            for Equality { path, keys } in equalities(&rule.condition, hasher) {
                for key in keys {
                    let count = statistics
                        .rules
                        .entry((path.as_str().to_owned(), key))
                        .or_default();
                    *count += 1;
                    if *count == 1 {
                        *statistics.values.entry(path.as_str().to_owned()).or_default() += 1;
                    }
                }
            }
        }
        statistics
    }

    /// The equality that leaves the fewest other rules beside this one.
    fn best<'a>(&self, equalities: Vec<Equality<'a>>) -> Option<Equality<'a>> {
        equalities.into_iter().min_by_key(|equality| {
            let path = equality.path.as_str();
            let longest = equality
                .keys
                .iter()
                .filter_map(|key| self.rules.get(&(path.to_owned(), *key)))
                .max();
            let distinct = self.values.get(path).copied().unwrap_or(0);
            (
                longest.copied().unwrap_or(0).max(SHORT),
                Reverse(distinct),
                path.to_owned(),
            )
        })
    }
}
