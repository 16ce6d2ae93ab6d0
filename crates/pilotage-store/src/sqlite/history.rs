//! `History` on the readers.

use std::time::Duration;

use async_trait::async_trait;
use pilotage_core::{
    Digest, EventId, Execution, ExecutionId, Position, StoredEvent, Timestamp,
    execution::Attempt,
    ports::{
        Activity, EventDecision, EventFilter, EventSummary, ExecutionFilter, History, LatencyBucket, Page,
        RuleStatistics, RuleVersion, StoreError, Totals,
    },
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter, types::Value};

use super::{
    SqliteStore, activity,
    columns::{self, moment, optional_moment, status_code},
    decisions,
    error::Failure,
    events, executions, keys, kinds, statistics,
    transaction::last_position,
};

/// Items on a page at most.
const PAGE_AT_MOST: usize = 500;

/// Attempts of one execution that are shown at most, the last ones.
const ATTEMPTS_AT_MOST: i64 = 1_000;

#[async_trait]
impl History for SqliteStore {
    async fn events(
        &self,
        filter: &EventFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, StoreError> {
        let filter = filter.clone();
        self.readers
            .read(move |connection| event_page(connection, &filter, after, limit))
            .await
    }

    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
        self.readers
            .read(move |connection| one_event(connection, "e.id = ?1", id.0.as_bytes()))
            .await
    }

    async fn event_at(&self, position: Position) -> Result<Option<StoredEvent>, StoreError> {
        self.readers
            .read(move |connection| one_event(connection, "e.position = ?1", position.0))
            .await
    }

    async fn decision(&self, position: Position) -> Result<Option<EventDecision>, StoreError> {
        self.readers
            .read(move |connection| decisions::at(connection, position))
            .await
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<Execution>, StoreError> {
        let filter = filter.clone();
        self.readers
            .read(move |connection| execution_page(connection, &filter, after, limit))
            .await
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
        self.readers
            .read(move |connection| Ok(executions::by_id(connection, id)?.map(|stored| stored.execution)))
            .await
    }

    async fn attempts(&self, id: ExecutionId) -> Result<Vec<Attempt>, StoreError> {
        self.readers
            .read(move |connection| attempts(connection, id))
            .await
    }

    async fn rule_version(&self, digest: Digest) -> Result<Option<RuleVersion>, StoreError> {
        self.readers
            .read(move |connection| rule_version(connection, digest))
            .await
    }

    async fn rule_statistics(&self) -> Result<Vec<RuleStatistics>, StoreError> {
        self.readers.read(statistics::all).await
    }

    async fn rule_latency(&self, rule: &str) -> Result<Vec<LatencyBucket>, StoreError> {
        let rule = rule.to_owned();
        self.readers
            .read(move |connection| statistics::latency(connection, &rule))
            .await
    }

    async fn activity(
        &self,
        since: Timestamp,
        until: Timestamp,
        step: Duration,
    ) -> Result<Vec<Activity>, StoreError> {
        self.readers
            .read(move |connection| activity::series(connection, since, until, step))
            .await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.readers.read(totals).await
    }
}

/// The conditions of a page and their values.
#[derive(Default)]
pub(super) struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition with one `?`.
    pub(super) fn and(&mut self, sql: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.and_always(sql);
            self.values.push(value.into());
        }
    }

    /// The value of a `?` in the `SELECT`, before any condition is added.
    pub(super) fn bind(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
    }

    /// Adds a condition without a value.
    pub(super) fn and_always(&mut self, sql: &str) {
        self.sql
            .push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(sql);
    }
}

/// Reads one row more than fits, to know whether there is another page. `place` is the column that `after` is compared
/// with; `read` answers it beside the item.
pub(super) fn page<T>(
    connection: &Connection,
    select: &str,
    conditions: Conditions,
    place: &str,
    limit: usize,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(i64, T)>,
) -> Result<Page<T>, Failure> {
    let limit = limit.clamp(1, PAGE_AT_MOST);
    page_of(connection, select, conditions, place, limit, read)
}

