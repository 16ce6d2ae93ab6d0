//! The one writer: a thread that owns the write connection and commits what is waiting in groups.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use pilotage_core::ports::{Bell, News, StoreError};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{
    OpenError,
    checkpoint::Checkpoints,
    error::Failure,
    transaction::{Memory, Transaction},
};

/// Commands that may wait for the writer.
const QUEUE_COMMANDS: usize = 1_024;
/// Bytes of bodies that may wait for the writer.
const QUEUE_BYTES: usize = 64 << 20;
/// Commands in one transaction.
const GROUP_COMMANDS: usize = 512;
/// Bytes of bodies in one transaction.
const GROUP_BYTES: usize = 8 << 20;
/// How often the writer lets others run before it commits a group smaller than the one before.
const YIELDS: usize = 4;

/// Something to be done in a transaction and answered after its commit.
pub(super) trait Command: Send {
    /// Bytes that it holds in memory while it waits, as far as they matter.
    fn bytes(&self) -> usize {
        0
    }

    /// Makes its changes and keeps its answer.
    ///
    /// # Errors
    /// The whole group must be rolled back.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), StoreError>;

    /// Answers, after the commit or with the reason for which there was none.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

enum Message {
    Run(Box<dyn Command>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer. Cheap to clone; the writer ends when it is told to or when nobody can reach it any more.
#[derive(Clone)]
pub(super) struct Writer {
    messages: mpsc::Sender<Message>,
    waiting_bytes: Arc<AtomicUsize>,
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        mut connection: Connection,
        path: &Path,
        bell: Arc<dyn Bell>,
    ) -> Result<Self, OpenError> {
        let checkpoints =
            Checkpoints::start(&mut connection, path).map_err(|source| OpenError::Database {
                path: path.to_owned(),
                source,
            })?;
        let (messages, receiver) = mpsc::channel(QUEUE_COMMANDS);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let worker = Worker {
            connection,
            bell,
            messages: receiver,
            waiting_bytes: Arc::clone(&waiting_bytes),
            last_group: 0,
            memory: Memory::default(),
            checkpoints,
        };
        thread::Builder::new()
            .name("pilotage-store".to_owned())
            .spawn(move || worker.work())
            .map_err(|source| OpenError::Io {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            messages,
            waiting_bytes,
        })
    }

    /// Hands a command over, or says at once that there is no room for it.
    pub(super) fn try_send(&self, command: Box<dyn Command>) -> Result<(), StoreError> {
        let bytes = command.bytes();
        let waiting = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        // One large body is always let in, otherwise it could never be stored.
        let sent = if waiting > 0 && waiting.saturating_add(bytes) > QUEUE_BYTES {
            Err(full())
        } else {
            self.messages
                .try_send(Message::Run(command))
                .map_err(|error| match error {
                    mpsc::error::TrySendError::Full(_) => full(),
                    mpsc::error::TrySendError::Closed(_) => closed(),
                })
        };
        if sent.is_err() {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        sent
    }

    /// Runs `work` in the writer's next transaction and answers after its commit. An error of `work` undoes its changes
    /// alone.
    pub(super) async fn call<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = Call {
            work: Some(work),
            result: None,
            reply,
        };
        self.messages
            .send(Message::Run(Box::new(call)))
            .await
            .map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Lets the writer finish what was sent before, checkpoint and end.
    pub(super) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.messages.send(Message::Close(reply)).await.is_ok() {
            let _ = answer.await;
        }
    }
}

fn full() -> StoreError {
    StoreError::Unavailable("too many writes are waiting".to_owned())
}

struct Call<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Command for Call<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        if let Some(work) = self.work.take() {
            self.result = Some(transaction.attempt(work)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(closed().into()),
            (Err(error), _) => Err(error.into()),
        };
        // Whoever asked may have gone away; what was done stays done.
        let _ = self.reply.send(result);
    }
}

struct Worker {
    connection: Connection,
    bell: Arc<dyn Bell>,
    messages: mpsc::Receiver<Message>,
    waiting_bytes: Arc<AtomicUsize>,
    /// Commands in the group before.
    last_group: usize,
    memory: Memory,
    checkpoints: Checkpoints,
}

/// What a round of the writer works through.
#[derive(Default)]
struct Group {
    commands: Vec<Box<dyn Command>>,
    close: Option<oneshot::Sender<()>>,
}

impl Worker {
    fn work(mut self) {
        while let Some(first) = self.messages.blocking_recv() {
            if let Some(reply) = self.round(first) {
                self.end(reply);
                return;
            }
        }
        self.settle();
        self.checkpoints.end();
        self.checkpoint();
    }

    /// One transaction: the first message and whatever waits behind it.
    fn round(&mut self, first: Message) -> Option<oneshot::Sender<()>> {
        let mut group = Group::default();
        let outcome =
            catch_unwind(AssertUnwindSafe(|| self.transact(first, &mut group))).unwrap_or_else(|_| {
                tracing::error!("the store's writer panicked; the group is rolled back");
                Err(StoreError::Unavailable("the writer panicked".to_owned()))
            });
        if outcome.is_err() {
            self.memory.forget();
            if !self.connection.is_autocommit() {
                let _ = self.connection.execute_batch("ROLLBACK");
            }
        }
        self.last_group = group.commands.len();
        let committed = outcome.as_ref().map(drop).map_err(Clone::clone);
        for command in group.commands {
            command.answer(committed.clone());
        }
        for news in outcome.unwrap_or_default() {
            self.bell.ring(news);
        }
        self.checkpoints.after_commit(&self.connection);
        group.close
    }

