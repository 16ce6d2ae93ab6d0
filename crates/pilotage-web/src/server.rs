use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;

use crate::{impatient::Impatient, shares::Shares};

/// Connections open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Over all addresses; further ones wait in the system's queue.
    pub most: usize,
    /// From one address (one /64 of IPv6); further ones are closed.
    pub of_one_address: usize,
    /// From this machine; further ones are closed.
    pub of_this_machine: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            most: 16_384,
            of_one_address: 1_024,
            of_this_machine: 16_384,
        }
    }
}

/// For the head of a request, and so also for a connection that says nothing between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head; longer ones are answered 431.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// How long to leave the system alone after it had no connection to give (out of descriptors).
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Serves HTTP/1 on `listener` until `stop`, and cuts peers that do not read their answers. Then it takes no more, lets requests under way end, and cuts what is left after
/// `deadline`. Every request carries its peer as `ConnectInfo<SocketAddr>`.
///
/// # Errors
/// None at present: what fails on one connection ends that connection alone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Connections,
    stop: CancellationToken,
    deadline: Duration,
) -> io::Result<()> {
    let open = TaskTracker::new();
    let cut = CancellationToken::new();
    let slots = Arc::new(Semaphore::new(limits.most));
    let abroad = Arc::new(Shares::new(limits.of_one_address));
    let here = Arc::new(Shares::new(limits.of_this_machine));
    while let Some((stream, peer, slot)) = next_connection(&listener, &slots, &stop).await {
        let is_here = peer.ip().to_canonical().is_loopback();
        let Some(share) = Share::take(if is_here { &here } else { &abroad }, peer.ip()) else {
            tracing::debug!(%peer, "closed a connection: its address has too many");
            continue;
        };
        // Answers are small and written whole: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let stream = Impatient::new(stream, (slot, share));
        let conversation = converse(stream, peer, router.clone(), stop.clone());
        let cut = cut.clone();
        open.spawn(async move {
            tokio::select! {
                () = conversation => {}
                () = cut.cancelled() => {}
            }
        });
    }
    drop(listener);
    open.close();
    if tokio::time::timeout(deadline, open.wait()).await.is_err() {
        tracing::warn!(
            connections = open.len(),
            "cut the connections that did not end in time"
        );
        cut.cancel();
        open.wait().await;
    }
    Ok(())
}

/// A stream with its place among all connections and among those of its address.
type Connection = Impatient<TcpStream, (OwnedSemaphorePermit, Share)>;

/// One connection among those of its address, given back when it is dropped.
struct Share {
    shares: Arc<Shares>,
    address: IpAddr,
}

impl Share {
    fn take(shares: &Arc<Shares>, address: IpAddr) -> Option<Self> {
        shares.take(address, 1).then(|| Self {
            shares: shares.clone(),
            address,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shares.give_back(self.address, 1);
    }
}

async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let next = async {
        let slot = slots.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return Some((stream, peer, slot)),
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection; trying again");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        connection = next => connection,
    }
}

/// Serves one connection until it ends, or, after `stop`, until its present request is answered.
async fn converse(stream: Connection, peer: SocketAddr, router: Router, stop: CancellationToken) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MOST_HEAD_BYTES);
    let mut connection = pin!(
        builder
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended badly");
    }
}
