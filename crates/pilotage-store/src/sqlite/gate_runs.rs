//! `GateRuns`: runs of gates, written in the transaction of their records and of the operations that show them.

use async_trait::async_trait;
use pilotage_core::{
    Digest, Timestamp,
    audit::NewAuditRecord,
    gate::{GateRun, GateRunEnding, GateRunId, GateRunStatus, Judged, NewGateRun, Verdict, Waiver},
    operation::Progress,
    ports::{GateRunFilter, GateRuns, Page, Reusable, StoreError, StoredGate},
};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::{
    SqliteStore, documents,
    error::Failure,
    gate_history, gates,
    operations::{self, GateProgress},
    transaction::Transaction,
};

/// What is said of a run whose server died.
const LEFT_BEHIND: &str = "Broken off: the server ended while it ran. Nothing was judged.";

#[async_trait]
impl GateRuns for SqliteStore {
    async fn begin_gate_run(&self, new: NewGateRun) -> Result<bool, StoreError> {
        self.writer
            .call(move |transaction| Ok(begin(transaction, &new)?))
            .await
    }

    async fn show_gate_run(
        &self,
        id: GateRunId,
        now: Timestamp,
        progress: Progress,
        message: &str,
    ) -> Result<bool, StoreError> {
        let message = message.to_owned();
        self.writer
            .call(move |transaction| Ok(show(transaction, id, now, progress, &message)?))
            .await
    }

    async fn finish_gate_run(&self, id: GateRunId, ending: GateRunEnding) -> Result<bool, StoreError> {
        self.writer
            .call(move |transaction| Ok(finish(transaction, id, &ending)?))
            .await
    }

    async fn keep_gate_run(&self, new: NewGateRun, ending: GateRunEnding) -> Result<bool, StoreError> {
        self.writer
            .call(move |transaction| Ok(begin(transaction, &new)? && finish(transaction, new.id, &ending)?))
            .await
    }

    async fn break_off_gate_runs(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.writer
            .call(move |transaction| Ok(break_off(transaction, now)?))
            .await
    }

    async fn gate_runs(
        &self,
        filter: &GateRunFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<GateRun>, StoreError> {
        let filter = filter.clone();
        self.readers
            .read(move |connection| gate_history::runs(connection, &filter, after, limit))
            .await
    }

    async fn gate_run(&self, id: GateRunId) -> Result<Option<GateRun>, StoreError> {
        self.readers
            .read(move |connection| gate_history::run(connection, id))
            .await
    }

    async fn gate_run_of_key(&self, key: &str) -> Result<Option<GateRun>, StoreError> {
        let key = key.to_owned();
        self.readers
            .read(move |connection| gate_history::run_of_key(connection, &key))
            .await
    }

    async fn document(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers
            .read(move |connection| documents::read(connection, digest))
            .await
    }

    async fn prune_documents(
        &self,
        now: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.writer
            .call(move |transaction| Ok(documents::prune(transaction, now, before, limit)?))
            .await
    }

    async fn measured_on(&self, input: Digest) -> Result<Option<Reusable>, StoreError> {
        self.readers
            .read(move |connection| gate_history::measured_on(connection, input))
            .await
    }

    async fn gates(&self) -> Result<Vec<StoredGate>, StoreError> {
        self.readers.read(gates::all).await
    }

    async fn put_gate(&self, gate: StoredGate, audit: NewAuditRecord) -> Result<(), StoreError> {
        self.writer
            .call(move |transaction| Ok(gates::put(transaction, &gate, audit)?))
            .await
    }

    async fn delete_gate(&self, id: &str, audit: NewAuditRecord) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer
            .call(move |transaction| Ok(gates::delete(transaction, &id, audit)?))
            .await
    }

    async fn add_waiver(&self, waiver: Waiver) -> Result<(), StoreError> {
        self.writer
            .call(move |transaction| Ok(gates::waive(transaction, &waiver)?))
            .await
    }

    async fn revoke_waiver(
        &self,
        id: Uuid,
        now: Timestamp,
        actor: &str,
    ) -> Result<Option<Waiver>, StoreError> {
        let actor = actor.to_owned();
        self.writer
            .call(move |transaction| Ok(gates::revoke(transaction, id, now, &actor)?))
            .await
    }

    async fn waivers(&self, commit: Option<&str>) -> Result<Vec<Waiver>, StoreError> {
        let commit = commit.map(str::to_owned);
        self.readers
            .read(move |connection| gates::waivers(connection, commit.as_deref()))
            .await
    }
}

fn begin(transaction: &mut Transaction<'_>, new: &NewGateRun) -> Result<bool, Failure> {
    let message = format!("looking at {} gates", new.gates.len());
    let added = transaction
        .connection()
        .prepare_cached(
            "INSERT OR IGNORE INTO gate_runs (id, tenant, environment, commit_id, changed, origin, actor, key, started_at,
                 message)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            new.id.0.as_bytes(),
            new.tenant.0,
            new.environment,
            new.commit,
            new.changed,
            new.origin.as_str(),
            new.actor,
            new.key,
            new.at.as_micros(),
            message,
        ])?;
    if added == 0 {
        return Ok(false);
    }
    let number = transaction.connection().last_insert_rowid();
    for gate in &new.gates {
        transaction
            .connection()
            .prepare_cached("INSERT OR IGNORE INTO gate_run_gates VALUES (?1, ?2)")?
            .execute(params![gate, number])?;
    }
    operations::add_gate_run(transaction, new, &message)?;
    transaction.audit(new.audit())?;
    Ok(true)
}

