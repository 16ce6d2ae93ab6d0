//! Waivers: a named person lets a criterion be, for one commit, with a reason, for a while, and for exactly what he saw.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Commit, CriterionState, CriterionVerdict, GateState, GateVerdict, Report};
use crate::{
    Digest, Timestamp,
    audit::{NewAuditRecord, kind},
};

/// Bytes of a reason and of a name at most.
const MOST_BYTES: usize = 500;
/// Days that a waiver may last at most.
const MOST_DAYS: u64 = 366;

/// A waiver as it is kept. It is never changed but by being revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiver {
    /// Names it.
    pub id: Uuid,
    /// For which environment.
    pub environment: String,
    /// The full hash of the commit.
    pub commit: String,
    /// The gate.
    pub gate: String,
    /// The criterion, by its metric.
    pub metric: String,
    /// What was seen: digest of the criterion and of its evidence, see [`CriterionVerdict::subject`].
    pub subject: Digest,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub by: String,
    /// Who asked for it, as the audit trail names people: `token:NAME`, `local`.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
    /// Does not hold from this moment on.
    pub expires_at: Timestamp,
    /// When it was taken back, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Who took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
}

impl Waiver {
    /// What is wrong with what a person gave; `None` if nothing is.
    pub fn problem(&self) -> Option<String> {
        let text = |name: &str, text: &str| {
            let fits = (1..=MOST_BYTES).contains(&text.trim().len()) && !text.chars().any(char::is_control);
            (!fits).then(|| format!("`{name}` is one line of 1 to {MOST_BYTES} bytes"))
        };
        let lasts = || {
            if self.expires_at <= self.created_at {
                return Some("`expires` is in the past".to_owned());
            }
            let too_long = self.expires_at.since(self.created_at).as_secs() > MOST_DAYS * 86_400;
            too_long.then(|| format!("a waiver lasts {MOST_DAYS} days at most"))
        };
        text("reason", &self.reason)
            .or_else(|| text("by", &self.by))
            .or_else(lasts)
    }

    /// The record of its being given.
    pub fn audit(&self) -> NewAuditRecord {
        self.record(self.created_at, &self.actor, kind::GATE_WAIVED)
    }

    /// The record of its being taken back.
    pub fn audit_of_revoking(&self, now: Timestamp, actor: &str) -> NewAuditRecord {
        self.record(now, actor, kind::GATE_WAIVER_REVOKED)
    }

    fn record(&self, at: Timestamp, actor: &str, kind: &str) -> NewAuditRecord {
        let facts = json!({
            "environment": self.environment, "commit": self.commit, "gate": self.gate, "metric": self.metric,
            "waives": self.subject, "reason": self.reason, "by": self.by, "expiresAt": self.expires_at,
        });
        NewAuditRecord {
            at,
            tenant: "default".to_owned(),
            actor: actor.to_owned(),
            kind: kind.to_owned(),
            subject: self.id.to_string(),
            facts: facts.to_string(),
        }
    }

    /// Why it does not hold for this criterion; `None` if it does.
    fn refusal(&self, subject: Digest, now: Timestamp) -> Option<WaiverState> {
        if self.revoked_at.is_some() {
            Some(WaiverState::Revoked)
        } else if self.expires_at <= now {
            Some(WaiverState::Expired)
        } else if self.subject != subject {
            Some(WaiverState::Outdated)
        } else {
            None
        }
    }
}

/// What a waiver does in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WaiverState {
    /// The criterion failed and was let be.
    Applied,
    /// Not needed: the criterion passed, or was left out or not looked at.
    NotNeeded,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
    /// The criterion or its evidence is not what was waived.
    Outdated,
}

impl WaiverState {
    /// In words, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::NotNeeded => "not needed",
            Self::Expired => "not applied: it has expired",
            Self::Revoked => "not applied: it was taken back",
            Self::Outdated => "not applied: the criterion or its evidence changed since",
        }
    }
}

/// A waiver in a report: every one that was given for what is judged is there, also one that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaiverShown {
    /// What it did.
    pub state: WaiverState,
    /// The waiver.
    pub waiver: Waiver,
}

/// What stands at a criterion that was let be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaivedBy {
    /// The waiver.
    pub id: Uuid,
    /// Who answers for it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What was waived for what is judged, for looking at one gate before the report is whole.
#[derive(Clone, Copy, Debug)]
pub struct Waived<'a> {
    /// Where it is to go.
    pub environment: &'a str,
    /// What is to go; nothing is waived where it is not known.
    pub commit: Option<&'a Commit>,
    /// The waivers that were given.
    pub waivers: &'a [Waiver],
}

