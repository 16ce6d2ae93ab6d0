//! The ways in over HTTP, for the binary to mount behind the guard.

use std::{sync::Arc, time::Duration};

use axum::{
    Router, middleware,
    routing::{any_service, get},
};
use futures::future::BoxFuture;
use pilotage_core::Caller;
use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService,
    streamable_http_server::session::local::LocalSessionManager,
};
use tokio_util::sync::CancellationToken;

use super::{
    front,
    limits::Limits,
    message::MOST_MESSAGE_BYTES,
    metadata::{self, Metadata, WELL_KNOWN},
    sessions::Sessions,
    websocket,
};
use crate::server::{Connection, Server};

/// How often a stream without news says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Whether somebody who was let in earlier would be let in now, for connections that last.
pub type Admission = Arc<dyn Fn(Caller) -> BoxFuture<'static, bool> + Send + Sync>;

/// What the operator sets.
#[derive(Clone)]
pub struct WebSettings {
    /// How much one caller may ask for.
    pub limits: Limits,
    /// The address by which clients reach this server, without a path.
    pub public_url: Option<String>,
    /// Authorization servers that the protected-resource metadata names.
    pub authorization_servers: Vec<String>,
}

/// The routes.
pub struct WebDoors {
    /// `/mcp` and `/ws`, which belong behind the guard.
    pub guarded: Router,
    /// The protected-resource metadata, which everybody may read.
    pub open: Router,
    /// What is said to who is not let in.
    pub challenge: Challenge,
}

/// What is said to who is not let in: where to read how to be.
#[derive(Clone, Debug)]
pub struct Challenge(Metadata);

impl Challenge {
    /// Puts it around the guarded routes, outside their guard.
    pub fn around(self, guarded: Router) -> Router {
        guarded.layer(middleware::from_fn_with_state(self.0, metadata::challenge))
    }
}

/// What the routes share.
pub struct Web {
    pub(super) server: Arc<Server>,
    pub(super) limits: Limits,
    pub(super) metadata: Metadata,
    pub(super) manager: Arc<LocalSessionManager>,
    pub(super) sessions: Sessions,
    pub(super) admission: Admission,
    pub(super) stop: CancellationToken,
}

impl Web {
    /// The routes over a server; connections that last end with `stop`.
    pub fn doors(
        server: Arc<Server>,
        settings: WebSettings,
        admission: Admission,
        stop: CancellationToken,
    ) -> WebDoors {
        let metadata = Metadata {
            public_url: settings.public_url,
            authorization_servers: settings.authorization_servers,
        };
        let web = Arc::new(Self {
            server,
            limits: settings.limits,
            metadata: metadata.clone(),
            manager: Arc::new(Sessions::manager()),
            sessions: Sessions::default(),
            admission,
            stop,
        });
        let mcp = Router::new()
            .route("/mcp", any_service(web.streamable()))
            .layer(middleware::from_fn_with_state(web.clone(), front::judge));
        let sockets = Router::new()
            .route("/ws", get(websocket::upgrade))
            .with_state(web);
        let open = Router::new()
            .route(WELL_KNOWN, get(metadata::show))
            .route(&format!("{WELL_KNOWN}/mcp"), get(metadata::show))
            .route(&format!("{WELL_KNOWN}/ws"), get(metadata::show))
            .with_state(metadata.clone());
        WebDoors {
            guarded: mcp.merge(sockets),
            open,
            challenge: Challenge(metadata),
        }
    }

    fn streamable(&self) -> StreamableHttpService<Connection, LocalSessionManager> {
        let server = self.server.clone();
        // `Host` and `Origin` are the guard's to check, with what the operator allows.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_sse_keep_alive(Some(KEEP_ALIVE))
            .with_json_response(true)
            .with_max_request_body_bytes(MOST_MESSAGE_BYTES)
            .with_cancellation_token(self.stop.clone());
        let connect = move || Ok(Connection::new(server.clone(), None));
        StreamableHttpService::new(connect, self.manager.clone(), config)
    }
}
