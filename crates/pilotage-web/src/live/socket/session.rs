//! One connected socket: what it asks for, one after another, and what it is told.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use pilotage_core::{Caller, Timestamp, operation::filter::StatusFilters};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use socketioxide::{
    SendError, SocketError,
    adapter::LocalAdapter,
    extract::{AckSender, SocketRef, TryData},
    handler::FromMessageParts,
    socket::Socket,
};
use tokio::{sync::mpsc, time::Instant};
use uuid::Uuid;

use crate::{
    auth,
    door::Door,
    live::{
        batch::Batch,
        hub::Slot,
        subscription::{Step, Subscription, Transport},
    },
};

/// Requests of one socket that wait for each other.
const MOST_REQUESTS: usize = 16;
/// How often it is asked whether the socket's token is still there.
const ADMISSION: Duration = Duration::from_secs(15);
/// One that takes nothing for so long is dropped.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(20);

const SUBSCRIBE: &str = "subscribe:status";
const UPDATE: &str = "update:filters";

/// What a socket asks for.
struct Request {
    event: &'static str,
    /// Nothing where it sent nothing that can be read.
    payload: Option<Value>,
    ack: AckSender,
}

type Requests = mpsc::Sender<Request>;

/// Queues a request while it is read: handlers run side by side, and what a socket asks for must stay in order.
struct Queued<const SUBSCRIBES: bool>;

impl<const SUBSCRIBES: bool> FromMessageParts<LocalAdapter> for Queued<SUBSCRIBES> {
    type Error = Infallible;

    fn from_message_parts(
        socket: &Arc<Socket<LocalAdapter>>,
        value: &mut socketioxide_core::Value,
        ack_id: &Option<i64>,
    ) -> Result<Self, Infallible> {
        let ack = AckSender::from_message_parts(socket, value, ack_id)?;
        let TryData(payload) = TryData::<Value>::from_message_parts(socket, value, ack_id)?;
        let request = Request {
            event: if SUBSCRIBES { SUBSCRIBE } else { UPDATE },
            payload: payload.ok(),
            ack,
        };
        let queue = socket.extensions.get::<Requests>();
        if let Some(Err(mpsc::error::TrySendError::Full(request))) =
            queue.map(|queue| queue.try_send(request))
        {
            let error = json!({ "message": "too many requests at once", "event": request.event });
            // A client that asks so fast may also be one that reads nothing.
            let _ = socket.emit("status:error", &error);
        }
        Ok(Self)
    }
}

/// Serves `socket`, which is about to be connected, until it disconnects.
pub(super) fn start(door: Arc<Door>, caller: Caller, socket: SocketRef, slot: Slot) {
    let (requests, asked) = mpsc::channel(MOST_REQUESTS);
    socket.extensions.insert::<Requests>(requests);
    socket.on(SUBSCRIBE, async |_: Queued<true>| {});
    socket.on(UPDATE, async |_: Queued<false>| {});
    socket.on_disconnect(async |socket: SocketRef| {
        // Ends the session, which waits for the next request.
        socket.extensions.remove::<Requests>();
    });
    let session = Session {
        door,
        caller,
        socket,
        id: Uuid::new_v4().to_string(),
        stuck_since: None,
    };
    tokio::spawn(async move {
        session.run(asked).await;
        drop(slot);
    });
}

/// What is told with `status:batch` and `status:updates`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    subscription_id: &'a str,
    updates: &'a RawValue,
    timestamp: Timestamp,
}

struct Session {
    door: Arc<Door>,
    caller: Caller,
    socket: SocketRef,
    /// Identity of the subscription.
    id: String,
    /// Since when the socket takes nothing.
    stuck_since: Option<Instant>,
}

/// Whether the session goes on.
enum Then {
    GoOn,
    End,
}

impl Session {
    async fn run(mut self, mut asked: mpsc::Receiver<Request>) {
        let mut subscription: Option<Subscription> = None;
        // Set once and again, not made anew for every request and update.
        let mut admission = pin!(tokio::time::sleep(ADMISSION));
        loop {
            let told = async {
                match subscription.as_mut() {
                    Some(subscription) => subscription.next().await,
                    None => std::future::pending().await,
                }
            };
            let then = tokio::select! {
                request = asked.recv() => match request {
                    Some(request) => self.answer(&mut subscription, request).await,
                    None => Then::End,
                },
                step = told => match subscription.as_mut() {
                    Some(subscription) => self.tell(subscription, step).await,
                    None => Then::End,
                },
                () = admission.as_mut() => {
                    admission.as_mut().reset(Instant::now() + ADMISSION);
                    self.admission().await
                }
            };
            if matches!(then, Then::End) {
                return;
            }
        }
    }

