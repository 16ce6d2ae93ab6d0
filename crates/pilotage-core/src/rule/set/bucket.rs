use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
    ops::ControlFlow,
};

use super::index::Equality;
use crate::{
    Event,
    rule::{
        Path,
        condition::{index_key, text},
        path::Found,
    },
};

/// Longest prefix that is indexed, in bytes: every distinct length costs a look-up.
const MAX_PREFIX: usize = 32;

/// Rules of one source and type.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    by_value: Vec<ByValue>,
    by_prefix: Vec<ByPrefix>,
    /// Where a path is in `by_value`.
    value_places: HashMap<String, usize>,
    /// Where a path is in `by_prefix`.
    prefix_places: HashMap<String, usize>,
    /// Rules with nothing to go by.
    others: Vec<u32>,
}

/// Rules by the hash of what they ask for.
type Rules = HashMap<u64, Vec<u32>, BuildHasherDefault<AlreadyHashed>>;

/// Rules that ask for a value at this path.
#[derive(Debug)]
struct ByValue {
    path: Path,
    rules: Rules,
}

/// Rules that ask for a text at this path that begins in some way.
#[derive(Debug)]
struct ByPrefix {
    path: Path,
    /// Every length of a prefix, in bytes.
    lengths: Vec<usize>,
    rules: Rules,
}

/// Passes on what is a hash already.
#[derive(Clone, Copy, Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only `write_u64` is used by u64 keys; anything else still has to give some hash.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Bucket {
    /// A rule that has to be asked about every event.
    pub(super) fn is_empty(&self) -> bool {
        self.by_value.is_empty() && self.by_prefix.is_empty() && self.others.is_empty()
    }

    pub(super) fn add(&mut self, position: u32) {
        self.others.push(position);
    }

    pub(super) fn add_equality(&mut self, position: u32, equality: &Equality<'_>) {
        let path = equality.path;
        let next = self.by_value.len();
        let place = *self.value_places.entry(path.as_str().to_owned()).or_insert(next);
        if place == next {
            self.by_value.push(ByValue {
                path: path.clone(),
                rules: Rules::default(),
            });
        }
        for key in &equality.keys {
            self.by_value[place].rules.entry(*key).or_default().push(position);
        }
    }

    pub(super) fn add_prefix(&mut self, position: u32, path: &Path, prefix: &str, hasher: &RandomState) {
        let next = self.by_prefix.len();
        let place = *self.prefix_places.entry(path.as_str().to_owned()).or_insert(next);
        if place == next {
            self.by_prefix.push(ByPrefix {
                path: path.clone(),
                lengths: Vec::new(),
                rules: Rules::default(),
            });
        }
        let by_prefix = &mut self.by_prefix[place];
        let prefix = prefix.as_bytes();
        let prefix = prefix.get(..MAX_PREFIX).unwrap_or(prefix);
        if !by_prefix.lengths.contains(&prefix.len()) {
            by_prefix.lengths.push(prefix.len());
        }
        let key = hasher.hash_one(prefix);
        by_prefix.rules.entry(key).or_default().push(position);
    }

    /// Adds the rules that may match, some perhaps several times.
    pub(super) fn collect(&self, event: &Event, hasher: &RandomState, candidates: &mut Vec<u32>) {
        candidates.extend_from_slice(&self.others);
        for by_value in &self.by_value {
            collect_at(
                &by_value.path,
                &by_value.rules,
                event,
                candidates,
                |value, look| {
                    index_key(hasher, value).into_iter().for_each(look);
                },
            );
        }
        for by_prefix in &self.by_prefix {
            collect_at(
                &by_prefix.path,
                &by_prefix.rules,
                event,
                candidates,
                |value, look| {
                    let Some(text) = text(value) else { return };
                    let prefixes = by_prefix
                        .lengths
                        .iter()
                        .filter_map(|length| text.as_bytes().get(..*length));
                    prefixes.map(|prefix| hasher.hash_one(prefix)).for_each(look);
                },
            );
        }
    }
}

/// Looks up the keys that `keys_of` gives for every value at `path`.
fn collect_at(
    path: &Path,
    rules: &Rules,
    event: &Event,
    candidates: &mut Vec<u32>,
    keys_of: impl Fn(&Found<'_>, &mut dyn FnMut(u64)),
) {
    // A list may hold the same value a million times; its rules are still candidates once.
    let mut seen = HashSet::new();
    let is_many = path.is_many();
    path.each(event, &mut |value| {
        keys_of(&value, &mut |key| {
            if let Some(rules) = rules.get(&key)
                && (!is_many || seen.insert(key))
            {
                candidates.extend_from_slice(rules);
            }
        });
        ControlFlow::Continue(())
    });
}
