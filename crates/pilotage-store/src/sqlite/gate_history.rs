//! Reading runs of gates.

use pilotage_core::{
    Digest, TenantId, Timestamp,
    gate::{GateRun, GateRunId, GateRunOrigin, GateRunStatus, Verdict},
    ports::{GateRunFilter, Page, Reusable},
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    columns::{moment, optional_moment, unreadable, uuid},
    documents,
    error::Failure,
    gate_runs::{run_status_code, verdict_code},
    history::{Conditions, page},
};

const COLUMNS: &str = "id, tenant, environment, commit_id, changed, status, verdict, score, origin, actor, started_at, \
     finished_at, message, report, measured, files, number";

/// The column `number` among `COLUMNS`.
const NUMBER: usize = 16;

/// A statement that `read` reads.
pub(super) fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM gate_runs {rest}")
}

/// A run of a row that `select` selects.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<GateRun> {
    let (status, verdict, origin): (u8, Option<u8>, String) = (row.get(5)?, row.get(6)?, row.get(8)?);
    let files: String = row.get(15)?;
    Ok(GateRun {
        id: GateRunId(uuid(row, 0)?),
        tenant: TenantId(row.get(1)?),
        environment: row.get(2)?,
        commit: row.get(3)?,
        changed: row.get(4)?,
        status: one_of(GateRunStatus::ALL, |each| run_status_code(each) == status, 5)?,
        verdict: verdict
            .map(|code| one_of(Verdict::ALL, |each| verdict_code(each) == code, 6))
            .transpose()?,
        score: row.get(7)?,
        origin: one_of(GateRunOrigin::ALL, |each| each.as_str() == origin, 8)?,
        actor: row.get(9)?,
        started_at: moment(row, 10)?,
        finished_at: optional_moment(row, 11)?,
        message: row.get(12)?,
        report: row.get::<_, Option<_>>(13)?.map(Digest),
        measured: row.get::<_, Option<_>>(14)?.map(Digest),
        files: serde_json::from_str(&files).map_err(|error| unreadable(15, error))?,
    })
}

fn one_of<T: Copy, const N: usize>(
    all: [T; N],
    is: impl Fn(T) -> bool,
    column: usize,
) -> rusqlite::Result<T> {
    let found = all.into_iter().find(|each| is(*each));
    found.ok_or_else(|| unreadable(column, "a word or number that is never written"))
}

pub(super) fn runs(
    connection: &Connection,
    filter: &GateRunFilter,
    after: Option<i64>,
    limit: usize,
) -> Result<Page<GateRun>, Failure> {
    let mut conditions = Conditions::default();
    conditions.and("number < ?", after);
    conditions.and("environment = ?", filter.environment.clone());
    conditions.and(
        "number IN (SELECT run FROM gate_run_gates WHERE gate = ?)",
        filter.gate.clone(),
    );
    if let Some((from, behind)) = filter.commit.as_deref().map(prefix) {
        conditions.and("commit_id >= ?", Some(from));
        conditions.and("commit_id < ?", Some(behind));
    }
    if filter.judged {
        conditions.and_always("status = 1");
    }
    conditions.and("started_at >= ?", filter.since.map(Timestamp::as_micros));
    conditions.and("started_at < ?", filter.until.map(Timestamp::as_micros));
    page(connection, &select(""), conditions, "number", limit, |row| {
        Ok((row.get(NUMBER)?, read(row)?))
    })
}

/// Where texts with this beginning lie: from the first on, before the second.
pub(super) fn prefix(beginning: &str) -> (String, String) {
    (beginning.to_owned(), format!("{beginning}\u{10ffff}"))
}

pub(super) fn run(connection: &Connection, id: GateRunId) -> Result<Option<GateRun>, Failure> {
    let found = connection
        .prepare_cached(&select("WHERE id = ?1"))?
        .query_row([id.0.as_bytes()], read)
        .optional()?;
    Ok(found)
}

pub(super) fn run_of_key(connection: &Connection, key: &str) -> Result<Option<GateRun>, Failure> {
    let found = connection
        .prepare_cached(&select("WHERE key = ?1 ORDER BY number DESC LIMIT 1"))?
        .query_row([key], read)
        .optional()?;
    Ok(found)
}

pub(super) fn measured_on(connection: &Connection, input: Digest) -> Result<Option<Reusable>, Failure> {
    let found = connection
        .prepare_cached("SELECT document, at FROM gate_inputs WHERE input = ?1")?
        .query_row([input.0], |row| Ok((Digest(row.get(0)?), moment(row, 1)?)))
        .optional()?;
    let Some((document, at)) = found else {
        return Ok(None);
    };
    let Some(data) = documents::read(connection, document)? else {
        return Ok(None);
    };
    Ok(Some(Reusable {
        findings: serde_json::from_slice(&data)?,
        at,
    }))
}
