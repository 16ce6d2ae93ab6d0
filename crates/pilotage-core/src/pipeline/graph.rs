//! The order of jobs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Job, Pattern, Status, Trigger, When};

/// A way from a name back to itself, if there is one: `[a, b, a]`.
pub fn cycle(edges: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    for start in edges.keys() {
        // The way so far, each name with how many of its edges were tried; a loop, since names may be many.
        let mut way: Vec<(&String, usize)> = vec![(start, 0)];
        while let Some((name, tried)) = way.pop() {
            if done.contains(name) {
                continue;
            }
            let Some(next) = edges.get(name).and_then(|targets| targets.get(tried)) else {
                done.insert(name);
                continue;
            };
            way.push((name, tried + 1));
            if let Some(from) = way.iter().position(|(before, _)| *before == next) {
                let mut found: Vec<String> = way.iter().skip(from).map(|(name, _)| (*name).clone()).collect();
                found.push(next.clone());
                return Some(found);
            }
            way.push((next, 0));
        }
    }
    None
}

/// Jobs in groups that can run side by side: each job stands behind those of `jobs` that it needs.
pub fn waves<'a>(jobs: &[&'a Job]) -> Vec<Vec<&'a Job>> {
    let mut left: Vec<&Job> = jobs.to_vec();
    let mut waves = Vec::new();
    while !left.is_empty() {
        let waiting: BTreeSet<&str> = left.iter().map(|job| job.id.as_str()).collect();
        let (now, later): (Vec<&Job>, Vec<&Job>) = left
            .iter()
            .partition(|job| !job.needs.iter().any(|need| waiting.contains(need.as_str())));
        // Resolved jobs have no cycle; this keeps the loop finite for any others.
        if now.is_empty() {
            waves.push(later);
            break;
        }
        waves.push(now);
        left = later;
    }
    waves
}

/// The job and everything that it needs, directly or not, in the order of `jobs`.
pub fn needed_by<'a>(jobs: &'a [Job], id: &str) -> Vec<&'a Job> {
    let mut needed = BTreeSet::from([id]);
    let mut next = vec![id];
    while let Some(id) = next.pop() {
        let needs = jobs.iter().filter(|job| job.id == id).flat_map(|job| &job.needs);
        for need in needs {
            if needed.insert(need) {
                next.push(need);
            }
        }
    }
    jobs.iter()
        .filter(|job| needed.contains(job.id.as_str()))
        .collect()
}

/// Something that is asked of a run before a job starts; of each list one has to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// What is built.
    Refs {
        /// Branches.
        branches: Vec<Pattern>,
        /// Tags.
        tags: Vec<Pattern>,
    },
    /// What started the run.
    Events(Vec<Trigger>),
}

impl Asked {
    /// What `when` asks beside the status.
    pub fn of(when: &When) -> Vec<Self> {
        let mut asked = Vec::new();
        if !(when.branches.is_empty() && when.tags.is_empty()) {
            asked.push(Self::Refs {
                branches: when.branches.clone(),
                tags: when.tags.clone(),
            });
        }
        if !when.events.is_empty() {
            asked.push(Self::Events(when.events.clone()));
        }
        asked
    }

    /// Whether `self` holds wherever `other` does.
    fn follows_from(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Refs { branches, tags },
                Self::Refs {
                    branches: fewer,
                    tags: fewer_tags,
                },
            ) => {
                let within = |few: &[Pattern], many: &[Pattern]| {
                    few.iter().all(|one| many.iter().any(|wide| wide.covers(one)))
                };
                within(fewer, branches) && within(fewer_tags, tags)
            }
            (Self::Events(many), Self::Events(few)) => few.iter().all(|event| many.contains(event)),
            _ => false,
        }
    }
}

/// Everything that is asked before a job runs: what it asks itself, and what the jobs ask that it needs, since one whose
/// needs were skipped is skipped. Said once: what follows from the rest is left out.
pub fn asked_before(jobs: &[Job], job: &Job) -> Vec<Asked> {
    let mut asked: Vec<Asked> = Vec::new();
    for before in needed_by(jobs, &job.id) {
        if before.id != job.id && job.when.status != Status::Success {
            continue;
        }
        for more in Asked::of(&before.when) {
            if !asked.iter().any(|known| more.follows_from(known)) {
                asked.retain(|known| !known.follows_from(&more));
                asked.push(more);
            }
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    type Edges = [(&'static str, &'static [&'static str])];

    #[test]
    fn a_cycle_is_found_wherever_it_begins() {
        let edges = |pairs: &Edges| {
            pairs
                .iter()
                .map(|(from, to)| {
                    (
                        (*from).to_owned(),
                        to.iter().map(|name| (*name).to_owned()).collect(),
                    )
                })
                .collect()
        };
        let table: [(&Edges, Option<&[&str]>); 5] = [
            (&[], None),
            (&[("a", &["b"]), ("b", &["gone"])], None),
            (&[("a", &["a"])], Some(&["a", "a"])),
            (
                &[("a", &["b"]), ("b", &["c"]), ("c", &["b"])],
                Some(&["b", "c", "b"]),
            ),
            (
                &[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])],
                None,
            ),
        ];
        for (pairs, expected) in table {
            let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(cycle(&edges(pairs)), expected, "{pairs:?}");
        }
    }
}
