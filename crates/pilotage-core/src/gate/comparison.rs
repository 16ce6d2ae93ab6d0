//! What got better and what got worse since an earlier run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CriterionState, CriterionVerdict, GateRunId, Report, Value, Verdict, Wants};
use crate::Timestamp;

/// What differs from an earlier run of the same environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The earlier run.
    pub run: GateRunId,
    /// Its commit.
    pub commit: Option<String>,
    /// When it was judged.
    pub judged_at: Timestamp,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its score.
    pub score: u32,
    /// What got better.
    pub better: Vec<Difference>,
    /// What got worse.
    pub worse: Vec<Difference>,
}

/// One criterion that came out in another way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The gate.
    pub gate: String,
    /// What was measured.
    pub metric: String,
    /// Then, as people read it: value and state.
    pub before: String,
    /// Now.
    pub now: String,
}

impl Comparison {
    /// Compares `now` with the earlier report of `run`. Criteria that only one of them has are no difference.
    pub fn new(run: GateRunId, before: &Report, now: &Report) -> Self {
        let mut comparison = Self {
            run,
            commit: before.commit.as_ref().map(|commit| commit.id.clone()),
            judged_at: before.judged_at,
            verdict: before.verdict,
            score: before.score,
            better: Vec::new(),
            worse: Vec::new(),
        };
        let earlier = criteria(before);
        for (key, criterion) in criteria(now) {
            let Some(old) = earlier.get(&key) else { continue };
            let difference = || Difference {
                gate: key.0.to_owned(),
                metric: key.1.to_owned(),
                before: shown(old),
                now: shown(criterion),
            };
            match direction(old, criterion) {
                std::cmp::Ordering::Greater => comparison.better.push(difference()),
                std::cmp::Ordering::Less => comparison.worse.push(difference()),
                std::cmp::Ordering::Equal => {}
            }
        }
        comparison
    }
}

fn criteria(report: &Report) -> BTreeMap<(&str, &str), &CriterionVerdict> {
    let all = report.gates.iter().flat_map(|gate| {
        let of_gate = gate.criteria.iter();
        of_gate.map(|criterion| ((gate.id.as_str(), criterion.metric.as_str()), criterion))
    });
    all.collect()
}

/// `Greater` for better. The state decides; between equal states the value does, in the direction that is wished.
fn direction(before: &CriterionVerdict, now: &CriterionVerdict) -> std::cmp::Ordering {
    let rank = |criterion: &CriterionVerdict| match criterion.state {
        CriterionState::Passed => 3,
        CriterionState::Waived | CriterionState::Skipped => 2,
        CriterionState::Failed => 1,
        CriterionState::NoEvidence => 0,
    };
    let number = |criterion: &CriterionVerdict| match criterion.evidence.as_ref()?.value {
        Value::Number(number) => Some(number),
        _ => None,
    };
    rank(now).cmp(&rank(before)).then_with(|| {
        let (Some(old), Some(new)) = (number(before), number(now)) else {
            return std::cmp::Ordering::Equal;
        };
        let more = new.partial_cmp(&old).unwrap_or(std::cmp::Ordering::Equal);
        match now.wants {
            Wants::More => more,
            Wants::Less => more.reverse(),
            Wants::Exactly => std::cmp::Ordering::Equal,
        }
    })
}

fn shown(criterion: &CriterionVerdict) -> String {
    let state = criterion.state.words();
    match &criterion.evidence {
        Some(evidence) => format!("{} ({state})", evidence.unit.show(&evidence.value)),
        None => state.to_owned(),
    }
}

#[cfg(test)]
mod tests;
