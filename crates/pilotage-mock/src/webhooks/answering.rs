//! From a request on the wire to an arrival and its answer.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use pilotage_core::{Digest, Timestamp, ports::Delivery};

use super::{Arrival, Shared, Verdict};
use crate::connection::{Answer, Body};

/// Longest body, in bytes; as long as intake's longest by default.
const MOST_BODY_BYTES: usize = 26 << 20;

impl Answer for Arc<Shared> {
    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Body>> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MOST_BODY_BYTES).collect().await else {
            return Some(too_large());
        };
        let body = body.to_bytes();
        let at = (self.clock)();
        let (endpoint, verdict) = self.judge(&head, &body, at);
        let (status, delay) = self.with_told(|told| told.next(&verdict));
        let arrival = arrival(&head, body, at, endpoint, verdict, status);
        let text = said(&arrival.verdict, status);
        // It can be seen before its sender is answered.
        let number = self.with_log(|log| log.add(arrival));
        self.latest.send_if_modified(|latest| {
            let later = number > *latest;
            *latest = number.max(*latest);
            later
        });
        if !delay.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.stop.cancelled() => {}
            }
        }
        Some(response(status, text))
    }
}

impl Shared {
    /// The name of the endpoint, and what its source says.
    fn judge(&self, head: &Parts, body: &[u8], now: Timestamp) -> (Option<String>, Verdict) {
        if self.endpoints.is_empty() {
            return (None, Verdict::Unchecked);
        }
        let name = head.uri.path().trim_matches('/');
        let Some(endpoint) = self.endpoints.iter().find(|endpoint| endpoint.name == name) else {
            return (None, Verdict::NoEndpoint);
        };
        let headers: Vec<(&str, &[u8])> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let delivery = Delivery {
            headers: &headers,
            body,
            now,
        };
        let verdict = match &endpoint.source {
            None => Verdict::Unchecked,
            Some(source) => source.receive(&delivery).into(),
        };
        (Some(endpoint.name.clone()), verdict)
    }
}

fn arrival(
    head: &Parts,
    body: Bytes,
    at: Timestamp,
    endpoint: Option<String>,
    verdict: Verdict,
    status: u16,
) -> Arrival {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = head.headers.iter();
    Arrival {
        number: 0,
        at,
        endpoint,
        method: head.method.to_string(),
        target: head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        digest: Digest::of(&body),
        body,
        verdict,
        status,
    }
}

/// What the sender reads: the reason of a refusal that this answer is.
fn said(verdict: &Verdict, answered: u16) -> String {
    match verdict {
        Verdict::Refused { status, reason } if *status == answered => reason.clone(),
        Verdict::NoEndpoint if answered == 404 => "no such endpoint".to_owned(),
        _ => String::new(),
    }
}

fn too_large() -> Response<Body> {
    let mut response = response(413, "the body is too large".to_owned());
    let close = header::HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

fn response(status: u16, text: String) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // These have no body, and one would be taken for the beginning of the next answer.
    let bodiless = matches!(status.as_u16(), 100..=199 | 204 | 304);
    let body = if bodiless { String::new() } else { text };
    let mut response = Response::new(Full::from(body).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}
