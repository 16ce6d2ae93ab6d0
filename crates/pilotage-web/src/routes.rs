use std::sync::{Arc, LazyLock};

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::Value;

use crate::{
    api, auth, dashboard,
    door::Door,
    health, intake, live,
    problem::{Kind, Problem},
};

/// What other doors of this process serve on the same listener.
pub struct OtherDoors {
    /// Behind the guard: every request brings a `pilotage_core::Caller` as an extension.
    pub guarded: Router,
    /// Before it: for everybody who may approach, as the page that lets people in.
    pub open: Router,
    /// What is put around the guard of those behind it, for what a refusal has to say there.
    pub around: Box<dyn FnOnce(Router) -> Router>,
}

impl Default for OtherDoors {
    fn default() -> Self {
        Self {
            guarded: Router::new(),
            open: Router::new(),
            around: Box::new(std::convert::identity),
        }
    }
}

/// Deliveries, the API, metrics and the dashboard, and what other doors serve.
pub fn main_router(door: Arc<Door>, others: OtherDoors) -> Router {
    let (api, _) = api::routes();
    let guarded = api
        .merge(dashboard::routes())
        .route("/metrics", get(health::metrics))
        .route("/api/openapi.json", get(show_document))
        .merge(live::socket_routes(&door))
        .with_state(door.clone())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(door.clone(), auth::guard));
    let guard = middleware::from_fn_with_state(door.clone(), auth::guard);
    let others_guarded = (others.around)(others.guarded.layer(guard));
    let doorstep = dashboard::doorstep()
        .with_state(door.clone())
        .merge(others.open)
        .layer(middleware::from_fn_with_state(door.clone(), auth::doorstep));
    // Deliveries stand beside the guard, not behind it: their signature lets them in, from any address and host.
    guarded.merge(others_guarded).merge(doorstep).merge(
        dashboard::assets()
            .route("/webhooks/{*source}", any(intake::receive))
            .with_state(door),
    )
}

/// The API for other doors of this process. Its requests bring a `pilotage_core::Caller` as an extension, and are judged,
/// answered and recorded as those from outside.
pub fn inner_router(door: Arc<Door>) -> Router {
    let (api, _) = api::routes();
    api.fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(auth::inner_guard))
        .with_state(door)
}

/// Health and metrics, for whoever keeps the process alive. Nothing here needs a token, so it belongs on an address that
/// only they reach.
pub fn health_router(door: Arc<Door>) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/startup", get(health::startup))
        .route("/metrics", get(health::metrics))
        .with_state(door)
}

/// The description of the HTTP interface: `OpenAPI` 3.1, as it is at `/api/openapi.json`.
pub fn openapi() -> Value {
    api::document(api::routes().1)
}

/// Written when somebody asks for the first time, as most processes are never asked.
async fn show_document() -> Response {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi().to_string()));
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        DOCUMENT.clone(),
    )
        .into_response()
}

async fn not_found() -> Problem {
    Problem::new(
        Kind::NotFound,
        "there is nothing at this path; `/api/openapi.json` lists what there is",
    )
}

async fn method_not_allowed() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "`Allow` lists the methods of this path")
}
