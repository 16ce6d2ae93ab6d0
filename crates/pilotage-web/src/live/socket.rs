//! Socket.IO at `/socket.io/` (protocol 5, Engine.IO 4), over WebSocket and long polling.
//!
//! A client emits `subscribe:status {filters}` and is told `status:batch`, what is active, and then `status:updates`, at
//! most every 100 ms, both `{subscriptionId, updates, timestamp}`. `update:filters {filters}` changes the filters and is
//! answered by a new `status:batch`. What does not hold is answered by `status:error {message, event}` and changes nothing.
//! A socket has one subscription: subscribing again takes the place of the former one.

mod session;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::IntoResponse as _,
};
use pilotage_core::Caller;
use serde_json::Value;
use socketioxide::{
    ParserConfig, SocketIo,
    extract::{SocketRef, TryData},
    handler::ConnectHandler as _,
};

use crate::{
    auth,
    door::Door,
    intake::{Cell, Limit, now},
    problem::{Kind, Problem},
};

/// Where sockets connect.
pub(crate) const PATH: &str = "/socket.io";
/// For a client that has opened a connection to say who it is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of what a client sends at once; filters are all there is to send.
const MOST_BYTES: usize = 64 << 10;
/// Packets that wait for a client to take them. When they are full, its updates are coalesced.
const MOST_WAITING: usize = 8;

/// Connections opened by all clients together: one that says nothing costs memory until `CONNECT_TIMEOUT`.
const HANDSHAKES: Limit = Limit {
    per_second: 1_000,
    burst: 10_000,
};

/// The routes of the sockets, which close when the hub stops.
pub(crate) fn routes(door: &Arc<Door>) -> Router<Arc<Door>> {
    let parser = ParserConfig::common()
        .max_incoming_binaries(0)
        .max_incoming_binary_buf_size(0);
    let (service, io) = SocketIo::builder()
        .req_path(PATH)
        .connect_timeout(CONNECT_TIMEOUT)
        .max_payload(MOST_BYTES as u64)
        .ws_max_message_size(MOST_BYTES)
        .ws_max_frame_size(MOST_BYTES)
        .max_buffer_size(MOST_WAITING)
        .with_parser(parser)
        .build_svc();
    // Weak, because the door holds the sockets.
    let admits = Arc::downgrade(door);
    let admit = async move |socket: SocketRef, TryData(auth): TryData<Value>| {
        admit(&admits, socket, auth.ok().as_ref()).await
    };
    io.ns("/", (async || {}).with(admit));
    door.live.on_stop(async move { io.close().await });
    let handshakes = Arc::new(Cell::default());
    let limited = middleware::from_fn(move |request: Request, next: Next| {
        let handshakes = handshakes.clone();
        async move {
            let query = request.uri().query().unwrap_or_default();
            let is_handshake = !query.split('&').any(|pair| pair.starts_with("sid="));
            if is_handshake && handshakes.take(HANDSHAKES, now()).is_err() {
                return Problem::new(Kind::RateLimited, "too many sockets are opened at once")
                    .into_response();
            }
            next.run(request).await
        }
    });
    Router::new()
        .route_service(PATH, service.clone())
        .route_service(&format!("{PATH}/"), service)
        .layer(limited)
}

/// Why a socket is turned away; clients see it as the message of `connect_error`.
#[derive(Debug)]
struct Refused(&'static str);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Finds out who connects, by the request or by `auth: {token}`, takes a place for it, and makes ready what it may ask for:
/// once a client is told that it is connected it may ask at once, and what nobody listens for then is lost.
async fn admit(door: &Weak<Door>, socket: SocketRef, auth: Option<&Value>) -> Result<(), Refused> {
    let door = door.upgrade().ok_or(Refused("the server stops"))?;
    let caller = caller(&door, &socket, auth).await?;
    let slot = door.live.slot();
    let slot = slot.map_err(|_| Refused("there are too many subscribers at present"))?;
    session::start(door, caller, socket, slot);
    Ok(())
}

async fn caller(door: &Door, socket: &SocketRef, auth: Option<&Value>) -> Result<Caller, Refused> {
    let by_request = socket.req_parts().extensions.get::<Caller>();
    if let Some(caller) = by_request.filter(|caller| caller.is_somebody()) {
        return Ok(caller.clone());
    }
    let token = auth.and_then(|auth| auth.get("token")).and_then(Value::as_str);
    let token = token.ok_or(Refused(
        "a token is needed: connect with `auth: { token: \"plo_...\" }`",
    ))?;
    let caller = auth::identify_token(door, token).await;
    caller.map_err(|_| Refused("the token is not known here, or was revoked"))
}
