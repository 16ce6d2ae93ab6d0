//! What people watch: the operation of every execution, written in the transaction of each change.

use std::borrow::Cow;

use pilotage_core::{
    Execution, ExecutionStatus, NewExecution, OperationStatus, Timestamp,
    gate::{GateRunId, NewGateRun, Verdict},
    operation::{Description, Progress, short_line},
    pipeline_run::KeptRun,
};
use rusqlite::{Connection, params};

use super::{error::Failure, transaction::Transaction};

/// The word for operations that are executions.
const EXECUTION: &str = "execution";
/// The word for operations that are runs of gates.
const GATE_RUN: &str = "gate";
/// The word for operations that are runs of pipelines.
const PIPELINE: &str = "pipeline";
/// Bytes of a name.
const NAME_BYTES: usize = 200;
/// Bytes of a message.
const MESSAGE_BYTES: usize = 500;
/// Bytes of the metadata as JSON.
const METADATA_BYTES: usize = 4_096;

/// The number that stands for a status; see the schema.
pub(super) const fn operation_code(status: OperationStatus) -> u8 {
    match status {
        OperationStatus::Pending => 0,
        OperationStatus::Running => 1,
        OperationStatus::Success => 2,
        OperationStatus::Failure => 3,
        OperationStatus::Cancelled => 4,
    }
}

/// Adds the operation of an execution that was just scheduled.
pub(super) fn add(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    new: &NewExecution,
    due: Timestamp,
) -> Result<(), Failure> {
    let message = match (&new.slot, &new.debounce) {
        (Some(slot), _) => format!("waiting for a free place (limit {})", slot.limit.max(1)),
        (None, Some(_)) => format!("waiting until {} for further events", clock(due, now)),
        (None, None) => ready(due, now),
    };
    let operation = &new.operation;
    let change = transaction.next_change()?;
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO operations (id, tenant, kind, name, status, total, message, metadata, steps,
                 created_at, updated_at, change)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11)",
        )?
        .execute(params![
            new.id.0.as_bytes(),
            new.tenant.0,
            EXECUTION,
            operation.name,
            operation_code(OperationStatus::Pending),
            i64::try_from(operation.steps.len()).unwrap_or(i64::MAX),
            message,
            metadata(new)?,
            serde_json::to_string(&operation.steps)?,
            now.as_micros(),
            change.0,
        ])?;
    Ok(())
}

/// Adds the operation of a run of gates that begins.
pub(super) fn add_gate_run(
    transaction: &mut Transaction<'_>,
    new: &NewGateRun,
    message: &str,
) -> Result<(), Failure> {
    let name = format!("gates for {}", new.environment);
    let mut description = Description::new(&name, new.gates.iter().map(String::as_str));
    description.add("environment", &new.environment);
    description.add("origin", new.origin.as_str());
    if let Some(commit) = &new.commit {
        description.add("commit", commit);
    }
    let change = transaction.next_change()?;
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO operations (id, tenant, kind, name, status, total, message, metadata, steps,
                 created_at, updated_at, change)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11)",
        )?
        .execute(params![
            new.id.0.as_bytes(),
            new.tenant.0,
            GATE_RUN,
            description.name,
            operation_code(OperationStatus::Running),
            i64::try_from(description.steps.len()).unwrap_or(i64::MAX),
            short_line(message, MESSAGE_BYTES),
            serde_json::to_string(&description.metadata)?,
            serde_json::to_string(&description.steps)?,
            new.at.as_micros(),
            change.0,
        ])?;
    Ok(())
}

/// How far a run of gates is.
pub(super) enum GateProgress {
    /// It goes on.
    Going(Progress),
    /// It came to a verdict.
    Judged(Verdict),
    /// It came to none.
    BrokenOff,
}