fn show(
    transaction: &mut Transaction<'_>,
    id: GateRunId,
    now: Timestamp,
    progress: Progress,
    message: &str,
) -> Result<bool, Failure> {
    let changed = transaction
        .connection()
        .prepare_cached("UPDATE gate_runs SET message = ?2 WHERE id = ?1 AND status = 0")?
        .execute(params![id.0.as_bytes(), message])?;
    if changed > 0 {
        let progress = GateProgress::Going(progress);
        operations::show_gate_run(transaction, now, id, &progress, message)?;
    }
    Ok(changed > 0)
}

/// What of a judged run stands in its row.
struct Kept {
    report: Digest,
    measured: Digest,
    files: String,
}

fn keep_documents(transaction: &Transaction<'_>, at: Timestamp, judged: &Judged) -> Result<Kept, Failure> {
    let mut files = Vec::new();
    for (file, data) in &judged.files {
        let digest = documents::keep(transaction, at, data.clone())?;
        if digest != file.digest {
            return Err(Failure::corrupt(format!(
                "`{}` is not what its digest says",
                file.name
            )));
        }
        files.push(file);
    }
    for (input, findings) in &judged.reusable {
        let document = documents::keep(transaction, at, serde_json::to_vec(findings)?)?;
        transaction
            .connection()
            .prepare_cached("INSERT OR REPLACE INTO gate_inputs VALUES (?1, ?2, ?3)")?
            .execute(params![input.0, document.0, at.as_micros()])?;
    }
    Ok(Kept {
        report: documents::keep(transaction, at, serde_json::to_vec(&judged.report)?)?,
        measured: documents::keep(transaction, at, serde_json::to_vec(&judged.measured)?)?,
        files: serde_json::to_string(&files)?,
    })
}

/// The number that stands for a verdict; see the schema.
pub(super) const fn verdict_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Ready => 0,
        Verdict::NotReady => 1,
        Verdict::NotJudged => 2,
    }
}

/// The number that stands for a status; see the schema.
pub(super) const fn run_status_code(status: GateRunStatus) -> u8 {
    match status {
        GateRunStatus::Running => 0,
        GateRunStatus::Judged => 1,
        GateRunStatus::BrokenOff => 2,
    }
}

fn finish(transaction: &mut Transaction<'_>, id: GateRunId, ending: &GateRunEnding) -> Result<bool, Failure> {
    let open: Option<GateRun> = transaction
        .connection()
        .prepare_cached(&gate_history::select("WHERE id = ?1 AND status = 0"))?
        .query_row([id.0.as_bytes()], gate_history::read)
        .optional()?;
    let Some(run) = open else {
        return Ok(false);
    };
    let at = ending.at;
    let kept = ending
        .judged
        .as_ref()
        .map(|judged| keep_documents(transaction, at, judged))
        .transpose()?;
    let (status, progress) = match &ending.judged {
        Some(judged) => (GateRunStatus::Judged, GateProgress::Judged(judged.report.verdict)),
        None => (GateRunStatus::BrokenOff, GateProgress::BrokenOff),
    };
    let verdict = ending
        .judged
        .as_ref()
        .map(|judged| verdict_code(judged.report.verdict));
    transaction
        .connection()
        .prepare_cached(
            "UPDATE gate_runs SET status = ?2, verdict = ?3, score = ?4, finished_at = ?5, message = ?6, report = ?7,
                 measured = ?8, files = ?9 WHERE id = ?1",
        )?
        .execute(params![
            id.0.as_bytes(),
            run_status_code(status),
            verdict,
            ending.judged.as_ref().map_or(0, |judged| judged.report.score),
            at.as_micros(),
            ending.message,
            kept.as_ref().map(|kept| kept.report.0),
            kept.as_ref().map(|kept| kept.measured.0),
            kept.as_ref().map_or("[]", |kept| kept.files.as_str()),
        ])?;
    operations::show_gate_run(transaction, at, id, &progress, &ending.message)?;
    let (report, measured) = kept.map(|kept| (kept.report, kept.measured)).unzip();
    transaction.audit(ending.audit(&run, report, measured))?;
    Ok(true)
}

fn break_off(transaction: &mut Transaction<'_>, now: Timestamp) -> Result<usize, Failure> {
    let open: Vec<Uuid> = transaction
        .connection()
        .prepare_cached("SELECT id FROM gate_runs INDEXED BY gate_runs_open WHERE status = 0")?
        .query_map([], |row| super::columns::uuid(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &open {
        let ending = GateRunEnding {
            at: now,
            message: LEFT_BEHIND.to_owned(),
            judged: None,
        };
        finish(transaction, GateRunId(*id), &ending)?;
    }
    Ok(open.len())
}
