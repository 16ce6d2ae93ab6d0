//! What a run does: three jobs, one after the other. Its inputs change that:
//!
//! | input | what it does |
//! |---|---|
//! | `fail: JOB` | the job fails in its last step, at the first attempt |
//! | `fail-always: JOB` | the same at every attempt |
//! | `approval: true` | `deploy` waits until somebody lets it go on |
//! | `protected: true` | on GitLab, what waits is a deployment that is to be approved |
//! | `lines: N` | the step `run tests` writes so many lines |

use std::collections::BTreeMap;

/// A job as it is planned.
pub(super) struct PlannedJob {
    pub(super) name: &'static str,
    pub(super) stage: &'static str,
    pub(super) environment: Option<&'static str>,
    pub(super) steps: Vec<PlannedStep>,
}

/// A step as it is planned.
pub(super) struct PlannedStep {
    pub(super) name: &'static str,
    pub(super) lines: Vec<String>,
    pub(super) fails: bool,
}

/// Most lines of a step.
const MOST_LINES: usize = 10_000;

/// What a run with these inputs does at this attempt.
pub(super) fn jobs(inputs: &BTreeMap<String, String>, attempt: u32) -> Vec<PlannedJob> {
    let input = |name: &str| inputs.get(name).map(String::as_str);
    let count = input("lines").and_then(|text| text.parse().ok());
    let count: usize = count.unwrap_or(3).min(MOST_LINES);
    let job = |name, stage, environment, steps: [(&'static str, usize); 2]| {
        let fails = input("fail-always") == Some(name) || (attempt == 1 && input("fail") == Some(name));
        let [first, last] = steps;
        PlannedJob {
            name,
            stage,
            environment,
            steps: vec![step(first, false), step(last, fails)],
        }
    };
    vec![
        job("lint", "validate", None, [("check out", 2), ("lint", 2)]),
        job("test", "test", None, [("check out", 2), ("run tests", count)]),
        job(
            "deploy",
            "deploy",
            Some("production"),
            [("check out", 2), ("deploy", 2)],
        ),
    ]
}

/// The lines are of the kind that real logs have: coloured, and not all in ASCII.
fn step((name, count): (&'static str, usize), fails: bool) -> PlannedStep {
    let line = |number| format!("\u{1b}[32m{name}\u{1b}[0m: line {number} of {count} ✓");
    let mut lines: Vec<String> = (1..=count).map(line).collect();
    if fails {
        lines.push(format!("error: {name} failed: 1 of 12 is wrong"));
    }
    PlannedStep { name, lines, fails }
}
