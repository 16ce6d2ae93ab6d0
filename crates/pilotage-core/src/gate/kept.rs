//! Runs of gates as they are kept, and the evidence that they were judged on.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Evidence, GateState, Measured, Moment, Report, Verdict};
use crate::{
    Digest, TenantId, Timestamp,
    audit::{NewAuditRecord, kind},
};

/// Bytes of one document (a report, a set of findings, a file that was uploaded) at most.
pub const MOST_DOCUMENT_BYTES: usize = 8 << 20;
/// Bytes of any text in evidence that comes from outside.
const MOST_TEXT_BYTES: usize = 2_000;
/// Files and notes of one piece of evidence from outside.
const MOST_ITEMS: usize = 20;

/// Identity of a run of gates, and of the operation that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GateRunId(pub Uuid);

impl fmt::Display for GateRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GateRunStatus {
    /// Evidence is being looked at.
    Running,
    /// There is a verdict.
    Judged,
    /// There is none: the server ended meanwhile, or could not judge. The message says which.
    BrokenOff,
}

impl GateRunStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Running, Self::Judged, Self::BrokenOff];

    /// The word used in API, store and UI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Judged => "judged",
            Self::BrokenOff => "brokenOff",
        }
    }
}

/// What asked for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GateRunOrigin {
    /// A person or a CI job on the command line, beside the data folder.
    Cli,
    /// The API.
    Api,
    /// An action of a rule.
    Rule,
}

impl GateRunOrigin {
    /// Every origin.
    pub const ALL: [Self; 3] = [Self::Cli, Self::Api, Self::Rule];

    /// The word used in API, store and UI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Api => "api",
            Self::Rule => "rule",
        }
    }
}

/// A run in a list: everything but the report itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateRun {
    /// Its identity.
    pub id: GateRunId,
    /// Whose it is.
    pub tenant: TenantId,
    /// For which environment.
    pub environment: String,
    /// The full hash of the commit; `None` where it is not known.
    pub commit: Option<String>,
    /// Files differed from the commit.
    pub changed: bool,
    /// Where it stands.
    pub status: GateRunStatus,
    /// May it go? `None` while that is not judged.
    pub verdict: Option<Verdict>,
    /// From 0 to 100; 0 while nothing is judged.
    pub score: u32,
    /// What asked for it.
    pub origin: GateRunOrigin,
    /// Who asked, as the audit trail names people.
    pub actor: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What happens or has happened, in one sentence.
    pub message: String,
    /// The document that is the whole report, as JSON.
    pub report: Option<Digest>,
    /// The document that is everything that was measured: a list of [`Finding`], as JSON.
    pub measured: Option<Digest>,
    /// The files that came with it.
    pub files: Vec<KeptFile>,
}

/// A report file that came with a run, kept under its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptFile {
    /// As whoever sent it calls it.
    pub name: String,
    /// The kind of collector that read it.
    pub kind: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// How long it is.
    pub bytes: u64,
}

/// A run that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGateRun {
    /// Its identity.
    pub id: GateRunId,
    /// Whose it is.
    pub tenant: TenantId,
    /// For which environment.
    pub environment: String,
    /// The full hash of the commit.
    pub commit: Option<String>,
    /// Files differ from the commit.
    pub changed: bool,
    /// What asks for it.
    pub origin: GateRunOrigin,
    /// Who asks.
    pub actor: String,
    /// Equal on every attempt at the same action; `None` for what is asked for once.
    pub key: Option<String>,
    /// The gates that are asked, in order.
    pub gates: Vec<String>,
    /// When it begins.
    pub at: Timestamp,
}

