//! A listener for webhooks: it takes what anyone sends, judges it as the sender's source would, remembers it in order,
//! and answers as it is told.

mod answering;
mod log;
mod model;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pilotage_core::Timestamp;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Clock, connection};
use log::Log;
use model::Told;
pub use model::{Accepted, Answers, Arrival, Endpoint, Verdict};

/// Arrivals that are remembered unless told otherwise.
const USUAL_ARRIVALS: usize = 10_000;

/// How to listen.
#[derive(Clone)]
pub struct ListenerOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What it takes, each at `/NAME`; where there is none, every path is taken and nothing is verified.
    pub endpoints: Vec<Endpoint>,
    /// How it answers what is not refused.
    pub answers: Answers,
    /// Arrivals that are remembered, at least one; the oldest go first. Their bodies take at most 64 MiB together.
    pub most_arrivals: usize,
    /// The time. Tests hand in their own.
    pub clock: Clock,
}

impl Default for ListenerOptions {
    /// On a free port of this machine; every path is taken, and the answer is 200.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            endpoints: Vec::new(),
            answers: Answers::default(),
            most_arrivals: USUAL_ARRIVALS,
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// Listens until it is stopped or dropped.
#[derive(Debug)]
pub struct WebhookListener {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl WebhookListener {
    /// Listens once this returns.
    ///
    /// # Errors
    /// The address is taken or not this machine's.
    pub async fn start(options: ListenerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            endpoints: options.endpoints,
            clock: options.clock,
            told: Mutex::new(Told::new(options.answers)),
            log: Mutex::new(Log::new(options.most_arrivals)),
            latest: watch::Sender::new(0),
            stop: CancellationToken::new(),
        });
        let (stop, beside) = (shared.stop.clone(), TaskTracker::new());
        let serving = tokio::spawn(connection::serve(listener, None, stop, beside, shared.clone()));
        Ok(Self {
            address,
            shared,
            serving,
        })
    }

    /// Listens on a free port of this machine, takes every path and answers 200, until it is told otherwise.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn local() -> io::Result<Self> {
        Self::start(ListenerOptions::default()).await
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Such as `http://127.0.0.1:49152`; an endpoint lies at its name below it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests that are not refused are answered with these statuses, unless `always` says otherwise.
    pub fn answer(&self, statuses: &[u16]) {
        self.shared
            .with_told(|told| told.next = statuses.iter().copied().collect());
    }

    /// Every request that is not refused is answered with this until told otherwise; with `None` as it began.
    pub fn always(&self, status: Option<u16>) {
        self.shared.with_told(|told| told.always = status);
    }

    /// Every request from now on is answered after this time; at most ten minutes.
    pub fn takes(&self, time: Duration) {
        self.shared.with_told(|told| told.answers.delay = time);
    }

    /// What arrived, oldest first, as far as it is still remembered. Arrivals are numbered without gaps.
    pub fn arrivals(&self) -> Vec<Arc<Arrival>> {
        self.arrivals_after(0)
    }

    /// What arrived after the arrival with this number, oldest first, as far as it is still remembered.
    pub fn arrivals_after(&self, number: u64) -> Vec<Arc<Arrival>> {
        self.shared.with_log(|log| log.after(number))
    }

    /// The same; waits until there is something.
    pub async fn arrived_after(&self, number: u64) -> Vec<Arc<Arrival>> {
        let mut latest = self.shared.latest.subscribe();
        // The sender is `self`'s own: it is there.
        let _ = latest.wait_for(|latest| *latest > number).await;
        self.arrivals_after(number)
    }

    /// Takes no more, and lets what is under way end; nobody is kept waiting any longer.
    pub async fn stop(mut self) {
        self.shared.stop.cancel();
        // It ends by itself; how it ended is of no interest any more.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for WebhookListener {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

/// What all connections share.
struct Shared {
    endpoints: Vec<Endpoint>,
    clock: Clock,
    told: Mutex<Told>,
    log: Mutex<Log>,
    /// The number of the latest arrival.
    latest: watch::Sender<u64>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    fn with_told<T>(&self, act: impl FnOnce(&mut Told) -> T) -> T {
        act(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_log<T>(&self, act: impl FnOnce(&mut Log) -> T) -> T {
        act(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
