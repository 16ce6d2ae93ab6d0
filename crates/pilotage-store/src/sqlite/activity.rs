//! What happened when: counts for every 5 minutes.

use std::{collections::BTreeMap, time::Duration};

use pilotage_core::{Timestamp, ports::Activity, time::micros};
use rusqlite::{Connection, params};

use super::{columns::moment, error::Failure};

/// Microseconds of a row.
const BUCKET_US: i64 = 5 * 60 * 1_000_000;

/// Stretches that one call answers at most.
const STRETCHES_AT_MOST: i64 = 1_000;

/// When the 5 minutes of a moment begin.
pub(super) fn bucket_start(at: Timestamp) -> Timestamp {
    start_of(at, BUCKET_US)
}

fn start_of(at: Timestamp, step_us: i64) -> Timestamp {
    let micros = at.as_micros();
    Timestamp::from_micros(micros.saturating_sub(micros.rem_euclid(step_us)))
}

/// Adds to what is known of 5 minutes.
pub(super) fn add(connection: &Connection, activity: &Activity) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO activity VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (bucket) DO UPDATE SET
                 deliveries = deliveries + excluded.deliveries, unhandled = unhandled + excluded.unhandled,
                 succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed,
                 cancelled = cancelled + excluded.cancelled,
                 attempts_failed = attempts_failed + excluded.attempts_failed,
                 timed = timed + excluded.timed, duration_us = duration_us + excluded.duration_us",
        )?
        .execute(params![
            activity.start.as_micros().div_euclid(BUCKET_US),
            activity.deliveries,
            activity.unhandled,
            activity.succeeded,
            activity.failed,
            activity.cancelled,
            activity.attempts_failed,
            activity.timed,
            activity.duration_us,
        ])?;
    Ok(())
}

/// The step in microseconds: whole 5 minutes, and long enough for the bound on stretches.
fn step_us(since: Timestamp, until: Timestamp, step: Duration) -> i64 {
    let buckets = |us: i64| us.saturating_add(BUCKET_US - 1) / BUCKET_US;
    let wanted = buckets(micros(step)).max(1);
    // One stretch may be cut at each end.
    let least = buckets(micros(until.since(since)) / (STRETCHES_AT_MOST - 2));
    wanted.max(least).saturating_mul(BUCKET_US)
}

/// What happened in stretches of time, the empty ones too.
pub(super) fn series(
    connection: &Connection,
    since: Timestamp,
    until: Timestamp,
    step: Duration,
) -> Result<Vec<Activity>, Failure> {
    if until <= since {
        return Ok(Vec::new());
    }
    let step_us = step_us(since, until, step);
    let first = start_of(since, step_us);
    let known = known(connection, first, until, step_us)?;
    let empty = |start| Activity {
        start,
        ..Activity::default()
    };
    let starts = std::iter::successors(Some(first), |start| {
        start.as_micros().checked_add(step_us).map(Timestamp::from_micros)
    });
    Ok(starts
        .take_while(|start| *start < until)
        .map(|start| known.get(&start).copied().unwrap_or_else(|| empty(start)))
        .collect())
}

fn known(
    connection: &Connection,
    first: Timestamp,
    until: Timestamp,
    step_us: i64,
) -> Result<BTreeMap<Timestamp, Activity>, Failure> {
    // Buckets before the epoch would be rounded the wrong way; there are none, no delivery is that old.
    let mut statement = connection.prepare_cached(
        "SELECT bucket / ?3 * ?3 * ?4, sum(deliveries), sum(unhandled), sum(succeeded), sum(failed), sum(cancelled),
             sum(attempts_failed), sum(timed), sum(duration_us)
         FROM activity WHERE bucket >= ?1 AND bucket < ?2 GROUP BY 1",
    )?;
    let end = until.as_micros().saturating_add(BUCKET_US - 1);
    let bounds = params![
        first.as_micros().div_euclid(BUCKET_US),
        end.div_euclid(BUCKET_US),
        step_us / BUCKET_US,
        BUCKET_US,
    ];
    let rows = statement.query_map(bounds, |row| {
        Ok(Activity {
            start: moment(row, 0)?,
            deliveries: row.get(1)?,
            unhandled: row.get(2)?,
            succeeded: row.get(3)?,
            failed: row.get(4)?,
            cancelled: row.get(5)?,
            attempts_failed: row.get(6)?,
            timed: row.get(7)?,
            duration_us: row.get(8)?,
        })
    })?;
    let by_start = |activity: rusqlite::Result<Activity>| activity.map(|known| (known.start, known));
    Ok(rows.map(by_start).collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_whole_buckets_and_long_enough_for_the_bound() {
        let hours = |hours: i64| Timestamp::from_secs(hours * 3_600);
        let table = [
            (24, Duration::ZERO, 1),
            (24, Duration::from_secs(1), 1),
            (24, Duration::from_mins(5), 1),
            (24, Duration::from_mins(6), 2),
            (24, Duration::from_hours(1), 12),
            (998 * 5 / 60, Duration::from_mins(5), 1),
            (1_000, Duration::from_mins(5), 13),
        ];
        for (span, step, buckets) in table {
            let found = step_us(hours(0), hours(span), step);
            assert_eq!(found, buckets * BUCKET_US, "{span} h in {step:?}");
        }
        let whole = step_us(
            Timestamp::from_micros(i64::MIN),
            Timestamp::from_micros(i64::MAX),
            Duration::MAX,
        );
        assert!(whole > 0);
    }
}
