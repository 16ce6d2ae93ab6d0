//! A model behind a socket, with what goes wrong on the wire and what a test tells it under `/__mock/`.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use pilotage_core::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Call, CiFault, CiVendor, Reply, World, world};
use crate::connection::{self, Answer, Body};

const MOST_BODY_BYTES: usize = 1 << 20;
/// Most calls that are remembered; the oldest go first.
const MOST_CALLS: usize = 2_000;
/// As much is remembered of a body.
const MOST_KEPT_BYTES: usize = 64 << 10;
/// Most faults that are remembered.
const MOST_FAULTS: usize = 1_000;
/// Most ticks at once.
const MOST_TICKS: usize = 100_000;

/// How to run a model of a platform.
#[derive(Clone, Debug)]
pub struct CiOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whose model it is.
    pub vendor: CiVendor,
    /// How long a tick takes, in which a job writes one line; without it time stands still until `advance`.
    pub tick: Option<Duration>,
}

impl CiOptions {
    /// On a free port of this machine; time stands still.
    pub const fn new(vendor: CiVendor) -> Self {
        Self {
            listen: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0),
            vendor,
            tick: None,
        }
    }
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CiCall {
    /// In capitals.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// How it was answered; 0 where the connection was broken without an answer.
    pub status: u16,
    /// What was sent, as text, cut after 64 KiB.
    pub sent: String,
    /// What the model answered, as text, cut after 64 KiB.
    pub answered: String,
    /// Whether a fault answered in place of the model.
    pub by_fault: bool,
}

/// A model of a platform that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct MockCi {
    shared: Arc<Shared>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

struct Shared {
    vendor: CiVendor,
    url: String,
    state: Mutex<State>,
}

struct State {
    world: World,
    faults: Vec<CiFault>,
    calls: Vec<CiCall>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Shared");
        shown.field("url", &self.url).finish_non_exhaustive()
    }
}

impl MockCi {
    /// Listens, and answers once this returns.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(options: CiOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let shared = Arc::new(Shared {
            vendor: options.vendor,
            url: format!("http://{}", listener.local_addr()?),
            state: Mutex::new(State {
                world: World::new(Timestamp::now()),
                faults: Vec::new(),
                calls: Vec::new(),
            }),
        });
        let (stop, beside) = (CancellationToken::new(), TaskTracker::new());
        if let Some(tick) = options.tick {
            beside.spawn(go_on(shared.clone(), tick, stop.clone()));
        }
        let serve = connection::serve(listener, None, stop.clone(), beside, shared.clone());
        Ok(Self {
            serving: tokio::spawn(serve),
            shared,
            stop,
        })
    }

    /// Such as `http://127.0.0.1:49152`.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The token that may do everything. It is made up and opens nothing else.
    pub const fn token(&self) -> &'static str {
        world::TOKEN
    }

    /// A token that may look and change nothing.
    pub const fn reader(&self) -> &'static str {
        world::READER
    }

    /// A person's token, which may do everything but what the platform leaves to apps.
    pub const fn personal(&self) -> &'static str {
        world::PERSONAL
    }

    /// A token that starts pipelines and does nothing else, where the platform has such.
    pub const fn trigger_token(&self) -> &'static str {
        world::TRIGGER
    }

    /// Lets so many ticks go by.
    pub fn advance(&self, ticks: usize) {
        self.shared.with(|state| {
            for _ in 0..ticks.min(MOST_TICKS) {
                state.world.tick();
            }
        });
    }

    /// Something goes wrong from now on.
    pub fn fault(&self, fault: CiFault) {
        self.shared.with(|state| state.add(fault));
    }

    /// What was asked so far, oldest first.
    pub fn calls(&self) -> Vec<CiCall> {
        self.shared.with(|state| state.calls.clone())
    }

    /// Takes no more, and lets what is under way end.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // It ends by itself; how it ended is of no interest any more.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for MockCi {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn go_on(shared: Arc<Shared>, tick: Duration, stop: CancellationToken) {
    let mut interval = tokio::time::interval(tick.max(Duration::from_millis(1)));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => shared.with(|state| state.world.tick()),
        }
    }
}

impl State {
    fn add(&mut self, fault: CiFault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }

    fn remember(&mut self, call: CiCall) {
        if self.calls.len() >= MOST_CALLS {
            self.calls.remove(0);
        }
        self.calls.push(call);
    }
}

