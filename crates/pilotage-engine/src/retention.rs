//! Retention: bodies, and what runs of gates rest on, go when they are older than the configured ages; the facts stay.

use std::{sync::Arc, time::Duration};

use pilotage_core::{Timestamp, ports::StoreError};
use tokio_util::sync::CancellationToken;

use crate::Ports;

/// Rows pruned in one transaction at most, so that intake never waits long behind it.
const BATCH: usize = 500;
/// How often to look.
const EVERY: Duration = Duration::from_mins(10);

/// How long things are kept; `None` is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ages {
    /// Bodies of deliveries since they were received, and logs of failed pipeline runs since they were kept.
    pub bodies: Option<Duration>,
    /// Reports and evidence of gates, since the last run ended that rests on them.
    pub evidence: Option<Duration>,
}

/// Prunes what is older than `keep()` until `stop`. The ages are asked for anew each time, so a reloaded configuration
/// counts at once.
pub async fn run(ports: Ports, keep: Arc<dyn Fn() -> Ages + Send + Sync>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let Ages { bodies, evidence } = keep();
        for (what, age) in [
            (What::Bodies, bodies),
            (What::Evidence, evidence),
            (What::Logs, bodies),
        ] {
            if let Some(age) = age {
                tell(what, prune(&ports, what, age, &stop).await);
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// What is pruned.
#[derive(Clone, Copy, Debug)]
enum What {
    Bodies,
    Evidence,
    Logs,
}

fn tell(what: What, pruned: Result<usize, StoreError>) {
    match pruned {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, ?what, "pruned what is older than the configured age"),
        Err(error) => tracing::warn!(%error, ?what, "could not prune; it will try again"),
    }
}

async fn prune(
    ports: &Ports,
    what: What,
    age: Duration,
    stop: &CancellationToken,
) -> Result<usize, StoreError> {
    let now = Timestamp::now();
    let mut total = 0;
    while !stop.is_cancelled() {
        let pruned = match what {
            What::Bodies => ports.registry.prune_bodies(now, now - age, BATCH).await?,
            What::Evidence => ports.gate_runs.prune_documents(now, now - age, BATCH).await?,
            What::Logs => ports.pipeline_runs.prune_pipeline_logs(now - age, BATCH).await?,
        };
        total += pruned;
        if pruned < BATCH {
            break;
        }
    }
    Ok(total)
}
