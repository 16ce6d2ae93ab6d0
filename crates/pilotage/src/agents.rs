//! Connects the door for agents with the rest.

use std::sync::Arc;

use pilotage_core::{Caller, Digest};
use pilotage_mcp::{
    Backends, Dispatcher, Server, Trail,
    changes::Changes,
    doors::{Admission, Limits, Web, WebSettings},
    make::Make,
    registry::{Registry, Selection},
};
use pilotage_web::OtherDoors;
use tokio_util::sync::CancellationToken;

use crate::{settings::Mcp, wire::Wired};

/// The server behind every way in.
///
/// # Errors
/// The key cannot be used: our bug.
pub(crate) fn server(
    wired: &Wired,
    selection: &Selection,
    allow_unconfirmed: bool,
    make: Option<Make>,
) -> anyhow::Result<Arc<Server>> {
    let backends = Arc::new(Backends {
        api: pilotage_web::inner_router(wired.door.clone()),
        make,
        changes: Changes::default(),
    });
    let trail = Trail::new(wired.ports.registry.clone());
    let registry = Registry::new(selection);
    let dispatcher = Dispatcher::new(registry, backends, trail, &fresh_key(), allow_unconfirmed)?;
    let version = env!("CARGO_PKG_VERSION");
    Ok(Arc::new(Server::new(dispatcher, version, selection.conformance)))
}

/// Tells clients what has changed of what they subscribed to, until `stop`.
pub(crate) fn telling(
    wired: &Wired,
    server: &Server,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let (feed, bell) = (wired.ports.operations.clone(), wired.ports.bell.clone());
    let changes = server.dispatcher().backends().changes.clone();
    pilotage_mcp::watching::follow(feed, bell, changes, stop)
}

/// A key that lives as long as the process: what clients carry for us between two calls is worth nothing afterwards.
fn fresh_key() -> [u8; 32] {
    let random: Vec<u8> = (0..3).flat_map(|_| uuid::Uuid::new_v4().into_bytes()).collect();
    Digest::of(&random).0
}

/// How much one caller may ask for.
pub(crate) fn limits(settings: &Mcp) -> Limits {
    Limits::new(settings.messages_per_second)
}

/// The ways in over HTTP; connections that last end with `stop`.
pub(crate) fn doors(
    wired: &Wired,
    server: Arc<Server>,
    settings: &Mcp,
    stop: CancellationToken,
) -> OtherDoors {
    let door = wired.door.clone();
    let admission: Admission = Arc::new(move |caller: Caller| {
        let door = door.clone();
        Box::pin(async move { pilotage_web::is_still_admitted(&door, &caller).await })
    });
    let web = WebSettings {
        limits: limits(settings),
        public_url: settings.public_url.clone(),
        authorization_servers: settings.authorization_servers.clone(),
    };
    let doors = Web::doors(server, web, admission, stop);
    let challenge = doors.challenge;
    OtherDoors {
        guarded: doors.guarded,
        open: doors.open,
        around: Box::new(move |guarded| challenge.around(guarded)),
    }
}
