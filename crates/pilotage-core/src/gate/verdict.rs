//! The verdict: pure, on gates and evidence alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Comparison, Criterion, Evidence, Gate, GateKind, GateRunId, Impact, OnNoEvidence, Unit, WaivedBy,
    WaiverShown, Wants,
};
use crate::Timestamp;

/// What is known of each metric: evidence, or why there is none.
pub type Measured = BTreeMap<String, Result<Evidence, String>>;

/// How one criterion came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CriterionState {
    /// Measured, and as asked.
    Passed,
    /// Measured, and not as asked.
    Failed,
    /// Not measured, or not enough was looked at. Counts as failed.
    NoEvidence,
    /// Not measured, and the gate says that it is left out then.
    Skipped,
    /// Failed or without evidence, and a named person let it be.
    Waived,
}

impl CriterionState {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NoEvidence => "no evidence",
            Self::Skipped => "skipped",
            Self::Waived => "waived",
        }
    }
}

/// How one gate came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GateState {
    /// Nothing failed that was not waived, and something passed or was waived.
    Passed,
    /// A criterion failed or had no evidence.
    Failed,
    /// Every criterion was left out: nothing is known.
    Skipped,
    /// Not looked at, because a gate that it needs did not pass, or the run ended before.
    NotRun,
}

/// May this go?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// No blocking gate failed, and at least one passed.
    Ready,
    /// A blocking gate failed or was not looked at.
    NotReady,
    /// No blocking gate says anything: that is no permission.
    NotJudged,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Ready, Self::NotReady, Self::NotJudged];

    /// The word used in API, store and UI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "notReady",
            Self::NotJudged => "notJudged",
        }
    }
}

/// One criterion, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CriterionVerdict {
    /// What was asked about.
    pub metric: String,
    /// What it is measured in.
    pub unit: Unit,
    /// The comparison as people read it: `>= 85%`.
    pub threshold: String,
    /// Which values are better.
    pub wants: Wants,
    /// How much it matters.
    pub impact: Impact,
    /// What it is about; may be empty.
    pub description: String,
    /// What to do when it fails; may be empty.
    pub recommendation: String,
    /// How it came out.
    pub state: CriterionState,
    /// Why there is no evidence, or why it is not enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The proof, also where it is not enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Who let it be, where the state is `waived`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<WaivedBy>,
}

/// One gate, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateVerdict {
    /// Names it.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: GateKind,
    /// Whether its failing stops a deployment.
    pub blocking: bool,
    /// How it came out.
    pub state: GateState,
    /// Why it was not looked at, where that is not because the run ended before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its criteria, judged, in order; empty when it was not run.
    pub criteria: Vec<CriterionVerdict>,
}

/// The commit that was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Its full hash.
    pub id: String,
    /// When it was committed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Files differ from it: what was measured just now is about the files as they are.
    pub changed: bool,
}

/// Everything about one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this format: 1.
    pub version: u32,
    /// Under which id the run is kept, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<GateRunId>,
    /// For which environment.
    pub environment: String,
    /// Of which commit; `None` where the folder is no repository.
    pub commit: Option<Commit>,
    /// When.
    pub judged_at: Timestamp,
    /// May it go?
    pub verdict: Verdict,
    /// `true` for `ready` alone.
    pub deployment_ready: bool,
    /// From 0 to 100: the weight of criteria that passed, of all that were not left out; cut, not rounded.
    pub score: u32,
    /// The gates, in order.
    pub gates: Vec<GateVerdict>,
    /// Every waiver that was given for this commit and environment, also one that does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverShown>,
    /// What differs from the run of this environment before, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

impl Report {
    /// The verdict on gates that were judged.
    pub fn new(
        environment: &str,
        commit: Option<Commit>,
        judged_at: Timestamp,
        gates: Vec<GateVerdict>,
    ) -> Self {
        let verdict = verdict(&gates);
        Self {
            version: 1,
            run: None,
            environment: environment.to_owned(),
            commit,
            judged_at,
            verdict,
            deployment_ready: verdict == Verdict::Ready,
            score: score(&gates),
            gates,
            waivers: Vec::new(),
            comparison: None,
        }
    }

    /// The verdict in one sentence, and the score.
    pub fn headline(&self) -> String {
        let environment = &self.environment;
        let (stopping, all) = self.blocking();
        let words = match self.verdict {
            Verdict::Ready => format!("Ready for {environment}: none of {all} blocking gates failed."),
            Verdict::NotReady => {
                format!("Not ready for {environment}: {stopping} of {all} blocking gates do not pass.")
            }
            Verdict::NotJudged => format!("Not judged for {environment}: no blocking gate says anything."),
        };
        let waived = match self.waived().count() {
            0 => String::new(),
            1 => " 1 criterion is waived.".to_owned(),
            several => format!(" {several} criteria are waived."),
        };
        format!("{words}{waived} Score {} of 100.", self.score)
    }