/// A page of whatever length is asked for.
fn page_of<T>(
    connection: &Connection,
    select: &str,
    mut conditions: Conditions,
    place: &str,
    limit: usize,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(i64, T)>,
) -> Result<Page<T>, Failure> {
    let sql = format!("{select}{} ORDER BY {place} DESC LIMIT ?", conditions.sql);
    conditions
        .values
        .push(Value::Integer(i64::try_from(limit + 1).unwrap_or(i64::MAX)));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(conditions.values), |row| read(row))?;
    let mut rows: Vec<(i64, T)> = rows.collect::<rusqlite::Result<_>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().map(|(place, _)| *place).filter(|_| more);
    Ok(Page {
        items: rows.into_iter().map(|(_, item)| item).collect(),
        next,
    })
}

/// Where an event list looks.
struct EventQuery<'f> {
    filter: &'f EventFilter,
    /// Only positions before this one.
    before: i64,
    /// Only positions from this one on.
    from: i64,
}

fn event_page(
    connection: &Connection,
    filter: &EventFilter,
    after: Option<i64>,
    limit: usize,
) -> Result<Page<EventSummary>, Failure> {
    let limit = limit.clamp(1, PAGE_AT_MOST);
    let before = after.unwrap_or(i64::MAX);
    let (source, event_type) = (filter.source.as_deref(), filter.event_type.as_deref());
    if source.is_none() && event_type.is_none() {
        let everywhere = EventQuery {
            filter,
            before,
            from: 0,
        };
        return events_in(connection, &everywhere, limit);
    }
    let mut items: Vec<EventSummary> = Vec::new();
    let mut end = kinds::block_of(Position(before.saturating_sub(1))).saturating_add(1);
    while let Some(block) = kinds::block_before(connection, end, source, event_type)? {
        let (from, behind) = kinds::positions_of(block);
        let inside = EventQuery {
            filter,
            before: before.min(behind),
            from,
        };
        // One more than fits, to know whether there is another page.
        let found = events_in(connection, &inside, (limit + 1).saturating_sub(items.len()))?;
        items.extend(found.items);
        if items.len() > limit {
            items.truncate(limit);
            let next = items.last().map(|item| item.event.position.0);
            return Ok(Page { items, next });
        }
        end = block;
    }
    Ok(Page { items, next: None })
}

/// Events with what was decided about them. Where only decided ones are asked for, the decisions are walked, whose partial
/// indexes find the few among the many; a decision may cover many positions.
const BY_DECISION: &str =
    "decisions d CROSS JOIN events e ON e.position BETWEEN d.first_position AND d.last_position";

fn events_in(
    connection: &Connection,
    query: &EventQuery<'_>,
    limit: usize,
) -> Result<Page<EventSummary>, Failure> {
    let filter = query.filter;
    let (from, executions, order) = match filter.unhandled {
        Some(_) => (BY_DECISION, "d.executions", "d.first_position DESC, e.position"),
        None => (
            "events e",
            "(SELECT iif(d.last_position >= e.position, d.executions, NULL) FROM decisions d
              WHERE d.first_position <= e.position ORDER BY d.first_position DESC LIMIT 1)",
            "e.position",
        ),
    };
    let select = format!(
        "SELECT {}, (SELECT size FROM bodies b WHERE b.position = e.position), {executions} FROM {from}",
        events::FACTS
    );
    page_of(connection, &select, conditions(query), order, limit, |row| {
        let (position, facts) = events::facts(row)?;
        let summary = EventSummary {
            event: StoredEvent {
                position,
                facts,
                data: None,
            },
            size: row.get(events::BEHIND_FACTS)?,
            executions: row.get(events::BEHIND_FACTS + 1)?,
        };
        Ok((position.0, summary))
    })
}

fn conditions(query: &EventQuery<'_>) -> Conditions {
    let EventQuery { filter, before, from } = query;
    let mut conditions = Conditions::default();
    conditions.and("e.position < ?", Some(*before));
    conditions.and("e.position >= ?", Some(*from));
    if let Some(unhandled) = filter.unhandled {
        conditions.and("d.first_position < ?", Some(*before));
        conditions.and("d.last_position >= ?", Some(*from));
        conditions.and_always(if unhandled {
            "d.unhandled = 1"
        } else {
            "d.executions > 0"
        });
    }
    conditions.and("e.source = ?", filter.source.clone());
    conditions.and("e.type = ?", filter.event_type.clone());
    if let Some(delivery_id) = &filter.delivery_id {
        let prefix = keys::delivery_prefix(delivery_id);
        let last = [&prefix[..], &[0xff; 17]].concat();
        // The keys of the newest events are not in the table yet.
        conditions.and(
            "e.position IN (SELECT position FROM keys WHERE key >= ?",
            Some(prefix.to_vec()),
        );
        conditions.and(
            "key < ? UNION ALL SELECT position FROM events, state WHERE position > keyed_through",
            Some(last),
        );
        conditions.and("delivery_id = ?)", Some(delivery_id.clone()));
        conditions.and("e.delivery_id = ?", Some(delivery_id.clone()));
    }
    conditions.and("e.received_at >= ?", filter.since.map(Timestamp::as_micros));
    conditions.and("e.received_at < ?", filter.until.map(Timestamp::as_micros));
    conditions
}

