//! A stream that does not wait for ever for a peer to read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long one write may be pending: a peer that reads nothing for so long is gone, or means harm.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// `stream`, whose writes fail with `TimedOut` once they have been pending for too long. Reading is as it was. What it
/// `held` is let go with it, whoever has it by then: a connection that becomes a WebSocket leaves its HTTP server.
pub(crate) struct Impatient<S, H> {
    stream: S,
    pending: Option<Pin<Box<Sleep>>>,
    _held: H,
}

impl<S, H> Impatient<S, H> {
    pub(crate) const fn new(stream: S, held: H) -> Self {
        Self {
            stream,
            pending: None,
            _held: held,
        }
    }

    /// Passes on what a write answered, and counts the time as long as it is pending.
    fn bounded<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.pending = None;
            return polled;
        }
        let pending = self.pending.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        ready!(pending.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the peer does not read",
        )))
    }
}

impl<S: AsyncRead + Unpin, H: Unpin> AsyncRead for Impatient<S, H> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, H: Unpin> AsyncWrite for Impatient<S, H> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(polled, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (ours, _theirs) = duplex(4);
        let error = Impatient::new(ours, ()).write_all(b"longer").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_gets_everything() {
        let (ours, mut theirs) = duplex(1);
        let written = tokio::spawn(async move { Impatient::new(ours, ()).write_all(b"slowly").await });
        let mut read = [0; 6];
        for byte in &mut read {
            sleep(WRITE_TIMEOUT / 2).await;
            *byte = theirs.read_u8().await.unwrap();
        }
        written.await.unwrap().unwrap();
        assert_eq!(&read, b"slowly");
    }
}
