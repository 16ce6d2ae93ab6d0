use async_trait::async_trait;
use uuid::Uuid;

use super::{Page, StoreError};
use crate::{
    Digest, Timestamp,
    audit::NewAuditRecord,
    gate::{Finding, GateRun, GateRunEnding, GateRunId, NewGateRun, Waiver},
    operation::Progress,
};

/// Which runs to list; every field that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateRunFilter {
    /// Only for this environment.
    pub environment: Option<String>,
    /// Only those that asked this gate.
    pub gate: Option<String>,
    /// Only of the commit whose full hash begins like this.
    pub commit: Option<String>,
    /// Only those with a verdict.
    pub judged: bool,
    /// Began at or after this moment.
    pub since: Option<Timestamp>,
    /// Began before this moment.
    pub until: Option<Timestamp>,
}

/// A gate that came through the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredGate {
    /// Its id.
    pub id: String,
    /// As it was written, as JSON.
    pub json: String,
    /// When it was created or last replaced.
    pub changed_at: Timestamp,
}

/// What was measured on an input, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Reusable {
    /// What was measured.
    pub findings: Vec<Finding>,
    /// When it was kept.
    pub at: Timestamp,
}

/// Runs of gates with what they rest on, gates that came through the API, and waivers. Every change is recorded in the
/// same transaction, and every run is an operation that people watch.
#[async_trait]
pub trait GateRuns: Send + Sync {
    /// A run begins; false when there is one with this id (nothing changes then).
    async fn begin_gate_run(&self, new: NewGateRun) -> Result<bool, StoreError>;

    /// How far a run has come, for those who watch; nothing is recorded. False when it has ended.
    async fn show_gate_run(
        &self,
        id: GateRunId,
        now: Timestamp,
        progress: Progress,
        message: &str,
    ) -> Result<bool, StoreError>;

    /// A run ends; its documents are kept under their digests. False when it had ended (nothing changes then).
    async fn finish_gate_run(&self, id: GateRunId, ending: GateRunEnding) -> Result<bool, StoreError>;

    /// Keeps a run that was judged elsewhere, beginning and ending in one; false when there is one with this id.
    async fn keep_gate_run(&self, new: NewGateRun, ending: GateRunEnding) -> Result<bool, StoreError>;

    /// Ends the runs that a server left behind when it died; answers how many.
    async fn break_off_gate_runs(&self, now: Timestamp) -> Result<usize, StoreError>;

    /// A page of runs, newest first; `after` is the `next` of the page before. `limit` is at most 500.
    async fn gate_runs(
        &self,
        filter: &GateRunFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<GateRun>, StoreError>;

    /// One run.
    async fn gate_run(&self, id: GateRunId) -> Result<Option<GateRun>, StoreError>;

    /// The newest run with this key.
    async fn gate_run_of_key(&self, key: &str) -> Result<Option<GateRun>, StoreError>;

    /// A document by its digest; `None` as well where it was pruned.
    async fn document(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// Prunes documents that no run rests on which ended at `before` or later, at most `limit`; runs keep their facts, and
    /// what was measured on old inputs is measured anew. Answers how many. Writes one audit record when that is not zero.
    async fn prune_documents(
        &self,
        now: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError>;

    /// What was measured on the input with this digest, if anything was and may be taken again.
    async fn measured_on(&self, input: Digest) -> Result<Option<Reusable>, StoreError>;

    /// All gates that came through the API, by id.
    async fn gates(&self) -> Result<Vec<StoredGate>, StoreError>;

    /// Creates or replaces one.
    async fn put_gate(&self, gate: StoredGate, audit: NewAuditRecord) -> Result<(), StoreError>;

    /// Deletes one; false when there was none (nothing is recorded then).
    async fn delete_gate(&self, id: &str, audit: NewAuditRecord) -> Result<bool, StoreError>;

    /// Keeps a waiver.
    async fn add_waiver(&self, waiver: Waiver) -> Result<(), StoreError>;

    /// Takes a waiver back; `None` when there is none. One that was taken back stays as it was.
    async fn revoke_waiver(
        &self,
        id: Uuid,
        now: Timestamp,
        actor: &str,
    ) -> Result<Option<Waiver>, StoreError>;

    /// The newest waivers, at most 500, of the commit whose full hash begins with `commit` if one is given.
    async fn waivers(&self, commit: Option<&str>) -> Result<Vec<Waiver>, StoreError>;
}