impl Answer for Arc<Shared> {
    async fn answer(&self, request: hyper::Request<Incoming>) -> Option<Response<Body>> {
        let path = request.uri().path_and_query().map(ToString::to_string);
        let path = path.unwrap_or_default();
        let Some(call) = read(request, &self.url).await else {
            return Some(whole(Reply::empty(413)));
        };
        if call.path.first().is_some_and(|first| first == "__mock") {
            return Some(whole(self.control(&call)));
        }
        self.with(|state| {
            let fault = state
                .faults
                .iter_mut()
                .find_map(|fault| fault.takes(&call.method, &path).then(|| fault.clone()));
            let reply = match fault.as_ref().and_then(|fault| fault.status) {
                Some(status) => Reply::empty(status),
                None => self.vendor.answer(&mut state.world, &call),
            };
            let is_broken = fault.as_ref().is_some_and(|fault| fault.reset);
            state.remember(CiCall {
                method: call.method.clone(),
                path,
                status: if is_broken { 0 } else { reply.status },
                sent: kept(&call.body),
                answered: kept(&reply.body),
                by_fault: fault.is_some(),
            });
            respond(reply, fault.as_ref())
        })
    }
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn control(&self, call: &Call) -> Reply {
        let (method, path) = call.route();
        match (method, path.get(1).copied().unwrap_or_default()) {
            ("POST", "advance") => self.with(|state| {
                (0..call.number("ticks", 1).min(MOST_TICKS)).for_each(|_| state.world.tick());
                Reply::empty(204)
            }),
            ("POST", "faults") => match serde_json::from_slice(&call.body) {
                Ok(fault) => self.with(|state| {
                    state.add(fault);
                    Reply::empty(204)
                }),
                Err(error) => Reply::json(400, &json!({"message": error.to_string()})),
            },
            ("DELETE", "faults") => self.with(|state| {
                state.faults.clear();
                Reply::empty(204)
            }),
            ("GET", "calls") => self.with(|state| Reply::json(200, &json!(state.calls))),
            _ => Reply::json(
                404,
                &json!({"message": "there are: POST advance, POST and DELETE faults, GET calls"}),
            ),
        }
    }
}

fn kept(body: &Bytes) -> String {
    String::from_utf8_lossy(&body[..body.len().min(MOST_KEPT_BYTES)]).into_owned()
}

/// The request as models read it; `None` if its body is too long or breaks off.
async fn read(request: hyper::Request<Incoming>, base: &str) -> Option<Call> {
    let (head, body) = request.into_parts();
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let headers = head.headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let segments = head.uri.path().split('/').filter(|part| !part.is_empty());
    Some(Call {
        method: head.method.as_str().to_owned(),
        path: segments.map(decode).collect(),
        query: pairs.into_owned().collect(),
        headers: headers.collect::<HashMap<_, _>>(),
        body: Limited::new(body, MOST_BODY_BYTES)
            .collect()
            .await
            .ok()?
            .to_bytes(),
        base: base_of(&head, base),
    })
}

/// Addresses in answers are those under which the model was asked, as it may be asked through a proxy.
fn base_of(head: &http::request::Parts, own: &str) -> String {
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.map_or_else(|| own.to_owned(), |host| format!("http://{host}"))
}

/// `None` breaks the connection.
fn respond(reply: Reply, fault: Option<&CiFault>) -> Option<Response<Body>> {
    let Some(fault) = fault else {
        return Some(whole(reply));
    };
    if fault.reset {
        return None;
    }
    if let Some(bytes) = fault.break_after_bytes {
        return Some(broken_off(reply, bytes));
    }
    let reply = if fault.status.is_some() {
        let kind = if fault.body.starts_with(['{', '[']) {
            "application/json"
        } else {
            "text/html"
        };
        reply.with("content-type", kind).body(fault.body.clone())
    } else {
        reply
    };
    let mut response = whole(reply);
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    Some(response)
}

fn whole(reply: Reply) -> Response<Body> {
    let body = Full::new(reply.body.clone())
        .map_err(|never| match never {})
        .boxed();
    head(reply, body)
}

fn head(reply: Reply, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The first bytes of a body that promises to be whole, and then an error that breaks the connection.
fn broken_off(reply: Reply, bytes: usize) -> Response<Body> {
    let length = reply.body.len();
    let first: Bytes = reply.body.slice(..bytes.min(length));
    let first = stream::once(async { Ok(Frame::data(first)) });
    let then = stream::once(async {
        // Gives way once, as what was sent so far is written out only when nothing more is there.
        tokio::task::yield_now().await;
        Err(io::Error::other("broken off as it was asked for"))
    });
    let mut response = head(reply, BodyExt::boxed(StreamBody::new(first.chain(then))));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}
