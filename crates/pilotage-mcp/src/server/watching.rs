//! What clients are told without asking again: changes of resources and lists, and notes of a level that they choose.

#![expect(
    deprecated,
    reason = "levels of notes are deprecated since 2026-07-28, and clients before it use them"
)]

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use rmcp::{
    ErrorData, Peer, RoleServer,
    model::{LoggingLevel, ResourceUpdatedNotificationParam, SubscriptionFilter},
    service::SubscriptionContext,
};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    changes::{Change, Changes},
    registry::Registry,
};

/// Addresses that one connection may subscribe to.
const MOST_SUBSCRIPTIONS: usize = 1_000;

/// The least level of notes that a client wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLevel(Arc<AtomicU8>);

impl LogLevel {
    pub(super) fn set(&self, level: LoggingLevel) {
        self.0.store(rank(level), Ordering::Relaxed);
    }

    /// Whether a note of this level is wanted.
    pub(crate) fn wants(&self, level: LoggingLevel) -> bool {
        rank(level) >= self.0.load(Ordering::Relaxed)
    }
}

pub(crate) const fn rank(level: LoggingLevel) -> u8 {
    level as u8
}

/// What of a wish for news is granted: addresses that are there and watched.
pub(super) fn accepted(registry: &Registry, requested: &SubscriptionFilter) -> SubscriptionFilter {
    let mut accepted = requested.clone();
    if let Some(addresses) = &mut accepted.resource_subscriptions {
        addresses.retain(|uri| {
            registry
                .resource(uri)
                .is_some_and(|(resource, _)| resource.watched)
        });
        addresses.truncate(MOST_SUBSCRIPTIONS);
    }
    accepted
}

/// Tells a subscriber of 2026-07-28 until he goes.
pub(super) async fn listen(changes: &Changes, context: &SubscriptionContext) {
    let mut news = changes.listen();
    loop {
        let change = tokio::select! {
            () = context.cancelled() => return,
            change = next(&mut news) => change,
        };
        let Some(change) = change else { return };
        for change in change {
            // What was not asked for is refused by the sink, and who has gone is noticed above.
            let sink = context.sink();
            let _ = match change {
                Change::Resource(uri) => sink.notify_resource_updated(uri).await,
                Change::Resources => sink.notify_resource_list_changed().await,
                Change::Tools => sink.notify_tool_list_changed().await,
                Change::Prompts => sink.notify_prompt_list_changed().await,
            };
        }
    }
}

/// The next changes; who is too far behind is told that every list may have changed.
async fn next(news: &mut Receiver<Change>) -> Option<Vec<Change>> {
    match news.recv().await {
        Ok(change) => Some(vec![change]),
        Err(RecvError::Lagged(_)) => Some(vec![Change::Resources, Change::Tools, Change::Prompts]),
        Err(RecvError::Closed) => None,
    }
}

/// The subscriptions of a connection before 2026-07-28; it ends with the connection.
pub(super) struct Watching {
    addresses: Arc<Mutex<BTreeSet<String>>>,
    _until_dropped: DropGuard,
}

impl Watching {
    pub(super) fn start(changes: &Changes, peer: Peer<RoleServer>) -> Self {
        let addresses: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let stop = CancellationToken::new();
        let news = changes.listen();
        tokio::spawn(forward(news, peer, addresses.clone(), stop.clone()));
        Self {
            addresses,
            _until_dropped: stop.drop_guard(),
        }
    }

    pub(super) fn add(&self, uri: String) -> Result<(), ErrorData> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= MOST_SUBSCRIPTIONS {
            return Err(ErrorData::invalid_params(
                "there are too many subscriptions; end some first",
                None,
            ));
        }
        addresses.insert(uri);
        Ok(())
    }

    pub(super) fn remove(&self, uri: &str) {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.remove(uri);
    }
}

async fn forward(
    mut news: Receiver<Change>,
    peer: Peer<RoleServer>,
    addresses: Arc<Mutex<BTreeSet<String>>>,
    stop: CancellationToken,
) {
    loop {
        let changes = tokio::select! {
            () = stop.cancelled() => return,
            changes = next(&mut news) => changes,
        };
        let Some(changes) = changes else { return };
        for change in changes {
            let told = match change {
                Change::Resource(uri) if !is_in(&addresses, &uri) => Ok(()),
                Change::Resource(uri) => {
                    peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri))
                        .await
                }
                Change::Resources => peer.notify_resource_list_changed().await,
                Change::Tools => peer.notify_tool_list_changed().await,
                Change::Prompts => peer.notify_prompt_list_changed().await,
            };
            if told.is_err() {
                return;
            }
        }
    }
}

fn is_in(addresses: &Mutex<BTreeSet<String>>, uri: &str) -> bool {
    addresses
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .contains(uri)
}
