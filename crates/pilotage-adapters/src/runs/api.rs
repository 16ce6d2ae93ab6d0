//! Requests to a platform's API: how long one waits, what is sent again, and how refusals are read. What differs from
//! platform to platform is in its [`Manners`].

use std::{
    error::Error as _,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use pilotage_core::ports::{CiError, CiTrouble, Sink};
use reqwest::Response;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use url::Url;

pub(crate) use super::ask::Ask;
use super::refusal::{Refusal, bounded};
use crate::outbound::retry_after;

/// How often one request is sent at most.
const MOST_ATTEMPTS: u32 = 4;
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// For one request until its answer begins, and then for each piece of it.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a caller is kept waiting for a rate limit and between attempts.
const PATIENCE: Duration = Duration::from_mins(1);
/// Largest answer that is read whole.
const MOST_ANSWER_BYTES: usize = 16 << 20;
const MOST_ERROR_BYTES: usize = 64 << 10;
/// Most redirects from one place to the next; a log's address has one.
const MOST_REDIRECTS: u32 = 3;

/// How one platform talks.
pub(crate) struct Manners {
    /// For people.
    pub(crate) title: &'static str,
    /// Why something may not be found although it is there.
    pub(crate) hidden: &'static str,
    /// The scope or permission that a refusal names.
    pub(crate) needs: fn(&Refusal) -> Option<String>,
    /// Whether a refusal with 403 is one of the rate limit.
    pub(crate) is_limit: fn(&Refusal) -> bool,
    /// Whether what looks like an answer is the page where people sign in.
    pub(crate) is_login: fn(StatusCode, &HeaderMap) -> bool,
    /// How long to wait after a refusal that does not say.
    pub(crate) untold_wait: Duration,
}

/// A whole answer.
pub(crate) struct Answered {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The API of one platform at one address.
pub(crate) struct Api {
    pub(crate) manners: &'static Manners,
    base: String,
    http: reqwest::Client,
    patience: Duration,
    /// The platform asked for nothing before that.
    not_before: Mutex<Option<Instant>>,
}

/// What one attempt came to.
enum Attempt {
    Limited(Duration),
    /// It may be sent again after at least so long.
    Again(CiTrouble, Option<Duration>),
    Failed(CiTrouble),
}

impl Api {
    /// `base` has no slash at its end.
    pub(crate) fn new(manners: &'static Manners, base: &str, http: reqwest::Client) -> Self {
        Self {
            manners,
            base: base.trim_end_matches('/').to_owned(),
            http,
            patience: PATIENCE,
            not_before: Mutex::new(None),
        }
    }

    pub(crate) fn error(&self, trouble: CiTrouble) -> CiError {
        CiError {
            platform: self.manners.title,
            trouble,
        }
    }

    /// An answer as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, ask: &Ask, auth: &HeaderMap) -> Result<T, CiError> {
        let answered = self.send(ask, auth).await?;
        self.read(&answered)
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, answered: &Answered) -> Result<T, CiError> {
        let mut reader = serde_json::Deserializer::from_slice(&answered.body);
        serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            self.error(CiTrouble::NotThePlatform {
                said: bounded(&format!("its answer cannot be read: {error}")),
            })
        })
    }

    /// A whole answer, asked for again as often as is safe.
    pub(crate) async fn send(&self, ask: &Ask, auth: &HeaderMap) -> Result<Answered, CiError> {
        let deadline = Instant::now() + self.patience;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match self.once(ask, auth, deadline).await {
                Ok(response) => match whole(ask, response).await {
                    Ok(answered) => return Ok(answered),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            self.pause(error, attempts, deadline).await?;
        }
    }

    /// An answer whose body has not been read, redirects followed: the credentials go to the platform's own address only.
    pub(crate) async fn open(&self, ask: &Ask, auth: &HeaderMap) -> Result<Response, CiError> {
        let deadline = Instant::now() + self.patience;
        let mut attempts = 0;
        let mut ask = ask.clone();
        let mut redirects = 0;
        loop {
            attempts += 1;
            let nobody = HeaderMap::new();
            let credentials = if self.is_own(&ask.path) { auth } else { &nobody };
            match self.once(&ask, credentials, deadline).await {
                Ok(response) if response.status().is_redirection() && redirects < MOST_REDIRECTS => {
                    redirects += 1;
                    attempts = 0;
                    ask.path = self.redirected(&response)?;
                }
                Ok(response) => return Ok(response),
                Err(error) => self.pause(error, attempts, deadline).await?,
            }
        }
    }

    fn is_own(&self, path: &str) -> bool {
        let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
        !path.contains("://") || origin(path) == origin(&self.base)
    }

    fn redirected(&self, response: &Response) -> Result<String, CiError> {
        let told = response.headers().get(header::LOCATION);
        let told = told.and_then(|value| value.to_str().ok());
        let target = told.and_then(|told| response.url().join(told).ok());
        let target = target.filter(|url| {
            // What was asked for in private is not fetched in the clear.
            url.scheme() == "https" || (url.scheme() == "http" && self.base.starts_with("http:"))
        });
        target.map(String::from).ok_or_else(|| {
            self.error(CiTrouble::NotThePlatform {
                said: "it points to no address that can be followed".to_owned(),
            })
        })
    }

    /// Waits before the next attempt, or gives the error back.
    async fn pause(&self, error: Attempt, attempts: u32, deadline: Instant) -> Result<(), CiError> {
        let is_last = attempts >= MOST_ATTEMPTS;
        let (wait, trouble) = match error {
            Attempt::Failed(trouble) => return Err(self.error(trouble)),
            Attempt::Limited(wait) => (wait, CiTrouble::RateLimited { wait }),
            Attempt::Again(trouble, least) => (least.unwrap_or_default().max(backoff(attempts)), trouble),
        };
        if is_last || Instant::now() + wait > deadline {
            return Err(self.error(trouble));
        }
        sleep(wait).await;
        Ok(())
    }

    /// One attempt; the answer is a success or a redirect.
    async fn once(&self, ask: &Ask, auth: &HeaderMap, deadline: Instant) -> Result<Response, Attempt> {
        self.await_turn(deadline).await?;
        let url = if ask.path.contains("://") {
            ask.path.clone()
        } else {
            format!("{}{}", self.base, ask.path)
        };
        let mut request = self.http.request(ask.method.clone(), url);
        request = request.headers(auth.clone()).headers(ask.headers.clone());
        if let Some((kind, body)) = &ask.body {
            request = request.header(header::CONTENT_TYPE, *kind).body(body.clone());
        }
        let sent = tokio::time::timeout(TIMEOUT, request.send()).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(lost(ask, &error)),
            Err(_) => return Err(broken_off(ask, "it did not answer in time".to_owned(), false)),
        };
        self.heed(response.headers());
        self.judge(ask, response).await
    }

    /// Waits until the platform takes requests again.
    async fn await_turn(&self, deadline: Instant) -> Result<(), Attempt> {
        let until = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = until.filter(|until| *until > Instant::now()) else {
            return Ok(());
        };
        if until > deadline {
            let wait = until - Instant::now();
            return Err(Attempt::Failed(CiTrouble::RateLimited { wait }));
        }
        tokio::time::sleep_until(until).await;
        Ok(())
    }

    /// What an answer tells of the limit is kept to before the platform has to refuse. Azure DevOps says `Retry-After` also
    /// beside what it did answer (learn.microsoft.com, "Rate and usage limits").
    fn heed(&self, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let remaining = number("x-ratelimit-remaining").or_else(|| number("ratelimit-remaining"));
        let wait = told_wait(headers, remaining == Some(0));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            let mut known = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some(Instant::now() + wait);
        }
    }

    async fn judge(&self, ask: &Ask, response: Response) -> Result<Response, Attempt> {
        let status = response.status();
        if (self.manners.is_login)(status, response.headers()) {
            return Err(Attempt::Failed(CiTrouble::NotAuthorised {
                said: "it shows the page where people sign in".to_owned(),
            }));
        }
        if status.is_success() || status.is_redirection() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        let refusal = Refusal::read(status, headers, &beginning(response).await);
        Err(self.refused(ask, &refusal))
    }

    fn refused(&self, ask: &Ask, refusal: &Refusal) -> Attempt {
        let said = refusal.said.clone();
        let what = ask.what.clone();
        let trouble = match refusal.status.as_u16() {
            401 => CiTrouble::NotAuthorised { said },
            429 => return Attempt::Limited(self.limit_wait(refusal)),
            403 if (self.manners.is_limit)(refusal) => return Attempt::Limited(self.limit_wait(refusal)),
            403 => CiTrouble::NotAllowed {
                needs: (self.manners.needs)(refusal).or_else(|| ask.needs.map(str::to_owned)),
                said,
            },
            404 => CiTrouble::NotFound {
                what,
                hidden: self.manners.hidden,
            },
            410 => CiTrouble::Gone { what },
            409 => CiTrouble::Conflict { said },
            416 => CiTrouble::PastTheEnd,
            status @ (408 | 500..=599) => {
                let trouble = CiTrouble::Broken { status, said };
                let told = told_wait(&refusal.headers, false);
                // What changes something may have been done before it broke.
                return if ask.only_reads() {
                    Attempt::Again(trouble, told)
                } else {
                    Attempt::Failed(trouble)
                };
            }
            _ => CiTrouble::Invalid { said },
        };
        Attempt::Failed(trouble)
    }

    fn limit_wait(&self, refusal: &Refusal) -> Duration {
        told_wait(&refusal.headers, true).unwrap_or(self.manners.untold_wait)
    }
}