impl Waived<'_> {
    /// Whether a gate stands in the way when everything is let be that was waived.
    pub fn stands(&self, gate: &GateVerdict, now: Timestamp) -> bool {
        let mut alone = Report::new(self.environment, self.commit.cloned(), now, vec![gate.clone()]);
        alone.apply(self.waivers);
        let mut gates = alone.gates.iter();
        gates.any(|gate| matches!(gate.state, GateState::Failed | GateState::NotRun))
    }
}

impl CriterionVerdict {
    /// What a waiver is bound to: gate, criterion with its threshold, value and digest of the evidence.
    pub fn subject(&self, gate: &str) -> Digest {
        let evidence = self
            .evidence
            .as_ref()
            .map(|evidence| (&evidence.value, evidence.unit, evidence.digest));
        let seen = (gate, &self.metric, self.unit, &self.threshold, evidence);
        // A tuple of texts, numbers and digests is always JSON.
        Digest::of(serde_json::to_string(&seen).unwrap_or_default().as_bytes())
    }
}

impl Report {
    /// Lets be what waivers cover, shows every waiver that was given, and judges anew. Only waivers for this environment
    /// and commit are looked at; nothing is waived for files that differ from the commit.
    pub fn apply(&mut self, waivers: &[Waiver]) {
        let Some(commit) = self.commit.clone() else {
            return;
        };
        let now = self.judged_at;
        for waiver in waivers {
            if waiver.environment != self.environment || waiver.commit != commit.id {
                continue;
            }
            let gate = self.gates.iter_mut().find(|gate| gate.id == waiver.gate);
            let state = match gate {
                _ if commit.changed => WaiverState::Outdated,
                Some(gate) => waive(gate, waiver, now),
                None => WaiverState::NotNeeded,
            };
            self.waivers.push(WaiverShown {
                state,
                waiver: waiver.clone(),
            });
        }
        self.judge_anew();
    }

    /// The criterion that somebody wants to waive, named `gate/metric` or `metric`: gate, metric and what a waiver is bound
    /// to.
    ///
    /// # Errors
    /// There is none of that name, several gates ask it, or it stands in nobody's way; the text says which.
    pub fn waivable(&self, name: &str) -> Result<(String, String, Digest), String> {
        use CriterionState::{Failed, NoEvidence, Waived};
        let all = self.gates.iter().flat_map(|gate| {
            let of_gate = gate.criteria.iter();
            of_gate.map(move |criterion| (gate, criterion))
        });
        let is_meant = |(gate, criterion): &(&GateVerdict, &CriterionVerdict)| match name.split_once('/') {
            Some((id, metric)) => gate.id == id && criterion.metric == metric,
            None => criterion.metric == name,
        };
        let found: Vec<_> = all.filter(is_meant).collect();
        match found.as_slice() {
            [] => Err(format!("the run asked no criterion `{name}`")),
            [(gate, criterion)] if matches!(criterion.state, Failed | NoEvidence | Waived) => {
                let subject = criterion.subject(&gate.id);
                Ok((gate.id.clone(), criterion.metric.clone(), subject))
            }
            [_] => Err(format!(
                "`{name}` stands in nobody's way: there is nothing to waive"
            )),
            _ => Err(format!("several gates ask `{name}`: name one as `gate/{name}`")),
        }
    }

    /// The waivers that made a difference.
    pub fn waived(&self) -> impl Iterator<Item = &Waiver> {
        let applied = self
            .waivers
            .iter()
            .filter(|shown| shown.state == WaiverState::Applied);
        applied.map(|shown| &shown.waiver)
    }
}

fn waive(gate: &mut GateVerdict, waiver: &Waiver, now: Timestamp) -> WaiverState {
    let id = gate.id.clone();
    let criterion = gate
        .criteria
        .iter_mut()
        .find(|criterion| criterion.metric == waiver.metric);
    let Some(criterion) = criterion else {
        return WaiverState::NotNeeded;
    };
    if !matches!(
        criterion.state,
        CriterionState::Failed | CriterionState::NoEvidence
    ) {
        return WaiverState::NotNeeded;
    }
    if let Some(refusal) = waiver.refusal(criterion.subject(&id), now) {
        return refusal;
    }
    criterion.state = CriterionState::Waived;
    criterion.waiver = Some(WaivedBy {
        id: waiver.id,
        by: waiver.by.clone(),
        reason: waiver.reason.clone(),
        expires_at: waiver.expires_at,
    });
    if gate.state == GateState::Failed {
        gate.state = super::verdict::state_of(&gate.criteria);
    }
    WaiverState::Applied
}

#[cfg(test)]
mod tests;
