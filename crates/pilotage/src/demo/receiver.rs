use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;

/// Remembers at most so many message ids.
const MOST_IDS: usize = 10_000;

/// Stands in for the systems that the demonstration's rules call. `/flaky/...` answers 503 the first time it sees a
/// `webhook-id`, as a system does that is being deployed.
pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<Answers>,
}

#[derive(Default)]
struct Answers {
    answered: AtomicU64,
    seen: Mutex<HashSet<String>>,
}

impl Receiver {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Answers::default());
        let router = Router::new().fallback(answer).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, state })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn answered(&self) -> u64 {
        self.state.answered.load(Ordering::Relaxed)
    }
}

async fn answer(State(state): State<Arc<Answers>>, uri: Uri, headers: HeaderMap) -> Response {
    state.answered.fetch_add(1, Ordering::Relaxed);
    let id = headers
        .get("webhook-id")
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if uri.path().starts_with("/flaky/") && state.first_sight(id) {
        return (StatusCode::SERVICE_UNAVAILABLE, "being deployed, try again").into_response();
    }
    if uri.path().starts_with("/gone/") {
        return (StatusCode::GONE, "this receiver was removed").into_response();
    }
    (StatusCode::OK, "ok").into_response()
}

impl Answers {
    fn first_sight(&self, id: String) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_IDS {
            seen.clear();
        }
        seen.insert(id)
    }
}