/// `Retry-After`; and if the limit is reached, until it begins anew.
fn told_wait(headers: &HeaderMap, is_reached: bool) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let now = SystemTime::now();
    if let Some(wait) = text("retry-after").and_then(|value| retry_after(value, now)) {
        return Some(wait);
    }
    let reset = text("x-ratelimit-reset").or_else(|| text("ratelimit-reset"));
    let reset: u64 = reset.filter(|_| is_reached)?.trim().parse().ok()?;
    let until = Duration::from_secs(reset);
    // Its seconds are whole ones.
    let left = until.saturating_sub(now.duration_since(UNIX_EPOCH).ok()?) + Duration::from_millis(100);
    Some(left.min(Duration::from_hours(24)))
}

/// A request that got no answer. One that only reads is sent again; any other only if there never was a connection.
fn lost(ask: &Ask, error: &reqwest::Error) -> Attempt {
    broken_off(ask, reason(error), error.is_connect())
}

fn broken_off(ask: &Ask, said: String, never_sent: bool) -> Attempt {
    let trouble = CiTrouble::ConnectionLost {
        said,
        may_be_done: !never_sent && !ask.only_reads(),
    };
    if never_sent || ask.only_reads() {
        Attempt::Again(trouble, None)
    } else {
        Attempt::Failed(trouble)
    }
}

