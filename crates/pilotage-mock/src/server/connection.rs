//! Connections: taking them, speaking HTTP/1 on them, and breaking them where a fault asks for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::{STOP_DEADLINE, Shared, answering};

/// Connections open at once; further ones wait in the system's queue.
const MOST_CONNECTIONS: usize = 1_024;
/// For the head of a request, and for the handshake of TLS.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// How long to leave the system alone after it had no connection to give.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Serves until it is told to stop; then waits for what is under way, but not for ever.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let open = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Some((stream, slot)) = next(&listener, &slots, &shared).await {
        let one = converse(stream, tls.clone(), shared.clone());
        let stop = shared.stop.clone();
        open.spawn(async move {
            one.await;
            drop((slot, stop));
        });
    }
    drop(listener);
    open.close();
    shared.deliveries.close();
    let ended = async {
        open.wait().await;
        shared.deliveries.wait().await;
    };
    if tokio::time::timeout(STOP_DEADLINE, ended).await.is_err() {
        tracing::warn!(connections = open.len(), "left what did not end in time");
    }
    answering::keep(&shared).await;
}

async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    shared: &Shared,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accepted = async {
        let slot = slots.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, slot)),
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection; trying again");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => None,
        accepted = accepted => accepted,
    }
}

/// One connection until it ends.
async fn converse(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Answers are small and written whole: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let Ok((stream, handle)) = twin(stream) else {
        return;
    };
    let broken = Arc::new(AtomicBool::new(false));
    match tls {
        None => speak(stream, shared, broken.clone()).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                speak(stream, shared, broken.clone()).await;
            }
        }
    }
    if broken.load(Ordering::Relaxed) {
        // The last close is then a reset, and not an orderly end.
        let _ = SockRef::from(&handle).set_linger(Some(Duration::ZERO));
    }
}

/// The stream, and a second handle of its socket that outlives it.
fn twin(stream: TcpStream) -> std::io::Result<(TcpStream, std::net::TcpStream)> {
    let stream = stream.into_std()?;
    let handle = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, handle))
}

async fn speak<S>(stream: S, shared: Arc<Shared>, broken: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stop = shared.stop.clone();
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (shared, broken) = (shared.clone(), broken.clone());
        async move {
            let answer = answering::answer(&shared, request).await;
            if answer.is_none() {
                broken.store(true, Ordering::Relaxed);
            }
            // Hyper closes a connection whose service fails, without an answer.
            answer.ok_or(Broken)
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MOST_HEAD_BYTES);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// A connection that is to be broken.
#[derive(Debug, thiserror::Error)]
#[error("broken as it was asked for")]
struct Broken;
