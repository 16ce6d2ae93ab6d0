//! One request and its answer, and what of it may be done again.

use std::{
    error::Error as _,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    CallOptions, MakeClient,
    error::{MakeError, Said, bounded},
    operation::{Answer, Method, Operation},
    pace::{Reason, Told, Waiting},
    request::Prepared,
};
use crate::outbound::retry_after;

/// How often one call is sent at most.
const MOST_ATTEMPTS: u32 = 4;
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// How long to wait after a refusal that does not say.
const UNTOLD_WAIT: Duration = Duration::from_secs(2);
/// As much is read of an error as is ever shown of it, and then some.
const MOST_ERROR_BYTES: usize = 64 << 10;

/// What one attempt came to.
enum Attempt {
    Answered(Value),
    /// Make refused to count it; it did nothing.
    Limited(Duration),
    /// It may be sent again after at least so long.
    Again(MakeError, Option<Duration>),
    Failed(MakeError),
}

/// An answer as it came.
struct Received {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl MakeClient {
    /// Sends what was prepared, as often as is safe, within the caller's patience.
    pub(super) async fn send(&self, prepared: &Prepared, options: &CallOptions) -> Result<Value, MakeError> {
        let deadline = Instant::now() + options.patience;
        let lane = self.0.directory.lane(prepared.operation, &prepared.arguments);
        let mut attempts = 0;
        loop {
            let permit = match &lane {
                Some(lane) => Some(lane.enter(deadline, options.on_wait.as_ref()).await?),
                None => None,
            };
            attempts += 1;
            let received = self.exchange(prepared, options).await;
            let told = received.as_ref().ok().and_then(told);
            if let (Some(permit), Ok(received)) = (&permit, &received)
                && (told.is_some() || received.status.is_success())
            {
                permit.learn(told);
            }
            let is_last = attempts >= MOST_ATTEMPTS;
            match judge(prepared.operation, received, told) {
                Attempt::Answered(answer) => {
                    self.0.directory.learn(prepared.operation, &answer);
                    return Ok(answer);
                }
                Attempt::Failed(error) => return Err(error),
                Attempt::Limited(wait) => {
                    if let Some(permit) = &permit {
                        permit.block(wait);
                    }
                    if is_last || Instant::now() + wait > deadline {
                        return Err(MakeError::RateLimited { wait });
                    }
                    // With a lane the wait is there, behind those who came earlier.
                    if permit.is_none() {
                        pause(wait, Reason::RateLimit, options).await;
                    }
                }
                Attempt::Again(error, least) => {
                    let delay = least.unwrap_or_default().max(backoff(attempts));
                    if is_last || Instant::now() + delay > deadline {
                        return Err(error);
                    }
                    drop(permit);
                    pause(delay, Reason::Retry, options).await;
                }
            }
        }
    }

    async fn exchange(&self, prepared: &Prepared, options: &CallOptions) -> Result<Received, Attempt> {
        let method = match prepared.operation.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        let mut request = self
            .0
            .http
            .request(method, self.0.endpoint.join(&prepared.target))
            .header(header::AUTHORIZATION, self.0.authorization.clone())
            .header(header::ACCEPT, "application/json")
            .timeout(self.0.timeout);
        if let Some(body) = &prepared.body {
            let bytes = body.bytes.clone();
            request = request
                .header(header::CONTENT_TYPE, body.content_type)
                .body(bytes);
        }
        let lost = |error| lost(prepared.operation.method, &error);
        let mut response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let is_error = !status.is_success();
        let limit_bytes = if is_error {
            MOST_ERROR_BYTES
        } else {
            options.max_answer_bytes
        };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > limit_bytes {
                if is_error {
                    break;
                }
                return Err(Attempt::Failed(MakeError::TooLarge { limit_bytes }));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Received {
            status,
            headers,
            body,
        })
    }
}

async fn pause(wait: Duration, reason: Reason, options: &CallOptions) {
    if let Some(on_wait) = &options.on_wait {
        on_wait(Waiting {
            reason,
            at_least: wait,
            ahead: 0,
        });
    }
    sleep(wait).await;
}

/// Doubles with every attempt, and spreads by a fifth to either side so that many callers do not come back at once.
fn backoff(attempts: u32) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    // The operating system gives random numbers always; without them the delay is what it is.
    let spread = getrandom::u32().map_or(500, |random| random % 1_001);
    doubled
        .min(LONGEST_DELAY)
        .mul_f64(0.8 + 0.4 * f64::from(spread) / 1_000.0)
}

fn told(received: &Received) -> Option<Told> {
    Told::read(&received.headers, Instant::now(), SystemTime::now())
}

/// A request that got no answer. One that only reads is sent again; any other only if there never was a connection.
fn lost(method: Method, error: &reqwest::Error) -> Attempt {
    let never_sent = error.is_connect();
    let what = if never_sent {
        "Make cannot be reached"
    } else if error.is_timeout() {
        "Make did not answer in time"
    } else {
        "the connection to Make broke"
    };
    // The innermost cause says it best, and none of them holds the address or the token.
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|cause| cause.source()) {
        cause = Some(inner);
    }
    let cause = cause.map(|cause| format!(": {}", bounded(&cause.to_string())));
    let error = MakeError::ConnectionLost {
        what: format!("{what}{}", cause.unwrap_or_default()),
        may_be_done: !never_sent && method != Method::Get,
    };
    if never_sent || method == Method::Get {
        Attempt::Again(error, None)
    } else {
        Attempt::Failed(error)
    }
}

fn judge(operation: &Operation, received: Result<Received, Attempt>, told: Option<Told>) -> Attempt {
    let received = match received {
        Ok(received) => received,
        Err(attempt) => return attempt,
    };
    if received.status.is_success() {
        return answer(operation, received.body).map_or_else(Attempt::Failed, Attempt::Answered);
    }
    if received.status.is_redirection() {
        let status = received.status.as_u16();
        return Attempt::Failed(MakeError::NotMake(format!("it points elsewhere (HTTP {status})")));
    }
    let asked = received.headers.get(header::RETRY_AFTER);
    let asked = asked.and_then(|value| retry_after(value.to_str().ok()?, SystemTime::now()));
    let error = MakeError::of(
        Said::read(received.status.as_u16(), &received.body),
        operation.scope,
    );
    match (received.status.as_u16(), &error) {
        (_, MakeError::Paused(_)) => Attempt::Failed(error),
        (429, _) => {
            let until_reset = told.map(|told| told.wait(Instant::now()));
            Attempt::Limited(asked.or(until_reset).unwrap_or(UNTOLD_WAIT))
        }
        (408 | 500 | 502..=504, _) if operation.method == Method::Get => Attempt::Again(error, asked),
        _ => Attempt::Failed(error),
    }
}

fn answer(operation: &Operation, body: Vec<u8>) -> Result<Value, MakeError> {
    if matches!(operation.answer, Answer::Bytes) {
        return Ok(STANDARD.encode(body).into());
    }
    if operation.answers_json() {
        return serde_json::from_slice(&body)
            .map_err(|error| MakeError::NotMake(bounded(&format!("it is no JSON: {error}"))));
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    match String::from_utf8(body) {
        Ok(text) if operation.answer == Answer::Text => Ok(text.into()),
        Ok(text) => Ok(serde_json::from_str(&text).unwrap_or(Value::Null)),
        Err(_) => Err(MakeError::NotMake("it is no text".to_owned())),
    }
}
