//! The audit trail: a hash chain of records, each written in the same transaction as the change that it records.
//!
//! `hash = SHA-256(previous hash || field || field ...)`, each field preceded by its length in bytes as eight
//! big-endian bytes, in the order `sequence, at (microseconds), tenant, actor, kind, subject, facts`. Numbers are eight
//! big-endian bytes. `facts` is hashed as the exact text that is stored, so nothing depends on how JSON is written.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Digest, Timestamp};

/// What is to be recorded; the store gives it its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditRecord {
    /// When it happened.
    pub at: Timestamp,
    /// Whose it is.
    pub tenant: String,
    /// Who did it: `system`, `source:github`, `token:NAME`, `local`.
    pub actor: String,
    /// What was done; see `kind`.
    pub kind: String,
    /// What it was done to: an event id, an execution id, a rule id.
    pub subject: String,
    /// The facts, as JSON text. Never a secret, never a body.
    pub facts: String,
}

/// The words for what was done.
pub mod kind {
    /// A delivery was accepted and stored.
    pub const DELIVERY_ACCEPTED: &str = "delivery.accepted";
    /// Rules were asked about an event.
    pub const EVENT_DECIDED: &str = "event.decided";
    /// A person asked to act on an event again.
    pub const EVENT_REPLAYED: &str = "event.replayed";
    /// The body of an event was pruned by retention.
    pub const BODIES_PRUNED: &str = "retention.pruned";
    /// A worker took an execution.
    pub const EXECUTION_CLAIMED: &str = "execution.claimed";
    /// One attempt at one action ended.
    pub const ATTEMPT_ENDED: &str = "attempt.ended";
    /// An execution ended.
    pub const EXECUTION_FINISHED: &str = "execution.finished";
    /// A person asked to cancel an execution.
    pub const EXECUTION_CANCEL_REQUESTED: &str = "execution.cancel-requested";
    /// A person sent an execution back from the dead letters.
    pub const EXECUTION_RETRIED: &str = "execution.retried";
    /// Configuration was loaded, changed or refused.
    pub const CONFIG_LOADED: &str = "config.loaded";
    /// A changed configuration was refused; the earlier one stays in force.
    pub const CONFIG_REFUSED: &str = "config.refused";
    /// A rule was created, replaced or deleted through the API.
    pub const RULE_CHANGED: &str = "rule.changed";
    /// A gate was created, replaced or deleted through the API.
    pub const GATE_CHANGED: &str = "gate.changed";
    /// A run of gates began.
    pub const GATE_RUN_BEGAN: &str = "gate.run-began";
    /// A run of gates ended, with a verdict or without.
    pub const GATE_RUN_ENDED: &str = "gate.run-ended";
    /// A person waived a criterion.
    pub const GATE_WAIVED: &str = "gate.waived";
    /// A person took a waiver back.
    pub const GATE_WAIVER_REVOKED: &str = "gate.waiver-revoked";
    /// A run of a pipeline was asked for.
    pub const PIPELINE_RUN_BEGAN: &str = "pipeline.run-began";
    /// A run of a pipeline ended, or was never started.
    pub const PIPELINE_RUN_ENDED: &str = "pipeline.run-ended";
    /// A run of a pipeline that had ended goes on.
    pub const PIPELINE_RUN_REOPENED: &str = "pipeline.run-reopened";
    /// Somebody asked a platform to change something about a run.
    pub const PIPELINE_RUN_OPERATED: &str = "pipeline.run-operated";
    /// Something was written back to a commit, or refused: as what, what it says, who wanted it.
    pub const PIPELINE_COMMIT_MARKED: &str = "pipeline.commit-marked";
    /// What old runs of gates rest on was pruned by retention.
    pub const GATE_DOCUMENTS_PRUNED: &str = "gate.documents-pruned";
    /// A run of tests began.
    pub const TEST_RUN_BEGAN: &str = "test.run-began";
    /// A run of tests ended, or was broken off.
    pub const TEST_RUN_ENDED: &str = "test.run-ended";
    /// Old runs of tests went, as only so many are kept.
    pub const TEST_RUNS_PRUNED: &str = "test.runs-pruned";
    /// A token was created or revoked.
    pub const TOKEN_CHANGED: &str = "token.changed";
    /// An agent called a tool.
    pub const TOOL_CALLED: &str = "tool.called";
    /// The server started or stopped.
    pub const SERVER: &str = "server";
}

/// A record in its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// 1, 2, 3, ... without gaps.
    pub sequence: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Whose it is.
    pub tenant: String,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub kind: String,
    /// What it was done to.
    pub subject: String,
    /// The facts, as JSON text.
    pub facts: String,
    /// Hash of the record before; zeros for the first.
    pub previous: Digest,
    /// Hash of this record.
    pub hash: Digest,
}