/// Writes what happens to a run of gates.
pub(super) fn show_gate_run(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    id: GateRunId,
    progress: &GateProgress,
    message: &str,
) -> Result<(), Failure> {
    let (status, done, total) = match progress {
        GateProgress::Going(progress) => (OperationStatus::Running, progress.current, Some(progress.total)),
        GateProgress::Judged(Verdict::Ready) => (OperationStatus::Success, u32::MAX, None),
        GateProgress::Judged(_) => (OperationStatus::Failure, u32::MAX, None),
        GateProgress::BrokenOff => (OperationStatus::Cancelled, 0, None),
    };
    let change = transaction.next_change()?;
    transaction
        .connection()
        .prepare_cached(
            "UPDATE operations SET status = ?2, total = coalesce(?3, total), current = min(?4, coalesce(?3, total)),
                 message = ?5, updated_at = ?6, finished_at = ?7, change = ?8 WHERE id = ?1",
        )?
        .execute(params![
            id.0.as_bytes(),
            operation_code(status),
            total,
            done,
            short_line(message, MESSAGE_BYTES),
            now.as_micros(),
            status.is_final().then(|| now.as_micros()),
            change.0,
        ])?;
    Ok(())
}

/// Adds the operation of a run of a pipeline.
pub(super) fn add_pipeline_run(transaction: &mut Transaction<'_>, kept: &KeptRun) -> Result<(), Failure> {
    let change = transaction.next_change()?;
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO operations (id, tenant, kind, name, status, total, message, metadata, steps,
                 created_at, updated_at, change)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, '[]', ?8, ?8, ?9)",
        )?
        .execute(params![
            kept.id.0.as_bytes(),
            kept.tenant.0,
            PIPELINE,
            short_line(&kept.name(), NAME_BYTES),
            operation_code(kept.status()),
            short_line(&kept.summary(), MESSAGE_BYTES),
            serde_json::to_string(&kept.metadata())?,
            kept.created_at.as_micros(),
            change.0,
        ])?;
    Ok(())
}

/// Writes how a run of a pipeline stands.
pub(super) fn show_pipeline_run(transaction: &mut Transaction<'_>, kept: &KeptRun) -> Result<(), Failure> {
    let progress = kept.progress();
    let change = transaction.next_change()?;
    transaction
        .connection()
        .prepare_cached(
            "UPDATE operations SET name = ?2, status = ?3, current = ?4, total = ?5, message = ?6, metadata = ?7,
                 updated_at = ?8, finished_at = ?9, change = ?10 WHERE id = ?1",
        )?
        .execute(params![
            kept.id.0.as_bytes(),
            short_line(&kept.name(), NAME_BYTES),
            operation_code(kept.status()),
            progress.current,
            progress.total,
            short_line(&kept.summary(), MESSAGE_BYTES),
            serde_json::to_string(&kept.metadata())?,
            kept.updated_at.as_micros(),
            kept.finished_at.map(Timestamp::as_micros),
            change.0,
        ])?;
    Ok(())
}

/// The metadata as JSON. Whoever describes an operation keeps to the bound; facts that would break it are left out.
fn metadata(new: &NewExecution) -> Result<String, Failure> {
    let json = serde_json::to_string(&new.operation.metadata)?;
    Ok(if json.len() > METADATA_BYTES {
        "{}".to_owned()
    } else {
        json
    })
}

/// What happens to an execution, as far as people are told.
pub(super) enum Happening<'a> {
    /// It will be claimed once it is due.
    Ready,
    /// An attempt at its present action begins.
    Attempt {
        /// Whoever was at it before is gone.
        lease_lost: bool,
    },
    /// It goes on later.
    PutOff {
        /// Not before this moment.
        until: Timestamp,
        /// Why.
        reason: &'a str,
    },
    /// Somebody wants it to stop.
    CancelAsked {
        /// Who.
        by: &'a str,
    },
    /// It has ended, as its status says.
    Ended {
        /// Its row.
        number: i64,
        /// Why, where it did not succeed.
        reason: Option<&'a str>,
    },
    /// It comes back from the dead letters.
    SentBack {
        /// Who wished it.
        by: &'a str,
    },
}

