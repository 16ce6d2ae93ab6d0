//! Intake of deliveries: `POST /webhooks/{kind}` and `POST /webhooks/custom/{source}`.
//!
//! A delivery is answered 202 only once it is durable. What is cheap comes first, so that a flood costs little: whether
//! the source exists, how much its address and it have sent, how long the body is; only then is the body read, verified
//! over its raw bytes, and stored.

mod body;
mod limits;
mod sources;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use pilotage_core::{
    Digest, EventFacts, EventId, NewEvent, TenantId, Timestamp,
    ports::{Appended, Delivery, Received, Refusal, WebhookSource},
};

pub(crate) use body::ByteBudget;
pub use limits::Limit;
pub(crate) use limits::{AddressLimits, Cell, network, now};
pub(crate) use sources::{LiveSource, LiveSources, SourceName};

use crate::{
    auth,
    door::Door,
    problem::{Kind, Problem},
};

/// Bodies above this many bytes are hashed on a thread of their own, so that one does not stall those beside it: 25 MB
/// take some 50 ms.
const INLINE_BYTES: usize = 256 << 10;

/// A delivery that is durable.
struct Accepted {
    event: EventId,
    duplicate: bool,
}

/// Answers anything under `/webhooks/`.
pub(crate) async fn receive(State(door): State<Arc<Door>>, request: Request) -> Response {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let sources = door.sources.load_full();
    let found = SourceName::of_path(&path).and_then(|name| sources.find(name));
    let outcome = match found {
        Some(source) => accept(&door, source, parts, body).await,
        None => Err(unknown_source(body, &parts.headers).await),
    };
    let mut response = match outcome {
        Ok(accepted) => accepted.respond(),
        Err(problem) => problem.respond(&path),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let counters = found.map_or_else(|| door.metrics.unknown_source(), |source| &source.counters);
    counters.count(response.status());
    door.metrics.intake_seconds.observe(began.elapsed().as_secs_f64());
    response
}

impl Accepted {
    fn respond(&self) -> Response {
        let event = self.event;
        let (status, text) = if self.duplicate {
            (
                StatusCode::OK,
                format!(r#"{{"received":true,"eventId":"{event}","duplicate":true}}"#),
            )
        } else {
            (
                StatusCode::ACCEPTED,
                format!(r#"{{"received":true,"eventId":"{event}"}}"#),
            )
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

async fn unknown_source(body: Body, headers: &HeaderMap) -> Problem {
    body::drain(body, headers, body::DRAIN_LITTLE).await;
    Problem::new(
        Kind::NotFound,
        "there is no webhook source at this path; a custom source is declared under `sources:` and reached at /webhooks/custom/NAME",
    )
}

async fn accept(
    door: &Door,
    source: &Arc<LiveSource>,
    parts: Parts,
    body: Body,
) -> Result<Accepted, Problem> {
    if let Err(problem) = may_send(door, source, &parts).await {
        body::drain(body, &parts.headers, body::DRAIN_LITTLE).await;
        return Err(problem);
    }
    let address = peer(&parts).map(|peer| peer.ip());
    let (body, _held) = body::read(
        body,
        &parts.headers,
        source.entry.max_body_bytes,
        (&door.budget, address),
    )
    .await?;
    let event = translate(source, parts.headers, body).await?;
    let id = event.facts.id;
    match door.ports.log.append(event).await {
        Ok(Appended::New(_)) => Ok(Accepted {
            event: id,
            duplicate: false,
        }),
        Ok(Appended::Duplicate(_, first)) => Ok(Accepted {
            event: first,
            duplicate: true,
        }),
        Err(error) => Err(Problem::not_stored(&error)),
    }
}

/// What is decided before a byte of the body is read.
async fn may_send(door: &Door, source: &LiveSource, parts: &Parts) -> Result<(), Problem> {
    if parts.method != Method::POST {
        return Err(
            Problem::new(Kind::MethodNotAllowed, "deliveries are sent with POST")
                .with_header(header::ALLOW, HeaderValue::from_static("POST")),
        );
    }
    let now = now();
    if let Some(peer) = peer(parts)
        && (door.settings.limit_loopback || !peer.ip().to_canonical().is_loopback())
    {
        let taken = door.addresses.take(peer.ip(), now);
        taken.map_err(|wait| limited("from this address", wait))?;
    }
    source
        .take(now)
        .map_err(|wait| limited("from this source", wait))?;
    if source.entry.source.unverified_only_locally() && !auth::may_deliver_unchecked(door, parts).await? {
        return Err(needs_a_secret(&source.name));
    }
    Ok(())
}

fn peer(parts: &Parts) -> Option<SocketAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| *peer)
}

fn needs_a_secret(source: &str) -> Problem {
    Problem::new(
        Kind::UnverifiedDelivery,
        format!(
            "no secret is configured for {source}: without one its deliveries are taken only from clients on this machine, \
             through no proxy, and while there is no token; set sources.{source}.secrets, or say \
             sources.{source}.verification.type: none"
        ),
    )
}

fn limited(whence: &str, wait: std::time::Duration) -> Problem {
    let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Problem::new(
        Kind::RateLimited,
        format!("more deliveries {whence} than its limit allows"),
    )
    .with_header(header::RETRY_AFTER, HeaderValue::from(secs.max(1)))
}

/// Verifies and translates, on a thread of its own where the body is large.
async fn translate(source: &Arc<LiveSource>, headers: HeaderMap, body: Bytes) -> Result<NewEvent, Problem> {
    let now = Timestamp::now();
    if body.len() <= INLINE_BYTES {
        return new_event(&source.name, source.entry.source.as_ref(), &headers, &body, now)
            .map_err(Problem::from);
    }
    let source = source.clone();
    let translated = tokio::task::spawn_blocking(move || {
        new_event(&source.name, source.entry.source.as_ref(), &headers, &body, now)
    });
    match translated.await {
        Ok(event) => event.map_err(Problem::from),
        Err(error) => Err(Problem::broken("translating a delivery failed", &error)),
    }
}

fn new_event(
    name: &str,
    source: &dyn WebhookSource,
    headers: &HeaderMap,
    body: &Bytes,
    now: Timestamp,
) -> Result<NewEvent, Refusal> {
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let received = source.receive(&Delivery {
        headers: &headers,
        body,
        now,
    })?;
    let Received {
        event_type,
        delivery_id,
        timestamp,
        verified,
        data,
        attributes,
    } = received;
    let data = body::share(body, data);
    let is_body = data.as_ptr() == body.as_ptr() && data.len() == body.len();
    Ok(NewEvent {
        facts: EventFacts {
            id: EventId::fresh(),
            tenant: TenantId::default(),
            source: name.to_owned(),
            event_type: event_type.into_owned(),
            delivery_id: delivery_id.into_owned(),
            timestamp: timestamp.unwrap_or(now),
            received_at: now,
            verified,
            attributes,
            digest: Digest::of(body),
        },
        data_digest: (!is_body).then(|| Digest::of(&data)),
        data,
    })
}