    fn transact(&mut self, first: Message, group: &mut Group) -> Result<Vec<News>, StoreError> {
        let mut next = Some(first);
        let mut memory = Some(&mut self.memory);
        let mut transaction = None;
        let mut failed = None;
        let mut bytes = 0_usize;
        while let Some(message) = next.take() {
            let command = match message {
                Message::Close(reply) => {
                    group.close = Some(reply);
                    break;
                }
                Message::Run(command) => command,
            };
            bytes = bytes.saturating_add(command.bytes());
            self.waiting_bytes.fetch_sub(command.bytes(), Ordering::Relaxed);
            // First into the group, so that it is answered even if it panics.
            group.commands.push(command);
            let command = group.commands.last_mut();
            // After a failure the rest of the group is only collected, to be answered with it.
            if let (None, Some(command)) = (&failed, command) {
                failed = run_in(&self.connection, &mut memory, &mut transaction, &mut **command).err();
            }
            if group.commands.len() < GROUP_COMMANDS && bytes < GROUP_BYTES {
                next = next_in_group(&mut self.messages, group.commands.len(), self.last_group);
            }
        }
        match (failed, transaction) {
            (Some(error), _) => Err(error),
            (None, Some(transaction)) => transaction.commit().map_err(StoreError::from),
            (None, None) => Ok(Vec::new()),
        }
    }

    fn end(mut self, reply: oneshot::Sender<()>) {
        self.settle();
        self.checkpoints.end();
        self.checkpoint();
        let Self { connection, .. } = self;
        if let Err((_, error)) = connection.close() {
            tracing::warn!(%error, "the database did not close cleanly; nothing is lost");
        }
        let _ = reply.send(());
    }

    /// Leaves nothing for the next start to read back. Where that fails, the next start does it.
    fn settle(&mut self) {
        let settled = self
            .connection
            .unchecked_transaction()
            .map_err(Failure::from)
            .and_then(|transaction| {
                self.memory.settle(&transaction)?;
                Ok(transaction.commit()?)
            });
        if let Err(error) = settled {
            self.memory.forget();
            tracing::warn!(error = %StoreError::from(error), "the newest keys are not in their table yet; the next start will do it");
        }
    }

    fn checkpoint(&self) {
        let checkpointed = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = checkpointed {
            tracing::warn!(%error, "the last checkpoint failed; the next start will do it");
        }
    }
}

/// What else is waiting. Those who were answered together come back one after another; letting them run for a moment
/// saves their commit another wait for the disk. Who comes alone is never waited for.
fn next_in_group(messages: &mut mpsc::Receiver<Message>, size: usize, expected: usize) -> Option<Message> {
    let mut yields = 0;
    loop {
        let next = messages.try_recv().ok();
        if next.is_some() || size >= expected || yields == YIELDS {
            return next;
        }
        yields += 1;
        thread::yield_now();
    }
}

fn run_in<'c>(
    connection: &'c Connection,
    memory: &mut Option<&'c mut Memory>,
    transaction: &mut Option<Transaction<'c>>,
    command: &mut dyn Command,
) -> Result<(), StoreError> {
    if let Some(memory) = memory.take() {
        *transaction = Some(Transaction::begin(connection, memory).map_err(StoreError::from)?);
    }
    match transaction {
        Some(transaction) => command.run(transaction),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{LocalBell, sqlite::schema};

    fn writer(folder: &Path) -> Writer {
        let path = folder.join("store.db");
        std::fs::File::create(&path).unwrap();
        Writer::start(
            schema::open_writer(&path).unwrap(),
            &path,
            Arc::new(LocalBell::new()),
        )
        .unwrap()
    }

    fn count_probe(transaction: &mut Transaction<'_>) -> i64 {
        let connection = transaction.connection();
        connection
            .execute("UPDATE state SET probes = probes + 1", [])
            .unwrap();
        connection
            .query_row("SELECT probes FROM state", [], |row| row.get(0))
            .unwrap()
    }

    #[tokio::test]
    async fn a_command_that_panics_or_fails_harms_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path());
        let good = || writer.call(|transaction| Ok::<_, StoreError>(count_probe(transaction)));
        let panics = writer.call(|transaction| -> Result<(), StoreError> {
            count_probe(transaction);
            panic!("on purpose");
        });
        let fails = writer.call(|transaction| {
            count_probe(transaction);
            Err::<(), _>(StoreError::Corrupt("on purpose".to_owned()))
        });
        let (first, panicked, failed, second) = tokio::join!(good(), panics, fails, good());
        assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
        assert!(matches!(panicked, Err(StoreError::Corrupt(_))));
        assert!(matches!(failed, Err(StoreError::Corrupt(_))));
        writer.close().await;
    }

    struct Bomb(Option<oneshot::Sender<StoreError>>);

    impl Command for Bomb {
        fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
            count_probe(transaction);
            panic!("on purpose");
        }

        fn answer(mut self: Box<Self>, committed: Result<(), StoreError>) {
            if let (Some(reply), Err(error)) = (self.0.take(), committed) {
                let _ = reply.send(error);
            }
        }
    }

    #[tokio::test]
    async fn a_panic_outside_a_savepoint_rolls_the_group_back_and_the_writer_lives() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path());
        let (reply, answer) = oneshot::channel();
        writer.try_send(Box::new(Bomb(Some(reply)))).unwrap();
        assert!(matches!(answer.await, Ok(StoreError::Unavailable(_))));
        let count = writer.call(|transaction| Ok::<_, StoreError>(count_probe(transaction)));
        assert_eq!(count.await.unwrap(), 1);
        writer.close().await;
    }
}
