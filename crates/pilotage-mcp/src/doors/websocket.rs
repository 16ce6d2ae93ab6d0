//! The protocol over WebSocket at `/ws`: a custom transport, as the specification allows.
//!
//! One JSON-RPC message per text frame, in both directions and both eras; a client that offers the subprotocol `mcp` is
//! answered with it. `Host`, `Origin` and token are checked on the upgrade by the guard, and the token again while the
//! connection lasts. Cancellation is `notifications/cancelled`, as on standard input and output; the end of the connection
//! cancels everything under way.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    response::Response,
};
use futures::{SinkExt as _, StreamExt as _, stream::SplitSink};
use pilotage_core::Caller;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    message::MOST_MESSAGE_BYTES,
    pipe::{self, Inlet},
    web::Web,
};

/// How often the other end is asked whether it lives, and whether its token still does.
const PING_EVERY: Duration = Duration::from_secs(20);
/// A connection over which nothing came for so long has ended.
const SILENCE: Duration = Duration::from_mins(1);
/// For one frame to leave.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn upgrade(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    socket: WebSocketUpgrade,
) -> Response {
    socket
        .protocols(["mcp"])
        .max_message_size(MOST_MESSAGE_BYTES)
        .max_frame_size(MOST_MESSAGE_BYTES)
        .on_upgrade(move |socket| converse(web, caller, socket))
}

async fn converse(web: Arc<Web>, caller: Caller, socket: WebSocket) {
    let stop = web.stop.child_token();
    // Whatever ends the conversation ends the calls under way.
    let _ending = stop.clone().drop_guard();
    let (inlet, answers) = pipe::converse(
        web.server.clone(),
        caller.clone(),
        web.limits.clone(),
        stop.clone(),
    );
    let (mut sink, mut stream) = socket.split();
    let (pings, asked) = mpsc::channel(1);
    let writing = tokio::spawn(async move {
        write(&mut sink, answers, asked).await;
        sink
    });
    let why = read(&web, &caller, &mut stream, &inlet, &pings, &stop).await;
    drop((inlet, pings));
    stop.cancel();
    if let Ok(mut sink) = writing.await {
        let frame = CloseFrame {
            code: why.0,
            reason: why.1.into(),
        };
        let _ = tokio::time::timeout(SEND_TIMEOUT, sink.send(Message::Close(Some(frame)))).await;
    }
}

/// Reads until there is nothing more to read, and says why.
async fn read(
    web: &Web,
    caller: &Caller,
    stream: &mut (impl futures::Stream<Item = Result<Message, axum::Error>> + Unpin),
    inlet: &Inlet,
    pings: &mpsc::Sender<()>,
    stop: &CancellationToken,
) -> (u16, &'static str) {
    let mut last = Instant::now();
    let mut ticks = tokio::time::interval(PING_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            () = stop.cancelled() => return (close_code::AWAY, "the server stops"),
            () = pings.closed() => return (close_code::NORMAL, ""),
            _ = ticks.tick() => {
                if last.elapsed() > SILENCE {
                    return (close_code::AWAY, "nothing came for too long");
                }
                if !(web.admission)(caller.clone()).await {
                    return (close_code::POLICY, "the token was revoked");
                }
                // One that has not left yet is enough.
                let _ = pings.try_send(());
                continue;
            }
        };
        last = Instant::now();
        let taken = match message {
            Some(Ok(Message::Text(text))) => inlet.take(text.as_bytes()).await,
            Some(Ok(Message::Binary(_))) => return (close_code::UNSUPPORTED, "messages are text frames"),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Close(_))) | None => return (close_code::NORMAL, ""),
            Some(Err(_)) => return (close_code::SIZE, "a message is too long, or no frame"),
        };
        if taken.is_err() {
            return (close_code::NORMAL, "");
        }
    }
}

/// Writes answers and pings until there are no more, or the other end does not read.
async fn write(
    sink: &mut SplitSink<WebSocket, Message>,
    mut answers: mpsc::Receiver<String>,
    mut pings: mpsc::Receiver<()>,
) {
    loop {
        let message = tokio::select! {
            answer = answers.recv() => match answer {
                Some(text) => Message::Text(text.into()),
                None => return,
            },
            Some(()) = pings.recv() => Message::Ping(bytes::Bytes::new()),
        };
        if !matches!(
            tokio::time::timeout(SEND_TIMEOUT, sink.send(message)).await,
            Ok(Ok(()))
        ) {
            return;
        }
    }
}
