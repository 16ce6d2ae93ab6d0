//! What attempts come to, and what follows them.

use pilotage_core::{
    Digest, ExecutionId, ExecutionStatus, Timestamp,
    audit::kind,
    execution::{Attempt, AttemptResult, Next},
    ports::ClaimError,
};
use rusqlite::params;
use serde::Serialize;

use super::{
    claim::{SYSTEM, held},
    columns::{result_word, status_code},
    error::Failure,
    executions::{Ending, Stored, audit_record, by_number, finish},
    operations::{self, Happening},
    pipeline_runs,
    transaction::Transaction,
};

/// Records an attempt and what follows it.
pub(super) fn record(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    id: ExecutionId,
    claims: u32,
    attempt: Option<&Attempt>,
    next: &Next,
) -> Result<(), ClaimError> {
    let mut stored = held(transaction, id, claims)?;
    if let Some(attempt) = attempt {
        add_attempt(transaction, now, &stored, attempt)?;
        stored.execution.attempts = stored.execution.attempts.saturating_add(1);
    }
    follow(transaction, now, &stored, next)?;
    Ok(())
}

/// The facts of an audit record `attempt.ended`: everything but the answer's text, of which the digest stands for it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttemptFacts<'a> {
    action: u32,
    number: u32,
    action_type: &'a str,
    idempotency_key: &'a str,
    started_at: i64,
    duration_us: i64,
    result: AttemptResult,
    request: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn add_attempt(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    stored: &Stored,
    attempt: &Attempt,
) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO attempts (execution, action, attempt, action_type, idempotency_key, started_at, duration_us,
                 result, request, status, response, error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            stored.number,
            attempt.action,
            attempt.number,
            attempt.action_type,
            attempt.idempotency_key,
            attempt.started_at.as_micros(),
            attempt.duration_us,
            result_word(attempt.result),
            attempt.request,
            attempt.status,
            attempt.response,
            attempt.error,
        ])?;
    let facts = AttemptFacts {
        action: attempt.action,
        number: attempt.number,
        action_type: &attempt.action_type,
        idempotency_key: &attempt.idempotency_key,
        started_at: attempt.started_at.as_micros(),
        duration_us: attempt.duration_us,
        result: attempt.result,
        request: &attempt.request,
        status: attempt.status,
        response_digest: attempt.response.as_ref().map(|text| Digest::of(text.as_bytes())),
        error: attempt.error.as_deref(),
    };
    let record = audit_record(&stored.execution, now, SYSTEM, kind::ATTEMPT_ENDED, &facts)?;
    transaction.audit(record)?;
    match attempt.result {
        AttemptResult::Success | AttemptResult::Cancelled => Ok(()),
        AttemptResult::Retryable | AttemptResult::Permanent => {
            transaction.happened(now, |activity| activity.attempts_failed += 1)
        }
    }
}

fn follow(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    stored: &Stored,
    next: &Next,
) -> Result<(), Failure> {
    set_progress(transaction, stored, next)?;
    match next {
        Next::NextAction => show(
            transaction,
            now,
            stored,
            &Happening::Attempt { lease_lost: false },
        ),
        Next::RetryAt { at, reason } => retry_later(transaction, now, stored, *at, reason),
        Next::Await { run, at, reason } => {
            let is_over = pipeline_runs::await_end(transaction, *run)?;
            let at = if is_over { now } else { *at };
            retry_later(transaction, now, stored, at, reason)
        }
        Next::Succeeded => end(transaction, now, stored, ExecutionStatus::Succeeded, None),
        Next::Failed { reason } => end(transaction, now, stored, ExecutionStatus::Failed, Some(reason)),
        Next::Cancelled { reason } => end(transaction, now, stored, ExecutionStatus::Cancelled, Some(reason)),
    }
}

fn set_progress(transaction: &Transaction<'_>, stored: &Stored, next: &Next) -> Result<(), Failure> {
    let execution = &stored.execution;
    // Why an earlier action was put off says nothing about the one that comes now.
    let (action, attempts, reason) = match next {
        Next::NextAction => (execution.action.saturating_add(1), 0, None),
        _ => (execution.action, execution.attempts, execution.reason.as_deref()),
    };
    transaction
        .connection()
        .prepare_cached("UPDATE executions SET action = ?2, attempts = ?3, reason = ?4 WHERE number = ?1")?
        .execute(params![stored.number, action, attempts, reason])?;
    Ok(())
}

fn retry_later(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    stored: &Stored,
    at: Timestamp,
    reason: &str,
) -> Result<(), Failure> {
    if let Some(by) = &stored.execution.cancel_requested_by {
        // Nobody holds it any more who could learn of the wish at a renewal.
        let reason = format!("cancelled by {by}");
        return end(
            transaction,
            now,
            stored,
            ExecutionStatus::Cancelled,
            Some(&reason),
        );
    }
    transaction
        .connection()
        .prepare_cached(
            "UPDATE executions SET status = ?2, due = ?3, reason = ?4, lease_until = NULL
             WHERE number = ?1",
        )?
        .execute(params![
            stored.number,
            status_code(ExecutionStatus::Pending),
            at.as_micros(),
            reason
        ])?;
    transaction.count(Some(ExecutionStatus::Running), ExecutionStatus::Pending);
    show(transaction, now, stored, &Happening::PutOff { until: at, reason })
}

/// Shows the execution as it is after the change.
fn show(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    stored: &Stored,
    happening: &Happening<'_>,
) -> Result<(), Failure> {
    let changed = by_number(transaction.connection(), stored.number)?.execution;
    operations::show(transaction, now, &changed, happening)
}

fn end(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    stored: &Stored,
    status: ExecutionStatus,
    reason: Option<&str>,
) -> Result<(), Failure> {
    let ending = Ending {
        status,
        reason,
        actor: SYSTEM,
    };
    finish(transaction, now, stored, &ending)
}
