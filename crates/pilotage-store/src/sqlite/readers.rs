//! A few read-only connections, used from blocking tasks.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use pilotage_core::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{error::Failure, schema};

/// Reads that may run at once. More would not be faster: the machine's disk and cores are shared with the writer.
const READERS: usize = 3;

/// The connections that nobody is reading with.
#[derive(Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Opens the connections.
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connections: Vec<_> = (0..READERS)
            .map(|_| schema::open_reader(path))
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(connections)),
            permits: Arc::new(Semaphore::new(READERS)),
        })
    }

    /// Runs `read` in one read transaction, off the async threads.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| closed())?;
        let idle = Arc::clone(&self.idle);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let borrowed = Borrowed::take(idle).ok_or_else(closed)?;
            borrowed.snapshot(read).map_err(StoreError::from)
        });
        task.await
            .unwrap_or_else(|_| Err(StoreError::Corrupt("a read panicked".to_owned())))
    }

    /// Waits for the reads under way and closes the connections.
    pub(super) async fn close(&self) {
        let all = u32::try_from(READERS).unwrap_or(u32::MAX);
        let permits = self.permits.acquire_many(all).await;
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        drop(permits);
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// A connection that finds its way back even when the read panics.
struct Borrowed {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Borrowed {
    fn take(idle: Arc<Mutex<Vec<Connection>>>) -> Option<Self> {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Self {
            connection: Some(connection),
            idle,
        })
    }

    fn snapshot<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        let Some(connection) = &self.connection else {
            return Err(Failure::corrupt("the connection is gone"));
        };
        let transaction = connection.unchecked_transaction()?;
        let result = read(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
    }
}
