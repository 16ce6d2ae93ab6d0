//! The schema: migrations in order, and how connections are set up.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::OpenError;

/// Applied in order, each inside a transaction with the change of `user_version`. Never change one that was released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_pipeline_runs.sql"),
    include_str!("migrations/0003_age_of_documents.sql"),
    include_str!("migrations/0004_test_runs.sql"),
    include_str!("migrations/0005_pipeline_logs.sql"),
];

/// "Plog" in ASCII; marks the file as ours (SQLite file format, offset 68).
const APPLICATION_ID: i64 = 0x506c_6f67;

/// Bytes. Measured with `examples/append_rate`.
const PAGE_SIZE: i64 = 8192;

/// How long a connection waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the write connection, creating the file or bringing its schema up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let database = |source| OpenError::Database {
        path: path.to_owned(),
        source,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(database)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(database)?;
    check_identity(&connection, path)?;
    set_up_writer(&connection).map_err(database)?;
    migrate(&mut connection, MIGRATIONS.len()).map_err(database)?;
    Ok(connection)
}

/// Opens a read-only connection.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}

fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    // Only has an effect while the file is empty.
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An answered delivery survives a power cut: the log is synchronised at every commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}

/// Refuses files of something else and of a newer version.
pub(super) fn check_identity(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number = |pragma| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(|source| OpenError::Database {
                path: path.to_owned(),
                source,
            })
    };
    let found = number("user_version")?;
    match number("application_id")? {
        APPLICATION_ID => {}
        0 if found == 0 && number("schema_version")? == 0 => {}
        _ => {
            return Err(OpenError::Foreign {
                path: path.to_owned(),
            });
        }
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

/// Brings the schema up to version `target`. Two processes may do this at once: each step looks at the version again
/// under the write lock.
fn migrate(connection: &mut Connection, target: usize) -> rusqlite::Result<()> {
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let next = usize::try_from(version).unwrap_or(usize::MAX);
        let Some(sql) = MIGRATIONS.get(..target).and_then(|known| known.get(next)) else {
            return transaction.commit();
        };
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables_and_indexes(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn every_earlier_version_reaches_the_newest() {
        let newest = {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection, MIGRATIONS.len()).unwrap();
            tables_and_indexes(&connection)
        };
        assert!(!newest.is_empty());
        for earlier in 0..=MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection, earlier).unwrap();
            migrate(&mut connection, MIGRATIONS.len()).unwrap();
            assert_eq!(tables_and_indexes(&connection), newest, "from version {earlier}");
        }
    }
}
