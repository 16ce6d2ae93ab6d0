//! A transport of whole messages, for what is no HTTP: WebSocket frames, and lines on standard input and output.

use std::{borrow::Cow, sync::Arc, time::Instant};

use pilotage_core::Caller;
use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    service::serve_server_with_ct,
    transport::{IntoTransport, Transport},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{
    limits::Limits,
    message::{self, Head, INVALID_PARAMS, INVALID_REQUEST, MOST_MESSAGE_BYTES, TOO_MUCH},
};
use crate::server::{Connection, Server};

/// Messages that wait on either side; beyond them the other side waits.
pub(super) const MOST_QUEUED: usize = 64;

/// Why a message did not go out: the other end is gone.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection has ended")]
pub(super) struct Ended;

/// The server's end.
struct Pipe {
    incoming: mpsc::Receiver<ClientJsonRpcMessage>,
    outgoing: mpsc::Sender<String>,
}

impl Transport<RoleServer> for Pipe {
    type Error = Ended;

    fn name() -> Cow<'static, str> {
        "pipe".into()
    }

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Ended>> + Send + 'static {
        let outgoing = self.outgoing.clone();
        async move {
            let text = serde_json::to_string(&message).map_err(|_| Ended)?;
            outgoing.send(text).await.map_err(|_| Ended)
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> Result<(), Ended> {
        self.incoming.close();
        Ok(())
    }
}

/// What comes in is judged here, before the protocol sees it.
pub(super) struct Inlet {
    caller: Caller,
    limits: Limits,
    incoming: mpsc::Sender<ClientJsonRpcMessage>,
    outgoing: mpsc::Sender<String>,
}

impl Inlet {
    /// Takes one message as it came.
    ///
    /// # Errors
    /// The connection has ended.
    pub(super) async fn take(&self, bytes: &[u8]) -> Result<(), Ended> {
        match self.judge(bytes) {
            Ok(message) => self.incoming.send(message).await.map_err(|_| Ended),
            Err(Some(refusal)) => self.outgoing.send(refusal.to_string()).await.map_err(|_| Ended),
            Err(None) => Ok(()),
        }
    }

    /// Tells the other end that a message was too long to be read.
    ///
    /// # Errors
    /// The connection has ended.
    pub(super) async fn refuse_long(&self) -> Result<(), Ended> {
        let text = format!("a message has at most {MOST_MESSAGE_BYTES} bytes");
        let refusal = message::error(&Value::Null, INVALID_REQUEST, &text, None);
        self.outgoing.send(refusal.to_string()).await.map_err(|_| Ended)
    }

    /// The message, or what to answer instead, if anything.
    fn judge(&self, bytes: &[u8]) -> Result<ClientJsonRpcMessage, Option<Value>> {
        let head = Head::read(bytes).map_err(|malformed| Some(malformed.answer()))?;
        if head.is_request()
            && let Err(wait) = self.limits.take(&self.caller.actor, Instant::now())
        {
            let wait_ms = u64::try_from(wait.as_millis())
                .unwrap_or(u64::MAX)
                .saturating_add(1);
            let text = format!("too many messages: wait {wait_ms} ms, then send it again");
            let data = json!({ "retryAfterMs": wait_ms });
            return Err(Some(message::error(&head.id(), TOO_MUCH, &text, Some(data))));
        }
        match serde_json::from_slice(bytes) {
            Ok(message) => Ok(message),
            Err(_) if !head.is_request() => Err(None),
            Err(_) => Err(Some(message::error(
                &head.id(),
                INVALID_PARAMS,
                "the parameters are not those of the method",
                None,
            ))),
        }
    }
}

/// The two ends of a conversation with a server: what comes in is given to the first, what goes out comes from the second.
/// The conversation ends when either is dropped or `stop` is cancelled.
pub(super) fn converse(
    server: Arc<Server>,
    caller: Caller,
    limits: Limits,
    stop: CancellationToken,
) -> (Inlet, mpsc::Receiver<String>) {
    let (to_server, incoming) = mpsc::channel(MOST_QUEUED);
    let (outgoing, from_server) = mpsc::channel(MOST_QUEUED);
    let inlet = Inlet {
        caller: caller.clone(),
        limits,
        incoming: to_server,
        outgoing: outgoing.clone(),
    };
    let connection = Connection::new(server, Some(caller));
    tokio::spawn(async move {
        let pipe = IntoTransport::<RoleServer, Ended, _>::into_transport(Pipe { incoming, outgoing });
        match serve_server_with_ct(connection, pipe, stop).await {
            Ok(running) => {
                let _ = running.waiting().await;
            }
            Err(error) => tracing::debug!(%error, "a conversation ended before it began"),
        }
    });
    (inlet, from_server)
}

/// Speaks the protocol on lines, as `pilotage mcp` does on standard input and output, until the input ends or `stop`.
///
/// # Errors
/// The lines cannot be read or written.
pub async fn serve_lines(
    server: Arc<Server>,
    caller: Caller,
    limits: Limits,
    mut input: impl AsyncBufRead + Unpin + Send,
    mut output: impl AsyncWrite + Unpin + Send + 'static,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let (inlet, mut answers) = converse(server, caller, limits, stop.clone());
    let writing = tokio::spawn(async move {
        while let Some(mut line) = answers.recv().await {
            line.push('\n');
            output.write_all(line.as_bytes()).await?;
            output.flush().await?;
        }
        Ok::<_, std::io::Error>(())
    });
    let mut line = Vec::new();
    loop {
        let read = tokio::select! {
            read = next_line(&mut input, &mut line) => read?,
            () = stop.cancelled() => break,
        };
        let taken = match read {
            Read::Line if line.trim_ascii().is_empty() => Ok(()),
            Read::Line => inlet.take(&line).await,
            Read::TooLong => inlet.refuse_long().await,
            Read::End => break,
        };
        if taken.is_err() {
            break;
        }
    }
    // The server answers what it was asked, then lets go of the output.
    drop(inlet);
    writing.await.map_err(std::io::Error::other)?
}

enum Read {
    Line,
    TooLong,
    End,
}

/// Reads a line of at most so many bytes; what is longer is read over.
async fn next_line(input: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> std::io::Result<Read> {
    line.clear();
    let most = MOST_MESSAGE_BYTES as u64 + 1;
    let length = (&mut *input).take(most).read_until(b'\n', line).await?;
    if length == 0 {
        return Ok(Read::End);
    }
    if line.len() <= MOST_MESSAGE_BYTES {
        return Ok(Read::Line);
    }
    while line.last() != Some(&b'\n') {
        line.clear();
        if (&mut *input).take(most).read_until(b'\n', line).await? == 0 {
            break;
        }
    }
    Ok(Read::TooLong)
}
