//! From a request on the wire to the model and back.

use std::{io, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Response, header};
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::json;

use super::Shared;
use crate::{
    connection::Body,
    make::{Answer, Content, Effect, Fault, Reply, Request},
};

/// Longest body that Make's webhooks take (help.make.com, "Webhooks"); its API takes no longer ones here either.
const MOST_BODY_BYTES: usize = 5 << 20;
/// Longest time that a fault may keep somebody waiting.
const MOST_LATENCY: Duration = Duration::from_mins(5);

/// Answers a request; `None` if the connection is to be broken instead.
pub(super) async fn answer(shared: &Shared, request: hyper::Request<Incoming>) -> Option<Response<Body>> {
    let Some(request) = read(request).await else {
        return Some(response(too_large(), false));
    };
    let now = (shared.clock)();
    let Answer {
        mut reply,
        effects,
        fault,
    } = shared.with_model(|model| model.answer(&request, now));
    for effect in effects {
        match effect {
            Effect::Deliver(delivery) => shared.outgoing.send(&shared.deliveries, delivery),
            Effect::Tell(delivery) => reply = shared.outgoing.tell(&delivery).await,
        }
    }
    if request.method != "GET" {
        keep(shared).await;
    }
    wait(&reply, &fault).await;
    (!fault.reset).then(|| response(reply, fault.truncate))
}

/// Writes the state down, if there is a file for it.
pub(super) async fn keep(shared: &Shared) {
    let Some(keeper) = &shared.keeper else {
        return;
    };
    keeper
        .keep(|| shared.with_model(|model| serde_json::to_vec(&model.state).unwrap_or_default()))
        .await;
}

async fn wait(reply: &Reply, fault: &Fault) {
    let latency = Duration::from_millis(fault.latency_ms.unwrap_or(0));
    let wait = reply.delay.saturating_add(latency).min(MOST_LATENCY);
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}

/// The request as the model reads it; `None` if its body is too long or breaks off.
async fn read(request: hyper::Request<Incoming>) -> Option<Request> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let text = |name: HeaderName| {
        let value = head.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let (authorization, content_type) = (text(header::AUTHORIZATION), text(header::CONTENT_TYPE));
    let headers = head.headers.iter();
    let headers = headers.filter(|(name, _)| *name != header::AUTHORIZATION);
    let headers =
        headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let mut read = Request::new(head.method.as_str(), target);
    read.headers = headers.collect();
    read.authorization = authorization;
    read.content_type = content_type;
    let body = Limited::new(body, MOST_BODY_BYTES).collect().await.ok()?;
    read.body = body.to_bytes().into();
    Some(read)
}

fn too_large() -> Reply {
    let body = json!({"detail": "The body is too large.", "message": "Payload Too Large", "code": "SC413"});
    Reply::new(413, Content::Json(body)).with_header("connection", "close")
}

fn response(reply: Reply, truncate: bool) -> Response<Body> {
    let (kind, body) = match reply.content {
        Content::Empty => ("", Bytes::new()),
        Content::Json(json) => ("application/json; charset=utf-8", json.to_string().into()),
        Content::Text(text) => ("text/plain; charset=utf-8", text.into()),
        Content::Jsonc(text) => ("application/jsonc; charset=utf-8", text.into()),
        Content::Png(bytes) => ("image/png", bytes.into()),
    };
    let length = body.len();
    let body = if truncate { broken_off(&body) } else { whole(body) };
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or_default();
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    if !kind.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if truncate {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

fn whole(body: Bytes) -> Body {
    Full::new(body).map_err(|never| match never {}).boxed()
}

/// Half of it, and then an error that breaks the connection.
fn broken_off(body: &Bytes) -> Body {
    let half = body.slice(..body.len() / 2);
    let first = stream::once(async { Ok(Frame::data(half)) });
    let then = stream::once(async {
        // Gives way once, as what was sent so far is written out only when nothing more is there.
        tokio::task::yield_now().await;
        Err(io::Error::other("broken off as it was asked for"))
    });
    BodyExt::boxed(StreamBody::new(first.chain(then)))
}
