//! `PipelineRuns`: runs of pipelines, written in the transaction of their records, of the operations that show them and of
//! the executions that wait for them.

use async_trait::async_trait;
use pilotage_core::{
    ExecutionId, ExecutionStatus, Timestamp,
    pipeline_run::{KeptLogs, KeptRun, NewPipelineRun, PipelineRunId, RunLook},
    ports::{BegunRun, Page, PipelineRunFilter, PipelineRuns, StoreError},
};
use rusqlite::{OptionalExtension, params};

use super::{
    SqliteStore,
    columns::status_code,
    error::Failure,
    operations,
    pipeline_history::{self, Asked, NUMBER, read, select, state_code},
    pipeline_logs,
    transaction::Transaction,
};

#[async_trait]
impl PipelineRuns for SqliteStore {
    async fn begin_pipeline_run(&self, new: NewPipelineRun) -> Result<BegunRun, StoreError> {
        self.writer
            .call(move |transaction| Ok(begin(transaction, new)?))
            .await
    }

    async fn see_pipeline_run(
        &self,
        id: PipelineRunId,
        look: RunLook,
    ) -> Result<Option<KeptRun>, StoreError> {
        self.writer
            .call(move |transaction| Ok(see(transaction, id, look)?))
            .await
    }

    async fn pipeline_runs(
        &self,
        filter: &PipelineRunFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<KeptRun>, StoreError> {
        let filter = filter.clone();
        self.readers
            .read(move |connection| pipeline_history::runs(connection, &filter, after, limit))
            .await
    }

    async fn pipeline_run(&self, id: PipelineRunId) -> Result<Option<KeptRun>, StoreError> {
        self.readers
            .read(move |connection| pipeline_history::run(connection, id))
            .await
    }

    async fn pipeline_run_called(&self, platform: &str, run: &str) -> Result<Option<KeptRun>, StoreError> {
        let (platform, run) = (platform.to_owned(), run.to_owned());
        self.readers
            .read(move |connection| pipeline_history::called(connection, &platform, &run))
            .await
    }

    async fn open_pipeline_runs(&self, limit: usize) -> Result<Vec<KeptRun>, StoreError> {
        self.readers
            .read(move |connection| pipeline_history::open(connection, limit))
            .await
    }

    async fn keep_pipeline_logs(&self, id: PipelineRunId, logs: KeptLogs) -> Result<bool, StoreError> {
        self.writer
            .call(move |transaction| Ok(pipeline_logs::keep(transaction, id, &logs)?))
            .await
    }

    async fn pipeline_logs(&self, id: PipelineRunId) -> Result<Option<KeptLogs>, StoreError> {
        self.readers
            .read(move |connection| pipeline_logs::read(connection, id))
            .await
    }

    async fn pipeline_runs_without_logs(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<PipelineRunId>, StoreError> {
        self.readers
            .read(move |connection| pipeline_logs::missing(connection, since, limit))
            .await
    }

    async fn prune_pipeline_logs(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.writer
            .call(move |transaction| Ok(pipeline_logs::prune(transaction, before, limit)?))
            .await
    }
}

fn begin(transaction: &mut Transaction<'_>, new: NewPipelineRun) -> Result<BegunRun, Failure> {
    if let Some(key) = &new.start.key {
        let known = transaction
            .connection()
            .prepare_cached(&select("WHERE platform = ?1 AND key = ?2"))?
            .query_row([&new.platform, key], read)
            .optional()?;
        if let Some(known) = known {
            return Ok(BegunRun::Known(known));
        }
    }
    let kept = new.kept();
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO pipeline_runs (id, tenant, platform, pipeline, reference, asked, key, actor, execution, state,
                 word, message, jobs, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, '[]', ?13, ?13)",
        )?
        .execute(params![
            kept.id.0.as_bytes(),
            kept.tenant.0,
            kept.platform,
            kept.pipeline(),
            kept.reference(),
            serde_json::to_string(&Asked::from(&kept.start))?,
            kept.start.key,
            kept.actor,
            kept.execution.as_ref().map(|id| id.0.as_bytes()),
            state_code(kept.standing.state),
            kept.standing.word,
            kept.message,
            kept.created_at.as_micros(),
        ])?;
    operations::add_pipeline_run(transaction, &kept)?;
    transaction.audit(kept.began())?;
    Ok(BegunRun::New(kept))
}

fn see(
    transaction: &mut Transaction<'_>,
    id: PipelineRunId,
    look: RunLook,
) -> Result<Option<KeptRun>, Failure> {
    let found = transaction
        .connection()
        .prepare_cached(&select("WHERE id = ?1"))?
        .query_row([id.0.as_bytes()], |row| Ok((row.get(NUMBER)?, read(row)?)))
        .optional()?;
    let Some((number, before)): Option<(i64, KeptRun)> = found else {
        return Ok(None);
    };
    let at = look.at;
    let kept = before.after(look);
    if kept == before {
        return Ok(Some(kept));
    }
    write(transaction, number, &kept)?;
    operations::show_pipeline_run(transaction, &kept)?;
    match (before.finished_at, kept.finished_at) {
        (None, Some(_)) => end(transaction, at, number, &kept)?,
        (Some(_), None) => drop(transaction.audit(kept.reopened())?),
        // What is on record of an end holds: another end is another record.
        (Some(first), Some(second))
            if first != second || before.standing != kept.standing || before.message != kept.message =>
        {
            end(transaction, at, number, &kept)?;
        }
        _ => {}
    }
    Ok(Some(kept))
}

fn write(transaction: &Transaction<'_>, number: i64, kept: &KeptRun) -> Result<(), Failure> {
    let seen = kept.seen.as_ref().map(serde_json::to_string).transpose()?;
    transaction
        .connection()
        .prepare_cached(
            "UPDATE pipeline_runs SET run = ?2, pipeline = ?3, reference = ?4, state = ?5, word = ?6, message = ?7,
                 seen = ?8, jobs = ?9, again = ?10, updated_at = ?11, finished_at = ?12,
                 finished_record = CASE WHEN ?12 IS NULL THEN NULL ELSE finished_record END WHERE number = ?1",
        )?
        .execute(params![
            number,
            kept.run(),
            kept.pipeline(),
            kept.reference(),
            state_code(kept.standing.state),
            kept.standing.word,
            kept.message,
            seen,
            serde_json::to_string(&kept.jobs)?,
            kept.again,
            kept.updated_at.as_micros(),
            kept.finished_at.map(Timestamp::as_micros),
        ])?;
    Ok(())
}

/// The end is on record, and whoever waits for it goes on.
fn end(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    number: i64,
    kept: &KeptRun,
) -> Result<(), Failure> {
    let record = transaction.audit(kept.ended())?;
    let connection = transaction.connection();
    let awaited: bool = connection
        .prepare_cached("SELECT awaited FROM pipeline_runs WHERE number = ?1")?
        .query_row([number], |row| row.get(0))?;
    connection
        .prepare_cached("UPDATE pipeline_runs SET finished_record = ?2, awaited = 0 WHERE number = ?1")?
        .execute([number, record])?;
    if let Some(execution) = kept.execution.filter(|_| awaited) {
        connection
            .prepare_cached("UPDATE executions SET due = min(due, ?2) WHERE id = ?1 AND status = ?3")?
            .execute(params![
                execution.0.as_bytes(),
                now.as_micros(),
                status_code(ExecutionStatus::Pending)
            ])?;
        transaction.wake_workers();
    }
    Ok(())
}

/// An execution waits for the end of this run from now on; true where it has come.
pub(super) fn await_end(transaction: &Transaction<'_>, run: PipelineRunId) -> Result<bool, Failure> {
    let waiting = transaction
        .connection()
        .prepare_cached("UPDATE pipeline_runs SET awaited = 1 WHERE id = ?1 AND finished_at IS NULL")?
        .execute([run.0.as_bytes()])?;
    Ok(waiting == 0)
}

/// The execution was sent back from the dead letters: of what it started, what failed is to run again.
pub(super) fn send_back(transaction: &Transaction<'_>, execution: ExecutionId) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached("UPDATE pipeline_runs SET again = 1 WHERE execution = ?1 AND state IN (4, 5, 6)")?
        .execute([execution.0.as_bytes()])?;
    Ok(())
}
