//! Reading runs of tests.

use pilotage_core::{
    Digest, TenantId, Timestamp,
    ports::{Page, TestRunFilter},
    testing::{Standouts, TestRun, TestRunId, TestRunStatus, TestShard},
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    columns::{moment, optional_moment, unreadable, uuid},
    error::Failure,
    events,
    gate_history::prefix,
    history::{Conditions, page},
};

const COLUMNS: &str = "id, tenant, name, commit_id, plan, shard, shards, files, done, status, totals, actor, \
     started_at, finished_at, message, report, number";

/// The column `number` among `COLUMNS`.
pub(super) const NUMBER: usize = 16;

/// The number that stands for a status; see the schema.
pub(super) const fn status_code(status: TestRunStatus) -> u8 {
    match status {
        TestRunStatus::Running => 0,
        TestRunStatus::Passed => 1,
        TestRunStatus::Failed => 2,
        TestRunStatus::BrokenOff => 3,
    }
}

/// A statement that `read` reads.
pub(super) fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM test_runs {rest}")
}

/// A run of a row that `select` selects.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<TestRun> {
    let (code, totals): (u8, String) = (row.get(9)?, row.get(10)?);
    let status = TestRunStatus::ALL
        .into_iter()
        .find(|status| status_code(*status) == code);
    let shard = match row.get::<_, Option<String>>(4)? {
        Some(plan) => Some(TestShard {
            plan,
            shard: row.get(5)?,
            shards: row.get(6)?,
        }),
        None => None,
    };
    Ok(TestRun {
        id: TestRunId(uuid(row, 0)?),
        tenant: TenantId(row.get(1)?),
        name: row.get(2)?,
        commit: row.get(3)?,
        shard,
        files: row.get(7)?,
        done: row.get(8)?,
        status: status.ok_or_else(|| unreadable(9, format!("{code} is no status")))?,
        totals: serde_json::from_str(&totals).map_err(|error| unreadable(10, error))?,
        actor: row.get(11)?,
        started_at: moment(row, 12)?,
        finished_at: optional_moment(row, 13)?,
        message: row.get(14)?,
        report: row.get::<_, Option<_>>(15)?.map(Digest),
    })
}

fn conditions(filter: &TestRunFilter, after: Option<i64>) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.and("number < ?", after);
    conditions.and("name = ?", filter.name.clone());
    conditions.and("plan = ?", filter.plan.clone());
    if let Some((from, behind)) = filter.commit.as_deref().map(prefix) {
        conditions.and("commit_id >= ?", Some(from));
        conditions.and("commit_id < ?", Some(behind));
    }
    let status = filter.status.map(|status| i64::from(status_code(status)));
    conditions.and("status = ?", status);
    if filter.reported {
        conditions.and_always("status IN (1, 2)");
    }
    conditions.and("started_at >= ?", filter.since.map(Timestamp::as_micros));
    conditions.and("started_at < ?", filter.until.map(Timestamp::as_micros));
    conditions
}

pub(super) fn runs(
    connection: &Connection,
    filter: &TestRunFilter,
    after: Option<i64>,
    limit: usize,
) -> Result<Page<TestRun>, Failure> {
    let conditions = conditions(filter, after);
    page(connection, &select(""), conditions, "number", limit, |row| {
        Ok((row.get(NUMBER)?, read(row)?))
    })
}

pub(super) fn run(connection: &Connection, id: TestRunId) -> Result<Option<TestRun>, Failure> {
    let found = connection
        .prepare_cached(&select("WHERE id = ?1"))?
        .query_row([id.0.as_bytes()], read)
        .optional()?;
    Ok(found)
}

pub(super) fn standouts(
    connection: &Connection,
    filter: &TestRunFilter,
    limit: usize,
) -> Result<Vec<Standouts>, Failure> {
    let mut conditions = conditions(filter, None);
    conditions.and_always("standouts IS NOT NULL");
    let select = "SELECT number, standouts FROM test_runs";
    let found = page(connection, select, conditions, "number", limit, |row| {
        let text: String = row.get(1)?;
        let standouts = serde_json::from_str(&text).map_err(|error| unreadable(1, error))?;
        Ok((row.get(0)?, standouts))
    })?;
    Ok(found.items)
}

/// The report of a run, if it is what its digest says.
pub(super) fn report(connection: &Connection, id: TestRunId) -> Result<Option<Vec<u8>>, Failure> {
    let found = connection
        .prepare_cached(
            "SELECT r.size, r.compressed, r.data, t.report FROM test_runs t JOIN test_reports r ON r.run = t.number
             WHERE t.id = ?1",
        )?
        .query_row([id.0.as_bytes()], |row| {
            Ok((events::data(row, 0)?, Digest(row.get(3)?)))
        })
        .optional()?;
    match found {
        Some((Some(data), digest)) if Digest::of(&data) == digest => Ok(Some(data.to_vec())),
        Some((_, digest)) => Err(Failure::corrupt(format!(
            "the report {digest} of the test run {id} was changed after it was kept"
        ))),
        None => Ok(None),
    }
}
