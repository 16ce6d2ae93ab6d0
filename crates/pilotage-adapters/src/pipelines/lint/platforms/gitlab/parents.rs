//! What jobs take over from others.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::super::view::{items, texts};

/// How deep jobs may extend others. Source: <https://docs.gitlab.com/ci/yaml/#extends>.
const MAX_DEPTH: usize = 11;

/// The job with what it extends; merge keys are read as what they mean. The place of what was taken over is the job's.
pub(in crate::pipelines) fn whole(root: &Map<String, Value>, job: &Value) -> Value {
    Value::Object(with_parents(root, job, 0, &mut BTreeSet::new()))
}

/// Each parent is taken once, however many ways lead to it, so that a file cannot ask for work without end.
fn with_parents(
    root: &Map<String, Value>,
    job: &Value,
    depth: usize,
    seen: &mut BTreeSet<String>,
) -> Map<String, Value> {
    let mut all = Map::new();
    if depth < MAX_DEPTH {
        for name in texts(&job["extends"], "") {
            if seen.insert(name.text.clone())
                && let Some(parent) = root.get(&name.text)
            {
                all.extend(with_parents(root, parent, depth + 1, seen));
            }
        }
        for (merged, _) in items(&job["<<"], "") {
            all.extend(with_parents(root, merged, depth + 1, seen));
        }
    }
    let own = job.as_object().into_iter().flatten();
    all.extend(own.map(|(key, value)| (key.clone(), value.clone())));
    all.remove("<<");
    all
}
