//! Every call on Pilotage's audit trail: who, which tool, a digest of the arguments, dry or not, and how it ended. Never the
//! arguments themselves.

use std::sync::Arc;

use futures::future::join_all;
use pilotage_core::{
    Caller, Timestamp,
    audit::{NewAuditRecord, kind},
    ports::{Registry, StoreError},
};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Records that wait to be written; beyond them callers wait.
const MOST_WAITING: usize = 1_024;
/// Records written at once: the store makes one commit of them.
const BATCH: usize = 256;

/// What is to be remembered about a call.
#[derive(Clone, Debug)]
pub(crate) struct Called<'a> {
    pub(crate) caller: &'a Caller,
    /// The tool, or the address of a resource, or the name of a prompt.
    pub(crate) subject: &'a str,
    /// SHA-256 over the canonical text of the arguments, in hexadecimal.
    pub(crate) arguments: &'a str,
    pub(crate) dry_run: bool,
    /// One word: begun, done, failed, refused, invalid, cancelled, asked.
    pub(crate) outcome: &'a str,
    /// How a person agreed, where that was needed.
    pub(crate) consent: Option<&'a str>,
}

impl Called<'_> {
    fn record(&self) -> NewAuditRecord {
        let facts = json!({
            "door": "mcp", "arguments": self.arguments, "dryRun": self.dry_run,
            "outcome": self.outcome, "consent": self.consent,
        });
        let subject = &self.subject[..self.subject.floor_char_boundary(200)];
        NewAuditRecord {
            at: Timestamp::now(),
            tenant: "default".into(),
            actor: self.caller.actor.clone(),
            kind: kind::TOOL_CALLED.into(),
            subject: subject.to_owned(),
            facts: facts.to_string(),
        }
    }
}

/// A record on its way, and who waits until it is written.
type Waiting = (NewAuditRecord, Option<oneshot::Sender<Result<(), StoreError>>>);

/// Writes the trail in the order of the calls, in batches by one writer that loses nothing when it is closed. Whoever changed
/// something waits until his record is written; whoever only read does not.
#[derive(Clone)]
pub struct Trail {
    store: Arc<dyn Registry>,
    records: mpsc::Sender<Waiting>,
    closing: CancellationToken,
    writer: TaskTracker,
}

impl Trail {
    /// A trail in this store. It needs a runtime to write on.
    pub fn new(store: Arc<dyn Registry>) -> Self {
        let (records, waiting) = mpsc::channel(MOST_WAITING);
        let closing = CancellationToken::new();
        let writer = TaskTracker::new();
        writer.spawn(write(store.clone(), waiting, closing.clone()));
        writer.close();
        Self {
            store,
            records,
            closing,
            writer,
        }
    }

    /// Records a call that may have changed something, before its answer leaves.
    ///
    /// # Errors
    /// The store takes nothing.
    pub(crate) async fn change(&self, called: &Called<'_>) -> Result<(), StoreError> {
        let (tell, written) = oneshot::channel();
        if let Err(late) = self.records.send((called.record(), Some(tell))).await {
            // The writer has ended, so this one is written here.
            return self.store.note(late.0.0).await;
        }
        let ended = |_| StoreError::Unavailable("the audit trail is closed".to_owned());
        written.await.map_err(ended)?
    }

    /// Records a call that changed nothing, soon.
    pub(crate) async fn read(&self, called: &Called<'_>) {
        if let Err(late) = self.records.send((called.record(), None)).await {
            // As for changes.
            note(&self.store, late.0).await;
        }
    }

    /// Writes what waits, and ends.
    pub async fn close(&self) {
        self.closing.cancel();
        self.writer.wait().await;
    }
}

async fn write(store: Arc<dyn Registry>, mut waiting: mpsc::Receiver<Waiting>, closing: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            received = waiting.recv_many(&mut batch, BATCH) => if received == 0 { return },
            () = closing.cancelled(), if !waiting.is_closed() => {
                // What was sent before is still received.
                waiting.close();
            }
        }
        join_all(batch.drain(..).map(|record| note(&store, record))).await;
    }
}

async fn note(store: &Arc<dyn Registry>, (record, tell): Waiting) {
    let written = store.note(record).await;
    match tell {
        // Who was cancelled meanwhile does not wait any more.
        Some(tell) => drop(tell.send(written)),
        None => {
            if let Err(error) = written {
                tracing::error!(%error, "a call of a tool that changed nothing could not be recorded");
            }
        }
    }
}
