//! Keeps what happened: the ports of `pilotage_core` on an embedded SQLite file.
//!
//! Every port method is one transaction, written by the one writer thread of `sqlite::writer` together with
//! whatever else is waiting; answers leave after the commit. The audit records of a change are part of its
//! transaction, so an unaudited change cannot be expressed.

mod bell;
mod sqlite;

pub use bell::LocalBell;
pub use sqlite::{OpenError, SqliteStore, VerifyError, VerifyReport, verify_file};