fn one_event(
    connection: &Connection,
    condition: &str,
    value: impl ToSql,
) -> Result<Option<StoredEvent>, Failure> {
    let sql = format!(
        "SELECT {}, b.size, b.compressed, b.data FROM events e LEFT JOIN bodies b USING (position) WHERE {condition}",
        events::FACTS
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_row([value], events::stored)
        .optional()?;
    Ok(found)
}

fn execution_page(
    connection: &Connection,
    filter: &ExecutionFilter,
    after: Option<i64>,
    limit: usize,
) -> Result<Page<Execution>, Failure> {
    let select = format!("SELECT {} FROM executions", executions::COLUMNS);
    let mut conditions = Conditions::default();
    conditions.and("number < ?", after);
    conditions.and(
        "status = ?",
        filter.status.map(|status| i64::from(status_code(status))),
    );
    conditions.and("rule = ?", filter.rule.clone());
    conditions.and(
        "position = (SELECT position FROM events WHERE events.id = ?)",
        filter.event.map(|event| event.0.as_bytes().to_vec()),
    );
    conditions.and("created_at >= ?", filter.since.map(Timestamp::as_micros));
    conditions.and("created_at < ?", filter.until.map(Timestamp::as_micros));
    page(connection, &select, conditions, "number", limit, |row| {
        Ok((row.get(executions::NUMBER)?, executions::execution(row)?))
    })
}

fn attempts(connection: &Connection, id: ExecutionId) -> Result<Vec<Attempt>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM (
             SELECT number, action, attempt, action_type, idempotency_key, started_at, duration_us, result, request,
                 status, response, error
             FROM attempts WHERE execution = (SELECT number FROM executions WHERE id = ?1)
             ORDER BY number DESC LIMIT ?2
         ) ORDER BY number",
    )?;
    let rows = statement.query_map(params![id.0.as_bytes(), ATTEMPTS_AT_MOST], |row| {
        Ok(Attempt {
            action: row.get(1)?,
            number: row.get(2)?,
            action_type: row.get(3)?,
            idempotency_key: row.get(4)?,
            started_at: moment(row, 5)?,
            duration_us: row.get(6)?,
            result: columns::result(row, 7)?,
            request: row.get(8)?,
            status: row.get(9)?,
            response: row.get(10)?,
            error: row.get(11)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn rule_version(connection: &Connection, digest: Digest) -> Result<Option<RuleVersion>, Failure> {
    let json = connection
        .prepare_cached("SELECT json FROM rule_versions WHERE digest = ?1")?
        .query_row([digest.0], |row| row.get(0))
        .optional()?;
    Ok(json.map(|json| RuleVersion { digest, json }))
}

fn totals(connection: &Connection) -> Result<Totals, Failure> {
    let events = last_position(connection)?.0;
    let (cursor, mut totals) = connection
        .prepare_cached(
            "SELECT cursor, unhandled, waiting, pending, running, succeeded, failed, cancelled,
                 (SELECT min(due) FROM executions INDEXED BY executions_due WHERE status = 1),
                 (SELECT received_at FROM events WHERE position = state.cursor + 1)
             FROM state",
        )?
        .query_row([], |row| {
            let totals = Totals {
                events,
                unhandled: row.get(1)?,
                undecided: 0,
                waiting: row.get(2)?,
                pending: row.get(3)?,
                running: row.get(4)?,
                succeeded: row.get(5)?,
                failed: row.get(6)?,
                cancelled: row.get(7)?,
                oldest_due: optional_moment(row, 8)?,
                oldest_undecided: optional_moment(row, 9)?,
            };
            Ok((row.get::<_, i64>(0)?, totals))
        })?;
    totals.undecided = events.saturating_sub(cursor).max(0);
    Ok(totals)
}