impl AuditRecord {
    /// Chains `new` behind the record with `previous` as its hash.
    pub fn chain(sequence: i64, previous: Digest, new: NewAuditRecord) -> Self {
        let NewAuditRecord {
            at,
            tenant,
            actor,
            kind,
            subject,
            facts,
        } = new;
        let mut record = Self {
            sequence,
            at,
            tenant,
            actor,
            kind,
            subject,
            facts,
            previous,
            hash: Digest::ZERO,
        };
        record.hash = record.expected_hash();
        record
    }

    /// The hash that the record's content calls for.
    pub fn expected_hash(&self) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update(self.previous.0);
        let at = self.at.as_micros().to_be_bytes();
        let sequence = self.sequence.to_be_bytes();
        let fields: [&[u8]; 7] = [
            &sequence,
            &at,
            self.tenant.as_bytes(),
            self.actor.as_bytes(),
            self.kind.as_bytes(),
            self.subject.as_bytes(),
            self.facts.as_bytes(),
        ];
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        Digest(hasher.finalize().into())
    }
}

/// The last place of a chain: what the next record is chained to, and what an auditor writes down to notice a
/// chain that was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Sequence of the last record; 0 for an empty chain.
    pub sequence: i64,
    /// Its hash; zeros for an empty chain.
    pub hash: Digest,
}

impl Head {
    /// Before the first record.
    pub const EMPTY: Self = Self {
        sequence: 0,
        hash: Digest::ZERO,
    };
}

/// The first record that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// Records are missing or out of order.
    #[error("audit record {found} follows record {after}: records between them are missing or out of order")]
    Gap {
        /// The last record that holds.
        after: i64,
        /// The sequence found behind it.
        found: i64,
    },
    /// A record does not name its predecessor's hash.
    #[error("audit record {sequence} does not follow from the record before it")]
    Unlinked {
        /// The bad record.
        sequence: i64,
    },
    /// A record's content does not give its hash.
    #[error("audit record {sequence} was changed after it was written")]
    Changed {
        /// The bad record.
        sequence: i64,
    },
}

/// Checks a chain record by record in constant memory.
#[derive(Clone, Copy, Debug)]
pub struct ChainVerifier {
    head: Head,
}

impl ChainVerifier {
    /// Starts behind `head`; `Head::EMPTY` checks from the first record.
    pub const fn after(head: Head) -> Self {
        Self { head }
    }

    /// Checks the next record.
    ///
    /// # Errors
    /// Names the record when it does not hold.
    pub fn check(&mut self, record: &AuditRecord) -> Result<(), BrokenChain> {
        let Head {
            sequence: after,
            hash,
        } = self.head;
        if record.sequence != after + 1 {
            return Err(BrokenChain::Gap {
                after,
                found: record.sequence,
            });
        }
        if record.previous != hash {
            return Err(BrokenChain::Unlinked {
                sequence: record.sequence,
            });
        }
        if record.hash != record.expected_hash() {
            return Err(BrokenChain::Changed {
                sequence: record.sequence,
            });
        }
        self.head = Head {
            sequence: record.sequence,
            hash: record.hash,
        };
        Ok(())
    }

    /// The last record that held.
    pub const fn head(&self) -> Head {
        self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain_of(length: i64) -> Vec<AuditRecord> {
        let mut head = Head::EMPTY;
        (1..=length)
            .map(|sequence| {
                let new = NewAuditRecord {
                    at: Timestamp::from_micros(sequence),
                    tenant: "default".into(),
                    actor: "system".into(),
                    kind: kind::SERVER.into(),
                    subject: format!("s{sequence}"),
                    facts: "{}".into(),
                };
                let record = AuditRecord::chain(sequence, head.hash, new);
                head = Head {
                    sequence,
                    hash: record.hash,
                };
                record
            })
            .collect()
    }

    fn verify(records: &[AuditRecord]) -> Result<Head, BrokenChain> {
        let mut verifier = ChainVerifier::after(Head::EMPTY);
        records.iter().try_for_each(|record| verifier.check(record))?;
        Ok(verifier.head())
    }

    #[test]
    fn an_untouched_chain_holds() {
        let records = chain_of(5);
        assert_eq!(verify(&records).unwrap().sequence, 5);
    }

    #[test]
    fn every_kind_of_change_names_the_first_bad_record() {
        let mut changed = chain_of(5);
        changed[2].facts = r#"{"x":1}"#.into();
        assert_eq!(verify(&changed), Err(BrokenChain::Changed { sequence: 3 }));

        let mut rehashed = changed.clone();
        rehashed[2].hash = rehashed[2].expected_hash();
        assert_eq!(verify(&rehashed), Err(BrokenChain::Unlinked { sequence: 4 }));

        let mut removed = chain_of(5);
        removed.remove(1);
        assert_eq!(verify(&removed), Err(BrokenChain::Gap { after: 1, found: 3 }));

        let mut moved = chain_of(2);
        moved[1].subject = "s".into();
        moved[1].facts = "2{}".into();
        assert_eq!(verify(&moved), Err(BrokenChain::Changed { sequence: 2 }));
    }
}