/// Writes what happens to `execution`, which is in the state after the change.
pub(super) fn show(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    execution: &Execution,
    happening: &Happening<'_>,
) -> Result<(), Failure> {
    let message = message(transaction.connection(), now, execution, happening)?;
    let done = match execution.status {
        ExecutionStatus::Succeeded => u32::MAX,
        _ => execution.action,
    };
    let finished_at = execution.status.is_final().then(|| now.as_micros());
    let change = transaction.next_change()?;
    let changed = transaction
        .connection()
        .prepare_cached(
            "UPDATE operations SET status = ?2, current = min(?3, total), message = ?4, updated_at = ?5,
                 finished_at = ?6, change = ?7 WHERE id = ?1",
        )?
        .execute(params![
            execution.id.0.as_bytes(),
            operation_code(execution.status.into()),
            done,
            short_line(&message, MESSAGE_BYTES),
            now.as_micros(),
            finished_at,
            change.0,
        ])?;
    if changed == 0 {
        return Err(Failure::corrupt(format!(
            "execution {} has no operation",
            execution.id
        )));
    }
    Ok(())
}

fn message<'a>(
    connection: &Connection,
    now: Timestamp,
    execution: &Execution,
    happening: &Happening<'a>,
) -> Result<Cow<'a, str>, Failure> {
    Ok(match happening {
        Happening::Ready => ready(execution.due, now).into(),
        Happening::Attempt { lease_lost } => attempt(connection, execution, *lease_lost)?.into(),
        Happening::PutOff { until, reason } => format!("{reason}; next at {}", clock(*until, now)).into(),
        Happening::CancelAsked { by } => format!("{by} asked to cancel it: it stops at its next look").into(),
        Happening::Ended { number, reason: None } => succeeded(connection, *number)?.into(),
        Happening::Ended {
            reason: Some(reason), ..
        } => (*reason).into(),
        Happening::SentBack { by } => format!("sent back from the dead letters by {by}").into(),
    })
}

fn ready(due: Timestamp, now: Timestamp) -> String {
    if due > now {
        format!("due at {}", clock(due, now))
    } else {
        "ready to run".to_owned()
    }
}

fn attempt(connection: &Connection, execution: &Execution, lease_lost: bool) -> Result<String, Failure> {
    let steps: String = connection
        .prepare_cached("SELECT steps FROM operations WHERE id = ?1")?
        .query_row([execution.id.0.as_bytes()], |row| row.get(0))?;
    let steps: Vec<String> = serde_json::from_str(&steps)?;
    let action = execution.action.saturating_add(1);
    let number = execution.attempts.saturating_add(1);
    let again = if lease_lost {
        ", taken over after its worker fell silent"
    } else {
        ""
    };
    Ok(match steps.get(execution.action as usize) {
        Some(step) => format!(
            "action {action} of {}: {step}, attempt {number}{again}",
            steps.len()
        ),
        None => format!("action {action}, attempt {number}{again}"),
    })
}

fn succeeded(connection: &Connection, number: i64) -> Result<String, Failure> {
    let attempts: i64 = connection
        .prepare_cached("SELECT count(*) FROM attempts WHERE execution = ?1")?
        .query_row([number], |row| row.get(0))?;
    Ok(match attempts {
        1 => "succeeded after 1 attempt".to_owned(),
        attempts => format!("succeeded after {attempts} attempts"),
    })
}

/// The time of day in UTC, with the date where it is another one than that of `now`.
fn clock(moment: Timestamp, now: Timestamp) -> String {
    const DATE: usize = "2026-01-01".len();
    const TO_THE_SECOND: usize = "2026-01-01T00:00:00".len();
    let (text, today) = (moment.to_string(), now.to_string());
    match (text.get(..DATE), text.get(DATE + 1..TO_THE_SECOND)) {
        (Some(date), Some(time)) if today.starts_with(date) => format!("{time}Z"),
        (Some(date), Some(time)) => format!("{date} {time}Z"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_leaves_out_the_date_of_today() {
        let moment = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = moment("2026-11-22T12:00:00Z");
        for (text, expected) in [
            ("2026-11-22T12:00:03.9Z", "12:00:03Z"),
            ("2026-11-23T00:00:00Z", "2026-11-23 00:00:00Z"),
        ] {
            assert_eq!(clock(moment(text), now), expected);
        }
    }
}