impl NewGateRun {
    /// The record of its beginning.
    pub fn audit(&self) -> NewAuditRecord {
        let facts = json!({
            "environment": self.environment, "commit": self.commit, "changed": self.changed,
            "origin": self.origin, "gates": self.gates,
        });
        NewAuditRecord {
            at: self.at,
            tenant: self.tenant.0.clone(),
            actor: self.actor.clone(),
            kind: kind::GATE_RUN_BEGAN.to_owned(),
            subject: self.id.to_string(),
            facts: facts.to_string(),
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct GateRunEnding {
    /// When.
    pub at: Timestamp,
    /// What happened, in one sentence.
    pub message: String,
    /// The verdict, and what it rests on; `None` when the run was broken off.
    pub judged: Option<Judged>,
}

/// A verdict with everything that it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The report.
    pub report: Report,
    /// Everything that was measured, whether or not a gate asked for it.
    pub measured: Vec<Finding>,
    /// Files that came with the run, with their bytes.
    pub files: Vec<(KeptFile, Vec<u8>)>,
    /// What may be taken again for the same input: the digest of the input, and what was measured on it.
    pub reusable: Vec<(Digest, Vec<Finding>)>,
}

impl GateRunEnding {
    /// The record of the ending. `report` and `measured` are the digests under which the documents are kept.
    pub fn audit(&self, run: &GateRun, report: Option<Digest>, measured: Option<Digest>) -> NewAuditRecord {
        let judged = self.judged.as_ref();
        let waived: Vec<_> = judged
            .iter()
            .flat_map(|judged| judged.report.waived())
            .map(|waiver| waiver.id)
            .collect();
        let files: Vec<_> = judged
            .iter()
            .flat_map(|judged| &judged.files)
            .map(|(file, _)| file.digest)
            .collect();
        let facts = json!({
            "environment": run.environment, "commit": run.commit,
            "verdict": judged.map(|judged| judged.report.verdict),
            "score": judged.map(|judged| judged.report.score),
            "report": report, "measured": measured, "files": files, "waivers": waived,
            "message": self.message,
        });
        NewAuditRecord {
            at: self.at,
            tenant: run.tenant.0.clone(),
            actor: run.actor.clone(),
            kind: kind::GATE_RUN_ENDED.to_owned(),
            subject: run.id.to_string(),
            facts: facts.to_string(),
        }
    }

    /// The gates with how they came out.
    pub fn gates(&self) -> impl Iterator<Item = (&str, GateState)> {
        let gates = self.judged.iter().flat_map(|judged| &judged.report.gates);
        gates.map(|gate| (gate.id.as_str(), gate.state))
    }
}

/// What is known of one metric: evidence, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finding {
    /// The metric.
    pub metric: String,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Why there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Finding {
    /// What is wrong with a finding that comes from outside; `None` if nothing is.
    pub fn problem(&self) -> Option<String> {
        let long = |text: &str| text.len() > MOST_TEXT_BYTES;
        let too_long = || {
            Some(format!(
                "`{}` holds a text of more than {MOST_TEXT_BYTES} bytes",
                self.metric
            ))
        };
        if self.metric.is_empty() || self.metric.len() > 200 {
            return Some("a metric has a name of 1 to 200 bytes".to_owned());
        }
        match (&self.evidence, &self.reason) {
            (Some(_), Some(_)) | (None, None) => {
                Some(format!("`{}` has either `evidence` or a `reason`", self.metric))
            }
            (None, Some(reason)) => long(reason).then(too_long).flatten(),
            (Some(evidence), None) => {
                let texts = [
                    &evidence.source,
                    &evidence.collector,
                    &evidence.tool.name,
                    &evidence.examined.what,
                ];
                let texts = texts
                    .into_iter()
                    .chain(&evidence.tool.version)
                    .chain(&evidence.notes);
                if evidence.files.len() > MOST_ITEMS || evidence.notes.len() > MOST_ITEMS {
                    return Some(format!(
                        "`{}` names more than {MOST_ITEMS} files or notes",
                        self.metric
                    ));
                }
                let mut texts = texts.chain(evidence.files.iter().map(|file| &file.path));
                let value_is_long = matches!(&evidence.value, super::Value::Text(text) if long(text));
                (value_is_long || texts.any(|text| long(text)))
                    .then(too_long)
                    .flatten()
            }
        }
    }
}

/// As a list.
pub fn findings(measured: &Measured) -> Vec<Finding> {
    let found = measured.iter().map(|(metric, found)| Finding {
        metric: metric.clone(),
        evidence: found.as_ref().ok().cloned(),
        reason: found.as_ref().err().cloned(),
    });
    found.collect()
}

/// As it is judged.
pub fn measured(findings: Vec<Finding>) -> Measured {
    let found = findings.into_iter().map(|finding| {
        let reason = finding
            .reason
            .unwrap_or_else(|| "nothing is said about it".to_owned());
        (finding.metric, finding.evidence.ok_or(reason))
    });
    found.collect()
}

/// The newest evidence for each metric, from what several runs measured; a reason counts only where there is no evidence.
/// What was measured by one of those runs is a report now: it is as old as it is.
pub fn newest(runs: impl IntoIterator<Item = Vec<Finding>>) -> Measured {
    let mut newest = BTreeMap::new();
    for (metric, found) in runs.into_iter().flat_map(measured) {
        let found = found.map(|mut evidence| {
            evidence.measured_at = Moment::Report(evidence.measured_at.at());
            evidence
        });
        let at =
            |found: &Result<Evidence, String>| found.as_ref().ok().map(|evidence| evidence.measured_at.at());
        let is_newer = newest.get(&metric).is_none_or(|known| at(&found) > at(known));
        if is_newer {
            newest.insert(metric, found);
        }
    }
    newest
}

#[cfg(test)]
mod tests;
