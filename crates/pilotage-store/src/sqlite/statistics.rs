//! What rules have done: counters and a histogram, kept with every change.

use std::collections::BTreeMap;

use pilotage_core::{
    ExecutionStatus, Timestamp,
    ports::{LatencyBucket, RuleStatistics},
    time::micros,
};
use rusqlite::{Connection, params};

use super::{columns::optional_moment, error::Failure, executions::Stored, transaction::Transaction};

/// Each power of two is divided into this many buckets, so a bucket's middle is within 6.3 % of every value in it.
const BUCKETS_PER_OCTAVE_LOG2: u32 = 3;

/// The bucket of a duration in microseconds: exact below 8, then eight buckets for each power of two.
fn bucket(us: i64) -> i64 {
    let us = us.max(0);
    let bits = 63 - us.max(1).leading_zeros();
    if bits < BUCKETS_PER_OCTAVE_LOG2 {
        return us;
    }
    let shift = bits - BUCKETS_PER_OCTAVE_LOG2;
    let within = (us >> shift) & 7;
    (i64::from(shift) + 1) * 8 + within
}

/// The lowest value of a bucket and how many values it has, in microseconds.
fn extent(bucket: i64) -> (i64, i64) {
    if bucket < 8 {
        return (bucket.max(0), 1);
    }
    let shift = (bucket / 8 - 1).min(59);
    ((8 + bucket % 8) << shift, 1_i64 << shift)
}

/// The middle of a bucket, in microseconds.
fn middle(bucket: i64) -> i64 {
    let (low, width) = extent(bucket);
    low + (width >> 1)
}

/// Counts a match.
pub(super) fn matched(transaction: &Transaction<'_>, now: Timestamp, rule: &str) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO rule_statistics (rule, matched, last_matched_at) VALUES (?1, 1, ?2)
             ON CONFLICT (rule) DO UPDATE SET matched = matched + 1,
                 last_matched_at = max(coalesce(last_matched_at, 0), excluded.last_matched_at)",
        )?
        .execute(params![rule, now.as_micros()])?;
    Ok(())
}

/// Counts an ending. The time from scheduled to ended counts once for each execution: after a return from the dead letters
/// it would say how long people took.
pub(super) fn ended(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
    stored: &Stored,
    status: ExecutionStatus,
) -> Result<(), Failure> {
    let rule = &stored.execution.rule;
    let (succeeded, failed, cancelled) = match status {
        ExecutionStatus::Succeeded => (1, 0, 0),
        ExecutionStatus::Failed => (0, 1, 0),
        _ => (0, 0, 1),
    };
    add(transaction, rule, succeeded, failed, cancelled)?;
    transaction.happened(now, |activity| {
        activity.succeeded += succeeded;
        activity.failed += failed;
        activity.cancelled += cancelled;
    })?;
    if cancelled == 1 || stored.retries > 0 {
        return Ok(());
    }
    let took = micros(now.since(stored.execution.created_at));
    transaction.happened(now, |activity| {
        activity.timed += 1;
        activity.duration_us = activity.duration_us.saturating_add(took);
    })?;
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO rule_latency VALUES (?1, ?2, 1) ON CONFLICT (rule, bucket) DO UPDATE SET count = count + 1",
        )?
        .execute(params![rule, bucket(took)])?;
    Ok(())
}

/// Takes back the count of a failure that is tried again.
pub(super) fn reopened(transaction: &Transaction<'_>, rule: &str) -> Result<(), Failure> {
    add(transaction, rule, 0, -1, 0)
}

fn add(
    transaction: &Transaction<'_>,
    rule: &str,
    succeeded: i64,
    failed: i64,
    cancelled: i64,
) -> Result<(), Failure> {
    transaction
        .connection()
        .prepare_cached(
            "UPDATE rule_statistics SET succeeded = succeeded + ?2, failed = failed + ?3,
             cancelled = cancelled + ?4 WHERE rule = ?1",
        )?
        .execute(params![rule, succeeded, failed, cancelled])?;
    Ok(())
}

/// The statistics of every rule that ever matched, by rule.
pub(super) fn all(connection: &Connection) -> Result<Vec<RuleStatistics>, Failure> {
    let mut histograms = histograms(connection)?;
    let mut statement = connection.prepare_cached(
        "SELECT rule, matched, succeeded, failed, cancelled, last_matched_at FROM rule_statistics ORDER BY rule",
    )?;
    let rows = statement.query_map([], |row| {
        let rule: String = row.get(0)?;
        let histogram = histograms.remove(&rule).unwrap_or_default();
        Ok(RuleStatistics {
            matched: row.get(1)?,
            succeeded: row.get(2)?,
            failed: row.get(3)?,
            cancelled: row.get(4)?,
            p50_us: percentile(&histogram, 50),
            p95_us: percentile(&histogram, 95),
            last_matched_at: optional_moment(row, 5)?,
            rule,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The histogram of one rule.
pub(super) fn latency(connection: &Connection, rule: &str) -> Result<Vec<LatencyBucket>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT bucket, count FROM rule_latency WHERE rule = ?1 ORDER BY bucket")?;
    let rows = statement.query_map([rule], |row| {
        let (low, width) = extent(row.get(0)?);
        Ok(LatencyBucket {
            from_us: low,
            up_to_us: low + (width - 1),
            count: row.get(1)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Counts by bucket, lowest first.
type Histogram = Vec<(i64, i64)>;

fn histograms(connection: &Connection) -> Result<BTreeMap<String, Histogram>, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT rule, bucket, count FROM rule_latency ORDER BY rule, bucket")?;
    let mut rows = statement.query([])?;
    let mut histograms: BTreeMap<String, Histogram> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        histograms
            .entry(row.get(0)?)
            .or_default()
            .push((row.get(1)?, row.get(2)?));
    }
    Ok(histograms)
}

/// The smallest bucket's middle at or below which `percent` of the values lie.
fn percentile(histogram: &[(i64, i64)], percent: i64) -> Option<i64> {
    let total: i64 = histogram.iter().map(|(_, count)| count).sum();
    let rank = (total.saturating_mul(percent) + 99) / 100;
    let mut seen = 0;
    histogram
        .iter()
        .find(|(_, count)| {
            seen += count;
            seen >= rank
        })
        .map(|(bucket, _)| middle(*bucket))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_stands_for_its_values_within_ten_percent(us in 0_i64..=i64::MAX) {
            let stands_for = middle(bucket(us));
            prop_assert!((stands_for - us).unsigned_abs() <= us.unsigned_abs() / 10, "{us} became {stands_for}");
        }

        #[test]
        fn a_bucket_holds_its_values_and_the_next_begins_behind_it(us in 0_i64..=i64::MAX) {
            let (low, width) = extent(bucket(us));
            prop_assert!(low <= us && us - low < width);
            if let Some(next) = low.checked_add(width) {
                prop_assert_eq!(extent(bucket(us) + 1).0, next);
            }
        }

        #[test]
        fn buckets_keep_the_order(a in 0_i64..1 << 40, b in 0_i64..1 << 40) {
            prop_assert!(bucket(a.min(b)) <= bucket(a.max(b)));
        }
    }

    #[test]
    fn percentiles_are_ranks() {
        let histogram: Vec<_> = (0..8).map(|bucket| (bucket, 1)).collect();
        assert_eq!(percentile(&histogram, 50), Some(3));
        assert_eq!(percentile(&histogram, 95), Some(7));
        assert_eq!(percentile(&[(5, 1)], 50), Some(5));
        assert_eq!(percentile(&[], 50), None);
    }
}
