//! How database errors become what a caller can act on.

use std::{io, path::PathBuf};

use pilotage_core::ports::{ClaimError, OperateError, ScheduleError, StoreError};
use rusqlite::ErrorCode;

/// A failed step inside a transaction or a read. It exists because `?` needs a local type between the database's error
/// and the ports' errors.
#[derive(Debug)]
pub(super) struct Failure(StoreError);

impl Failure {
    /// The file holds what this code never wrote.
    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Self(StoreError::Corrupt(what.into()))
    }
}

/// What a caller can do about a database error.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error;
    match error {
        Error::SqliteFailure(failure, _)
            if !matches!(
                failure.code,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation
            ) =>
        {
            StoreError::Unavailable(error.to_string())
        }
        _ => StoreError::Corrupt(error.to_string()),
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self(store_error(&error))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::corrupt(error.to_string())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

impl From<Failure> for ScheduleError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.0)
    }
}

impl From<Failure> for ClaimError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.0)
    }
}

impl From<Failure> for OperateError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.0)
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or the file could not be made or read.
    #[error("cannot use {path}")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file was written by a newer version of Pilotage.
    #[error(
        "{path} has schema version {found}, this version of Pilotage knows up to {known}: start the newer Pilotage again, or restore a backup from before it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The file is a database of something else.
    #[error("{path} is not a Pilotage database")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The database refused.
    #[error("cannot open {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}
