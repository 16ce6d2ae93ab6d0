//! A receiver of outgoing webhooks that remembers what arrived and answers as told.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode};
use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) id: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) raw: Vec<u8>,
    pub(crate) body: Value,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    arrived: Vec<Arrived>,
    answers: Vec<u16>,
    always: Option<u16>,
    takes: Duration,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(Told::default()));
        let router = Router::new().fallback(take).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, state }
    }

    /// The next requests are answered with these, the following ones with 200.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.state.lock().unwrap().answers = statuses.iter().rev().copied().collect();
    }

    /// Every request is answered with this until told otherwise.
    pub(crate) fn always(&self, status: Option<u16>) {
        self.state.lock().unwrap().always = status;
    }

    /// Every request takes this long to answer.
    pub(crate) fn takes(&self, time: Duration) {
        self.state.lock().unwrap().takes = time;
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.state.lock().unwrap().arrived.clone()
    }
}

async fn take(State(state): State<Arc<Mutex<Told>>>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let (status, takes) = note(&mut state.lock().unwrap(), &headers, &raw);
    tokio::time::sleep(takes).await;
    status
}

fn note(told: &mut Told, headers: &HeaderMap, raw: &Bytes) -> (StatusCode, Duration) {
    let headers: HashMap<String, String> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let id = headers.get("webhook-id").cloned().unwrap_or_default();
    let body = serde_json::from_slice(raw).unwrap_or_default();
    told.arrived.push(Arrived {
        id,
        headers,
        raw: raw.to_vec(),
        body,
    });
    let status = told.always.or_else(|| told.answers.pop()).unwrap_or(200);
    (StatusCode::from_u16(status).unwrap(), told.takes)
}
