//! Connections: taking them, speaking HTTP/1 on them, and breaking them where a fault asks for it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Response;
use http_body_util::combinators::BoxBody;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long what is under way may take to end once it is to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Connections open at once; further ones wait in the system's queue.
const MOST_CONNECTIONS: usize = 1_024;
/// For the head of a request, and for the handshake of TLS.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// How long to leave the system alone after it had no connection to give.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Of an answer.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// What answers requests; `None` breaks the connection instead.
pub(crate) trait Answer: Clone + Send + Sync + 'static {
    fn answer(
        &self,
        request: hyper::Request<Incoming>,
    ) -> impl Future<Output = Option<Response<Body>>> + Send;
}

/// Serves until it is told to stop; then waits for connections and for what goes on `beside` them, but not for ever.
pub(crate) async fn serve<A: Answer>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
    beside: TaskTracker,
    answer: A,
) {
    let open = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Some((stream, slot)) = next(&listener, &slots, &stop).await {
        let one = converse(stream, tls.clone(), stop.clone(), answer.clone());
        open.spawn(async move {
            one.await;
            drop(slot);
        });
    }
    drop(listener);
    open.close();
    beside.close();
    let ended = async {
        open.wait().await;
        beside.wait().await;
    };
    if tokio::time::timeout(STOP_DEADLINE, ended).await.is_err() {
        tracing::warn!(connections = open.len(), "left what did not end in time");
    }
}

async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
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
        () = stop.cancelled() => None,
        accepted = accepted => accepted,
    }
}

/// One connection until it ends.
async fn converse<A: Answer>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
    answer: A,
) {
    // Answers are small and written whole: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let Ok((stream, handle)) = twin(stream) else {
        return;
    };
    let broken = Arc::new(AtomicBool::new(false));
    match tls {
        None => speak(stream, stop, answer, broken.clone()).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                speak(stream, stop, answer, broken.clone()).await;
            }
        }
    }
    if broken.load(Ordering::Relaxed) {
        // The last close is then a reset, and not an orderly end.
        let _ = SockRef::from(&handle).set_linger(Some(Duration::ZERO));
    }
}

/// The stream, and a second handle of its socket that outlives it.
fn twin(stream: TcpStream) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let stream = stream.into_std()?;
    let handle = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, handle))
}

async fn speak<S, A>(stream: S, stop: CancellationToken, answer: A, broken: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    A: Answer,
{
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (answer, broken) = (answer.clone(), broken.clone());
        async move {
            let answer = answer.answer(request).await;
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
