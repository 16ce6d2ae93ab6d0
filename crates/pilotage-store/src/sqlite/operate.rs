//! What people ask of an execution.

use pilotage_core::{Execution, ExecutionId, ExecutionStatus, Timestamp, audit::kind, ports::OperateError};
use rusqlite::{Connection, params};

use super::{
    columns::status_code,
    error::Failure,
    executions::{Ending, Stored, audit_record, by_id, by_number, finish},
    operations::{self, Happening},
    pipeline_runs, slots, statistics,
    transaction::Transaction,
};

fn find(connection: &Connection, id: ExecutionId) -> Result<Stored, OperateError> {
    by_id(connection, id)?.ok_or(OperateError::NotFound(id))
}

/// Ends an execution that nobody holds; asks the holder to end one that runs.
pub(super) fn cancel(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    actor: &str,
    id: ExecutionId,
) -> Result<Execution, OperateError> {
    let stored = find(transaction.connection(), id)?;
    let status = stored.execution.status;
    if status.is_final() {
        return Err(OperateError::WrongStatus(status.as_str()));
    }
    if stored.execution.cancel_requested_by.is_some() {
        return Ok(stored.execution);
    }
    slots::request_cancel(transaction, now, stored.number, actor)?;
    if status != ExecutionStatus::Running {
        let reason = format!("cancelled by {actor}");
        let ending = Ending {
            status: ExecutionStatus::Cancelled,
            reason: Some(&reason),
            actor,
        };
        finish(transaction, now, &stored, &ending)?;
    }
    Ok(by_number(transaction.connection(), stored.number)?.execution)
}

/// Sends a failed execution back to the action that failed.
pub(super) fn retry(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    actor: &str,
    id: ExecutionId,
) -> Result<Execution, OperateError> {
    let stored = find(transaction.connection(), id)?;
    if stored.execution.status != ExecutionStatus::Failed {
        return Err(OperateError::WrongStatus(stored.execution.status.as_str()));
    }
    reopen(transaction, now, actor, &stored)?;
    Ok(by_number(transaction.connection(), stored.number)?.execution)
}

fn reopen(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    actor: &str,
    stored: &Stored,
) -> Result<(), Failure> {
    let execution = &stored.execution;
    let facts = serde_json::json!({ "action": execution.action, "reason": execution.reason });
    transaction.audit(audit_record(
        execution,
        now,
        actor,
        kind::EXECUTION_RETRIED,
        &facts,
    )?)?;
    let status = match execution.concurrency_key {
        Some(_) => ExecutionStatus::Waiting,
        None => ExecutionStatus::Pending,
    };
    transaction
        .connection()
        .prepare_cached(
            "UPDATE executions SET status = ?2, due = ?3, attempts = 0, retries = retries + 1, reason = NULL,
             finished_at = NULL, finished_record = NULL, cancel_requested_by = NULL WHERE number = ?1",
        )?
        .execute(params![stored.number, status_code(status), now.as_micros()])?;
    transaction.count(Some(ExecutionStatus::Failed), status);
    pipeline_runs::send_back(transaction, execution.id)?;
    statistics::reopened(transaction, &execution.rule)?;
    let reopened = Execution {
        status,
        ..execution.clone()
    };
    operations::show(transaction, now, &reopened, &Happening::SentBack { by: actor })?;
    match &execution.concurrency_key {
        Some(key) => slots::promote(transaction, now, &execution.tenant, &execution.rule, key),
        None => Ok(()),
    }
}
