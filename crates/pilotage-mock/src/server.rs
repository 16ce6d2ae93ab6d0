//! The model behind a socket: HTTP or HTTPS, faults on the wire, and what goes out to others.

mod answering;
mod keeping;
mod outgoing;
mod tls;

use std::{
    fmt, io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use http::Response;
use hyper::{Request, body::Incoming};
use pilotage_core::Timestamp;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    connection::{self, Answer, Body},
    make::{Model, Seed, SeedError},
};
use outgoing::Outgoing;

/// Where the mock takes the time from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How to run a mock Make.
#[derive(Clone)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// HTTPS with a certificate that it makes for itself, instead of HTTP.
    pub tls: bool,
    /// What it begins with.
    pub seed: Seed,
    /// Keeps its state in this file, and begins with it if it is there.
    pub state: Option<PathBuf>,
    /// The time. Tests hand in their own.
    pub clock: Clock,
    /// Whether deliveries may go to other machines, and not to this one alone.
    pub allow_outgoing: bool,
}

impl Options {
    /// On a free port of this machine, with the built-in seed, in memory and with the system's clock.
    ///
    /// # Errors
    /// None: a test reads the built-in seed.
    pub fn new() -> Result<Self, SeedError> {
        Ok(Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: false,
            seed: Seed::built_in()?,
            state: None,
            clock: Arc::new(Timestamp::now),
            allow_outgoing: false,
        })
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Options");
        shown
            .field("listen", &self.listen)
            .field("tls", &self.tls)
            .field("state", &self.state);
        shown.finish_non_exhaustive()
    }
}

/// Why a mock does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// As it was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The file with the state cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file with the state holds something else.
    #[error("{} is not the state of a mock", .path.display())]
    State {
        /// Which one.
        path: PathBuf,
        /// What is wrong in it.
        source: SeedError,
    },
    /// No certificate or no client could be made.
    #[error("cannot prepare TLS: {0}")]
    Tls(String),
}

/// A mock Make that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct MockMake {
    url: String,
    token: String,
    certificate: Option<String>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl MockMake {
    /// Listens, and answers once this returns.
    ///
    /// # Errors
    /// The address cannot be listened on, or the file with the state cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let state = options.state.as_deref().map(keeping::read).transpose()?.flatten();
        let address = options.listen;
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let tls = options.tls.then(|| tls::Tls::of(local.ip())).transpose()?;
        let scheme = if options.tls { "https" } else { "http" };
        let url = format!("{scheme}://{local}");
        let token = state.as_ref().unwrap_or(&options.seed).token();
        let shared = Arc::new(Shared {
            model: Mutex::new(Model::new(options.seed, state.as_ref(), url.clone())),
            clock: options.clock,
            outgoing: Outgoing::new(options.allow_outgoing)?,
            keeper: options.state.map(keeping::Keeper::new),
            deliveries: TaskTracker::new(),
        });
        let stop = CancellationToken::new();
        let (acceptor, certificate) = tls.map(|tls| (tls.acceptor, tls.certificate)).unzip();
        let beside = shared.deliveries.clone();
        let serve = connection::serve(listener, acceptor, stop.clone(), beside, shared.clone());
        let serving = tokio::spawn(async move {
            serve.await;
            answering::keep(&shared).await;
        });
        Ok(Self {
            url,
            token,
            certificate,
            stop,
            serving,
        })
    }

    /// Such as `http://127.0.0.1:49152`, without the `/api/v2` under which Make's API lies.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What Make's own tools call the zone: host and port.
    pub fn zone(&self) -> &str {
        self.url.split("://").nth(1).unwrap_or_default()
    }

    /// The first token of the seed.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The certificate in PEM, for those who are to trust it; `None` without TLS.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Takes no more, lets what is under way end, and keeps the state.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // It ends by itself; how it ended is of no interest any more.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for MockMake {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What all connections share.
struct Shared {
    model: Mutex<Model>,
    clock: Clock,
    outgoing: Outgoing,
    keeper: Option<keeping::Keeper>,
    deliveries: TaskTracker,
}

impl Answer for Arc<Shared> {
    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Body>> {
        answering::answer(self, request).await
    }
}

impl Shared {
    fn with_model<T>(&self, act: impl FnOnce(&mut Model) -> T) -> T {
        act(&mut self.model.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
