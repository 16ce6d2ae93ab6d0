//! Sessions of clients before 2026-07-28: whose they are, and how many there may be.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

/// Sessions at once; each takes about 100 kB.
pub(crate) const MOST_SESSIONS: usize = 1_000;
/// Sessions of one caller at once.
const MOST_OF_ONE: usize = 250;
/// After which a session that is not used is ended.
const IDLE: Duration = Duration::from_mins(30);

/// Who opened which session.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    owners: Mutex<HashMap<String, String>>,
}

impl Sessions {
    /// The manager that keeps them.
    pub(super) fn manager() -> LocalSessionManager {
        let mut manager = LocalSessionManager::default();
        manager.session_config.keep_alive = Some(IDLE);
        manager
    }

    /// Remembers whose a session is.
    pub(super) fn opened(&self, session: &str, actor: &str) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.insert(session.to_owned(), actor.to_owned());
    }

    /// Whether a session is this caller's. What is not remembered is nobody's: the manager knows it no more either.
    pub(super) fn is_of(&self, session: &str, actor: &str) -> bool {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(session).is_some_and(|owner| owner == actor)
    }

    /// Whether this caller may open one more. Those that have ended are forgotten first.
    pub(super) async fn has_room(&self, manager: &LocalSessionManager, actor: &str) -> bool {
        let open = manager.sessions.read().await;
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|session, _| open.contains_key(session.as_str()));
        let own = owners.values().filter(|owner| *owner == actor).count();
        open.len() < MOST_SESSIONS && own < MOST_OF_ONE
    }
}
