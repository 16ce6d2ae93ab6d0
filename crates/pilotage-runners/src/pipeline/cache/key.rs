//! What the result of a task depends on, and in which words two of that differ.

use std::{collections::BTreeMap, ffi::OsStr, os::unix::ffi::OsStrExt as _};

use pilotage_core::{Digest, pipeline::Action};
use serde::{Deserialize, Serialize};

use super::super::{
    environment::Given,
    files::{Kept, Snapshot},
    task::Task,
};

/// Changes whenever the same ingredients would have to give another key.
const SCHEME: &str = "1";

/// Everything that a result depends on. The key is the digest of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Ingredients {
    /// The way keys are made, and the kind of machine.
    scheme: String,
    /// The task as it is written.
    definition: String,
    /// Input files, each with the digest of content, mode or target.
    files: BTreeMap<String, Digest>,
    /// Variables that commands see, each with the digest of its value.
    variables: BTreeMap<String, Digest>,
    /// What tools say of their versions.
    tools: BTreeMap<String, String>,
    /// What the tasks before it made, or are.
    before: BTreeMap<String, Digest>,
}

impl Ingredients {
    pub(crate) fn new(
        task: &Task,
        files: &Snapshot,
        given: &Given,
        tools: BTreeMap<String, String>,
        before: BTreeMap<String, Digest>,
    ) -> Self {
        let value = |value: Option<&OsStr>| match value {
            // A variable that is not set differs from every value.
            None => Digest::ZERO,
            Some(value) => Digest::of(value.as_bytes()),
        };
        Self {
            scheme: format!("{SCHEME} {} {}", std::env::consts::OS, std::env::consts::ARCH),
            definition: Digest::of(definition(task).as_bytes()).to_string(),
            files: digests(files),
            variables: given
                .counted
                .iter()
                .map(|(name, found)| (name.clone(), value(found.as_deref())))
                .collect(),
            tools,
            before,
        }
    }

    /// The key under which the result is kept.
    pub(crate) fn key(&self) -> Digest {
        // Maps of texts are always JSON, and a map of JSON is sorted here.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// A file that is not now as it is here. Those that `own` names do not count.
    pub(crate) fn changed_file(&self, now: &Snapshot, own: impl Fn(&str) -> bool) -> Option<String> {
        let now = digests(now);
        let went = self
            .files
            .keys()
            .filter(|path| !own(path))
            .find(|path| !now.contains_key(*path));
        let differs = || {
            now.iter()
                .find(|(path, digest)| self.files.get(*path) != Some(digest))
        };
        went.or_else(|| differs().map(|(path, _)| path)).cloned()
    }

    /// What differs from the ingredients of the last time, in a few words.
    pub(crate) fn difference(&self, last: &Self) -> Option<String> {
        let files = changed(&self.files, &last.files, "was added", "is gone");
        if let Some((first, more)) = files.split_first() {
            return Some(and_more(first, more.len()));
        }
        if self.definition != last.definition {
            return Some("its definition changed".to_owned());
        }
        let before = changed(
            &self.before,
            &last.before,
            "comes before it now",
            "comes before it no more",
        );
        if let Some(first) = before.first() {
            return Some(format!("what comes before it: {first}"));
        }
        let groups = [
            (
                "variable",
                changed(&self.variables, &last.variables, "is new", "is gone"),
            ),
            ("tool", changed(&self.tools, &last.tools, "is new", "is gone")),
        ];
        for (kind, changed) in groups {
            if let Some((first, more)) = changed.split_first() {
                return Some(format!("{kind} {}", and_more(first, more.len())));
            }
        }
        (self.scheme != last.scheme).then(|| "the cache is of another version".to_owned())
    }
}

fn digests(files: &Snapshot) -> BTreeMap<String, Digest> {
    let digest = |kept: &Kept| Digest::of(&serde_json::to_vec(kept).unwrap_or_default());
    files
        .iter()
        .map(|(path, found)| (path.clone(), digest(found)))
        .collect()
}

fn and_more(first: &str, more: usize) -> String {
    if more == 0 {
        first.to_owned()
    } else {
        format!("{first}, and {more} more")
    }
}

fn changed<V: PartialEq>(
    now: &BTreeMap<String, V>,
    last: &BTreeMap<String, V>,
    new: &str,
    gone: &str,
) -> Vec<String> {
    let mut words: Vec<String> = now
        .iter()
        .filter_map(|(name, value)| match last.get(name) {
            None => Some(format!("{name} {new}")),
            Some(before) if before != value => Some(format!("{name} changed")),
            Some(_) => None,
        })
        .collect();
    words.extend(
        last.keys()
            .filter(|name| !now.contains_key(*name))
            .map(|name| format!("{name} {gone}")),
    );
    words
}

/// The task as it is written: what is run where, and what it says that it reads and makes. Names for people are left out.
fn definition(task: &Task) -> String {
    let job = &task.job;
    let steps: Vec<_> = job
        .steps
        .iter()
        .map(|step| {
            let action = match &step.action {
                // The name may hold the commit, and changes nothing of what is made.
                Action::Upload(upload) => format!("{:?}", upload.paths),
                other => format!("{other:?}"),
            };
            (step.when, &step.directory, action)
        })
        .collect();
    format!(
        "{:?}",
        (&task.name, steps, &job.services, &job.outputs, &job.inputs)
    )
}
