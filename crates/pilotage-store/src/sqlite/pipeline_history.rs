//! Reading runs of pipelines.

use std::collections::BTreeMap;

use pilotage_core::{
    ExecutionId, TenantId, Timestamp,
    pipeline_run::{KeptRun, PipelineRunId, RunState, Standing, StartRun},
    ports::{Page, PipelineRunFilter},
};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::{
    columns::{moment, optional_moment, unreadable, uuid},
    error::Failure,
    history::{Conditions, page},
};

const COLUMNS: &str = "id, tenant, platform, asked, key, actor, execution, state, word, message, seen, jobs, again, \
     created_at, updated_at, finished_at, number";

/// The column `number` among `COLUMNS`.
pub(super) const NUMBER: usize = 16;

/// The number that stands for a state; see the schema.
pub(super) const fn state_code(state: RunState) -> u8 {
    match state {
        RunState::Queued => 0,
        RunState::Running => 1,
        RunState::Waiting => 2,
        RunState::Succeeded => 3,
        RunState::Failed => 4,
        RunState::Cancelled => 5,
        RunState::Skipped => 6,
    }
}

/// What was asked for, as JSON; the key has a column of its own.
#[derive(Serialize, Deserialize)]
pub(super) struct Asked {
    pipeline: Option<String>,
    reference: Option<String>,
    inputs: BTreeMap<String, String>,
}

impl From<&StartRun> for Asked {
    fn from(start: &StartRun) -> Self {
        Self {
            pipeline: start.pipeline.clone(),
            reference: start.reference.clone(),
            inputs: start.inputs.clone(),
        }
    }
}

/// A statement that `read` reads.
pub(super) fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM pipeline_runs {rest}")
}

/// A run of a row that `select` selects.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<KeptRun> {
    let (asked, seen, jobs): (String, Option<String>, String) = (row.get(3)?, row.get(10)?, row.get(11)?);
    let asked: Asked = serde_json::from_str(&asked).map_err(|error| unreadable(3, error))?;
    let code: u8 = row.get(7)?;
    let state = RunState::ALL.into_iter().find(|state| state_code(*state) == code);
    let state = state.ok_or_else(|| unreadable(7, format!("{code} is no state")))?;
    let execution = match row.get::<_, Option<Vec<u8>>>(6)? {
        Some(_) => Some(ExecutionId(uuid(row, 6)?)),
        None => None,
    };
    Ok(KeptRun {
        id: PipelineRunId(uuid(row, 0)?),
        tenant: TenantId(row.get(1)?),
        platform: row.get(2)?,
        start: StartRun {
            pipeline: asked.pipeline,
            reference: asked.reference,
            inputs: asked.inputs,
            key: row.get(4)?,
        },
        actor: row.get(5)?,
        execution,
        standing: Standing::new(state, row.get::<_, String>(8)?),
        message: row.get(9)?,
        seen: seen
            .map(|seen| serde_json::from_str(&seen))
            .transpose()
            .map_err(|error| unreadable(10, error))?,
        jobs: serde_json::from_str(&jobs).map_err(|error| unreadable(11, error))?,
        again: row.get(12)?,
        created_at: moment(row, 13)?,
        updated_at: moment(row, 14)?,
        finished_at: optional_moment(row, 15)?,
    })
}

pub(super) fn runs(
    connection: &Connection,
    filter: &PipelineRunFilter,
    after: Option<i64>,
    limit: usize,
) -> Result<Page<KeptRun>, Failure> {
    let mut conditions = Conditions::default();
    conditions.and("number < ?", after);
    conditions.and("platform = ?", filter.platform.clone());
    conditions.and("pipeline = ?", filter.pipeline.clone());
    conditions.and("reference = ?", filter.reference.clone());
    conditions.and(
        "state = ?",
        filter.state.map(|state| i64::from(state_code(state))),
    );
    let execution = filter.execution.map(|id| id.0.as_bytes().to_vec());
    conditions.and("execution = ?", execution);
    conditions.and("created_at >= ?", filter.since.map(Timestamp::as_micros));
    conditions.and("created_at < ?", filter.until.map(Timestamp::as_micros));
    page(connection, &select(""), conditions, "number", limit, |row| {
        Ok((row.get(NUMBER)?, read(row)?))
    })
}

pub(super) fn run(connection: &Connection, id: PipelineRunId) -> Result<Option<KeptRun>, Failure> {
    let found = connection
        .prepare_cached(&select("WHERE id = ?1"))?
        .query_row([id.0.as_bytes()], read)
        .optional()?;
    Ok(found)
}

pub(super) fn called(connection: &Connection, platform: &str, run: &str) -> Result<Option<KeptRun>, Failure> {
    let found = connection
        .prepare_cached(&select(
            "WHERE platform = ?1 AND run = ?2 ORDER BY number DESC LIMIT 1",
        ))?
        .query_row([platform, run], read)
        .optional()?;
    Ok(found)
}

pub(super) fn open(connection: &Connection, limit: usize) -> Result<Vec<KeptRun>, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement =
        connection.prepare_cached(&select("WHERE finished_at IS NULL ORDER BY number LIMIT ?1"))?;
    let runs = statement.query_map([limit], read)?;
    Ok(runs.collect::<rusqlite::Result<_>>()?)
}
