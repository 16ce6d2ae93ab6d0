//! `OperationFeed` on the readers.

use async_trait::async_trait;
use pilotage_core::{
    Operation, OperationId, OperationStatus, TenantId, Timestamp,
    operation::{Change, Progress},
    ports::{OperationFeed, OperationFilter, Page, Snapshot, StoreError},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    SqliteStore,
    columns::{moment, optional_moment, unreadable, uuid},
    error::Failure,
    history::{Conditions, page},
    operations::operation_code,
    transaction::last_change,
};

/// Columns of `operations` in the order that `operation` reads them.
const COLUMNS: &str = "id, tenant, kind, name, status, current, total, message, metadata, created_at, updated_at, \
     finished_at, change, number";

/// The column `number` among `COLUMNS`.
const NUMBER: usize = 13;

/// The operations that have not ended, and those that ended at or after a moment.
const ACTIVE: &str =
    "(SELECT number AS chosen FROM operations INDEXED BY operations_open WHERE finished_at IS NULL
     UNION ALL SELECT number FROM operations INDEXED BY operations_ended WHERE finished_at >= ?)
     CROSS JOIN operations ON number = chosen";

/// Operations that one call answers at most.
const AT_MOST: usize = 10_000;

#[async_trait]
impl OperationFeed for SqliteStore {
    async fn changed_after(&self, after: Change, limit: usize) -> Result<Vec<Operation>, StoreError> {
        self.readers
            .read(move |connection| changed_after(connection, after, limit))
            .await
    }

    async fn active(&self, ended_since: Timestamp, limit: usize) -> Result<Snapshot, StoreError> {
        self.readers
            .read(move |connection| active(connection, ended_since, limit))
            .await
    }

    async fn last_change(&self) -> Result<Change, StoreError> {
        self.readers.read(last_change).await
    }

    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        self.readers.read(move |connection| by_id(connection, id)).await
    }

    async fn operations(
        &self,
        filter: &OperationFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<Operation>, StoreError> {
        let filter = filter.clone();
        self.readers
            .read(move |connection| operation_page(connection, &filter, after, limit))
            .await
    }
}

fn operation(row: &Row<'_>) -> rusqlite::Result<Operation> {
    let metadata: String = row.get(8)?;
    Ok(Operation {
        id: OperationId(uuid(row, 0)?),
        tenant: TenantId(row.get(1)?),
        kind: row.get(2)?,
        name: row.get(3)?,
        status: status(row, 4)?,
        progress: Progress {
            current: row.get(5)?,
            total: row.get(6)?,
        },
        message: row.get(7)?,
        metadata: serde_json::from_str(&metadata).map_err(|error| unreadable(8, error))?,
        created_at: moment(row, 9)?,
        updated_at: moment(row, 10)?,
        finished_at: optional_moment(row, 11)?,
        change: Change(row.get(12)?),
    })
}

fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<OperationStatus> {
    let code: u8 = row.get(column)?;
    OperationStatus::ALL
        .into_iter()
        .find(|status| operation_code(*status) == code)
        .ok_or_else(|| unreadable(column, format!("{code} is no status")))
}

fn as_limit(limit: usize) -> i64 {
    i64::try_from(limit.min(AT_MOST)).unwrap_or(i64::MAX)
}

fn changed_after(connection: &Connection, after: Change, limit: usize) -> Result<Vec<Operation>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM operations INDEXED BY operations_by_change
         WHERE change > ?1 ORDER BY change LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![after.0, as_limit(limit)], operation)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The ones that have not ended and the ones that ended lately come from indexes of their own: those that ended long ago
/// are never looked at.
fn active(connection: &Connection, ended_since: Timestamp, limit: usize) -> Result<Snapshot, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM operations WHERE number IN (
             SELECT number FROM (SELECT number FROM operations INDEXED BY operations_open
                 WHERE finished_at IS NULL ORDER BY change DESC LIMIT ?2)
             UNION ALL
             SELECT number FROM (SELECT number FROM operations INDEXED BY operations_ended
                 WHERE finished_at >= ?1 ORDER BY finished_at DESC, number DESC LIMIT ?2))
         ORDER BY change DESC LIMIT ?2"
    );
    let limit = limit.min(AT_MOST);
    let mut statement = connection.prepare_cached(&sql)?;
    // One more than asked for tells whether there are more.
    let rows = statement.query_map(
        params![
            ended_since.as_micros(),
            i64::try_from(limit + 1).unwrap_or(i64::MAX)
        ],
        operation,
    )?;
    let mut operations: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    let truncated = operations.len() > limit;
    operations.truncate(limit);
    Ok(Snapshot {
        operations,
        through: last_change(connection)?,
        truncated,
    })
}

fn by_id(connection: &Connection, id: OperationId) -> Result<Option<Operation>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM operations WHERE id = ?1");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([id.0.as_bytes()], operation)
        .optional()?;
    Ok(found)
}

fn operation_page(
    connection: &Connection,
    filter: &OperationFilter,
    after: Option<i64>,
    limit: usize,
) -> Result<Page<Operation>, Failure> {
    let mut conditions = Conditions::default();
    // SQLite is told where to begin: it would rather walk the whole history in the order that is asked for.
    let from = match (filter.active_since, filter.status) {
        (Some(since), _) => {
            conditions.bind(since.as_micros());
            ACTIVE
        }
        (None, Some(status)) if !status.is_final() => "operations INDEXED BY operations_open",
        (None, _) => "operations",
    };
    let select = format!("SELECT {COLUMNS} FROM {from}");
    conditions.and("number < ?", after);
    match filter.status {
        Some(status) if status.is_final() => conditions.and_always("finished_at IS NOT NULL"),
        Some(_) => conditions.and_always("finished_at IS NULL"),
        None => {}
    }
    let code = filter.status.map(operation_code).map(i64::from);
    conditions.and("status = ?", code);
    conditions.and("kind = ?", filter.kind.clone());
    page(connection, &select, conditions, "number", limit, |row| {
        Ok((row.get(NUMBER)?, operation(row)?))
    })
}
