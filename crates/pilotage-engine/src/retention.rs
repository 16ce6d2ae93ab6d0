//! Retention: bodies older than the configured age go, the facts about them stay.

use std::{sync::Arc, time::Duration};

use pilotage_core::{Timestamp, ports::StoreError};
use tokio_util::sync::CancellationToken;

use crate::Ports;

/// Bodies pruned in one transaction at most, so that intake never waits long behind it.
const BATCH: usize = 500;
/// How often to look.
const EVERY: Duration = Duration::from_mins(10);

/// Prunes bodies older than `keep()` until `stop`; `None` keeps them for ever. The age is asked for anew each time, so a
/// reloaded configuration counts at once.
pub async fn run(
    ports: Ports,
    keep: Arc<dyn Fn() -> Option<Duration> + Send + Sync>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        if let Some(age) = keep() {
            match prune(&ports, age, &stop).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "pruned bodies that are older than the configured age"),
                Err(error) => tracing::warn!(%error, "could not prune; it will try again"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn prune(ports: &Ports, age: Duration, stop: &CancellationToken) -> Result<usize, StoreError> {
    let now = Timestamp::now();
    let mut total = 0;
    while !stop.is_cancelled() {
        let pruned = ports.registry.prune_bodies(now, now - age, BATCH).await?;
        total += pruned;
        if pruned < BATCH {
            break;
        }
    }
    Ok(total)
}