/// The innermost cause says it best, and holds neither address nor token.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|cause| cause.source()) {
        cause = Some(inner);
    }
    cause.map_or_else(
        || "the connection broke".to_owned(),
        |cause| bounded(&cause.to_string()),
    )
}

/// The next piece of a body; `None` at its end.
pub(crate) async fn piece(response: &mut Response) -> Result<Option<Bytes>, String> {
    match tokio::time::timeout(TIMEOUT, response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(error)) => Err(reason(&error)),
        Err(_) => Err("nothing more came in time".to_owned()),
    }
}

/// Hands a body on piece by piece.
pub(crate) async fn download(api: &Api, mut response: Response, sink: Sink<'_>) -> Result<(), CiError> {
    let lost = |said| {
        api.error(CiTrouble::ConnectionLost {
            said,
            may_be_done: false,
        })
    };
    while let Some(chunk) = piece(&mut response).await.map_err(lost)? {
        sink.take(chunk).await.map_err(|error| {
            api.error(CiTrouble::Unsupported {
                said: format!("what it sent cannot be kept: {error}"),
            })
        })?;
    }
    Ok(())
}

async fn whole(ask: &Ask, mut response: Response) -> Result<Answered, Attempt> {
    let headers = response.headers().clone();
    let mut body = Vec::new();
    loop {
        match piece(&mut response).await {
            Ok(None) => break,
            Ok(Some(chunk)) if body.len() + chunk.len() > MOST_ANSWER_BYTES => {
                let limit_bytes = MOST_ANSWER_BYTES as u64;
                return Err(Attempt::Failed(CiTrouble::TooLarge { limit_bytes }));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(said) => return Err(broken_off(ask, said, false)),
        }
    }
    Ok(Answered { headers, body })
}

/// As much of a refusal as is ever shown, and then some.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = piece(&mut response).await {
        body.extend_from_slice(&chunk);
        if body.len() >= MOST_ERROR_BYTES {
            body.truncate(MOST_ERROR_BYTES);
            break;
        }
    }
    body
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