    async fn answer(&self, subscription: &mut Option<Subscription>, request: Request) -> Then {
        let outcome = self.change(subscription, &request).await;
        let answer = match &outcome {
            Ok(()) => json!({ "ok": true, "subscriptionId": self.id }),
            Err(message) => {
                let error = json!({ "message": message, "event": request.event });
                // A socket that is full or gone is found out by the updates.
                let _ = self.socket.emit("status:error", &error);
                json!({ "ok": false, "message": message })
            }
        };
        let _ = request.ack.send(&answer);
        Then::GoOn
    }

    /// Puts other filters in force, and tells what passes them.
    async fn change(&self, subscription: &mut Option<Subscription>, request: &Request) -> Result<(), String> {
        if request.event == UPDATE && subscription.is_none() {
            return Err("there is nothing to change: emit `subscribe:status` first".to_owned());
        }
        let filters = filters(request)?;
        let hub = &self.door.live;
        hub.begin().await.map_err(|error| {
            tracing::warn!(%error, "live status could not begin");
            "the store does not answer; try again".to_owned()
        })?;
        let _turn = hub.pace.turn().await;
        if !self.socket.connected() {
            return Err("the socket is gone".to_owned());
        }
        let (subscribed, batch) = hub.subscribe(filters, Transport::SocketIo);
        // Every socket has a copy of its own.
        hub.pace.spend(batch.frame.len()).await;
        // Before the batch, so that nothing of the former filters follows it.
        *subscription = Some(subscribed);
        self.emit("status:batch", &batch)
            .map_err(|_| "too much waits to be read".to_owned())
    }

    async fn tell(&mut self, subscription: &mut Subscription, step: Step) -> Then {
        let sent = match step {
            Step::Send(batch) => self
                .emit("status:updates", &batch)
                .inspect(|()| subscription.sent(&batch)),
            Step::Behind => {
                // The latest state of everything is what counts by now.
                let hub = &self.door.live;
                let _turn = hub.pace.turn().await;
                let batch = hub.snapshot(subscription.group());
                let sent = self.emit("status:batch", &batch);
                if sent.is_ok() {
                    hub.meters.reset();
                    subscription.move_to(batch.through);
                    // Afterwards, because one that takes nothing must not use up what others wait for.
                    hub.pace.spend(batch.frame.len()).await;
                }
                sent
            }
            Step::Stopped => return Then::End,
        };
        match sent {
            Ok(()) => {
                self.stuck_since = None;
                Then::GoOn
            }
            Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                subscription.put_back();
                self.wait_or_give_up(subscription)
            }
            Err(_) => Then::End,
        }
    }

    fn wait_or_give_up(&mut self, subscription: &mut Subscription) -> Then {
        let since = *self.stuck_since.get_or_insert_with(Instant::now);
        if since.elapsed() < GIVEN_UP_AFTER {
            return Then::GoOn;
        }
        subscription.give_up();
        // What waits is full, so this may not be sent; then Engine.IO's next ping is not either, and it closes the socket.
        let _ = self.socket.clone().disconnect();
        Then::End
    }

    async fn admission(&self) -> Then {
        // One that went away while it was let in has nobody to say so.
        if !self.socket.connected() {
            return Then::End;
        }
        if auth::is_still_admitted(&self.door, &self.caller).await {
            return Then::GoOn;
        }
        self.door.live.meters.unauthorized();
        let error = json!({ "message": "the token was revoked", "event": "disconnect" });
        let _ = self.socket.emit("status:error", &error);
        let _ = self.socket.clone().disconnect();
        Then::End
    }

    fn emit(&self, event: &str, batch: &Batch) -> Result<(), SendError> {
        let Some(updates) = batch.updates() else {
            return Ok(());
        };
        let told = Told {
            subscription_id: &self.id,
            updates,
            timestamp: batch.timestamp,
        };
        self.socket.emit(event, &told)
    }
}

/// The filters of a request: `{filters: [...]}`; none where a subscription names none.
fn filters(request: &Request) -> Result<StatusFilters, String> {
    let wrong = || {
        format!(
            "`{}` takes {{filters: [{{field, operator, value}}]}}",
            request.event
        )
    };
    let filters = match &request.payload {
        Some(Value::Object(payload)) => payload.get("filters"),
        None | Some(Value::Null) if request.event == SUBSCRIBE => None,
        _ => return Err(wrong()),
    };
    if filters.is_none() && request.event == UPDATE {
        return Err(wrong());
    }
    StatusFilters::parse(filters.unwrap_or(&Value::Null)).map_err(|error| error.to_string())
}