    /// Takes verdict and score from the gates again, after one of them changed.
    pub(super) fn judge_anew(&mut self) {
        self.verdict = verdict(&self.gates);
        self.deployment_ready = self.verdict == Verdict::Ready;
        self.score = score(&self.gates);
    }

    /// Blocking gates that stop this, and all blocking gates.
    pub fn blocking(&self) -> (usize, usize) {
        let blocking = || self.gates.iter().filter(|gate| gate.blocking);
        let stops = |gate: &&GateVerdict| matches!(gate.state, GateState::Failed | GateState::NotRun);
        (blocking().filter(stops).count(), blocking().count())
    }
}

fn verdict(gates: &[GateVerdict]) -> Verdict {
    let any = |states: &[GateState]| {
        let mut blocking = gates.iter().filter(|gate| gate.blocking);
        blocking.any(|gate| states.contains(&gate.state))
    };
    if any(&[GateState::Failed, GateState::NotRun]) {
        Verdict::NotReady
    } else if any(&[GateState::Passed]) {
        Verdict::Ready
    } else {
        Verdict::NotJudged
    }
}

fn score(gates: &[GateVerdict]) -> u32 {
    let criteria = || gates.iter().flat_map(|gate| &gate.criteria);
    let weight = |wanted: fn(CriterionState) -> bool| -> u32 {
        let counted = criteria().filter(|criterion| wanted(criterion.state));
        counted.map(|criterion| criterion.impact.weight()).sum()
    };
    let passed = weight(|state| state == CriterionState::Passed);
    let all = weight(|state| state != CriterionState::Skipped);
    (passed * 100).checked_div(all).unwrap_or(0)
}

/// Judges one gate.
pub fn judge(gate: &Gate, measured: &Measured, now: Timestamp, commit_at: Option<Timestamp>) -> GateVerdict {
    let criteria: Vec<_> = gate
        .criteria
        .iter()
        .map(|criterion| judge_criterion(criterion, measured, now, commit_at))
        .collect();
    let state = state_of(&criteria);
    GateVerdict {
        state,
        criteria,
        ..not_run(gate)
    }
}

/// How a gate with these criteria came out.
pub(super) fn state_of(criteria: &[CriterionVerdict]) -> GateState {
    let has = |state| criteria.iter().any(|criterion| criterion.state == state);
    if has(CriterionState::Failed) || has(CriterionState::NoEvidence) {
        GateState::Failed
    } else if has(CriterionState::Passed) || has(CriterionState::Waived) {
        GateState::Passed
    } else {
        GateState::Skipped
    }
}

/// A gate that was not looked at.
pub fn not_run(gate: &Gate) -> GateVerdict {
    GateVerdict {
        id: gate.id.clone(),
        name: gate.name.clone(),
        kind: gate.kind,
        blocking: gate.blocking,
        state: GateState::NotRun,
        reason: None,
        criteria: Vec::new(),
    }
}

fn judge_criterion(
    criterion: &Criterion,
    measured: &Measured,
    now: Timestamp,
    commit_at: Option<Timestamp>,
) -> CriterionVerdict {
    let (evidence, reason) = match measured.get(&criterion.metric) {
        None => (
            None,
            Some(format!("nothing here measures `{}`", criterion.metric)),
        ),
        Some(Err(reason)) => (None, Some(reason.clone())),
        Some(Ok(evidence)) => {
            let reason = evidence.insufficient(criterion.unit, now, commit_at);
            (Some(evidence.clone()), reason)
        }
    };
    let state = match (&evidence, &reason, criterion.on_no_evidence) {
        (Some(evidence), None, _) if criterion.test.holds(&evidence.value) => CriterionState::Passed,
        (Some(_), None, _) => CriterionState::Failed,
        (_, _, OnNoEvidence::Fail) => CriterionState::NoEvidence,
        (_, _, OnNoEvidence::Skip) => CriterionState::Skipped,
    };
    CriterionVerdict {
        metric: criterion.metric.clone(),
        unit: criterion.unit,
        threshold: criterion.test.show(criterion.unit),
        wants: criterion.test.wants(),
        impact: criterion.impact,
        description: criterion.description.clone(),
        recommendation: criterion.recommendation.clone(),
        state,
        reason,
        evidence,
        waiver: None,
    }
}

#[cfg(test)]
mod tests;
