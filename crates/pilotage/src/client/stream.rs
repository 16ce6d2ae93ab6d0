//! Follows `GET /api/v1/stream`, also across restarts of the server: it comes back with the id of the last event it saw, and
//! is told what changed since.

use std::{sync::Arc, time::Duration};

use pilotage_core::operation::StatusUpdate;
use reqwest::header;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::{Cause, Client, ClientError, sse::Parser};

/// Without a word for so long, the connection is given up. The server sends something every 15 s.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(45);
/// Waits between attempts to come back: the first, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Batches read ahead. While nobody takes them, the server sends less: only the latest state of each operation.
const MOST_AHEAD: usize = 8;

/// An update, and its JSON text as the server wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    /// What it says.
    pub(crate) status: StatusUpdate,
    /// As it was written.
    pub(crate) text: Box<RawValue>,
}

/// What a follower is told, in order.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// The server answers; the next thing is a snapshot, or what changed since.
    Connected,
    /// Every operation that is active now and passes the filters. What is not in it is not active.
    Snapshot(Vec<Update>),
    /// Operations that changed, each in its present state.
    Updates(Vec<Update>),
    /// Too much has changed since the last event; a snapshot follows. The text says why.
    Reset(String),
    /// The connection broke; another attempt comes after `wait`.
    Lost {
        /// Why, in words.
        reason: String,
        /// Until the next attempt.
        wait: Duration,
    },
}

/// The data of `snapshot` and `updates`.
#[derive(Deserialize)]
struct Batch {
    updates: Vec<Box<RawValue>>,
}

/// The data of `reset`.
#[derive(Deserialize)]
struct Reset {
    #[serde(default)]
    reason: String,
    message: Option<String>,
}

/// A running follower; it ends with this value.
pub(crate) struct Stream {
    told: mpsc::Receiver<Result<Told, ClientError>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stream {
    /// Begins to follow what passes these filters, each a JSON document.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub(crate) fn begin(client: Client, filters: Vec<String>) -> anyhow::Result<Self> {
        let http = Client::builder(&client.server)
            .read_timeout(SILENCE_TIMEOUT)
            .build()?;
        let (sender, told) = mpsc::channel(MOST_AHEAD);
        let follower = Follower {
            http,
            client: Arc::new(client),
            filters,
            parser: Parser::default(),
            wait: FIRST_WAIT,
            sender,
        };
        Ok(Self {
            told,
            task: tokio::spawn(follower.run()),
        })
    }

    /// What comes next. May be dropped and asked again: nothing is lost.
    ///
    /// # Errors
    /// The first connection failed, or the server refuses: then nothing more comes.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Told> {
        match self.told.recv().await {
            Some(told) => Ok(told?),
            None => anyhow::bail!("following the stream ended unexpectedly"),
        }
    }
}

struct Follower {
    http: reqwest::Client,
    client: Arc<Client>,
    filters: Vec<String>,
    parser: Parser,
    wait: Duration,
    sender: mpsc::Sender<Result<Told, ClientError>>,
}

/// Why a connection ended: somebody who asks again may be answered, or not.
enum Ended {
    Broken(ClientError),
    Final(ClientError),
    /// Nobody listens to what is told any more.
    Unheard,
}

impl Follower {
    async fn run(mut self) {
        let mut has_connected = false;
        loop {
            let error = match self.connect(&mut has_connected).await {
                Ended::Broken(error) if has_connected => error,
                Ended::Broken(error) | Ended::Final(error) => {
                    let _ = self.sender.send(Err(error)).await;
                    return;
                }
                Ended::Unheard => return,
            };
            let lost = Told::Lost {
                reason: error.reason(),
                wait: self.wait,
            };
            if self.tell(lost).await.is_err() {
                return;
            }
            tokio::time::sleep(self.wait).await;
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn connect(&mut self, has_connected: &mut bool) -> Ended {
        self.parser.reconnect();
        let mut response = match self.ask().await {
            Ok(response) => response,
            Err(ended) => return ended,
        };
        *has_connected = true;
        if let Err(ended) = self.tell(Told::Connected).await {
            return ended;
        }
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ended::Broken(self.broken_off("the server ended it")),
                Err(error) => return Ended::Broken(self.client.broken(error)),
            };
            if let Err(ended) = self.take(&chunk).await {
                return ended;
            }
        }
    }

    async fn ask(&self) -> Result<reqwest::Response, Ended> {
        let mut url = self.client.url("api/v1", &["stream"]);
        if !self.filters.is_empty() {
            let filters = self.filters.iter().map(|filter| ("filter", filter));
            url.query_pairs_mut().extend_pairs(filters);
        }
        let request = self
            .client
            .authorized(self.http.get(url))
            .header(header::ACCEPT, "text/event-stream");
        let request = match &self.parser.last_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        let response = request.send().await;
        let response = response.map_err(|error| Ended::Broken(self.client.broken(error)))?;
        match response.status().as_u16() {
            200 => Ok(response),
            // Too many requests, or not able to answer now: it may be later.
            status @ (429 | 500..) => Err(Ended::Broken(self.client.refused(status, response).await)),
            status => Err(Ended::Final(self.client.refused(status, response).await)),
        }
    }

    async fn take(&mut self, chunk: &[u8]) -> Result<(), Ended> {
        let events = self.parser.feed(chunk);
        // It works, so the next break is a new one. The server says when to come back then, so that not all come at once.
        self.wait = self.parser.retry.unwrap_or(FIRST_WAIT);
        for event in events.map_err(|error| Ended::Final(self.strange(error.to_string())))? {
            let told = match event.name.as_str() {
                "snapshot" => Told::Snapshot(self.updates(&event.data)?),
                "updates" => Told::Updates(self.updates(&event.data)?),
                "reset" => {
                    let reset: Reset = self.read(&event.data)?;
                    Told::Reset(reset.message.unwrap_or(reset.reason))
                }
                // Kinds of later versions.
                _ => continue,
            };
            self.tell(told).await?;
        }
        Ok(())
    }

    fn updates(&self, data: &str) -> Result<Vec<Update>, Ended> {
        let batch: Batch = self.read(data)?;
        let update = |text: Box<RawValue>| {
            Ok(Update {
                status: self.read(text.get())?,
                text,
            })
        };
        batch.updates.into_iter().map(update).collect()
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, data: &str) -> Result<T, Ended> {
        serde_json::from_str(data).map_err(|error| Ended::Final(self.strange(error.to_string())))
    }

    async fn tell(&self, told: Told) -> Result<(), Ended> {
        self.sender.send(Ok(told)).await.map_err(|_| Ended::Unheard)
    }

    fn strange(&self, reason: String) -> ClientError {
        ClientError::Strange {
            server: self.client.server.clone(),
            reason,
        }
    }

    fn broken_off(&self, why: &str) -> ClientError {
        ClientError::Broken {
            server: self.client.server.clone(),
            source: Cause(why.to_owned()),
        }
    }
}
